package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"
)

// scribbler changes an engine at random, in all the ways that matter to a
// journal, without looking at the results.
type scribbler struct {
	r     *rand.Rand
	e     *Engine
	l     *Lane
	clock *ManualClock
}

func (p *scribbler) key() []byte {
	if p.r.IntN(10) == 0 {
		return p.collection()
	}
	return fmt.Appendf(nil, "k%d", p.r.IntN(400))
}

func (p *scribbler) collection() []byte { return fmt.Appendf(nil, "c%d", p.r.IntN(12)) }

// elements are some elements, sometimes many.
func (p *scribbler) elements(of int) [][]byte {
	n := 1 + p.r.IntN(5)
	if p.r.IntN(30) == 0 {
		n = p.r.IntN(3000)
	}
	list := make([][]byte, of*n+of)
	for i := range list {
		list[i] = fmt.Appendf(nil, "%d", p.r.IntN(5000))
		if p.r.IntN(10) == 0 {
			list[i] = fmt.Appendf(list[i], "%060d", 0)
		}
	}
	return list
}

// scribble changes a collection.
func (p *scribbler) scribble(t *Txn) {
	key := p.collection()
	switch p.r.IntN(13) {
	case 11:
		at := t.Now() + p.r.Int64N(4000) - 100
		_ = t.HExpire(key, p.elements(1), at, 0, func(FieldState) {})
	case 12:
		_ = t.HPersist(key, p.elements(1), func(FieldState) {})
	case 8, 9:
		var scores []float64
		var args [][]byte // scores, which are given apart, and members
		for _, m := range p.elements(1) {
			scores = append(scores, float64(p.r.IntN(100)))
			args = append(args, nil, m)
		}
		_, _ = t.ZAdd(key, scores, args, ZAddOptions{})
	case 10:
		_, _ = t.ZRem(key, p.elements(1))
	case 0, 1:
		_, _ = t.SAdd(key, p.elements(1))
	case 2:
		_, _ = t.SRem(key, p.elements(1))
	case 3:
		_, _, _ = t.SPop(nil, key, nil)
		_ = t.SPopMany(key, int64(p.r.IntN(30)), func(int) {}, func([]byte) {})
	case 4, 5:
		_, _ = t.HSet(key, p.elements(2))
	case 6:
		_, _ = t.HDel(key, p.elements(1))
	case 7:
		_, _ = t.HIncrBy(key, p.elements(1)[0], 1)
	}
}

func (p *scribbler) val() []byte {
	n := p.r.IntN(40)
	if p.r.IntN(40) == 0 {
		n = p.r.IntN(4 * captureBytes)
	}
	val := make([]byte, n)
	for i := range val {
		val[i] = byte(p.r.Uint32())
	}
	return val
}

func (p *scribbler) step() {
	dbs := p.e.Databases()
	t := p.l.Begin(p.r.IntN(dbs))
	defer t.End()
	later := t.Now() + int64(p.r.IntN(3000))
	switch n := p.r.IntN(1400); {
	case n >= 1200:
		p.list(t)
	case n >= 1000:
		p.scribble(t)
	case n < 3:
		t.FlushDB(p.r.IntN(2) == 0)
	case n < 10:
		_ = t.SwapDB(p.r.IntN(dbs), p.r.IntN(dbs))
	case n < 300:
		_, _ = t.Set(p.key(), p.val(), SetOptions{KeepTTL: n%2 == 0})
	case n < 380:
		_, _ = t.Set(p.key(), p.val(), SetOptions{ExpireAtMs: later})
	case n < 480:
		_, _ = t.Append(p.key(), p.val())
	case n < 560:
		_, _ = t.SetRange(p.key(), int64(p.r.IntN(3*captureBytes)>>p.r.IntN(16)), p.val())
	case n < 640:
		t.Delete(p.key())
	case n < 700:
		t.ExpireAt(p.key(), later, 0)
	case n < 740:
		t.Persist(p.key())
	case n < 800:
		_, _ = t.Move(p.key(), p.r.IntN(dbs))
	case n < 900:
		keys := [][]byte{p.key(), p.key()}
		t.LockKeys(keys, 0, 1, 1)
		if n < 850 {
			_, _ = t.Rename(keys[0], keys[1], false)
		} else {
			_, _ = t.Copy(keys[0], keys[1], p.r.IntN(dbs), true)
		}
	case n < 960:
		pairs := [][]byte{p.key(), p.val(), p.key(), p.val(), p.key(), p.val()}
		t.LockKeys(pairs, 0, 5, 2)
		_ = t.MSet(pairs)
	default:
		p.clock.Advance(time.Duration(p.r.IntN(200)) * time.Millisecond)
		keeper := p.e.NewLane()
		defer keeper.Close()
		p.e.Maintain(keeper, p.r.IntN(p.e.Homes()), time.Millisecond)
	}
}

// list changes a list by positions and by values.
func (p *scribbler) list(t *Txn) {
	key, index := fmt.Appendf(nil, "l%d", p.r.IntN(6)), int64(p.r.IntN(9)-4)
	end := []ListEnd{ListLeft, ListRight}[p.r.IntN(2)]
	var elems [][]byte
	for range 1 + p.r.IntN(1<<p.r.IntN(9)) {
		elems = append(elems, fmt.Appendf(nil, "%0*d", p.r.IntN(90), p.r.IntN(20)))
	}
	few := elems[:min(len(elems), 3)]
	switch p.r.IntN(10) {
	case 0:
		_, _ = t.ListPush(key, end, elems, false)
	case 1, 2:
		_, _ = t.ListPush(key, end, few, false)
	case 3:
		_, _ = t.ListPop(key, end, int64(p.r.IntN(200)), func(int) {}, func(ListValue) {})
	case 4:
		_ = t.ListSet(key, index, elems[0])
	case 5:
		_, _ = t.ListInsert(key, true, elems[0], few[len(few)-1])
	case 6:
		_, _ = t.ListRemove(key, index, elems[0])
	case 7:
		_ = t.ListTrim(key, int64(p.r.IntN(10)), -int64(p.r.IntN(10)))
	default: // all of it, by value
		var all [][]byte
		_ = t.ListRange(key, 0, -1, func(int) {}, func(v ListValue) { all = append(all, v.Append(nil)) })
		for _, v := range all[:min(len(all), 50)] {
			_, _ = t.ListRemove(key, 0, v)
		}
	}
}

// TestCapture interleaves captures of all shards with changes at random: the
// journal from the beginning of the captures on must hold everything.
func TestCapture(t *testing.T) {
	for i := range 8 {
		t.Run("", func(t *testing.T) {
			seed := testSeed(t)
			r := rand.New(rand.NewPCG(seed, 1))
			rec := new(recorder)
			shards := 1 << r.IntN(4)
			e, clock := openTest(t, Options{Shards: shards, Databases: 3})
			p := &scribbler{r: r, e: e, clock: clock, l: e.NewLane()}
			defer p.l.Close()
			for range r.IntN(6000) * (i % 2) {
				p.step()
			}
			before := contents(e)
			for shard := range shards {
				e.BeginCapture(shard)
			}
			e.SetJournal(rec) // it misses what was before
			whole := len(before) == 0
			moments := map[int]map[string]string{} // number of effects: contents
			keeper := e.NewLane()
			defer keeper.Close()
			const waiting, open, done = 0, 1, 2
			state := make([]int, shards)
			pace := 1 + r.IntN(20)
			for range r.IntN(3000) * (1 - i%2) {
				p.step()
			}
			for left := shards; left > 0; {
				for range r.IntN(2 * pace) {
					p.step()
				}
				if whole && r.IntN(20) == 0 {
					moments[len(rec.effects)] = contents(e)
				}
				shard := r.IntN(shards)
				switch state[shard] {
				case waiting:
					e.BeginCapture(shard)
					state[shard] = open
				case open:
					if r.IntN(100) == 0 { // changes its mind
						e.BeginCapture(shard)
					}
					if captureStepOf(t, keeper, shard) {
						state[shard] = done
						left--
					}
				}
			}
			for range r.IntN(1000) {
				p.step()
			}
			for _, count := range []int{shards, 1 << r.IntN(4)} {
				twin, _ := openTest(t, Options{Shards: count, Databases: 3})
				replay(t, twin, rec.effects, shards)
				sameContents(t, twin, e)
			}
			// Cut off in the middle of a capture, a journal that missed nothing
			// still holds everything.
			for n, want := range moments {
				twin, _ := openTest(t, Options{Shards: shards, Databases: 3})
				replay(t, twin, rec.effects[:n], shards)
				if got := contents(twin); !maps.Equal(got, want) {
					t.Errorf("after %d of %d effects: %d keys, want %d", n, len(rec.effects), len(got), len(want))
					for k, v := range want {
						if got[k] != v {
							t.Logf("key %s: %.100s, want %.100s", k, got[k], v)
						}
					}
				}
			}
		})
	}
}

// captureStepOf goes on with a capture and reports whether it has ended.
func captureStepOf(t *testing.T, l *Lane, shard int) (done bool) {
	t.Helper()
	step, err := l.Capture(shard)
	if err != nil {
		t.Fatal(err)
	}
	return step.Done
}

// TestCaptureSteps: no step journals more than its bounds allow.
func TestCaptureSteps(t *testing.T) {
	rec := new(recorder)
	e, _ := openTest(t, Options{Shards: 1, Databases: 2, Journal: rec})
	l := e.NewLane()
	defer l.Close()
	if _, err := l.Capture(0); err != ErrNoCapture {
		t.Fatalf("a capture that was not begun: %v", err)
	}
	txn := l.Begin(1)
	for i := range 5000 {
		val := make([]byte, 100)
		if i%1000 == 0 {
			val = make([]byte, 10*captureBytes)
		}
		if _, err := txn.Set(fmt.Appendf(nil, "k%d", i), val, SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	txn.End()
	e.BeginCapture(0)
	before := l.Engine().Stats().Changes
	for done := false; !done; {
		rec.effects = nil
		step, err := l.Capture(0)
		if err != nil {
			t.Fatal(err)
		}
		bytes := 0
		for _, r := range rec.effects {
			bytes += len(r.payload)
		}
		n := len(rec.effects)
		if n > 2*captureStep || bytes > 2*captureBytes {
			t.Fatalf("%d effects of %d bytes in one step", n, bytes)
		}
		if step.Effects != n || step.Bytes != bytes {
			t.Fatalf("a step speaks of %d effects of %d bytes; there are %d of %d", step.Effects, step.Bytes, n, bytes)
		}
		done = step.Done
	}
	if now := e.Stats().Changes; now != before {
		t.Errorf("%d changes by a capture", now-before)
	}
	e.BeginCapture(0)
	e.EndCapture(0)
	rec.effects = nil
	if _, err := l.Capture(0); err != ErrNoCapture || len(rec.effects) > 0 {
		t.Errorf("a capture that was given up: %v", err)
	}
	e.BeginCapture(0)
	e.SetJournal(nil)
	if _, err := l.Capture(0); err != ErrNoCapture {
		t.Errorf("a capture without a journal: %v", err)
	}
}

// TestCaptureBeforeTheTurn changes everything between the beginning of a capture
// and the point in the journal from which on a replay must do: what is flushed,
// swapped, stored and removed there is known to the capture alone.
func TestCaptureBeforeTheTurn(t *testing.T) {
	rec := new(recorder)
	e, _ := openTest(t, Options{Shards: 2, Databases: 3, Journal: rec})
	l := e.NewLane()
	defer l.Close()
	set := func(db int, key string) {
		t.Helper()
		txn := l.Begin(db)
		defer txn.End()
		if _, err := txn.Set([]byte(key), []byte("v"), SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		for db := range 3 {
			set(db, fmt.Sprintf("old%d", i))
		}
	}
	for shard := range e.Shards() {
		e.BeginCapture(shard)
	}
	txn := l.Begin(0)
	txn.FlushDB(true)
	txn.End()
	for i := range 100 {
		set(0, fmt.Sprintf("flushed%d", i))
	}
	txn = l.Begin(0)
	if err := txn.SwapDB(0, 1); err != nil {
		t.Fatal(err)
	}
	txn.End()
	set(0, "swapped")
	txn = l.Begin(2)
	txn.Delete([]byte("old7"))
	txn.End()

	rec.effects = nil // the turn
	for shard := range e.Shards() {
		for !captureStepOf(t, l, shard) {
		}
	}
	twin, _ := openTest(t, Options{Shards: 2, Databases: 3})
	replay(t, twin, rec.effects, e.Shards())
	sameContents(t, twin, e)
}
