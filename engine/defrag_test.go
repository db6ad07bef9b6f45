package engine

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"hpkv/engine/alloc"
)

// herd is many large collections of each type beside what they should hold.
type herd struct {
	t     *testing.T
	name  string
	count int // collections of each type
	each  int // elements of each at first
	has   [][]bool
	lists [][]int // elements, in order
}

func newHerd(t *testing.T, name string, count, each int) *herd {
	h := &herd{t: t, name: name, count: count, each: each, has: make([][]bool, count), lists: make([][]int, count)}
	for c := range h.has {
		h.has[c] = make([]bool, each)
	}
	return h
}

func (h *herd) key(kind string, c int) []byte { return fmt.Appendf(nil, "%s/%s%d", h.name, kind, c) }

// elem has one of many lengths, so that many classes of memory are in use.
func (h *herd) elem(i int) []byte { return fmt.Appendf(nil, "%d:%0*d", i, 4+i%24, i) }

// set adds or removes element i of collection c of each type; of the list, the
// one at an end goes.
func (h *herd) set(l *Lane, c, i int, in bool) {
	if h.has[c][i] == in {
		return
	}
	h.has[c][i] = in
	m := [][]byte{h.elem(i)}
	n, err := int64(0), error(nil)
	if in {
		if n, err = l.Begin(0).SAdd(h.key("set", c), m); err == nil && n == 1 {
			n, err = l.Begin(0).HSet(h.key("hash", c), [][]byte{m[0], h.elem(i * 7)})
		}
		if err == nil && n == 1 {
			_, err = l.Begin(0).ZAdd(h.key("zset", c), []float64{float64(i / 3)}, [][]byte{nil, m[0]}, ZAddOptions{})
		}
		if err == nil && n == 1 {
			if _, err = l.Begin(0).ListPush(h.key("list", c), ListEnd(i%2), m, false); i%2 == 0 {
				h.lists[c] = append([]int{i}, h.lists[c]...)
			} else {
				h.lists[c] = append(h.lists[c], i)
			}
		}
	} else {
		if n, err = l.Begin(0).SRem(h.key("set", c), m); err == nil && n == 1 {
			n, err = l.Begin(0).HDel(h.key("hash", c), m)
		}
		if err == nil && n == 1 {
			n, err = l.Begin(0).ZRem(h.key("zset", c), m)
		}
		if err == nil && n == 1 {
			_, err = l.Begin(0).ListPop(h.key("list", c), ListEnd(i%2), 1, nil, func(ListValue) {})
			if k := len(h.lists[c]); i%2 == 0 {
				h.lists[c] = h.lists[c][1:]
			} else {
				h.lists[c] = h.lists[c][:k-1]
			}
		}
	}
	if err != nil || n != 1 {
		h.t.Errorf("%s %d, element %d to be there: %v: %d, %v", h.name, c, i, in, n, err)
	}
}

// verify compares all collections with what they should hold.
func (h *herd) verify(l *Lane) {
	h.t.Helper()
	for c, has := range h.has {
		want := int64(0)
		for i, in := range has {
			m := h.elem(i)
			found := 0
			_ = l.Begin(0).SIsMember(h.key("set", c), [][]byte{m}, func(is bool) {
				if is {
					found++
				}
			})
			if val, ok, _ := l.Begin(0).HGet(nil, h.key("hash", c), m, nil); ok && string(val) == string(h.elem(i*7)) {
				found++
			}
			if score, ok, _ := l.Begin(0).ZScore(h.key("zset", c), m); ok && score == float64(i/3) {
				found++
			}
			if in {
				want++
			}
			if found != 0 && !in || found != 3 && in {
				h.t.Fatalf("%s %d: element %d to be there: %v, is in %d of 3", h.name, c, i, in, found)
			}
		}
		if n, err := l.Begin(0).ListLen(h.key("list", c)); n != want || err != nil {
			h.t.Fatalf("%s %d: a list of %d, %v, not %d", h.name, c, n, err, want)
		}
		at := 0
		_ = l.Begin(0).ListRange(h.key("list", c), 0, -1, func(int) {}, func(v ListValue) {
			if got, want := v.Append(nil), h.elem(h.lists[c][at]); string(got) != string(want) {
				h.t.Errorf("%s %d: element %d of the list is %q, not %q", h.name, c, at, got, want)
			}
			at++
		})
	}
}

// collectionMemory returns the bytes of collections' parts and those of the pages
// that hold them.
func collectionMemory(e *Engine) (live, pages int64) {
	st := e.arena.Stats()
	for _, p := range partsPurposes {
		pages += st.Purpose[p].PageBytes
	}
	for _, s := range e.shards {
		s.mu.lock()
		hs := s.heap.Stats()
		s.mu.unlock()
		for _, p := range partsPurposes {
			live += hs.Purpose[p].LiveBytes
		}
	}
	return live, pages
}

// TestDefragmentation: when most elements of many large collections are gone, so is
// their memory after a bounded amount of work, and the rest is what it was.
func TestDefragmentation(t *testing.T) {
	count, each := 40, 1500
	if raceEnabled || testing.Short() {
		count, each = 20, 700
	}
	e, _ := openTest(t, Options{Shards: 1, Databases: 1})
	l := e.NewLane()
	defer l.Close()
	h := newHerd(t, "c", count, each)
	r := rand.New(rand.NewPCG(testSeed(t), 1))
	for _, k := range r.Perm(count * each) {
		h.set(l, k%count, k/count, true)
	}
	_, full := collectionMemory(e)
	for _, k := range r.Perm(count * each) {
		if k%8 != 0 {
			h.set(l, k%count, k/count, false)
		}
	}
	if t.Failed() {
		return
	}
	// Each element is looked at once, and moved at most once, in several types.
	rounds, most := 0, 100+count*each/10
	for quiet := 0; quiet < 3; rounds++ {
		if e.Maintain(l, 0, 0); e.shards[0].partsDefrag.phase == partsIdle {
			quiet++
		} else {
			quiet = 0
		}
		if rounds%100 == 50 {
			if err := e.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if rounds > most {
			t.Fatalf("no end after %d rounds", rounds)
		}
	}
	settle(t, e, l)
	live, pages := collectionMemory(e)
	t.Logf("%d KB, now %d KB for %d KB in %d rounds", full>>10, pages>>10, live>>10, rounds)
	if bound := live*6/5 + 8<<16; pages > bound { // a page more for each of the many classes
		t.Errorf("%d KB are live in %d KB", live>>10, pages>>10)
		st := e.shards[0].heap.Stats()
		t.Logf("%+v", st.Purpose)
	}
	h.verify(l)
	if err := e.Check(); err != nil {
		t.Error(err)
	}
}

// TestDefragmentationUnderWay: collections change, come and go while they are
// moved, and lose nothing by it.
func TestDefragmentationUnderWay(t *testing.T) {
	const writers = 2
	count, each, steps := 6, 700, 30_000
	if raceEnabled || testing.Short() {
		count, each, steps = 4, 400, 9_000
	}
	e, _ := openTest(t, Options{Shards: 2, Databases: 1})
	seed := testSeed(t)
	var left atomic.Int32
	left.Store(writers)
	var wg sync.WaitGroup
	herds := make([]*herd, writers)
	for w := range writers {
		h := newHerd(t, fmt.Sprintf("w%d", w), count, each)
		herds[w] = h
		wg.Go(func() {
			defer left.Add(-1)
			l := e.NewLane()
			defer l.Close()
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			for step := range steps {
				// Now most are there, now few.
				in := r.IntN(8) > 0 == (step/(steps/6)%2 == 0)
				h.set(l, r.IntN(count), r.IntN(each), in)
				if r.IntN(steps/8) == 0 {
					c := r.IntN(count)
					for _, kind := range []string{"set", "hash", "zset", "list"} {
						l.Begin(0).Delete(h.key(kind, c))
					}
					clear(h.has[c])
					h.lists[c] = nil
				}
			}
		})
	}
	l := e.NewLane()
	defer l.Close()
	moved := 0
	for left.Load() > 0 {
		for _, s := range e.shards {
			s.mu.lock()
			c := &s.partsDefrag
			if c.phase == partsIdle { // begin whatever it brings
				*c = partsDefrag{phase: partsCondemn}
			}
			s.defragmentParts(0)
			if c.phase == partsMove {
				moved++
			}
			s.mu.unlock()
		}
		e.Maintain(l, 0, 0)
	}
	wg.Wait()
	for _, h := range herds {
		h.verify(l)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	settle(t, e, l)
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	for _, s := range e.shards {
		for _, p := range partsPurposes {
			if n := s.heap.Pardon(alloc.Purpose(p), 1); n != 0 {
				t.Errorf("shard %d: a page of %v stays condemned", s.id, p)
			}
		}
	}
	if moved == 0 {
		t.Error("nothing was moved")
	}
}
