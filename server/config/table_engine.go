package config

import (
	"errors"
	"math"
)

func executionRows() []Row {
	const ownThreads = "the server has one worker for each core; see workers and pin"
	return []Row{
		{Name: "io-driver", Topic: Execution, Kind: Enumeration, Default: "auto", names: drivers, Flags: Immutable,
			Doc: "how connections are served: epoll loops (Linux) or a goroutine each; auto takes epoll where there is one", field: func(c *Config) holder { return &c.IODriver }},
		{Name: "workers", Topic: Execution, Kind: Integer, Default: "0", Max: 1024, Flags: Immutable,
			Doc: "threads that serve connections and execute commands; 0 means one for each usable core", field: func(c *Config) holder { return &c.Workers }},
		{Name: "shards", Topic: Execution, Kind: Integer, Default: "0", Max: 1 << 16, Flags: Immutable, check: powerOfTwo,
			Doc: "parts of the keyspace that can be written to at the same time, a power of two; 0 means several for each worker", field: func(c *Config) holder { return &c.Shards }},
		{Name: "pin", Topic: Execution, Kind: Enumeration, Default: "auto", names: pinning, Flags: Immutable,
			Doc: "keep each worker on its core; auto pins where the process has its cores to itself", field: func(c *Config) holder { return &c.Pin }},
		{Name: "ordered-index", Topic: Execution, Kind: Enumeration, Default: "on-demand", names: orderedIndex, Flags: Immutable,
			Doc: "when to build the index for key ranges: at the first range query, or always from the start", field: func(c *Config) holder { return &c.OrderedIndex }},
		{Name: "hz", Topic: Execution, Kind: Integer, Default: "10", Max: maxInt, clamp: func(n int64) int64 { return min(max(n, 1), 500) },
			Status: Inert, Why: "timed work runs when it is due, not in a cycle",
			Doc: "runs of the background cycle in a second; brought into 1 to 500", field: func(c *Config) holder { return &c.Hz }},
		{Name: "dynamic-hz", Topic: Execution, Kind: Boolean, Default: "yes",
			Status: Inert, Why: "timed work runs when it is due, not in a cycle",
			Doc: "raise hz with the number of clients"},
		{Name: "active-expire-effort", Topic: Execution, Kind: Integer, Default: "1", Min: 1, Max: 10,
			Status: Inert, Why: "keys expire on time from a timing wheel, at no search effort",
			Doc: "share of the time given to looking for expired keys"},
		{Name: "activerehashing", Topic: Execution, Kind: Boolean, Default: "yes",
			Status: Inert, Why: "the index grows by small independent splits",
			Doc: "rehash tables in the background"},
		{Name: "io-threads", Topic: Execution, Kind: Integer, Default: "1", Min: 1, Max: 128, Flags: Immutable,
			Status: Inert, Why: ownThreads, Doc: "threads that read and write sockets"},
		{Name: "io-threads-do-reads", Topic: Execution, Kind: Boolean, Default: "no", Flags: Immutable,
			Status: Inert, Why: ownThreads, Doc: "use the I/O threads for reading too"},
		{Name: "server-cpulist", Aliases: []string{"server_cpulist"}, Topic: Execution, Kind: String, Flags: Immutable,
			Status: Inert, Why: "start the server under taskset or in a cpuset instead: it respects both", Doc: "CPUs of the main and I/O threads"},
		{Name: "bio-cpulist", Aliases: []string{"bio_cpulist"}, Topic: Execution, Kind: String, Flags: Immutable,
			Status: Inert, Why: ownThreads, Doc: "CPUs of the background threads"},
		{Name: "aof-rewrite-cpulist", Aliases: []string{"aof_rewrite_cpulist"}, Topic: Execution, Kind: String, Flags: Immutable,
			Status: Inert, Why: "no child process is forked", Doc: "CPUs of the log rewriting process"},
		{Name: "bgsave-cpulist", Aliases: []string{"bgsave_cpulist"}, Topic: Execution, Kind: String, Flags: Immutable,
			Status: Inert, Why: "no child process is forked", Doc: "CPUs of the snapshot process"},
		{Name: "watchdog-period", Topic: Execution, Kind: Integer, Default: "0", Max: maxInt, Flags: Hidden,
			Status: Inert, Why: "there is no software watchdog", Doc: "milliseconds before the watchdog reports a stall"},
	}
}

// powerOfTwo accepts 0 as well: choose one.
func powerOfTwo(value any) error {
	if n := value.(int64); n&(n-1) != 0 {
		return errors.New("argument must be a power of two, or 0")
	}
	return nil
}

func memoryRows() []Row {
	const alwaysDefragments = "memory is always defragmented, in small steps"
	const freeing = "freeing is cheap and bounded whichever way it is asked for"
	defrag := func(name, standard string, kind Kind, low, high int64, doc string) Row {
		return Row{Name: name, Topic: Memories, Kind: kind, Default: standard, Min: low, Max: high,
			Status: Inert, Why: alwaysDefragments, Doc: doc}
	}
	lazy := func(name, doc string, field func(c *Config) holder) Row {
		return Row{Name: name, Topic: Memories, Kind: Boolean, Default: "no",
			Status: Inert, Why: freeing, Doc: doc, field: field}
	}
	return []Row{
		{Name: "databases", Topic: Memories, Kind: Integer, Default: "16", Min: 1, Max: maxInt, Flags: Immutable,
			Doc: "number of databases", field: func(c *Config) holder { return &c.Databases }},
		{Name: "maxmemory", Topic: Memories, Kind: Memory, Default: "0", Max: math.MaxInt64,
			Doc: "memory for data before maxmemory-policy applies; 0 no limit", field: func(c *Config) holder { return &c.MaxMemory }},
		{Name: "maxmemory-policy", Topic: Memories, Kind: Enumeration, Default: "noeviction", names: evictionPolicies,
			Doc: "which keys make room when maxmemory is reached", field: func(c *Config) holder { return &c.MaxMemoryPolicy }},
		{Name: "maxmemory-samples", Topic: Memories, Kind: Integer, Default: "5", Min: 1, Max: maxInt,
			Doc: "keys compared to find one to evict", field: func(c *Config) holder { return &c.MaxMemorySamples }},
		{Name: "maxmemory-eviction-tenacity", Topic: Memories, Kind: Integer, Default: "10", Max: 100, Status: Inert, Why: "eviction goes in steps of fixed length before each write, and in the background",
			Doc: "share of the time given to eviction under pressure"},
		{Name: "lfu-log-factor", Topic: Memories, Kind: Integer, Default: "10", Max: maxInt,
			Doc: "accesses it takes to saturate a key's frequency counter", field: func(c *Config) holder { return &c.LFULogFactor }},
		{Name: "lfu-decay-time", Topic: Memories, Kind: Integer, Default: "1", Max: maxInt,
			Doc: "minutes in which a frequency counter loses one", field: func(c *Config) holder { return &c.LFUDecayTime }},
		lazy("lazyfree-lazy-eviction", "free evicted keys in the background", func(c *Config) holder { return &c.LazyfreeLazyEviction }),
		lazy("lazyfree-lazy-expire", "free expired keys in the background", func(c *Config) holder { return &c.LazyfreeLazyExpire }),
		lazy("lazyfree-lazy-server-del", "free values that a command replaces in the background", func(c *Config) holder { return &c.LazyfreeLazyServerDel }),
		lazy("lazyfree-lazy-user-del", "let DEL work as UNLINK", func(c *Config) holder { return &c.LazyfreeLazyUserDel }),
		lazy("lazyfree-lazy-user-flush", "let FLUSHDB and FLUSHALL default to ASYNC", func(c *Config) holder { return &c.LazyfreeLazyUserFlush }),
		defrag("activedefrag", "no", Boolean, 0, 0, "defragment memory in the background"),
		defrag("active-defrag-ignore-bytes", "100mb", Memory, 1, math.MaxInt64, "waste below which nothing is defragmented"),
		defrag("active-defrag-threshold-lower", "10", Integer, 0, 1000, "percentage of waste at which defragmentation starts"),
		defrag("active-defrag-threshold-upper", "100", Integer, 0, 1000, "percentage of waste at which its effort is greatest"),
		defrag("active-defrag-cycle-min", "1", Integer, 1, 99, "least share of the time for defragmentation"),
		defrag("active-defrag-cycle-max", "25", Integer, 1, 99, "greatest share of the time for defragmentation"),
		defrag("active-defrag-max-scan-fields", "1000", Integer, 1, math.MaxInt64, "elements from which a key is defragmented in steps"),
		{Name: "jemalloc-bg-thread", Topic: Memories, Kind: Boolean, Default: "yes",
			Status: Inert, Why: "memory does not come from jemalloc", Doc: "let jemalloc purge in the background"},
	}
}

func encodingRows() []Row {
	const noType = "the data type is not available yet"
	limit := func(name, alias, standard string, kind Kind, doc string, field func(c *Config) holder) Row {
		r := Row{Name: name, Topic: Encoding, Kind: kind, Default: standard, Max: math.MaxInt64,
			Doc: doc, field: field}
		if alias != "" {
			r.Aliases = []string{alias}
		}
		return r
	}
	planned := func(r Row) Row {
		r.Status, r.Why = Planned, noType
		return r
	}
	return []Row{
		limit("hash-max-listpack-entries", "hash-max-ziplist-entries", "512", Integer, "fields a compact hash may have", func(c *Config) holder { return &c.HashMaxListpackEntries }),
		limit("hash-max-listpack-value", "hash-max-ziplist-value", "64", Memory, "longest field or value of a compact hash", func(c *Config) holder { return &c.HashMaxListpackValue }),
		{Name: "list-max-listpack-size", Aliases: []string{"list-max-ziplist-size"}, Topic: Encoding, Kind: Integer, Default: "-2", Min: math.MinInt32, Max: maxInt,
			Doc: "entries of a list node, or -1 to -5 for 4 to 64 KB", field: func(c *Config) holder { return &c.ListMaxListpackSize }},
		{Name: "list-compress-depth", Topic: Encoding, Kind: Integer, Default: "0", Max: maxInt,
			Status: Inert, Why: "list nodes are not compressed", Doc: "nodes at each end of a list that stay uncompressed; 0 compresses none", field: func(c *Config) holder { return &c.ListCompressDepth }},
		limit("set-max-intset-entries", "", "512", Integer, "members of a compact set of integers", func(c *Config) holder { return &c.SetMaxIntsetEntries }),
		limit("set-max-listpack-entries", "", "128", Integer, "members of a compact set", func(c *Config) holder { return &c.SetMaxListpackEntries }),
		limit("set-max-listpack-value", "", "64", Memory, "longest member of a compact set", func(c *Config) holder { return &c.SetMaxListpackValue }),
		limit("zset-max-listpack-entries", "zset-max-ziplist-entries", "128", Integer, "members of a compact sorted set", func(c *Config) holder { return &c.ZsetMaxListpackEntries }),
		limit("zset-max-listpack-value", "zset-max-ziplist-value", "64", Memory, "longest member of a compact sorted set", func(c *Config) holder { return &c.ZsetMaxListpackValue }),
		{Name: "hll-sparse-max-bytes", Topic: Encoding, Kind: Memory, Default: "3000", Max: math.MaxInt64,
			Doc: "size from which a HyperLogLog is dense", field: func(c *Config) holder { return &c.HLLSparseMaxBytes }},
		planned(limit("stream-node-max-bytes", "", "4096", Memory, "size of a stream node; 0 no limit", func(c *Config) holder { return &c.StreamNodeMaxBytes })),
		planned(limit("stream-node-max-entries", "", "100", Integer, "entries of a stream node; 0 no limit", func(c *Config) holder { return &c.StreamNodeMaxEntries })),
		{Name: "sanitize-dump-payload", Topic: Encoding, Kind: Enumeration, Default: "no", names: sanitizeModes,
			Status: Planned, Why: "RESTORE is not available yet", Doc: "check what RESTORE is given in depth"},
	}
}
