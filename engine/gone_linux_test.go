package engine

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// threadClock is the clock of a thread's processor time, for all threads of the
// process (see clock_getcpuclockid(3)). What the host takes away does not count, as
// far as it tells.
type threadClock int32

func ownClock() threadClock { return threadClock(^unix.Gettid()<<3 | 6) }

func (c threadClock) now() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(int32(c), &ts) // cannot fail: the thread lives
	return time.Duration(ts.Nano())
}

// fillLarge makes a collection of n elements at key.
func fillLarge(tb testing.TB, l *Lane, typ Type, key []byte, n int) {
	const each = 1000
	items := make([][]byte, each)
	args := make([][]byte, 2*each)
	scores := make([]float64, each)
	for from := 0; from < n; from += each {
		for k := range items {
			items[k] = fmt.Appendf(items[k][:0], "key:%012d", from+k)
			args[2*k], args[2*k+1] = items[k], items[k]
			scores[k] = float64((from + k) * 7919 % n)
		}
		t := l.Begin(0)
		var err error
		switch typ {
		case TypeHash:
			_, err = t.HSet(key, args)
		case TypeList:
			_, err = t.ListPush(key, ListRight, items, false)
		case TypeSet:
			_, err = t.SAdd(key, items)
		case TypeZSet:
			_, err = t.ZAdd(key, scores, args, ZAddOptions{})
		}
		t.End()
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// spans collects how long something takes.
type spans struct{ h *hdrhistogram.Histogram }

func newSpans() spans { return spans{hdrhistogram.New(1, int64(10*time.Second), 3)} }

func (s spans) add(d time.Duration) { _ = s.h.RecordValue(max(1, int64(d))) }

// report reports quantiles in microseconds as metrics.
func (s spans) report(b *testing.B, name string, quantiles ...float64) {
	for _, q := range quantiles {
		at := "-p" + strconv.FormatFloat(q, 'f', -1, 64)
		if q == 100 {
			at = "-max"
		}
		b.ReportMetric(float64(s.h.ValueAtPercentile(q))/1e3, name+at+"-us")
	}
}

// bystander reads and writes keys, on a thread of its own, while another thread, the
// worker, is at work on the engine, and times each operation.
type bystander struct {
	e    *Engine
	held *atomic.Int64 // the processor time for which the worker has held the shard, in ns
	stop atomic.Bool
	done chan struct{}

	same, other spans // operations on keys of the shard that is worked on, and of others
	// waited is for how long an operation on the same shard was asleep: neither running
	// nor ready to. (Before it sleeps it spins for some 25 us.) theirs is what of it the
	// worker can be the cause of: no more than the processor time for which it held the
	// shard meanwhile, and nothing unless somebody waited for the shard. The rest is for
	// the system to explain, as in the control.
	waited, theirs spans
}

// watch starts a bystander of the work on shard s.
func watch(e *Engine, s *shard, held *atomic.Int64) *bystander {
	w := &bystander{e: e, held: held, done: make(chan struct{}), same: newSpans(), other: newSpans(), waited: newSpans(), theirs: newSpans()}
	begun := make(chan struct{})
	go w.run(s, begun)
	<-begun
	return w
}

func (w *bystander) run(s *shard, begun chan struct{}) {
	defer close(w.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := w.e.NewLane()
	defer l.Close()
	// Keys by shard: ours first. Half of what is written is new, and takes memory.
	const keys = 1 << 12
	var names [2][][]byte
	for i := 0; len(names[0]) < keys || len(names[1]) < keys; i++ {
		name := fmt.Appendf(nil, "by:%08d", i)
		k := 1
		if w.e.shardOf(hashKey(name)) == s {
			k = 0
		}
		if len(names[k]) < keys {
			names[k] = append(names[k], name)
		}
	}
	value := make([]byte, 200)
	sched, err := os.Open("/proc/thread-self/schedstat")
	if err != nil {
		panic(err)
	}
	defer sched.Close()
	line := make([]byte, 64)
	delayed := func() (d time.Duration) { // for how long the thread has been ready without a processor
		n, _ := sched.ReadAt(line, 0)
		_, _ = fmt.Sscan(string(line[:n]), new(int64), &d)
		return d
	}
	var dst []byte
	rng := uint64(1)
	// Its own first steps take memory that comes from the system, which has waits of its
	// own: they do not count.
	const first = 200_000
	self := ownClock()
	var held, off, own time.Duration
	var waits uint64
	var last time.Time
	for i := 0; !w.stop.Load(); i++ {
		if i == first {
			close(begun)
			held, waits, off, own, last = time.Duration(w.held.Load()), s.mu.waits.Load(), delayed(), self.now(), time.Now()
		}
		rng = rng*6364136223846793005 + 1442695040888963407
		k := i & 1
		key := names[k][rng>>33%keys]
		switch t := l.Begin(0); i >> 1 & 3 {
		case 0, 1:
			dst, _, _ = t.Get(dst[:0], key, nil)
		case 2:
			_, _ = t.Set(key, value[:16+rng>>50%184], SetOptions{})
		default:
			t.Delete(key)
		}
		if i < first {
			continue
		}
		took := time.Since(last)
		ran, heldNow, without, waitsNow := self.now(), time.Duration(w.held.Load()), delayed(), s.mu.waits.Load()
		if k == 0 {
			w.same.add(took)
			asleep := took - (ran - own) - (without - off)
			w.waited.add(asleep)
			theirs := time.Duration(0)
			if waitsNow != waits {
				theirs = min(asleep, heldNow-held)
			}
			w.theirs.add(theirs)
		} else {
			w.other.add(took)
		}
		held, waits, off, own, last = heldNow, waitsNow, without, self.now(), time.Now()
	}
}

func (w *bystander) end() {
	w.stop.Store(true)
	<-w.done
}

// BenchmarkGone lets a collection of ten million elements lose its key in several
// ways, and frees its memory by background work without pauses. It reports for how
// long a thread is busy with the operation itself (op) and holds the collection's
// shard at a time (hold), both in its own processor time; and how long operations of
// another thread take meanwhile: on keys of the same shard (same), what of it they were
// asleep (waited), what of that the holds can be the cause of (theirs), and on other
// keys (other). The control is the same with a thread that only reads its clock instead,
// of which hold is how long that took: so much of the time of any hold is the machine's.
func BenchmarkGone(b *testing.B) {
	if testing.Short() {
		b.Skip("takes minutes")
	}
	const n = 10_000_000
	key, other := []byte("collection"), []byte("other")
	ways := []struct {
		name string
		do   func(t *Txn, clock *ManualClock) error
	}{
		{"del", func(t *Txn, _ *ManualClock) error { t.Delete(key); return nil }},
		{"set", func(t *Txn, _ *ManualClock) error { _, err := t.Set(key, []byte("x"), SetOptions{}); return err }},
		{"rename", func(t *Txn, _ *ManualClock) error { _, err := t.Rename(other, key, false); return err }},
		{"flush", func(t *Txn, _ *ManualClock) error { t.FlushAll(true); return nil }},
		{"flush-sync", func(t *Txn, _ *ManualClock) error { t.FlushAll(false); return nil }}, // op is all of it
		{"evict", func(t *Txn, clock *ManualClock) error {
			e := t.Engine()
			t.ExpireAt(key, clock.NowMs()+1e6, 0)
			e.SetEviction(Eviction{Policy: VolatileTTL})
			e.SetMaxMemoryBytes(e.arena.InUse() / 2)
			t.Evict()
			e.SetMaxMemoryBytes(0)
			return nil
		}},
		{"expire", func(t *Txn, clock *ManualClock) error {
			t.ExpireAt(key, clock.NowMs()+1, 0)
			clock.Advance(time.Second)
			return nil
		}},
	}
	for _, typ := range []Type{TypeHash, TypeList, TypeSet, TypeZSet} {
		for _, way := range ways {
			b.Run(typ.String()+"/"+way.name, func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				own := ownClock()
				for range b.N {
					e, clock := openTest(b, Options{Shards: 2})
					if e.Homes() < 2 {
						b.Skip("needs two processors")
					}
					stop, ready := make(chan struct{}), make(chan struct{})
					go func() {
						defer close(ready)
						e.readyMemory(stop)
					}()
					l := e.NewLane()
					fillLarge(b, l, typ, key, n)
					t := l.Begin(0)
					_, _ = t.Set(other, []byte("x"), SetOptions{})
					t.End()
					s := e.shardOf(hashKey(key))

					var held atomic.Int64
					w := watch(e, s, &held)
					holds, rounds := newSpans(), 0
					hold := func(d time.Duration) {
						holds.add(d)
						held.Add(int64(d))
					}
					begun := time.Now()
					t = l.Begin(0)
					start := own.now()
					if way.name == "rename" {
						t.LockKeys([][]byte{key, other}, 0, 1, 1)
					}
					err := way.do(t, clock)
					t.End()
					op := own.now() - start
					if err != nil {
						b.Fatal(err)
					}
					for freed := false; !freed || e.readers.Pending() > 0; rounds++ {
						for home := range e.Homes() {
							if home != s.home {
								e.Maintain(l, home, maintainBudget)
							}
						}
						freed = e.Stats().Unfreed == 0
						now := clock.NowMs()
						t := l.Begin(0)
						s.mu.giveWay() // here, so that it does not count as held
						start := own.now()
						s.maintainDatabase(t, 0, now)
						hold(own.now() - start)
						s.mu.giveWay()
						t.enter(s)
						start = own.now()
						s.tend(t, now)
						hold(own.now() - start)
						t.leave(s)
					}
					w.end()
					took := time.Since(begun)

					control := watch(e, s, &held)
					nothing := newSpans()
					for begun, last := time.Now(), own.now(); time.Since(begun) < took; {
						now := own.now()
						nothing.add(now - last)
						last = now
					}
					control.end()
					close(stop)
					<-ready // it uses memory that ends with the engine
					b.ReportMetric(float64(op)/1e3, "op-us")
					holds.report(b, "hold", 50, 100)
					w.same.report(b, "same", 50, 99.9, 100)
					w.waited.report(b, "waited", 99.9, 100)
					w.theirs.report(b, "theirs", 99.9, 100)
					w.other.report(b, "other", 99.9, 100)
					control.same.report(b, "control", 99.9, 100)
					control.waited.report(b, "control-waited", 100)
					nothing.report(b, "control-hold", 100)
					b.ReportMetric(float64(rounds), "rounds")
					l.Close()
				}
			})
		}
	}
}
