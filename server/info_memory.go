package server

import (
	"bytes"
	"io"
	"os"
	"runtime/metrics"
	"strconv"
	"sync"

	"hpkv/engine"
	"hpkv/engine/alloc"
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
	f := statm()
	if f == nil {
		return 0
	}
	var data [128]byte // seven numbers
	n, err := f.ReadAt(data[:], 0)
	if err != nil && err != io.EOF {
		return 0
	}
	_, rest, _ := bytes.Cut(data[:n], []byte{' '})
	resident, _, _ := bytes.Cut(rest, []byte{' '})
	pages, err := strconv.ParseInt(string(resident), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// statm is the file with the sizes of the process, open for good; nil if there is
// none.
var statm = sync.OnceValue(func() *os.File {
	f, err := os.Open("/proc/self/statm")
	if err != nil {
		return nil
	}
	return f
})

func infoMemory(w *infoWriter, s *Server) {
	st := w.engine()
	live, inUse := liveBytes(&st.Memory), st.Memory.InUseBytes
	heap, rss := goMemory(), rssBytes()
	used := inUse + heap // the data's pages and the Go heap
	peak := max(s.samples.peakMemory.Load(), used)
	w.bytes("used_memory", used)
	w.bytes("used_memory_rss", rss)
	w.bytes("used_memory_peak", peak)
	w.ratio("used_memory_peak_perc", 100*used, peak, "%.2f%%")
	w.num("used_memory_overhead", used-live)
	w.num("used_memory_startup", s.startMemory)
	w.num("used_memory_dataset", live)
	w.ratio("used_memory_dataset_perc", 100*live, max(used-s.startMemory, live), "%.2f%%")
	w.num("allocator_allocated", live)
	w.num("allocator_active", inUse)
	w.num("allocator_resident", st.Memory.CommittedBytes)
	w.bytes("total_system_memory", s.topology.Memory)
	w.num("used_memory_lua", 0)
	w.num("used_memory_vm_eval", 0)
	w.str("used_memory_lua_human", human(0))
	w.num("used_memory_scripts_eval", 0)
	w.num("number_of_cached_scripts", 0)
	w.num("number_of_functions", 0)
	w.num("number_of_libraries", 0)
	w.num("used_memory_vm_functions", 0)
	w.bytes("used_memory_vm_total", 0)
	w.num("used_memory_functions", 0)
	w.bytes("used_memory_scripts", 0)
	w.bytes("maxmemory", s.cfg.MaxMemory.Load())
	w.setting("maxmemory_policy", "maxmemory-policy")
	w.ratio("allocator_frag_ratio", inUse, live, "%.2f")
	w.num("allocator_frag_bytes", inUse-live)
	w.ratio("allocator_rss_ratio", st.Memory.CommittedBytes, inUse, "%.2f")
	w.num("allocator_rss_bytes", st.Memory.CommittedBytes-inUse)
	w.ratio("rss_overhead_ratio", rss, st.Memory.CommittedBytes, "%.2f")
	w.num("rss_overhead_bytes", rss-st.Memory.CommittedBytes)
	w.ratio("mem_fragmentation_ratio", rss, used, "%.2f")
	w.num("mem_fragmentation_bytes", rss-used)
	w.num("mem_not_counted_for_evict", heap) // maxmemory bounds the data's pages
	w.num("mem_replication_backlog", 0)
	w.num("mem_total_replication_buffers", 0)
	w.num("mem_clients_slaves", 0)
	w.num("mem_clients_normal", s.clientMemory())
	w.num("mem_cluster_links", 0)
	w.num("mem_aof_buffer", s.durability.pending())
	w.str("mem_allocator", "hpkv")
	w.num("mem_go_heap", heap)
	w.num("active_defrag_running", s.samples.defragPercent.Load())
	w.num("defrag_relocated", int64(st.Relocated))
	w.num("lazyfree_pending_objects", int64(st.Unfreed))
	w.num("lazyfreed_objects", int64(st.Freed-s.samples.engineBase.Load().Freed))
}

// clientBytes is the fixed cost of a connection, rounded up: client, driver
// state, addresses, registry entry.
const clientBytes = 1024

// memory is what the client takes, in bytes: CLIENT LIST's tot-mem. Any
// goroutine.
func (c *client) memory() int64 {
	return clientBytes + c.public.qbuf.Load() + c.public.argv.Load() + int64(c.link.unsent())
}

func (s *Server) clientMemory() (n int64) {
	for _, c := range s.everyClient() {
		n += c.memory()
	}
	return n
}

// engineStats collects the engine's figures. That locks the shards one after
// the other, which must not be done by a thread that holds some of them: inside
// EXEC the figures are cron's, at most a second old.
func (s *Server) engineStats(txn *engine.Txn) *engine.Stats {
	if txn != nil && txn.Locked() {
		return s.samples.engine.Load()
	}
	st := s.engine.Stats()
	s.samples.engine.Store(&st)
	return &st
}

// liveBytes is what the engine's objects take, without the free space between
// them.
func liveBytes(m *alloc.Stats) (n int64) {
	for i := range m.Purpose {
		n += m.Purpose[i].LiveBytes
	}
	return n
}
