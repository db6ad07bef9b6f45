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

// BenchmarkPauses reports how long single changes of one table take, in time of
// the thread's own, while it grows to six million entries and empties again:
// segments are rebuilt, split and merged, directories of up to 32,768 words follow
// each other, and memory comes and goes. As in the engine, another thread touches
// huge pages ahead.
func BenchmarkPauses(b *testing.B) {
	const n = 6_000_000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	inserts, deletes, late := make([]uint32, 0, n), make([]uint32, 0, n), int64(0)
	for b.Loop() {
		inserts, deletes = inserts[:0], deletes[:0]
		wanted := make(chan struct{}, 1)
		arena, err := alloc.NewArena(alloc.Options{HugePages: true, Wanted: func() {
			select {
			case wanted <- struct{}{}:
			default:
			}
		}})
		if err != nil {
			b.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range wanted {
				arena.Prepare()
			}
		}()
		r := &rig{arena: arena, heap: arena.NewHeap(0)}
		r.table = New(r.heap, arena, alloc.Index, r.hashOf)
		refs := make([]alloc.Ref, n)
		for i := range uint64(n) {
			refs[i] = r.record(mix(i))
			start := ownTime()
			if r.table.Insert(mix(i), refs[i]) != nil {
				b.Fatal("no memory")
			}
			inserts = append(inserts, uint32(ownTime()-start))
		}
		for i := range uint64(n) {
			i = i * 2_999_999 % n // not in the order of insertion
			start := ownTime()
			s, ok := r.table.FindRef(mix(i), refs[i])
			if !ok {
				b.Fatal("an entry is gone")
			}
			r.table.Delete(&s)
			deletes = append(deletes, uint32(ownTime()-start))
		}
		late += r.table.stats.LateCopies
		close(wanted)
		<-ended
		arena.Close()
	}
	for name, took := range map[string][]uint32{"insert": inserts, "delete": deletes} {
		slices.Sort(took)
		for _, q := range []float64{50, 99, 99.9, 99.999, 100} {
			b.ReportMetric(float64(took[int(float64(len(took)-1)*q/100)]), fmt.Sprintf("%s-p%v-ns", name, q))
		}
	}
	b.ReportMetric(float64(late), "late-directories")
}

// ownTime is the processor time of the calling thread.
func ownTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) // cannot fail
	return time.Duration(ts.Nano())
}
