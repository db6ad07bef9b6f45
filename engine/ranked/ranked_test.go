package ranked

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hpkv/engine/alloc"
)

// fixture holds a tree over members kept in arena memory: one byte of length,
// then the bytes.
type fixture struct {
	arena *alloc.Arena
	heap  *alloc.Heap
	tree  *Tree
}

func newFixture(t testing.TB) *fixture {
	a, err := alloc.NewArena(alloc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	f := &fixture{arena: a, heap: a.NewHeap(-1)}
	f.tree = New(f.heap, a, f.member)
	return f
}

func (f *fixture) member(ref alloc.Ref) []byte {
	n := f.arena.Bytes(ref, 0, 1)[0]
	return f.arena.Bytes(ref, 1, int(n))
}

func (f *fixture) record(t testing.TB, member string) alloc.Ref {
	ref, err := f.heap.Alloc(1+len(member), alloc.Records)
	if err != nil {
		t.Fatal(err)
	}
	b := f.arena.Bytes(ref, 0, 1+len(member))
	b[0] = byte(len(member))
	copy(b[1:], member)
	return ref
}

type modelItem struct {
	score  float64
	member string
	ref    alloc.Ref
}

func compareItems(a, b modelItem) int {
	return cmp.Or(cmp.Compare(a.score, b.score), bytes.Compare([]byte(a.member), []byte(b.member)))
}

// model is a sorted slice.
type model []modelItem

func (m *model) find(it modelItem) (int, bool) { return slices.BinarySearchFunc(*m, it, compareItems) }

// play runs operations read from next against tree and model.
func play(t testing.TB, f *fixture, ops int, scores int, next func() uint64) {
	var m model
	byMember := map[string]float64{}
	pick := func() (modelItem, bool) {
		if len(m) == 0 {
			return modelItem{}, false
		}
		return m[next()%uint64(len(m))], true
	}
	remove := func(it modelItem) {
		i, ok := m.find(it)
		if !ok {
			t.Fatal("the test lost an item")
		}
		m = slices.Delete(m, i, i+1)
		delete(byMember, it.member)
		f.heap.Free(it.ref)
	}
	add := func(score float64, member string, ins func(float64, alloc.Ref) error) {
		if _, dup := byMember[member]; dup {
			return
		}
		it := modelItem{score, member, f.record(t, member)}
		if err := ins(score, it.ref); err != nil {
			t.Fatal(err)
		}
		byMember[member] = score
		i, _ := m.find(it)
		m = slices.Insert(m, i, it)
	}
	score := func() float64 { return float64(next()%uint64(scores)) - float64(scores/2) }
	growing := true
	for i := range ops {
		if next()%4096 == 0 {
			growing = !growing
		}
		op := next() % 17
		if growing && op < 8 {
			op = 0
		}
		switch op {
		case 0, 1, 2, 3, 4:
			add(score(), fmt.Sprintf("m%d", next()%4096), f.tree.Insert)
		case 5:
			if len(m) > 0 {
				add(m[len(m)-1].score+1, fmt.Sprintf("m%d", next()%4096), f.tree.Append)
			}
		case 6, 7, 8, 9:
			if it, ok := pick(); ok {
				if ref, ok := f.tree.Delete(it.score, []byte(it.member)); !ok || ref != it.ref {
					t.Fatalf("op %d: Delete(%v, %q) = %v %v, want %v", i, it.score, it.member, ref, ok, it.ref)
				}
				remove(it)
			}
			if _, ok := f.tree.Delete(score(), []byte("absent")); ok {
				t.Fatalf("op %d: an absent item was deleted", i)
			}
		case 10:
			if len(m) > 0 {
				rank := int(next() % uint64(len(m)))
				it := m[rank]
				var c Cursor
				f.tree.Seek(&c, rank)
				if s, ref := c.Item(); s != it.score || ref != it.ref {
					t.Fatalf("op %d: the item of rank %d is %v %v, want %v", i, rank, s, ref, it)
				}
				if ref, ok := f.tree.Delete(it.score, []byte(it.member)); !ok || ref != it.ref {
					t.Fatalf("op %d: Delete of rank %d = %v %v, want %v", i, rank, ref, ok, it)
				}
				remove(it)
			}
		case 16:
			if it, ok := pick(); ok {
				at, _ := m.find(it)
				if next()%2 == 0 {
					at = int(next()%2) * (len(m) - 1)
				}
				it = m[at]
				if got, want := f.tree.DeleteEnd(it.ref), at == 0 || at == len(m)-1; got != want {
					t.Fatalf("op %d: DeleteEnd of item %d of %d = %v", i, at, len(m), got)
				} else if got {
					remove(it)
				}
			}
		case 11, 12:
			if it, ok := pick(); ok {
				to := score()
				if next()%2 == 0 {
					to = it.score + 0.5
				}
				if to == it.score {
					break
				}
				k, _ := m.find(it)
				m = slices.Delete(m, k, k+1)
				old := it
				if next()%2 == 0 {
					it.ref = f.record(t, it.member)
				}
				if err := f.tree.Move(old.ref, it.ref, it.score, to); err != nil {
					t.Fatal(err)
				}
				if old.ref != it.ref {
					f.heap.Free(old.ref)
				}
				it.score = to
				k, _ = m.find(it)
				m = slices.Insert(m, k, it)
				byMember[it.member] = to
			}
		case 13:
			if it, ok := pick(); ok {
				ref := f.record(t, it.member)
				f.tree.Replace(it.score, it.ref, ref)
				f.heap.Free(it.ref)
				k, _ := m.find(it)
				m[k].ref = ref
			}
		case 14:
			if it, ok := pick(); ok {
				want, _ := m.find(it)
				if rank, ok := f.tree.Rank(it.score, []byte(it.member)); !ok || rank != want {
					t.Fatalf("op %d: Rank = %d %v, want %d", i, rank, ok, want)
				}
			}
			s := score()
			for _, equal := range []bool{false, true} {
				want := 0
				for _, it := range m {
					if it.score < s || equal && it.score == s {
						want++
					}
				}
				if got := f.tree.CountBelow(s, equal); got != want {
					t.Fatalf("op %d: CountBelow(%v, %v) = %d, want %d", i, s, equal, got, want)
				}
			}
		case 15:
			if len(m) > 0 {
				walk(t, f, m, int(next()%uint64(len(m))))
			}
		}
		if f.tree.Len() != len(m) {
			t.Fatalf("op %d: %d items, want %d", i, f.tree.Len(), len(m))
		}
		if i%97 == 0 {
			if err := f.tree.Check(); err != nil {
				t.Fatalf("op %d: %v", i, err)
			}
		}
	}
	if err := f.tree.Check(); err != nil {
		t.Fatal(err)
	}
	if len(m) > 0 {
		walk(t, f, m, 0)
		walk(t, f, m, len(m)-1)
	}
}

// walk compares up to 300 items from a rank on, both ways.
func walk(t testing.TB, f *fixture, m model, rank int) {
	var c Cursor
	same := func(i int) {
		if s, ref := c.Item(); s != m[i].score || ref != m[i].ref {
			t.Fatalf("from %d: item %d is %v %v, want %v", rank, i, s, ref, m[i])
		}
	}
	f.tree.Seek(&c, rank)
	i := rank
	for same(i); i < rank+300 && c.Next(); same(i) {
		i++
	}
	if i != min(rank+300, len(m)-1) {
		t.Fatalf("from %d: the walk ended at %d of %d", rank, i, len(m))
	}
	f.tree.Seek(&c, rank)
	i = rank
	for same(i); i > rank-300 && c.Prev(); same(i) {
		i--
	}
	if i != max(rank-300, 0) {
		t.Fatalf("from %d: the walk back ended at %d of %d", rank, i, len(m))
	}
}

func TestModel(t *testing.T) {
	for _, scores := range []int{1, 10, 1 << 20} {
		t.Run(fmt.Sprint(scores), func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			play(t, newFixture(t), 40_000, scores, rand.New(rand.NewPCG(seed, 1)).Uint64)
		})
	}
}

func FuzzModel(f *testing.F) {
	f.Add(uint64(1), []byte("0123456789abcdefgh"))
	f.Fuzz(func(t *testing.T, seed uint64, program []byte) {
		r := rand.New(rand.NewPCG(seed, 2))
		next := func() uint64 {
			if len(program) == 0 {
				return r.Uint64()
			}
			b := program[0]
			program = program[1:]
			return uint64(b)
		}
		play(t, newFixture(t), 3000, 1+int(seed%64), next)
	})
}

func TestCountBefore(t *testing.T) {
	f := newFixture(t)
	for i := range 1000 {
		if err := f.tree.Insert(7, f.record(t, fmt.Sprintf("%04d", i*2))); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		member string
		equal  bool
		want   int
	}{{"", true, 0}, {"0000", false, 0}, {"0000", true, 1}, {"0001", true, 1}, {"1000", false, 500}, {"1000", true, 501}, {"x", false, 1000}} {
		if got := f.tree.CountBefore([]byte(c.member), c.equal); got != c.want {
			t.Errorf("CountBefore(%q, %v) = %d, want %d", c.member, c.equal, got, c.want)
		}
	}
	if got := f.tree.CountBelow(math.Inf(1), false); got != 1000 {
		t.Errorf("below inf: %d", got)
	}
	if got := f.tree.CountBelow(math.Inf(-1), true); got != 0 {
		t.Errorf("below -inf: %d", got)
	}
}

// TestFreeStep: a tree is freed in steps of a budget, down to the last node.
func TestFreeStep(t *testing.T) {
	f := newFixture(t)
	fill(t, f, 100_000, "ascending")
	steps := 1
	for before := f.tree.nodes; !f.tree.FreeStep(100); steps++ {
		if freed := before - f.tree.nodes; freed != 100 {
			t.Fatalf("a step freed %d nodes", freed)
		}
		before = f.tree.nodes
	}
	if f.tree.nodes != 0 || steps < 5 {
		t.Errorf("%d nodes left after %d steps", f.tree.nodes, steps)
	}
	if err := f.tree.Check(); err != nil {
		t.Error(err)
	}
}

// TestNoMemory: an operation that fails changes nothing.
func TestNoMemory(t *testing.T) {
	f := newFixture(t)
	fill(t, f, 1000, "random")
	var refs []alloc.Ref
	for i := range 20_000 {
		refs = append(refs, f.record(t, fmt.Sprintf("late%d", i)))
	}
	f.arena.SetLimit(f.arena.InUse())
	failed := 0
	for i, ref := range refs {
		n := f.tree.Len()
		if err := f.tree.Insert(float64(i%7)*100, ref); err == nil {
			continue
		} else if err != alloc.ErrNoMemory || f.tree.Len() != n {
			t.Fatalf("%v, %d items of %d", err, f.tree.Len(), n)
		}
		failed++
		if err := f.tree.Check(); err != nil {
			t.Fatal(err)
		}
		if failed == 100 {
			return
		}
	}
	t.Error("the limit was never met")
}

func fill(t testing.TB, f *fixture, n int, order string) {
	r := rand.New(rand.NewPCG(3, 4))
	var member [16]byte
	for i := range n {
		score := float64(i)
		switch order {
		case "random":
			score = r.Float64()
		case "descending":
			score = -score
		case "equal":
			score = 1
		}
		binary.LittleEndian.PutUint64(member[:], r.Uint64())
		binary.LittleEndian.PutUint64(member[8:], uint64(i))
		if err := f.tree.Insert(score, f.record(t, string(member[:]))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFillFactor bounds the memory of an item.
func TestFillFactor(t *testing.T) {
	for order, most := range map[string]float64{"random": 16.6, "ascending": 14.2, "descending": 14.6, "equal": 16.6} {
		f := newFixture(t)
		fill(t, f, 100_000, order)
		got := float64(f.tree.Bytes()) / 100_000
		t.Logf("%s: %.1f bytes an item, %d levels", order, got, f.tree.height+1)
		if got > most {
			t.Errorf("%s: %.1f bytes an item, want at most %v", order, got, most)
		}
	}
}

func TestNodeIsAnAllocationClass(t *testing.T) {
	if got := alloc.ClassSize(nodeBytes); got != nodeBytes {
		t.Errorf("nodes of %d bytes take %d", nodeBytes, got)
	}
}

// The search in a node finds what counting finds, for all lengths and scores that
// are equal, signed zeros, infinite or as close as can be.
func TestBefore(t *testing.T) {
	tiny := math.SmallestNonzeroFloat64
	pool := []float64{math.Inf(-1), -math.MaxFloat64, -1, -tiny, math.Copysign(0, -1), 0, tiny, 1,
		math.Nextafter(1, 2), math.MaxFloat64, math.Inf(1)}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for have := range leafCap + 1 {
		var n node
		scores := make([]float64, have)
		for i := range scores {
			scores[i] = pool[r.IntN(len(pool))]
		}
		slices.Sort(scores) // to it the zeros are equal
		n.setLen(have)
		for i, s := range scores {
			n.setScore(i, s)
		}
		for _, s := range pool {
			below, upTo := 0, 0
			for _, have := range scores {
				if have < s {
					below++
				}
				if have <= s {
					upTo++
				}
			}
			if got := n.before(s, false); got != below {
				t.Fatalf("%d of %v are below %v, not %d", below, scores, s, got)
			}
			if got := n.before(s, true); got != upTo {
				t.Fatalf("%d of %v are up to %v, not %d", upTo, scores, s, got)
			}
		}
	}
}

// Near finds what Next and Prev come to, within a leaf.
func TestNear(t *testing.T) {
	f := newFixture(t)
	fill(t, f, 1000, "random")
	found, none := 0, 0
	for rank := range f.tree.Len() {
		var c Cursor
		f.tree.Seek(&c, rank)
		for by := -90; by <= 90; by++ {
			ref, ok := c.Near(by)
			if !ok {
				none++
				continue
			}
			found++
			var at Cursor
			f.tree.Seek(&at, rank+by)
			if _, want := at.Item(); ref != want || at.leaf != c.leaf {
				t.Fatalf("%d after rank %d: %d, want %d", by, rank, ref, want)
			}
		}
	}
	if found == 0 || none == 0 {
		t.Errorf("%d found, %d not", found, none)
	}
}
