package server

import (
	"bytes"
	"os"
	"runtime/metrics"
	"strconv"

	"hpkv/engine"
	"hpkv/server/config"
)

// goMemory is the Go heap in use, in bytes; stacks included.
func goMemory() int64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
	}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() + samples[1].Value.Uint64())
}

// rssBytes is the resident size of the process, 0 where the system does not
// tell in /proc.
func rssBytes() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// policyNames are the values of maxmemory-policy.
var policyNames = map[config.Choice]string{
	config.VolatileLRU: "volatile-lru", config.VolatileLFU: "volatile-lfu",
	config.VolatileRandom: "volatile-random", config.VolatileTTL: "volatile-ttl",
	config.AllKeysLRU: "allkeys-lru", config.AllKeysLFU: "allkeys-lfu",
	config.AllKeysRandom: "allkeys-random", config.NoEviction: "noeviction",
}

// usedMemory is what INFO calls used_memory: the data's pages and the Go heap.
func (s *Server) usedMemory() int64 { return s.dataMemory().inUse + goMemory() }

func infoMemory(w *infoWriter, s *Server) {
	data, heap, rss := s.dataMemory(), goMemory(), rssBytes()
	used := data.inUse + heap
	peak := max(s.samples.peakMemory.Load(), used)
	overhead := used - data.live
	w.bytes("used_memory", used)
	w.bytes("used_memory_rss", rss)
	w.bytes("used_memory_peak", peak)
	w.ratio("used_memory_peak_perc", 100*used, peak, "%.2f%%")
	w.num("used_memory_overhead", overhead)
	w.num("used_memory_startup", 0)
	w.num("used_memory_dataset", data.live)
	w.ratio("used_memory_dataset_perc", 100*data.live, used, "%.2f%%")
	w.num("allocator_allocated", data.live)
	w.num("allocator_active", data.inUse)
	w.num("allocator_resident", data.committed)
	w.bytes("total_system_memory", s.topology.Memory)
	w.num("used_memory_lua", 0)
	w.str("used_memory_lua_human", human(0))
	w.num("used_memory_scripts", 0)
	w.str("used_memory_scripts_human", human(0))
	w.num("number_of_cached_scripts", 0)
	w.bytes("maxmemory", s.cfg.MaxMemory.Load())
	w.str("maxmemory_policy", policyNames[s.cfg.MaxMemoryPolicy.Load()])
	w.ratio("allocator_frag_ratio", data.inUse, data.live, "%.2f")
	w.num("allocator_frag_bytes", data.inUse-data.live)
	w.ratio("mem_fragmentation_ratio", rss, used, "%.2f")
	w.num("mem_fragmentation_bytes", rss-used)
	w.num("mem_not_counted_for_evict", 0)
	w.num("mem_clients_slaves", 0)
	w.num("mem_clients_normal", s.clientMemory())
	w.num("mem_aof_buffer", 0)
	w.str("mem_allocator", "hpkv")
	w.num("mem_go_heap", heap)
	w.num("active_defrag_running", 0)
	w.num("lazyfree_pending_objects", 0)
	w.num("lazyfreed_objects", 0)
}

// clientBytes is the fixed cost of a connection, rounded up: client, driver
// state, addresses, registry entry.
const clientBytes = 1024

func (s *Server) clientMemory() (n int64) {
	for _, c := range s.clients.all() {
		n += clientBytes + c.public.qbuf.Load() + c.public.argv.Load() + int64(c.link.unsent())
	}
	return n
}

// dataMemory is the engine's share of the memory, in bytes.
type dataMemory struct{ live, inUse, committed int64 }

func (s *Server) dataMemory() dataMemory { return dataMemory{} }

// engineTotals are the engine's counters as INFO shows them.
type engineTotals struct{ hits, misses, expired int64 }

func (s *Server) engineCounters() engineTotals {
	n := s.engine.Counters()
	return engineTotals{hits: int64(n.Hits), misses: int64(n.Misses)}
}

// databaseSize is a line of the keyspace section.
func (s *Server) databaseSize(txn *engine.Txn, db int) (keys, expires, avgTTLMs int64) {
	selected := txn.DB()
	txn.SetDB(db)
	keys = int64(txn.DBSize())
	txn.SetDB(selected)
	return keys, 0, 0
}
