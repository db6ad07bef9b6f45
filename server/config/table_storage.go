package config

import (
	"errors"
	"math"
	"strings"
)

func persistenceRows() []Row {
	const noSnapshots = "the log holds every change; there are no snapshot files"
	const noFork = "no child process is forked"
	const checksums = "the log has its own checksums and format"
	flag := func(name, standard string, status Status, why, doc string) Row {
		return Row{Name: name, Topic: Persistence, Kind: Boolean, Default: standard, Status: status, Why: why, Doc: doc}
	}
	immutable := func(r Row) Row {
		r.Flags |= Immutable
		return r
	}
	return []Row{
		{Name: "appendonly", Topic: Persistence, Kind: Boolean, Default: "yes", Flags: Hooked,
			Doc: "keep every change in a log on disk", field: func(c *Config) holder { return &c.AppendOnly }},
		{Name: "appendfsync", Topic: Persistence, Kind: Enumeration, Default: "everysec", names: fsyncPolicies,
			Doc: "when the log is forced to disk: always before a reply to a change is sent, once a second, or when the system sees fit", field: func(c *Config) holder { return &c.AppendFsync }},
		{Name: "save", Topic: Persistence, Kind: Snapshots, Default: "3600 1 300 100 60 10000", Status: Inert, Why: noSnapshots,
			Doc: "pairs of seconds and changes after which a snapshot is taken; empty for none", field: func(c *Config) holder { return &c.Save }},
		{Name: "dbfilename", Topic: Persistence, Kind: String, Default: "dump.rdb", Flags: Protected, check: fileName("dbfilename"), Status: Inert, Why: noSnapshots,
			Doc: "name of the snapshot file in dir"},
		{Name: "appendfilename", Topic: Persistence, Kind: String, Default: "appendonly.aof", Flags: Immutable, check: fileName("appendfilename"), Status: Inert, Why: "the log's files have names of their own",
			Doc: "prefix of the log's file names"},
		{Name: "appenddirname", Topic: Persistence, Kind: String, Default: "appendonlydir", Flags: Immutable, check: fileName("appenddirname"),
			Doc: "name of the log's directory in dir; hpkv-data in the working directory when neither is given", field: func(c *Config) holder { return &c.AppendDirName }},
		flag("no-appendfsync-on-rewrite", "no", Inert, noFork, "do not force the log to disk while it is rewritten"),
		{Name: "auto-aof-rewrite-percentage", Topic: Persistence, Kind: Integer, Default: "100", Max: maxInt,
			Doc: "growth of the log, in percent, at which it is compacted; 0 never", field: func(c *Config) holder { return &c.AutoRewritePercentage }},
		{Name: "auto-aof-rewrite-min-size", Topic: Persistence, Kind: Memory, Default: "64mb", Max: math.MaxInt64,
			Doc: "size below which the log is not compacted by itself", field: func(c *Config) holder { return &c.AutoRewriteMinSize }},
		flag("aof-load-truncated", "yes", Inert, "a cut end is told from damage by the log's checksums", "start with a log whose end is cut off"),
		flag("aof-use-rdb-preamble", "yes", Inert, checksums, "rewrite the log with a snapshot at its head"),
		flag("aof-timestamp-enabled", "no", Inert, checksums, "record times in the log"),
		flag("aof-rewrite-incremental-fsync", "yes", Inert, noFork, "force the log to disk in steps while it is rewritten"),
		flag("aof-disable-auto-gc", "no", Inert, checksums, "keep log files that are no longer needed"),
		flag("stop-writes-on-bgsave-error", "yes", Inert, noSnapshots, "refuse writes after a failed snapshot"),
		flag("rdbcompression", "yes", Inert, noSnapshots, "compress strings in snapshots"),
		immutable(flag("rdbchecksum", "yes", Inert, noSnapshots, "end snapshots with a checksum")),
		flag("rdb-del-sync-files", "no", Inert, "no snapshot files are used for replication", "delete snapshots made for replication"),
		flag("rdb-save-incremental-fsync", "yes", Inert, noSnapshots, "force snapshots to disk in steps"),
		{Name: "rdb-key-save-delay", Topic: Persistence, Kind: Integer, Default: "0", Min: math.MinInt32, Max: maxInt, Flags: Hidden,
			Status: Inert, Why: "a testing aid of Redis", Doc: "microseconds to wait after each key saved"},
		{Name: "key-load-delay", Topic: Persistence, Kind: Integer, Default: "0", Min: math.MinInt32, Max: maxInt, Flags: Hidden,
			Status: Inert, Why: "a testing aid of Redis", Doc: "microseconds to wait after each key loaded"},
		{Name: "loading-process-events-interval-bytes", Topic: Persistence, Kind: Integer, Default: "2097152", Min: 1024, Max: maxInt, Flags: Hidden,
			Status: Inert, Why: "connections are served while data is loaded", Doc: "bytes loaded between looks at the network"},
	}
}

// fileName refuses paths: these files are always in dir.
func fileName(setting string) func(any) error {
	return func(value any) error {
		s := value.(string)
		if strings.ContainsAny(s, "/\\") {
			kind := "filename"
			if setting == "appenddirname" {
				kind = "dirname"
			}
			return errors.New(setting + " can't be a path, just a " + kind)
		}
		if s == "" && setting != "dbfilename" {
			return errors.New(setting + " can't be empty")
		}
		return nil
	}
}

func replicationRows() []Row {
	const none = "replication is not available yet"
	number := func(name, alias, standard string, low, high int64, doc string) Row {
		r := Row{Name: name, Topic: Replication, Kind: Integer, Default: standard, Min: low, Max: high, Status: Planned, Why: none, Doc: doc}
		if alias != "" {
			r.Aliases = []string{alias}
		}
		return r
	}
	flag := func(name, alias, standard, doc string) Row {
		r := number(name, alias, standard, 0, 0, doc)
		r.Kind = Boolean
		return r
	}
	return []Row{
		{Name: "replicaof", Aliases: []string{"slaveof"}, Topic: Replication, Kind: List, Flags: Immutable,
			Status: Refused, Why: none + ": this server would answer with data of its own", Doc: "host and port of the primary"},
		{Name: "masterauth", Topic: Replication, Kind: String, Flags: Sensitive, Status: Planned, Why: none, Doc: "password to give the primary"},
		{Name: "masteruser", Topic: Replication, Kind: String, Flags: Sensitive, Status: Planned, Why: none, Doc: "user to be at the primary"},
		flag("replica-serve-stale-data", "slave-serve-stale-data", "yes", "answer while the primary is away"),
		flag("replica-read-only", "slave-read-only", "yes", "refuse writes as a replica"),
		flag("replica-lazy-flush", "slave-lazy-flush", "no", "free the old data in the background at a full synchronisation"),
		flag("replica-ignore-maxmemory", "slave-ignore-maxmemory", "yes", "leave eviction to the primary"),
		flag("replica-announced", "", "yes", "let Sentinel report this replica"),
		flag("replica-ignore-disk-write-errors", "", "no", "go on as a replica when the disk fails"),
		number("replica-priority", "slave-priority", "100", 0, maxInt, "rank for promotion, lowest first; 0 never"),
		{Name: "replica-announce-ip", Aliases: []string{"slave-announce-ip"}, Topic: Replication, Kind: String, Status: Planned, Why: none, Doc: "address to report to the primary"},
		number("replica-announce-port", "slave-announce-port", "0", 0, 65535, "port to report to the primary"),
		flag("repl-diskless-sync", "", "yes", "send snapshots straight to replicas"),
		number("repl-diskless-sync-delay", "", "5", 0, maxInt, "seconds to wait for more replicas before sending"),
		number("repl-diskless-sync-max-replicas", "", "0", 0, maxInt, "replicas that end the wait; 0 none"),
		{Name: "repl-diskless-load", Topic: Replication, Kind: Enumeration, Default: "disabled", names: disklessLoads, Status: Planned, Why: none, Doc: "load snapshots straight from the primary"},
		flag("repl-disable-tcp-nodelay", "", "no", "gather small packets to replicas"),
		number("repl-ping-replica-period", "repl-ping-slave-period", "10", 1, maxInt, "seconds between pings to replicas"),
		number("repl-timeout", "", "60", 1, maxInt, "seconds of silence after which a link is given up"),
		{Name: "repl-backlog-size", Topic: Replication, Kind: Memory, Default: "1mb", Min: 1, Max: math.MaxInt64, clamp: func(n int64) int64 { return max(n, 16<<10) }, Status: Planned, Why: none, Doc: "changes kept for replicas that reconnect"},
		number("repl-backlog-ttl", "", "3600", 0, math.MaxInt64, "seconds the backlog outlives the last replica; 0 for ever"),
		{Name: "min-replicas-to-write", Aliases: []string{"min-slaves-to-write"}, Topic: Replication, Kind: Integer, Default: "0", Max: maxInt,
			Status: Refused, Why: none + ": writes would not be held back as the setting asks", Doc: "replicas that must be near for writes to be accepted"},
		number("min-replicas-max-lag", "min-slaves-max-lag", "10", 0, maxInt, "seconds a near replica may lag"),
		{Name: "propagation-error-behavior", Topic: Replication, Kind: Enumeration, Default: "ignore", names: propagationModes,
			Status: Inert, Why: "effects are logged, not commands", Doc: "what to do when a replicated command fails"},
	}
}

func clusterRows() []Row {
	const none = "cluster mode is not available"
	number := func(name, alias, standard string, high int64, doc string) Row {
		r := Row{Name: name, Topic: Cluster, Kind: Integer, Default: standard, Max: high, Status: Inert, Why: none, Doc: doc}
		if alias != "" {
			r.Aliases = []string{alias}
		}
		return r
	}
	flag := func(name, alias, standard, doc string) Row {
		r := number(name, alias, standard, 0, doc)
		r.Kind = Boolean
		return r
	}
	text := func(name, standard, doc string) Row {
		r := number(name, "", standard, 0, doc)
		r.Kind = String
		return r
	}
	immutable := func(r Row) Row {
		r.Flags |= Immutable
		return r
	}
	return []Row{
		{Name: "cluster-enabled", Topic: Cluster, Kind: Boolean, Default: "no", Flags: Immutable, Status: Refused, Why: none, Doc: "run as a cluster node"},
		immutable(text("cluster-config-file", "nodes.conf", "file of the cluster's state")),
		number("cluster-node-timeout", "", "15000", math.MaxInt64, "milliseconds after which a node is unreachable"),
		immutable(number("cluster-port", "", "0", 65535, "port of the cluster bus; 0 means port + 10000")),
		number("cluster-migration-barrier", "", "1", maxInt, "replicas a primary keeps"),
		number("cluster-replica-validity-factor", "cluster-slave-validity-factor", "10", maxInt, "age of data at which a replica does not take over"),
		flag("cluster-require-full-coverage", "", "yes", "stop when slots are not served"),
		flag("cluster-replica-no-failover", "cluster-slave-no-failover", "no", "never take over as a replica"),
		flag("cluster-allow-reads-when-down", "", "no", "read while the cluster is down"),
		flag("cluster-allow-pubsubshard-when-down", "", "yes", "use sharded channels while the cluster is down"),
		flag("cluster-allow-replica-migration", "", "yes", "let replicas move to primaries without any"),
		{Name: "cluster-link-sendbuf-limit", Topic: Cluster, Kind: Memory, Default: "0", Max: math.MaxInt64, Status: Inert, Why: none, Doc: "buffer of a link between nodes; 0 no limit"},
		text("cluster-announce-ip", "", "address to announce"),
		text("cluster-announce-hostname", "", "host name to announce"),
		text("cluster-announce-human-nodename", "", "node name for logs"),
		number("cluster-announce-port", "", "0", 65535, "port to announce"),
		number("cluster-announce-tls-port", "", "0", 65535, "TLS port to announce"),
		number("cluster-announce-bus-port", "", "0", 65535, "bus port to announce"),
		{Name: "cluster-preferred-endpoint-type", Topic: Cluster, Kind: Enumeration, Default: "ip", names: endpointTypes, Status: Inert, Why: none, Doc: "how nodes are named to clients"},
	}
}
