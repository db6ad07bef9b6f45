package index

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"hpkv/engine/alloc"
)

// filled holds one big table per size for all benchmarks of a run.
var filled = map[int]*bigTables{}

// bigTables is n records in 16 shards, as an engine would have them.
type bigTables struct {
	rigs [16]*rig
	n    int
}

func (b *bigTables) shard(h uint64) *rig { return b.rigs[h>>60] }

func bigTable(tb testing.TB, n int) *bigTables {
	if filled[n] == nil {
		clear(filled)
		b := &bigTables{n: n}
		arena, err := alloc.NewArena(alloc.Options{HugePages: *hugePages})
		if err != nil {
			tb.Fatal(err)
		}
		for i := range b.rigs {
			r := &rig{arena: arena, heap: arena.NewHeap(0)}
			r.table = New(r.heap, arena, alloc.Index, r.hashOf)
			b.rigs[i] = r
		}
		for i := range uint64(n) {
			b.shard(mix(i)).insert(tb, mix(i))
		}
		filled[n] = b
	}
	return filled[n]
}

// hugePages measures alloc.Options.HugePages.
var hugePages = flag.Bool("huge", false, "ask for huge pages in benchmarks")

var sizes = []int{1e6, 5e6}

// order returns random keys to look up, in a fixed order.
func order(n int, miss bool) []uint64 {
	rnd := rand.New(rand.NewPCG(5, 6))
	hs := make([]uint64, 1<<20)
	for i := range hs {
		k := rnd.Uint64N(uint64(n))
		if miss {
			k += 1 << 40
		}
		hs[i] = mix(k)
	}
	return hs
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range sizes {
		for _, miss := range []bool{false, true} {
			name := map[bool]string{false: "hit", true: "miss"}[miss]
			b.Run(fmt.Sprintf("%s/%dM", name, n/1e6), func(b *testing.B) {
				t := bigTable(b, n)
				hs := order(n, miss)
				i := 0
				for b.Loop() {
					h := hs[i&(len(hs)-1)]
					i++
					if _, found, valid := t.shard(h).get(h); found == miss || !valid {
						b.Fatal("wrong result")
					}
				}
			})
		}
	}
}

// BenchmarkBatch looks up 16 at a time; ns/op is for one of them.
func BenchmarkBatch(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("probe/%dM", n/1e6), func(b *testing.B) {
			t := bigTable(b, n)
			hs := order(n, false)
			var probes [16]Probe
			b.ResetTimer()
			for i := 0; i < b.N; i += 16 {
				batch := hs[i&(len(hs)-1):][:16]
				for k, h := range batch {
					probes[k].Aim(t.shard(h).table, h)
					probes[k].Prefetch()
				}
				for k := range batch {
					probes[k].Load()
				}
				for k, h := range batch {
					p := &probes[k]
					r := t.shard(h)
					ref, ok := p.Next()
					for ok && r.hashOf(ref) != h {
						ref, ok = p.Next()
					}
					if !ok || !p.Valid() {
						b.Fatal("wrong result")
					}
				}
			}
		})
		b.Run(fmt.Sprintf("table/%dM", n/1e6), func(b *testing.B) {
			t := bigTable(b, n)
			hs := order(n, false)
			b.ResetTimer()
			for i := 0; i < b.N; i += 16 {
				batch := hs[i&(len(hs)-1):][:16]
				for _, h := range batch {
					t.shard(h).table.Prefetch(h)
				}
				for _, h := range batch {
					t.shard(h).table.PrefetchRecords(h)
				}
				for _, h := range batch {
					if _, found, valid := t.shard(h).get(h); !found || !valid {
						b.Fatal("wrong result")
					}
				}
			}
		})
	}
}

// BenchmarkInsert grows one table from nothing to a million, records included.
func BenchmarkInsert(b *testing.B) {
	var r *rig
	for i := 0; i < b.N; i++ {
		if i%1e6 == 0 {
			r = newRig(b)
		}
		r.insert(b, mix(uint64(i)))
	}
}

// BenchmarkRebuild reports how long the inserts take that replace a segment: the
// pause that growth causes.
func BenchmarkRebuild(b *testing.B) {
	var took []time.Duration
	for b.Loop() {
		r := newRig(b)
		before := int64(0)
		for i := range uint64(1e6) {
			ref := r.record(mix(i))
			start := time.Now()
			r.table.Insert(mix(i), ref)
			d := time.Since(start)
			if n := r.table.stats.Rebuilds + r.table.stats.Splits; n != before {
				before = n
				took = append(took, d)
			}
		}
	}
	slices.Sort(took)
	for _, q := range []float64{50, 99, 99.9, 100} {
		b.ReportMetric(float64(took[int(float64(len(took)-1)*q/100)].Nanoseconds()), fmt.Sprintf("p%v-ns", q))
	}
}

func BenchmarkDeleteInsert(b *testing.B) {
	t := bigTable(b, 1e6)
	hs := order(1e6, false)
	for i := 0; b.Loop(); i++ {
		h := hs[i&(len(hs)-1)]
		r := t.shard(h)
		s, ok := r.find(h)
		if !ok {
			b.Fatal("missing")
		}
		ref := s.Ref()
		r.table.Delete(&s)
		r.table.Insert(h, ref)
	}
}

func BenchmarkLockUnlock(b *testing.B) {
	r := newRig(b)
	r.insert(b, mix(1))
	s, _ := r.find(mix(1))
	for b.Loop() {
		r.table.Lock(&s)
		r.table.Unlock(&s)
	}
}

// BenchmarkReaders is lookups of few keys by two goroutines at once.
func BenchmarkReaders(b *testing.B) {
	r := newRig(b)
	for i := range uint64(1000) {
		r.insert(b, mix(i))
	}
	for _, g := range []int{1, 2} {
		b.Run(fmt.Sprint(g), func(b *testing.B) {
			var wg sync.WaitGroup
			for range g {
				wg.Go(func() {
					for i := range b.N {
						if _, found, valid := r.get(mix(uint64(i % 1000))); !found || !valid {
							b.Error("wrong result")
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestFootprint reports bytes per key; any size of table must stay in bounds.
func TestFootprint(t *testing.T) {
	r := newRig(t)
	steps := []int{1000, 3000, 10000, 30000, 50000, 60000, 70000, 80000, 90000, 100000, 120000, 150000, 200000, 300000, 400000}
	for _, n := range steps {
		for r.table.Len() < n {
			r.insert(t, mix(uint64(r.table.Len())))
		}
		s := r.table.Stats()
		load := float64(s.Entries) / float64(s.Buckets*slotsPerBucket)
		per := float64(s.Bytes) / float64(n)
		t.Logf("%7d entries: load %.3f, %.2f bytes per key, %+v", n, load, per, s)
		if n >= 10000 && (load < 0.75 || per > 12.5) {
			t.Errorf("%d entries: load %.3f, %.2f bytes per key", n, load, per)
		}
	}
}
