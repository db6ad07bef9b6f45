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

// Databases of the stress test.
const (
	stressMain   = iota // everything that shares its index with the churn
	stressAway          // where keys are moved to
	stressSwapA         // exchanged with stressSwapB
	stressSwapB         // the next state is prepared here
	stressFlush         // flushed by its writer
	stressCounts        // of databases
)

// newChronicle returns a chronicle with n keys in db, spread over the shards.
func newChronicle(id uint32, name string, db, n int) *chronicle {
	c := &chronicle{id: id, name: fmt.Sprintf("chronicle %d (%s)", id, name)}
	for i := range n {
		c.places = append(c.places, place{db, fmt.Appendf(nil, "c%04d/%d", id, i)})
	}
	return c
}

func (c *chronicle) keys() [][]byte {
	var keys [][]byte
	for _, p := range c.places {
		keys = append(keys, p.key)
	}
	return keys
}

// overwriteChronicle is one key that is written in every way a value can be,
// and sometimes deleted.
func overwriteChronicle(id uint32, keyLen int) *chronicle {
	c := newChronicle(id, "overwrite", stressMain, 1)
	p := &c.places[0]
	p.key = append(p.key, bytes.Repeat([]byte{'x'}, keyLen)...)
	c.state = func(n uint64, _ int) uint64 {
		if n%7 == 0 {
			return 0
		}
		return n
	}
	c.step = func(w *stressWriter, n uint64) error {
		t := w.l.Begin(p.db)
		defer t.End()
		prev, next := c.state(n-1, 0), c.state(n, 0)
		if next == 0 {
			if w.r.IntN(3) == 0 {
				_, ok, err := t.GetDel(nil, p.key, nil)
				if !ok {
					err = fmt.Errorf("getdel found nothing: %w", err)
				}
				return err
			}
			if !t.Delete(p.key) {
				return fmt.Errorf("delete found nothing")
			}
			return nil
		}
		val := w.value(next)
		if prev != 0 && len(val) >= stressSize(c.id, prev) && w.r.IntN(3) == 0 {
			_, err := t.SetRange(p.key, 0, val)
			return err
		}
		o := SetOptions{NX: prev == 0, XX: prev != 0, Get: w.r.IntN(4) == 0}
		if w.r.IntN(3) == 0 {
			o.ExpireAtMs = t.Now() + 3_600_000
		} else {
			o.KeepTTL = w.r.IntN(2) == 0
		}
		res, err := t.Set(p.key, val, o)
		if err == nil && !res.Set {
			err = fmt.Errorf("set did nothing")
		}
		if err == nil && o.Get && prev != 0 {
			if was, bad := readStress(res.Prev, c.id); bad != nil || was != prev {
				err = fmt.Errorf("set returned content %d, %v, as the previous one", was, bad)
			}
		}
		return err
	}
	return c
}

// inPlaceChronicle is one key that is overwritten where it is, as fast as can
// be, by values of so many KB.
func inPlaceChronicle(kb int) *chronicle {
	c := newChronicle(uint32(fixedSize+kb), "in place", stressMain, 1)
	c.state = func(n uint64, _ int) uint64 { return n }
	c.step = func(w *stressWriter, n uint64) error {
		t := w.l.Begin(stressMain)
		defer t.End()
		var err error
		if n%2 == 0 {
			_, err = t.SetRange(c.places[0].key, 0, w.value(n))
		} else {
			_, err = t.Set(c.places[0].key, w.value(n), SetOptions{})
		}
		return err
	}
	return c
}

// expiryChronicle is keys that are stored together and expire together.
func expiryChronicle(id uint32, n int) *chronicle {
	c := newChronicle(id, "expiry", stressMain, n)
	c.state = func(n uint64, i int) uint64 {
		if n%2 == 0 {
			return 0
		}
		return n<<8 + uint64(i) + 1
	}
	c.step = func(w *stressWriter, n uint64) error {
		if n%2 == 0 {
			for w.e.clock.NowMs() < w.expireAt {
				time.Sleep(time.Millisecond)
			}
			return nil
		}
		// From here on the keys may expire as soon as they are there.
		c.begun.Store(n + 1)
		t := w.l.Begin(stressMain)
		defer t.End()
		keys := c.keys()
		if len(keys) > 1 {
			t.LockKeys(keys, 0, len(keys)-1, 1)
		}
		w.expireAt = t.Now() + 1 + w.r.Int64N(20)
		for i, key := range keys {
			o := SetOptions{ExpireAtMs: w.expireAt}
			if len(keys) == 1 && w.r.IntN(2) == 0 {
				// In two steps, which readers cannot tell from one.
				o.ExpireAtMs = t.Now() + 3_600_000
			}
			if _, err := t.Set(key, w.value(c.state(n, i)), o); err != nil {
				return err
			}
			if o.ExpireAtMs != w.expireAt && !t.ExpireAt(key, w.expireAt, ExpireXX|ExpireLT) {
				return fmt.Errorf("expireat did nothing")
			}
		}
		return nil
	}
	return c
}

// msetChronicle is keys that are always written as one.
func msetChronicle(id uint32, n int) *chronicle {
	c := newChronicle(id, "mset", stressMain, n)
	c.state = func(n uint64, i int) uint64 {
		if n%9 == 0 {
			return 0
		}
		return n<<8 + uint64(i)
	}
	c.step = func(w *stressWriter, n uint64) error {
		t := w.l.Begin(stressMain)
		defer t.End()
		keys := c.keys()
		t.LockKeys(keys, 0, len(keys)-1, 1)
		if n%9 == 0 {
			for _, key := range keys {
				if n > 0 && !t.Delete(key) {
					return fmt.Errorf("delete found nothing")
				}
			}
			return nil
		}
		var pairs [][]byte
		for i, key := range keys {
			pairs = append(pairs, key, bytes.Clone(w.value(c.state(n, i))))
		}
		ok, err := t.MSetNX(pairs)
		if err == nil && ok != (c.state(n-1, 0) == 0) {
			err = fmt.Errorf("msetnx: %v", ok)
		}
		if err == nil && !ok {
			err = t.MSet(pairs)
		}
		return err
	}
	return c
}

// chainChronicle is keys written one after the other, round after round: at
// any moment the ones behind are one round behind.
func chainChronicle(id uint32, k int) *chronicle {
	c := newChronicle(id, "chain", stressMain, k)
	c.state = func(n uint64, i int) uint64 {
		round := int(n) / k
		if i > int(n)%k {
			round--
		}
		if round < 1 {
			return 0
		}
		return uint64(round*k + i)
	}
	c.step = func(w *stressWriter, n uint64) error {
		if n < uint64(k) {
			return nil
		}
		t := w.l.Begin(stressMain)
		defer t.End()
		i := int(n) % k
		_, err := t.Set(c.places[i].key, w.value(c.state(n, i)), SetOptions{})
		return err
	}
	return c
}

// swapChronicle is prepared in one database, key by key, and shown in another
// by SWAPDB.
func swapChronicle(id uint32, k int) *chronicle {
	c := newChronicle(id, "swapdb", stressSwapA, k)
	c.state = func(n uint64, i int) uint64 {
		if n%5 == 0 {
			return 0
		}
		return n<<8 + uint64(i)
	}
	c.step = func(w *stressWriter, n uint64) error {
		if n%5 == 0 || w.r.IntN(4) == 0 {
			t := w.l.Begin(stressSwapB)
			t.FlushDB(w.r.IntN(2) == 0)
			t.End()
		}
		for i, p := range c.places {
			if c.state(n, i) != 0 {
				t := w.l.Begin(stressSwapB)
				_, err := t.Set(p.key, w.value(c.state(n, i)), SetOptions{})
				t.End()
				if err != nil {
					return err
				}
			}
		}
		t := w.l.Begin(0)
		defer t.End()
		return t.SwapDB(stressSwapA, stressSwapB)
	}
	return c
}

// flushChronicle is keys that are stored as one and flushed.
func flushChronicle(id uint32, k int, flush func(t *Txn, async bool), dbs ...int) *chronicle {
	c := newChronicle(id, "flush", dbs[0], k)
	for i := range c.places {
		c.places[i].db = dbs[i%len(dbs)]
	}
	c.state = func(n uint64, i int) uint64 {
		if n%2 == 0 {
			return 0
		}
		return n<<8 + uint64(i)
	}
	c.step = func(w *stressWriter, n uint64) error {
		t := w.l.Begin(dbs[0])
		defer t.End()
		if n%2 == 0 {
			flush(t, w.r.IntN(2) == 0)
			return nil
		}
		t.LockKeys(c.keys(), 0, k-1, 1)
		for i, p := range c.places {
			t.SetDB(p.db)
			if _, err := t.Set(p.key, w.value(c.state(n, i)), SetOptions{}); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

// travelChronicle is a value that is renamed, copied and moved about.
func travelChronicle(id uint32) *chronicle {
	c := newChronicle(id, "travel", stressMain, 3)
	a, b, z := c.places[0].key, c.places[1].key, c.places[2].key
	c.places = append(c.places, place{stressAway, z})
	steps := []struct {
		at   [4]bool // where the value is
		step func(t *Txn) (bool, error)
	}{
		{[4]bool{}, func(t *Txn) (bool, error) { t.SetDB(stressAway); return t.Delete(z), nil }},
		{[4]bool{true, false, false, false}, nil},
		{[4]bool{false, true, false, false}, func(t *Txn) (bool, error) { return t.Rename(a, b, true) }},
		{[4]bool{true, true, false, false}, func(t *Txn) (bool, error) { return t.Copy(b, a, stressMain, false) }},
		{[4]bool{true, true, true, false}, func(t *Txn) (bool, error) { return t.Copy(b, z, stressMain, true) }},
		{[4]bool{true, true, false, true}, func(t *Txn) (bool, error) { return t.Move(z, stressAway) }},
		{[4]bool{false, true, false, true}, func(t *Txn) (bool, error) { return t.Rename(a, b, false) }},
		{[4]bool{false, false, false, true}, func(t *Txn) (bool, error) { return t.Delete(b), nil }},
	}
	turn := uint64(len(steps))
	c.state = func(n uint64, i int) uint64 {
		if !steps[n%turn].at[i] {
			return 0
		}
		return n / turn * turn
	}
	// The first turn would need content 0.
	shift := c.state
	c.state = func(n uint64, i int) uint64 { return shift(n+turn, i) }
	c.step = func(w *stressWriter, n uint64) error {
		t := w.l.Begin(stressMain)
		defer t.End()
		s := steps[n%turn]
		if s.step == nil {
			_, err := t.Set(a, w.value(c.state(n, 0)), SetOptions{ExpireAtMs: t.Now() + 3_600_000})
			return err
		}
		t.LockKeys([][]byte{a, b, z}, 0, 2, 1)
		ok, err := s.step(t)
		if err == nil && !ok {
			err = fmt.Errorf("the step did nothing")
		}
		return err
	}
	return c
}

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
