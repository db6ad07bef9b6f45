package server

import (
	"fmt"
	"runtime/debug"
	"strings"

	"hpkv/engine/alloc"
	"hpkv/server/command"
)

// memoryRows are the subcommands of MEMORY that tell of the whole server.
func memoryRows() []command.Row {
	all := "request_policy:all_shards"
	varies := []string{"nondeterministic_output", all, "response_policy:special"}
	return []command.Row{
		{Name: "doctor", Arity: 2, Tips: varies, Run: memoryDoctor},
		{Name: "malloc-stats", Arity: 2, Tips: varies, Run: memoryMallocStats},
		{Name: "purge", Arity: 2, Tips: []string{all, "response_policy:all_succeeded"}, Run: memoryPurge},
		{Name: "stats", Arity: 2, Tips: varies, Run: memoryStats},
	}
}

// memoryFigures are the totals of MEMORY STATS and DOCTOR, in bytes.
type memoryFigures struct {
	used, peak, startup, live, inUse, committed, clients, rss int64
	keys                                                      int64
	stats                                                     *alloc.Stats
	tables                                                    []int // keys of each database
	volatile                                                  []int
}

func (s *Server) memoryFigures(ctx *command.Ctx) memoryFigures {
	st := s.engineStats(ctx.Txn)
	f := memoryFigures{
		startup: s.startMemory, live: liveBytes(&st.Memory), inUse: st.Memory.InUseBytes, committed: st.Memory.CommittedBytes,
		clients: s.clientMemory(), rss: rssBytes(), stats: &st.Memory,
	}
	f.used = f.inUse + goMemory()
	f.peak = max(s.samples.peakMemory.Load(), f.used)
	for _, db := range st.Databases {
		f.keys += int64(db.Keys)
		f.tables = append(f.tables, db.Keys)
		f.volatile = append(f.volatile, db.Volatile)
	}
	return f
}

func memoryStats(ctx *command.Ctx) {
	s := owner(ctx).srv
	f := s.memoryFigures(ctx)
	w := ctx.W
	mark, n := w.BeginArray(), 0
	num := func(key string, v int64) {
		w.BulkString(key)
		w.Int(v)
		n++
	}
	ratio := func(key string, a, b int64) {
		w.BulkString(key)
		r := 0.0
		if b != 0 {
			r = float64(a) / float64(b)
		}
		w.Double(r)
		n++
	}
	num("peak.allocated", f.peak)
	num("total.allocated", f.used)
	num("startup.allocated", f.startup)
	num("replication.backlog", 0)
	num("clients.slaves", 0)
	num("clients.normal", f.clients)
	num("cluster.links", 0)
	num("aof.buffer", s.durability.pending())
	num("lua.caches", 0)
	num("functions.caches", 0)
	index := f.stats.Purpose[alloc.Index].LiveBytes // of all databases together
	for db, keys := range f.tables {
		if keys == 0 {
			continue
		}
		w.BulkString(fmt.Sprintf("db.%d", db))
		w.Map(3)
		number(w, "overhead.hashtable.main", int(index*int64(keys)/max(f.keys, 1)))
		number(w, "overhead.hashtable.expires", f.volatile[db]*expiryBytes)
		number(w, "overhead.hashtable.slot-to-keys", 0)
		n++
	}
	dataset := max(f.used-f.startup, 0)
	num("overhead.total", f.used-f.live)
	num("keys.count", f.keys)
	num("keys.bytes-per-key", dataset/max(f.keys, 1))
	num("dataset.bytes", f.live)
	ratio("dataset.percentage", 100*f.live, max(dataset, f.live))
	ratio("peak.percentage", 100*f.used, f.peak)
	num("allocator.allocated", f.live)
	num("allocator.active", f.inUse)
	num("allocator.resident", f.committed)
	ratio("allocator-fragmentation.ratio", f.inUse, f.live)
	num("allocator-fragmentation.bytes", f.inUse-f.live)
	ratio("allocator-rss.ratio", f.committed, f.inUse)
	num("allocator-rss.bytes", f.committed-f.inUse)
	ratio("rss-overhead.ratio", f.rss, f.committed)
	num("rss-overhead.bytes", f.rss-f.committed)
	ratio("fragmentation", f.rss, f.used)
	num("fragmentation.bytes", f.rss-f.used)
	w.EndMap(mark, n)
}

// expiryBytes is what a record takes more because it expires.
const expiryBytes = 24

// doctorLeast is the memory below which ratios say nothing.
const doctorLeast = 5 << 20

func memoryDoctor(ctx *command.Ctx) {
	f := owner(ctx).srv.memoryFigures(ctx)
	var b strings.Builder
	if f.used < doctorLeast {
		fmt.Fprintf(&b, "The server uses %s: too little to tell anything from.\n", human(f.used))
	} else {
		if f.peak > f.used+f.used/2 {
			fmt.Fprintf(&b, "Peak: the server once used %s, more than 1.5 times the %s it uses now. Free pages return to the system by themselves.\n", human(f.peak), human(f.used))
		}
		if f.inUse > 0 && f.live > 0 && f.inUse > f.live+f.live/4 {
			fmt.Fprintf(&b, "Fragmentation: %s of pages hold %s of data. Sparse pages are evacuated in the background; this should fall within seconds.\n", human(f.inUse), human(f.live))
		}
		if f.clients > f.used/5 {
			fmt.Fprintf(&b, "Clients: their buffers take %s. CLIENT LIST shows whose.\n", human(f.clients))
		}
		if b.Len() == 0 {
			b.WriteString("Nothing stands out.\n")
		}
	}
	ctx.W.Verbatim("txt", b.String())
}

// memoryMallocStats shows what each kind of object takes off the Go heap.
func memoryMallocStats(ctx *command.Ctx) {
	s := owner(ctx).srv
	st := s.engineStats(ctx.Txn).Memory
	var b strings.Builder
	fmt.Fprintf(&b, "%-10s %12s %16s %16s\n", "purpose", "objects", "live bytes", "page bytes")
	for p := range st.Purpose {
		u := &st.Purpose[p]
		fmt.Fprintf(&b, "%-10v %12d %16d %16d\n", alloc.Purpose(p), u.Objects, u.LiveBytes, u.PageBytes)
	}
	fmt.Fprintf(&b, "pages in use: %d bytes; free but not given back: %d; committed: %d; Go heap: %d\n",
		st.InUseBytes, st.DirtyBytes, st.CommittedBytes, goMemory())
	ctx.W.Verbatim("txt", b.String())
}

// memoryPurge returns what the Go heap does not need; the engine's free pages
// are returned by its background work all the time.
func memoryPurge(ctx *command.Ctx) {
	ctx.Defer(func(ctx *command.Ctx) {
		debug.FreeOSMemory()
		ctx.W.OK()
	})
}
