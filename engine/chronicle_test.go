package engine

import (
	"bytes"
	"fmt"
	"time"
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
