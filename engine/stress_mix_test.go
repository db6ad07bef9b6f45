package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"hpkv/engine/alloc"
)

// churn makes the index grow and shrink and memory sparse: other keys come and
// go in bulk, with values of all sizes.
func churn(sr *stressRun, name string, l *Lane, r *rand.Rand) error {
	n := 20000
	if raceEnabled {
		n = 2000
	}
	var key, val, got []byte
	for !sr.stop.Load() {
		sizes := make([]int, n)
		for i := range sizes {
			sizes[i] = r.IntN(250)
			key, val = fmt.Appendf(key[:0], "%s/%d", name, i), bytes.Repeat([]byte{byte(i)}, sizes[i])
			if _, err := l.Begin(stressMain).Set(key, val, SetOptions{}); err != nil {
				return err
			}
			if i%50 == 0 {
				if sr.stop.Load() {
					return nil
				}
				runtime.Gosched() // readers are to see many states, not long ones
			}
		}
		for k, i := range r.Perm(n) {
			key = fmt.Appendf(key[:0], "%s/%d", name, i)
			var ok bool
			if got, ok, _ = l.Begin(stressMain).Get(got[:0], key, nil); !ok || len(got) != sizes[i] {
				return fmt.Errorf("churn %s: key %d has %d bytes, %v, want %d", name, i, len(got), ok, sizes[i])
			}
			if !l.Begin(stressMain).Delete(key) {
				return fmt.Errorf("churn %s: key %d is not there to delete", name, i)
			}
			if k%50 == 0 {
				if sr.stop.Load() {
					return nil
				}
				runtime.Gosched()
			}
		}
	}
	return nil
}

// scanner checks that a full SCAN sees every key that stays.
func scanner(sr *stressRun, l *Lane, stays [][]byte) error {
	for !sr.stop.Load() {
		seen := map[string]bool{}
		l.Begin(stressMain).Keys(func(key []byte) { seen[string(key)] = true })
		for _, key := range stays {
			if !seen[string(key)] {
				return fmt.Errorf("a scan of %d keys missed %q", len(seen), key)
			}
		}
		if key, ok := l.Begin(stressMain).RandomKey(nil); !ok || len(key) == 0 {
			return fmt.Errorf("randomkey: %q, %v", key, ok)
		}
		if n := l.Begin(stressMain).DBSize(); n < len(stays) {
			return fmt.Errorf("dbsize: %d", n)
		}
		runtime.Gosched()
	}
	return nil
}

// TestStress runs everything at once on few shards, with more threads than
// cores too.
func TestStress(t *testing.T) {
	for _, c := range []struct{ shards, procs int }{{4, 0}, {1, 4 * runtime.NumCPU()}, {16, 4 * runtime.NumCPU()}} {
		t.Run(fmt.Sprintf("shards=%d procs=%d", c.shards, c.procs), func(t *testing.T) {
			if c.procs > 0 {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.procs))
			}
			stressMix(t, c.shards, stressTime(t)/3)
		})
	}
}

func stressMix(t *testing.T, shards int, d time.Duration) {
	e, _ := openTest(t, Options{Shards: shards, Databases: stressCounts, Clock: SystemClock{}})
	sr := &stressRun{t: t, e: e, seed: testSeed(t)}
	cs := []*chronicle{
		overwriteChronicle(1, 0), overwriteChronicle(2, 3), overwriteChronicle(3, 100), overwriteChronicle(4, 300),
		expiryChronicle(5, 1), expiryChronicle(6, 4),
		msetChronicle(7, 6), msetChronicle(8, 2),
		chainChronicle(9, 8), swapChronicle(10, 5), travelChronicle(11),
		flushChronicle(12, 5, func(t *Txn, async bool) { t.FlushDB(async) }, stressFlush),
	}
	counts := new([2]atomic.Int64)
	counters := [][]byte{[]byte("counter/0"), []byte("counter/1")}
	setup := e.NewLane()
	for _, key := range counters {
		if _, err := setup.Begin(stressMain).IncrBy(key, 0); err != nil {
			t.Fatal(err)
		}
	}
	reads := sr.watch(cs, 4)
	for range 2 {
		sr.spawn(func(l *Lane, r *rand.Rand) error { return count(sr, l, r, counters, counts) })
	}
	sr.spawn(func(l *Lane, r *rand.Rand) error { return churn(sr, "churn/a", l, r) })
	sr.spawn(func(l *Lane, r *rand.Rand) error { return churn(sr, "churn/b", l, r) })
	sr.spawn(func(l *Lane, _ *rand.Rand) error { return scanner(sr, l, counters) })
	sr.spawn(func(l *Lane, _ *rand.Rand) error {
		for !sr.stop.Load() {
			for home := range e.Homes() {
				e.Maintain(l, home, time.Millisecond)
			}
			runtime.Gosched()
		}
		return nil
	})
	sr.wait(d, func() bool { return everyWriter(cs) })

	for i, key := range counters {
		if n, err := setup.Begin(stressMain).IncrBy(key, 0); err != nil || n != counts[i].Load() {
			t.Errorf("counter %d is %d, %v, after %d increments", i, n, err, counts[i].Load())
		}
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	relocated := uint64(0)
	for _, s := range e.shards {
		relocated += s.stats.relocated
	}
	setup.Close()
	sum := e.Counters()
	states := uint64(0)
	for _, c := range cs {
		states += c.done.Load()
		if c.done.Load() == 0 {
			t.Errorf("%s: its writer did nothing", c.name)
		}
	}
	t.Logf("%d reads of %d states; %d retries, %d fallbacks, %d records relocated", reads.Load(), states, sum.Retries, sum.Fallbacks, relocated)
	expectEmpty(t, e)
}

// everyWriter reports whether each chronicle has got somewhere.
func everyWriter(cs []*chronicle) bool {
	return !slices.ContainsFunc(cs, func(c *chronicle) bool { return c.done.Load() == 0 })
}

// count increments counters and reads them, which never go back.
func count(sr *stressRun, l *Lane, r *rand.Rand, keys [][]byte, counts *[2]atomic.Int64) error {
	var last [2]int64
	for !sr.stop.Load() {
		i := r.IntN(len(keys))
		if r.IntN(2) == 0 {
			n, err := l.Begin(stressMain).IncrBy(keys[i], 1)
			if err != nil || n <= last[i] {
				return fmt.Errorf("incrby: %d, %w, after %d was seen", n, err, last[i])
			}
			last[i] = n
			counts[i].Add(1)
			continue
		}
		before := counts[i].Load()
		val, _, err := l.Begin(stressMain).Get(nil, keys[i], nil)
		n, ok := parseInt(val)
		if err != nil || !ok || n < last[i] || n < before {
			return fmt.Errorf("counter: %q, %w, after %d was seen and %d counted", val, err, last[i], before)
		}
		last[i] = n
	}
	return nil
}

// expectEmpty flushes everything and checks that no memory of records is left.
func expectEmpty(t *testing.T, e *Engine) {
	t.Helper()
	l := e.NewLane()
	defer l.Close()
	l.Begin(0).FlushAll(false)
	settle(t, e, l)
	for _, s := range e.shards {
		for p, u := range s.heap.Stats().Purpose {
			if u.Objects != 0 && (p == 0 || u.Objects > int64(2*e.databases)) {
				t.Errorf("shard %d: %d objects, %d bytes of purpose %d are left", s.id, u.Objects, u.LiveBytes, p)
			}
		}
	}
}

// settle runs Maintain until it has nothing to do but to wait for expiries.
func settle(t *testing.T, e *Engine, l *Lane) {
	t.Helper()
	for round, quiet := 0, 0; quiet < 2; round++ {
		quiet++
		for home := range e.Homes() {
			if e.Maintain(l, home, 20*time.Millisecond) < expirePace || e.readers.Pending() > 0 {
				quiet = 0
			}
		}
		if round > 500 {
			t.Error("maintenance does not come to an end")
			for _, s := range e.shards {
				s.mu.lock()
				for _, p := range []alloc.Purpose{alloc.Records, alloc.Index} {
					if page, ok := s.heap.Sparse(p, true); ok {
						t.Errorf("shard %d: page %d of %v stays sparse; %+v", s.id, page, p, s.heap.Stats().Purpose[p])
					}
				}
				s.mu.unlock()
			}
			return
		}
	}
}

// TestStressAlone gives one kind of chronicle all the machine, so that what
// lasts only for a moment is met in it.
func TestStressAlone(t *testing.T) {
	flushDB := func(t *Txn, async bool) { t.FlushDB(async) }
	flushAll := func(t *Txn, async bool) { t.FlushAll(async) }
	for _, c := range []struct {
		name   string
		shards int
		make   func() []*chronicle
	}{
		{"in place, small", 1, func() []*chronicle { return []*chronicle{inPlaceChronicle(0)} }},
		{"in place, large", 1, func() []*chronicle { return []*chronicle{inPlaceChronicle(20)} }},
		{"in place, wide", 1, func() []*chronicle { return []*chronicle{inPlaceChronicle(100)} }},
		{"mset", 16, func() []*chronicle { return []*chronicle{msetChronicle(1, 4)} }},
		{"travel", 4, func() []*chronicle { return []*chronicle{travelChronicle(1)} }},
		{"flushdb", 64, func() []*chronicle { return []*chronicle{flushChronicle(1, 6, flushDB, stressFlush)} }},
		// Apart, because it would end the states of all others.
		{"flushall", 64, func() []*chronicle { return []*chronicle{flushChronicle(1, 6, flushAll, stressMain, stressAway)} }},
		{"swapdb", 64, func() []*chronicle { return []*chronicle{swapChronicle(1, 3)} }},
		{"expiry", 2, func() []*chronicle {
			return []*chronicle{expiryChronicle(1, 1), expiryChronicle(2, 3), expiryChronicle(3, 3)}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := openTest(t, Options{Shards: c.shards, Databases: stressCounts, Clock: SystemClock{}})
			sr := &stressRun{t: t, e: e, seed: testSeed(t)}
			cs := c.make()
			reads := sr.watch(cs, 2)
			sr.spawn(func(l *Lane, _ *rand.Rand) error {
				for !sr.stop.Load() {
					for home := range e.Homes() {
						e.Maintain(l, home, time.Millisecond)
					}
					time.Sleep(time.Millisecond) // leave the machine to the others
				}
				return nil
			})
			sr.wait(stressTime(t)/10, func() bool { return everyWriter(cs) })
			if err := e.Check(); err != nil {
				t.Error(err)
			}
			t.Logf("%d reads of %d states", reads.Load(), cs[0].done.Load())
			expectEmpty(t, e)
		})
	}
}
