package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"hpkv/engine/alloc"
)

// fill stores n keys of db with values that name them and a generation.
func fill(t testing.TB, l *Lane, db, n int, generation string) {
	t.Helper()
	for i := range n {
		if _, err := l.Begin(db).Set(fmt.Appendf(nil, "key%06d", i), fmt.Appendf(nil, "%s/%06d", generation, i), SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// expectRange checks that r goes on with keys from to to, of a generation.
func expectRange(t *testing.T, r *Range, from, to int, generation string) {
	t.Helper()
	for i := from; i < to; i++ {
		if !r.Next() {
			t.Fatalf("the range ends before key %d", i)
		}
		if k, v := fmt.Sprintf("key%06d", i), fmt.Sprintf("%s/%06d", generation, i); string(r.Key()) != k || string(r.Value()) != v {
			t.Fatalf("the range is at %q = %.40q, want %q = %q", r.Key(), r.Value(), k, v)
		}
	}
}

func liveBytes(e *Engine, p alloc.Purpose) (n int64) {
	for _, s := range e.shards {
		n += s.heap.Live(p).LiveBytes
	}
	return n
}

// reclaimAll does what Maintain does bit by bit.
func reclaimAll(e *Engine) {
	for _, s := range e.shards {
		s.mu.lock()
		for s.reclaim(reclaimStep) {
		}
		s.mu.unlock()
	}
}

func expectUnpinned(t *testing.T, e *Engine) {
	t.Helper()
	reclaimAll(e)
	for _, s := range e.shards {
		if s.pins.open() || s.pins.kept != 0 || len(s.pins.limbo) != 0 {
			t.Errorf("shard %d: %d snapshots open, %d records kept", s.id, len(s.pins.held), s.pins.kept)
		}
	}
	if n := e.Stats().Pinned; n != 0 {
		t.Errorf("%d pinned records", n)
	}
}

// TestRangeThroughChanges opens a range, changes everything in every way while
// it is read, and finds it as it was.
func TestRangeThroughChanges(t *testing.T) {
	const n = 3000
	for _, c := range []struct {
		name   string
		change func(t *Txn, l *Lane, e *Engine)
	}{
		{"overwrite, same size", func(_ *Txn, l *Lane, _ *Engine) { fill(t, l, 0, n, "nex") }},
		{"overwrite, other size", func(_ *Txn, l *Lane, _ *Engine) { fill(t, l, 0, n, "something longer") }},
		{"splice", func(_ *Txn, l *Lane, _ *Engine) {
			for i := range n {
				_, _ = l.Begin(0).SetRange(fmt.Appendf(nil, "key%06d", i), 1, b("X"))
				_, _ = l.Begin(0).Append(fmt.Appendf(nil, "key%06d", i), b("XXXXXXXXXXXXXX"))
			}
		}},
		{"expiry given, changed and taken", func(_ *Txn, l *Lane, _ *Engine) {
			for i := range n {
				key := fmt.Appendf(nil, "key%06d", i)
				l.Begin(0).ExpireAt(key, l.Begin(0).Now()+1000, 0)
				l.Begin(0).ExpireAt(key, l.Begin(0).Now()+2000, 0)
				l.Begin(0).Persist(key)
			}
		}},
		{"delete", func(_ *Txn, l *Lane, _ *Engine) {
			for i := range n {
				l.Begin(0).Delete(fmt.Appendf(nil, "key%06d", i))
			}
		}},
		{"delete and insert others", func(_ *Txn, l *Lane, _ *Engine) {
			for i := range n {
				l.Begin(0).Delete(fmt.Appendf(nil, "key%06d", i))
				_, _ = l.Begin(0).Set(fmt.Appendf(nil, "key%06d+", i), b("xxx/yyyyyy"), SetOptions{})
			}
		}},
		{"flushdb", func(t *Txn, _ *Lane, _ *Engine) { t.FlushDB(false) }},
		{"flushall and fill again", func(t *Txn, l *Lane, _ *Engine) {
			t.FlushAll(true)
			fillQuiet(l, 0, n, "nex")
		}},
		{"swapdb", func(t *Txn, l *Lane, _ *Engine) {
			_ = t.SwapDB(0, 1)
			fillQuiet(l, 0, n, "nex")
			fillQuiet(l, 1, n, "nex")
		}},
		{"move", func(_ *Txn, l *Lane, _ *Engine) {
			for i := range n {
				_, _ = l.Begin(0).Move(fmt.Appendf(nil, "key%06d", i), 1)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := openTest(t, Options{Shards: 4, Databases: 2})
			l, keeper := e.NewLane(), e.NewLane()
			defer l.Close()
			defer keeper.Close()
			fill(t, l, 0, n, "old")
			r := l.Begin(0).Range(nil, nil)
			expectRange(t, r, 0, n/3, "old")
			txn := l.Begin(0)
			c.change(txn, l, e)
			txn.End()
			for home := range e.Homes() {
				e.Maintain(keeper, home, 10*time.Millisecond)
			}
			expectRange(t, r, n/3, n, "old")
			if r.Next() {
				t.Errorf("the range goes on with %q", r.Key())
			}
			r.Close()
			settle(t, e, keeper)
			expectUnpinned(t, e)
			if err := e.Check(); err != nil {
				t.Error(err)
			}
			expectEmpty(t, e)
		})
	}
}

func fillQuiet(l *Lane, db, n int, generation string) {
	for i := range n {
		_, _ = l.Begin(db).Set(fmt.Appendf(nil, "key%06d", i), fmt.Appendf(nil, "%s/%06d", generation, i), SetOptions{})
	}
}

// TestRangeOverlap: each of several overlapping snapshots shows its own moment,
// and what only a closed one needed is free.
func TestRangeOverlap(t *testing.T) {
	const n = 500
	e, _ := openTest(t, Options{Shards: 2, Databases: 1})
	l := e.NewLane()
	defer l.Close()
	fill(t, l, 0, n, "g0")
	base := liveBytes(e, alloc.Records)
	var open []*Range
	for g := range 4 {
		open = append(open, l.Begin(0).Range(nil, nil))
		fill(t, l, 0, n, fmt.Sprintf("g%d", g+1))
	}
	if got := liveBytes(e, alloc.Records); got != 5*base {
		t.Errorf("with 4 snapshots %d bytes are live, want %d", got, 5*base)
	}
	for g, r := range open {
		expectRange(t, r, 0, n/2, fmt.Sprintf("g%d", g))
	}
	// The second is in the middle: g1 is still seen by nobody else, but the
	// first snapshot was opened before it was replaced.
	open[1].Close()
	expectRange(t, open[0], n/2, n, "g0")
	open[0].Close()
	reclaimAll(e)
	if got := liveBytes(e, alloc.Records); got != 3*base {
		t.Errorf("with 2 snapshots %d bytes are live, want %d", got, 3*base)
	}
	expectRange(t, open[3], n/2, n, "g3")
	open[3].Close()
	expectRange(t, open[2], n/2, n, "g2")
	open[2].Close()
	reclaimAll(e)
	if got := liveBytes(e, alloc.Records); got != base {
		t.Errorf("with no snapshot %d bytes are live, want %d", got, base)
	}
	expectUnpinned(t, e)
}

// TestRangeBounds: both ends are inclusive, in byte order.
func TestRangeBounds(t *testing.T) {
	e, clock := openTest(t, Options{Shards: 8, Databases: 1})
	l := e.NewLane()
	defer l.Close()
	r := rand.New(rand.NewPCG(1, 2))
	keys := []string{"", "\x00", "a", "a\x00", "a\x00\x00", "aaaaaaaa", "aaaaaaaa\x00", "aaaaaaab", "\xff", "\xff\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"}
	for range 200 {
		k := make([]byte, r.IntN(12))
		for i := range k {
			k[i] = "\x00ab\xff"[r.IntN(4)]
		}
		keys = append(keys, string(k))
	}
	sort.Strings(keys)
	for i, k := range keys {
		o := SetOptions{}
		if i%7 == 0 {
			o.ExpireAtMs = clock.NowMs() + 10
		}
		if _, err := l.Begin(0).Set([]byte(k), []byte(k), o); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(20 * time.Millisecond)
	for range 500 {
		start, end := []byte(keys[r.IntN(len(keys))]), []byte(keys[r.IntN(len(keys))])
		if r.IntN(5) == 0 {
			end = nil
		}
		var want []string
		for i, k := range keys {
			if (i == 0 || k != keys[i-1]) && k >= string(start) && (end == nil || k <= string(end)) && l.Begin(0).Exists([]byte(k)) {
				want = append(want, k)
			}
		}
		rg := l.Begin(0).Range(start, end)
		var got []string
		for rg.Next() {
			got = append(got, string(rg.Key()))
			if !bytes.Equal(rg.Key(), rg.Value()) || rg.Type() != TypeString {
				t.Fatalf("key %q has value %q", rg.Key(), rg.Value())
			}
		}
		rg.Close()
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("range %q %q: %q, want %q", start, end, got, want)
		}
	}
	expectUnpinned(t, e)
}

// TestRangeIndexBuild builds the ordered index while keys come, go and move.
func TestRangeIndexBuild(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 2, Databases: 2})
	l := e.NewLane()
	defer l.Close()
	fill(t, l, 0, 5000, "old")
	e.wanted[0].Store(true)
	r := rand.New(rand.NewPCG(3, 4))
	for step := 0; !e.RangeReady(0); step++ {
		for _, s := range e.shards {
			s.mu.lock()
			s.buildOrdered(s.dbs[0].Load(), 5)
			s.mu.unlock()
		}
		for range 20 {
			key := fmt.Appendf(nil, "key%06d", r.IntN(8000))
			switch r.IntN(3) {
			case 0:
				l.Begin(0).Delete(key)
			case 1:
				_, _ = l.Begin(0).Set(key, bytes.Repeat([]byte("x"), r.IntN(200)), SetOptions{})
			case 2:
				l.Begin(0).ExpireAt(key, l.Begin(0).Now()+100000, 0)
			}
		}
		if step == 100 {
			_ = l.Begin(0).SwapDB(0, 1)
			_ = l.Begin(0).SwapDB(0, 1)
		}
		if step > 100000 {
			t.Fatal("the build does not end")
		}
	}
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	n := 0
	rg := l.Begin(0).Range(nil, nil)
	for rg.Next() {
		n++
	}
	rg.Close()
	if n != l.Begin(0).DBSize() {
		t.Errorf("the range has %d keys of %d", n, l.Begin(0).DBSize())
	}
}

// TestRangeCloseIsBounded: closing a range beside which much was written frees
// a step's worth and leaves the rest to maintenance.
func TestRangeCloseIsBounded(t *testing.T) {
	const n = 20 * reclaimStep
	e, _ := openTest(t, Options{Shards: 1, Databases: 1})
	l := e.NewLane()
	defer l.Close()
	fill(t, l, 0, n, "g0")
	r := l.Begin(0).Range(nil, nil)
	fill(t, l, 0, n, "g1")
	r.Close()
	if got, want := e.Stats().Pinned, n-reclaimStep; got != want {
		t.Errorf("%d records are kept after Close, want %d", got, want)
	}
	expectUnpinned(t, e)
}

// TestFlushUnderRanges: memory of a flushed database comes back although there
// is always some younger range open.
func TestFlushUnderRanges(t *testing.T) {
	const n = 2000
	e, _ := openTest(t, Options{Shards: 1, Databases: 2})
	l := e.NewLane()
	defer l.Close()
	fill(t, l, 0, n, "g0")
	fill(t, l, 1, 1, "g0")
	before := l.Begin(0).Range(nil, nil)
	l.Begin(0).FlushDB(true)
	after := l.Begin(1).Range(nil, nil)
	reclaimAll(e)
	expectRange(t, before, 0, n, "g0")
	before.Close()
	reclaimAll(e)
	if got := e.shards[0].heap.Stats().Purpose[alloc.Records].Objects; got != 1 {
		t.Errorf("%d records are live, want 1", got)
	}
	after.Close()
	expectUnpinned(t, e)
}
