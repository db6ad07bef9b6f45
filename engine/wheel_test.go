package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"hpkv/engine/alloc"
	"hpkv/engine/record"
)

// wheelRig is a wheel over the records of one shard, and beside it the plain
// truth: when each is due.
type wheelRig struct {
	t   *testing.T
	e   *Engine
	s   *shard
	w   *wheel
	due map[alloc.Ref]int64
	now int64
	at  map[alloc.Ref]int64 // when it was dealt: those that were due then take until the next tick
}

func newWheelRig(t *testing.T, nowMs int64) *wheelRig {
	e, _ := openTest(t, Options{Shards: 1, Databases: 1})
	return &wheelRig{t: t, e: e, s: e.shards[0], w: newWheel(nowMs), due: map[alloc.Ref]int64{}, at: map[alloc.Ref]int64{}, now: nowMs}
}

func (g *wheelRig) add(atMs int64) alloc.Ref {
	g.t.Helper()
	h := record.Shape(0, 0, 1, 0, true)
	ref, err := g.s.heap.Alloc(h.Size(), alloc.Records)
	if err != nil {
		g.t.Fatal(err)
	}
	rec := g.s.recordAt(ref)
	rec.Init(h, []byte("k"), 0)
	rec.SetExpireAt(h, atMs)
	g.w.add(g.s, ref)
	g.due[ref], g.at[ref] = atMs, g.now
	return ref
}

func (g *wheelRig) remove(ref alloc.Ref) {
	g.w.remove(g.s, ref)
	g.s.heap.Free(ref)
	delete(g.due, ref)
	delete(g.at, ref)
}

func (g *wheelRig) reschedule(ref alloc.Ref, atMs int64) {
	rec := g.s.recordAt(ref)
	rec.SetExpireAt(rec.Header(), atMs)
	g.w.move(g.s, ref)
	g.due[ref], g.at[ref] = atMs, g.now
}

// advance moves to nowMs in steps of budget records, checks that nothing
// expires early and returns how many did and in how many steps.
func (g *wheelRig) advance(nowMs int64, budget int) (expired, steps int) {
	g.t.Helper()
	g.now = nowMs
	for more := true; more; steps++ {
		inStep := 0
		more = g.w.advance(g.s, nowMs, budget, func(ref alloc.Ref) {
			at, ok := g.due[ref]
			if !ok || at > nowMs {
				g.t.Fatalf("expires record %d, due at %d (%v), at %d", ref, at, ok, nowMs)
			}
			g.remove(ref)
			expired++
			inStep++
		})
		if inStep > budget {
			g.t.Fatalf("%d records in a step of %d", inStep, budget)
		}
		if steps > 10_000_000 {
			g.t.Fatalf("advance to %d does not end", nowMs)
		}
	}
	if expired > 0 || steps > 1 {
		if err := g.w.check(g.s, len(g.due)); err != nil {
			g.t.Fatal(err)
		}
	}
	return expired, steps
}

// late returns the records that should be gone: due a tick or more ago.
func (g *wheelRig) late() (n int) {
	for ref, at := range g.due {
		if max(at, g.at[ref])>>tickBits < g.now>>tickBits {
			n++
		}
	}
	return n
}

const (
	tick   = 1 << tickBits
	minute = 60_000
	day    = 24 * 60 * minute
	year   = 365 * day
)

func TestWheelTimes(t *testing.T) {
	const now = 1_700_000_000_123
	for _, c := range []struct {
		name string
		at   int64 // after now
		then int64 // time of the only advance, after now
		gone bool
	}{
		{"due already", -5, tick, true},
		{"long past", -year, tick, true},
		{"this tick", 0, tick, true},
		{"one tick", tick, 2 * tick, true},
		{"not before its time", 10 * tick, 10*tick - 8, false},
		{"end of level 0", 255 * tick, 256 * tick, true},
		{"start of level 1", 256 * tick, 257 * tick, true},
		{"end of level 1", 65535 * tick, 65536 * tick, true},
		{"start of level 2", 65536 * tick, 65537 * tick, true},
		{"level 3", 300 * day, 300*day + tick, true},
		{"level 4", 100 * year, 100*year + tick, true},
		{"level 4, a day early", 100 * year, 100*year - day, false},
		{"beyond the horizon", 500 * year, 500*year + tick, true},
		{"beyond the horizon, early", 500 * year, 499 * year, false},
		{"end of time", math.MaxInt64 - now, 10_000 * year, false},
		{"end of time, nearly", math.MaxInt64 - now - 10*tick, 10_000 * year, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, offset := range []int64{0, 1, 7, 133 * tick, 255 * tick, 65535 * tick} {
				g := newWheelRig(t, now+offset)
				g.add(now + offset + min(c.at, math.MaxInt64-now-offset)) // no overflow here
				n, _ := g.advance(now+offset+c.then, 10)
				if (n == 1) != c.gone {
					t.Errorf("from %d: expired %d", now+offset, n)
				}
			}
		})
	}
}

// TestWheelFine moves in small steps, as it is in operation: records are met at
// their tick, neither before nor later.
func TestWheelFine(t *testing.T) {
	g := newWheelRig(t, 1_700_000_000_123)
	start := g.now
	for d := int64(0); d < 700_000; d += 997 {
		g.add(start + d)
	}
	for now := start; now < start+700_100; now += 5 {
		g.advance(now, 1000)
		if n := g.late(); n > 0 && now%500 < 5 {
			t.Fatalf("%d records are late after %d ms", n, now-start)
		}
	}
	if len(g.due) > 2 {
		t.Errorf("%d records are left", len(g.due))
	}
}

func TestWheelManyInOneList(t *testing.T) {
	for _, after := range []int64{tick, 300 * tick, 70_000 * tick} {
		g := newWheelRig(t, 1_700_000_000_000)
		n := 50_000
		if raceEnabled {
			n = 5000
		}
		for range n {
			g.add(g.now + after)
		}
		gone, steps := g.advance(g.now+after+tick, 100)
		if gone != n {
			t.Errorf("after %d ms: %d of %d gone", after, gone, n)
		}
		// Each record is dealt at most once a level and expired once.
		if limit := levels*n/100 + 2; steps > limit {
			t.Errorf("after %d ms: %d steps, more than %d", after, steps, limit)
		}
	}
}

// TestWheelClockSetBack: keys of the time after the jump expire at their time,
// and so do those of before.
func TestWheelClockSetBack(t *testing.T) {
	for _, back := range []int64{1, tick, 100 * tick, 256 * tick, 1000 * tick, 3600_000, 100 * day, 20 * year} {
		t.Run(fmt.Sprint(back), func(t *testing.T) {
			g := newWheelRig(t, 1_700_000_000_123)
			r := rand.New(rand.NewPCG(1, uint64(back)))
			for range 300 {
				g.add(g.now + r.Int64N(1<<r.IntN(40)))
			}
			g.advance(g.now+3000*tick, 7) // leaves a cascade in the middle at times
			g.w.advance(g.s, g.now+256*256*tick, 3, func(ref alloc.Ref) { g.remove(ref) })
			g.now -= back
			g.advance(g.now, 10)
			early := g.add(g.now + 10)
			for range 300 {
				g.add(g.now + r.Int64N(1<<r.IntN(40)))
			}
			g.advance(g.now+10+tick, 10)
			if _, ok := g.due[early]; ok {
				t.Error("a key of 10 ms is still there")
			}
			for range 2000 {
				g.advance(g.now+r.Int64N(1<<r.IntN(30)), 10)
				if n := g.late(); n > 0 {
					t.Fatalf("%d records are late", n)
				}
			}
			g.advance(g.now+1<<42, 10)
			if len(g.due) != 0 {
				t.Errorf("%d records are left", len(g.due))
			}
		})
	}
}

// TestWheelModel plays at random against a list.
func TestWheelModel(t *testing.T) {
	seed := testSeed(t)
	r := rand.New(rand.NewPCG(seed, 1))
	for round := range 20 {
		g := newWheelRig(t, 1_600_000_000_000+r.Int64N(1<<40))
		for range 3000 {
			switch r.IntN(10) {
			case 0, 1, 2, 3:
				at := g.now + r.Int64N(1<<r.IntN(50)) - r.Int64N(100)
				if r.IntN(50) == 0 {
					at = math.MaxInt64 - r.Int64N(1000)
				}
				g.add(at)
			case 4:
				if ref, ok := g.pick(r); ok {
					g.remove(ref)
				}
			case 5:
				if ref, ok := g.pick(r); ok {
					g.reschedule(ref, g.now+r.Int64N(1<<r.IntN(44)))
				}
			case 6:
				if r.IntN(20) == 0 {
					g.advance(g.now-r.Int64N(1<<r.IntN(36)), 20)
				}
			default:
				g.advance(g.now+r.Int64N(1<<r.IntN(24)), 1+r.IntN(20))
				if n := g.late(); n > 0 {
					t.Fatalf("round %d: %d records are late", round, n)
				}
			}
		}
	}
}

func (g *wheelRig) pick(r *rand.Rand) (alloc.Ref, bool) {
	if len(g.due) == 0 {
		return 0, false
	}
	refs := make([]alloc.Ref, 0, len(g.due))
	for ref := range g.due {
		refs = append(refs, ref)
	}
	sort.Slice(refs, func(i, j int) bool { return refs[i] < refs[j] })
	return refs[r.IntN(len(refs))], true
}
