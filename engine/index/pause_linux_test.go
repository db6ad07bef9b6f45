package index

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hpkv/engine/alloc"
)

// pauses is how long single changes of one table took.
type pauses struct {
	inserts, deletes []uint32 // nanoseconds of the thread's own time, by change
	steps            []bool   // by change, deletes after inserts: it rebuilt, split or merged segments
	late             int64    // directories that were not ready when they were needed
}

// growAndEmpty times each change of a table that grows to n entries and empties
// again: segments are rebuilt, split and merged, directories follow each other, and
// memory comes and goes. As in the engine, another thread touches huge pages ahead
// and gives memory back. It does the same each time it is called.
func growAndEmpty(tb testing.TB, n uint64) pauses {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	wanted, retired, ended := make(chan struct{}, 1), make(chan func(), 1<<10), make(chan struct{})
	arena, err := alloc.NewArena(alloc.Options{
		HugePages: true,
		Wanted: func() {
			select {
			case wanted <- struct{}{}:
			default:
			}
		},
		Retire: func(fn func()) { retired <- fn },
	})
	if err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(ended)
		for {
			select {
			case <-wanted:
				arena.Prepare()
			case fn, more := <-retired:
				if !more {
					return
				}
				fn()
			}
		}
	}()
	r := &rig{arena: arena, heap: arena.NewHeap(0)}
	r.table = New(r.heap, arena, alloc.Index, r.hashOf)
	refs := make([]alloc.Ref, n)
	p := pauses{inserts: make([]uint32, n), deletes: make([]uint32, n), steps: make([]bool, 2*n)}
	rebuilt := func() int64 {
		s := &r.table.stats
		return s.Rebuilds + s.Splits + s.Shrinks + s.Merges
	}
	for i := range n {
		refs[i] = r.record(mix(i))
		before, start := rebuilt(), ownTime()
		if r.table.Insert(mix(i), refs[i]) != nil {
			tb.Fatal("no memory")
		}
		p.inserts[i] = uint32(ownTime() - start)
		p.steps[i] = rebuilt() != before
	}
	for k := range n {
		i := k * 2_999_999 % n // not in the order of insertion
		before, start := rebuilt(), ownTime()
		s, ok := r.table.FindRef(mix(i), refs[i])
		if !ok {
			tb.Fatal("an entry is gone")
		}
		r.table.Delete(&s)
		p.deletes[k] = uint32(ownTime() - start)
		p.steps[n+k] = rebuilt() != before
	}
	p.late = r.table.stats.LateCopies
	close(retired)
	<-ended
	arena.Close()
	return p
}

// quickest keeps the shorter time of each change. Interrupts and neighbours, which
// the thread's time contains, do not hit the same change again and again.
func (p *pauses) quickest(q pauses) {
	for i := range p.inserts {
		p.inserts[i] = min(p.inserts[i], q.inserts[i])
		p.deletes[i] = min(p.deletes[i], q.deletes[i])
	}
	p.late = max(p.late, q.late)
}

// TestPauses: no change of a table takes the thread more than 100 us, whatever it
// has to rebuild. The table is small enough to do without huge pages, whose first
// touch takes longer (see alloc.Arena.Prepare).
func TestPauses(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes time that the race detector multiplies")
	}
	const n, bound = 500_000, 100_000
	p := growAndEmpty(t, n)
	longest := func() uint32 { return max(slices.Max(p.inserts), slices.Max(p.deletes)) }
	for pass := 1; pass < 12 && longest() > bound; pass++ {
		p.quickest(growAndEmpty(t, n))
	}
	if longest() > bound {
		t.Errorf("an insertion takes %d ns, a deletion %d: want at most %d", slices.Max(p.inserts), slices.Max(p.deletes), bound)
	}
	if p.late > 0 {
		t.Errorf("%d directories were not ready in time", p.late)
	}
}

// BenchmarkPauses reports how long single changes of one table of up to six million
// entries take: the shortest of each change's times in several passes.
func BenchmarkPauses(b *testing.B) {
	const n = 6_000_000
	var p pauses
	for range b.N {
		if q := growAndEmpty(b, n); p.inserts == nil {
			p = q
		} else {
			p.quickest(q)
		}
	}
	var steps []uint32
	for i, took := range slices.Concat(p.inserts, p.deletes) {
		if p.steps[i] {
			steps = append(steps, took)
		}
	}
	for name, took := range map[string][]uint32{"insert": p.inserts, "delete": p.deletes, "step": steps} {
		slices.Sort(took)
		for _, q := range []float64{50, 99, 99.9, 99.999, 100} {
			b.ReportMetric(float64(took[int(float64(len(took)-1)*q/100)]), fmt.Sprintf("%s-p%v-ns", name, q))
		}
	}
	b.ReportMetric(float64(p.late), "late-directories")
}

// ownTime is the processor time of the calling thread.
func ownTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) // cannot fail
	return time.Duration(ts.Nano())
}
