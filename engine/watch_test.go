package engine

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	for _, c := range []struct {
		name   string
		setup  func(t *Txn, clock *ManualClock)
		do     func(t *Txn, clock *ManualClock)
		change bool
	}{
		{"nothing", nil, func(*Txn, *ManualClock) {}, false},
		{"read", setK, func(t *Txn, _ *ManualClock) { _, _, _ = t.Get(nil, b("k"), nil); t.Exists(b("k")) }, false},
		{"set", setK, func(t *Txn, _ *ManualClock) { _, _ = t.Set(b("k"), b("v"), SetOptions{}) }, true},
		{"set where there was nothing", nil, func(t *Txn, _ *ManualClock) { _, _ = t.Set(b("k"), b("v"), SetOptions{}) }, true},
		{"set nx, refused", setK, func(t *Txn, _ *ManualClock) { _, _ = t.Set(b("k"), b("v"), SetOptions{NX: true}) }, false},
		{"another key", setK, func(t *Txn, _ *ManualClock) { _, _ = t.Set(b("l"), b("v"), SetOptions{}) }, false},
		{"another database", setK, func(t *Txn, _ *ManualClock) { t.SetDB(1); _, _ = t.Set(b("k"), b("v"), SetOptions{}) }, false},
		{"set there and back", setK, func(t *Txn, _ *ManualClock) {
			_, _ = t.Set(b("k"), b("other"), SetOptions{})
			_, _ = t.Set(b("k"), b("old"), SetOptions{})
		}, true},
		{"delete", setK, func(t *Txn, _ *ManualClock) { t.Delete(b("k")) }, true},
		{"delete of nothing", nil, func(t *Txn, _ *ManualClock) { t.Delete(b("k")) }, false},
		{"expire", setK, func(t *Txn, _ *ManualClock) { t.ExpireAt(b("k"), t.Now()+1000, 0) }, true},
		{"expires", setVolatileK, func(_ *Txn, clock *ManualClock) { clock.Advance(100 * time.Millisecond) }, true},
		{"expires and is removed", setVolatileK, func(t *Txn, clock *ManualClock) {
			clock.Advance(100 * time.Millisecond)
			t.now = 0
			t.Delete(b("k"))
		}, true},
		{"not yet expired", setVolatileK, func(_ *Txn, clock *ManualClock) { clock.Advance(40 * time.Millisecond) }, false},
		{"expired before", func(t *Txn, clock *ManualClock) {
			setVolatileK(t, clock)
			clock.Advance(100 * time.Millisecond)
		}, func(t *Txn, clock *ManualClock) { clock.Advance(time.Millisecond); t.Delete(b("k")) }, false},
		{"append", setK, func(t *Txn, _ *ManualClock) { _, _ = t.Append(b("k"), b("v")) }, true},
		{"setrange", setK, func(t *Txn, _ *ManualClock) { _, _ = t.SetRange(b("k"), 1, b("v")) }, true},
		{"setbit", setK, func(t *Txn, _ *ManualClock) { _, _ = t.SetBit(b("k"), 0, 1) }, true},
		{"setbit of what it is", setK, func(t *Txn, _ *ManualClock) { _, _ = t.SetBit(b("k"), 0, 0) }, false},
		{"setbit beyond the end", setK, func(t *Txn, _ *ManualClock) { _, _ = t.SetBit(b("k"), 100, 0) }, true},
		{"incr", nil, func(t *Txn, _ *ManualClock) { _, _ = t.IncrBy(b("k"), 1) }, true},
		{"rename from", setK, func(t *Txn, _ *ManualClock) {
			t.LockKeys(bs("k", "l"), 0, 1, 1)
			_, _ = t.Rename(b("k"), b("l"), false)
		}, true},
		{"rename to", setL, func(t *Txn, _ *ManualClock) {
			t.LockKeys(bs("k", "l"), 0, 1, 1)
			_, _ = t.Rename(b("l"), b("k"), false)
		}, true},
		{"copy to", setL, func(t *Txn, _ *ManualClock) {
			t.LockKeys(bs("k", "l"), 0, 1, 1)
			_, _ = t.Copy(b("l"), b("k"), 0, false)
		}, true},
		{"copy from", setK, func(t *Txn, _ *ManualClock) {
			t.LockKeys(bs("k", "l"), 0, 1, 1)
			_, _ = t.Copy(b("k"), b("l"), 0, false)
		}, false},
		{"move from", setK, func(t *Txn, _ *ManualClock) { _, _ = t.Move(b("k"), 1) }, true},
		{"move to", func(t *Txn, _ *ManualClock) { t.SetDB(1); _, _ = t.Set(b("k"), b("v"), SetOptions{}) },
			func(t *Txn, _ *ManualClock) { t.SetDB(1); _, _ = t.Move(b("k"), 0) }, true},
		{"flushdb", setK, func(t *Txn, _ *ManualClock) { t.FlushDB(false) }, true},
		{"flushdb of another", setK, func(t *Txn, _ *ManualClock) { t.SetDB(1); t.FlushDB(false) }, false},
		{"flushdb without the key", setL, func(t *Txn, _ *ManualClock) { t.FlushDB(false) }, false},
		{"flushall", setK, func(t *Txn, _ *ManualClock) { t.FlushAll(true) }, true},
		{"swapdb away", setK, func(t *Txn, _ *ManualClock) { _ = t.SwapDB(0, 1) }, true},
		{"swapdb in", func(t *Txn, _ *ManualClock) { t.SetDB(1); _, _ = t.Set(b("k"), b("v"), SetOptions{}) },
			func(t *Txn, _ *ManualClock) { _ = t.SwapDB(1, 0) }, true},
		{"swapdb without the key", setL, func(t *Txn, _ *ManualClock) { _ = t.SwapDB(0, 1) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, clock := openTest(t, Options{Shards: 2, Databases: 2})
			l := e.NewLane()
			defer l.Close()
			if c.setup != nil {
				txn := l.Begin(0)
				c.setup(txn, clock)
				txn.End()
			}
			w, twin := l.Begin(0).Watch(b("k")), l.Begin(0).Watch(b("k"))
			txn := l.Begin(0)
			c.do(txn, clock)
			txn.End()
			for _, w := range []*Watch{w, twin} {
				if got := w.Changed(clock.NowMs()); got != c.change {
					t.Errorf("changed: %v, want %v", got, c.change)
				}
			}
			w.Release()
			if again := l.Begin(0).Watch(b("k")); again.Changed(clock.NowMs()) {
				t.Error("a new watch has changed")
			} else {
				again.Release()
			}
			twin.Release()
			for _, s := range e.shards {
				if len(s.watches) != 0 {
					t.Errorf("shard %d still has watches", s.id)
				}
			}
		})
	}
}

func setK(t *Txn, _ *ManualClock) { _, _ = t.Set(b("k"), b("old"), SetOptions{}) }
func setL(t *Txn, _ *ManualClock) { _, _ = t.Set(b("l"), b("old"), SetOptions{}) }
func setVolatileK(t *Txn, _ *ManualClock) {
	_, _ = t.Set(b("k"), b("old"), SetOptions{ExpireAtMs: t.Now() + 50})
}

// TestWatchTransactions moves money between accounts with optimistic
// transactions; none may be lost.
func TestWatchTransactions(t *testing.T) {
	const accounts, start = 8, 1000
	e, _ := openTest(t, Options{Shards: 4, Databases: 1, Clock: SystemClock{}})
	sr := &stressRun{t: t, e: e, seed: testSeed(t)}
	var keys [][]byte
	setup := e.NewLane()
	defer setup.Close()
	for i := range accounts {
		keys = append(keys, fmt.Appendf(nil, "account/%d", i))
		_, _ = setup.Begin(0).IncrBy(keys[i], start)
	}
	var done, aborted atomic.Int64
	for range 4 {
		sr.spawn(func(l *Lane, r *rand.Rand) error {
			for !sr.stop.Load() {
				i, j := r.IntN(accounts), r.IntN(accounts)
				if i == j {
					continue
				}
				ok, err := pay(l, keys[i], keys[j], r.Int64N(10))
				if err != nil {
					return err
				}
				if ok {
					done.Add(1)
				} else {
					aborted.Add(1)
				}
			}
			return nil
		})
	}
	sr.spawn(func(l *Lane, _ *rand.Rand) error {
		for !sr.stop.Load() {
			sum := int64(0)
			l.Begin(0).MGet(keys, func(_ int, val []byte, _ bool) {
				n, _ := parseInt(val)
				sum += n
			})
			if sum != accounts*start {
				return fmt.Errorf("the accounts hold %d, not %d", sum, accounts*start)
			}
		}
		return nil
	})
	sr.wait(stressTime(t)/10, func() bool { return done.Load() > 0 })
	if done.Load() == 0 {
		t.Error("no transaction went through")
	}
	t.Logf("%d transactions, %d aborted", done.Load(), aborted.Load())
}

func pay(l *Lane, from, to []byte, amount int64) (ok bool, err error) {
	t := l.Begin(0)
	wf, wt := t.Watch(from), t.Watch(to)
	defer wf.Release()
	defer wt.Release()
	balance := func(key []byte) int64 {
		val, _, _ := t.Get(nil, key, nil)
		n, _ := parseInt(val)
		return n
	}
	have, had := balance(from), balance(to)
	t = l.Begin(0)
	t.LockKeys([][]byte{from, to}, 0, 1, 1)
	defer t.End()
	if wf.Changed(t.Now()) || wt.Changed(t.Now()) {
		return false, nil
	}
	for key, n := range map[string]int64{string(from): have - amount, string(to): had + amount} {
		if _, err := t.Set([]byte(key), appendInt(nil, n), SetOptions{}); err != nil {
			return false, err
		}
	}
	return true, nil
}
