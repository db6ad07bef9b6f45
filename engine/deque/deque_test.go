package deque

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"hpkv/engine/alloc"
	"hpkv/engine/packed"
)

func newMemory(t testing.TB) *Memory {
	t.Helper()
	a, err := alloc.NewArena(alloc.Options{ReserveBytes: 4 << 30, Retire: func(fn func()) { fn() }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return &Memory{Heap: a.NewHeap(0), Arena: a}
}

type model struct {
	t    *testing.T
	rng  *rand.Rand
	l    *List
	want [][]byte
	mark int // where it must be
	lim  Limit
}

// added and gone follow an element that comes to position i, or leaves it.
func (m *model) added(i int) {
	if i < m.mark {
		m.mark++
	}
}

func (m *model) gone(i int) {
	if i < m.mark {
		m.mark--
	}
}

func (m *model) elem() []byte {
	switch m.rng.IntN(12) {
	case 0:
		return strconv.AppendInt(nil, int64(m.rng.Uint64()), 10)
	case 1:
		return bytes.Repeat([]byte("long"), m.rng.IntN(200))
	case 2:
		if m.rng.IntN(20) == 0 {
			return bytes.Repeat([]byte("huge"), m.rng.IntN(20000))
		}
	}
	return fmt.Appendf(nil, "e%d", m.rng.IntN(8)) // few: Remove finds some
}

func (m *model) check() {
	m.t.Helper()
	if err := m.l.Check(); err != nil {
		m.t.Fatal(err)
	}
	if m.l.Len() != len(m.want) {
		m.t.Fatalf("%d elements, want %d", m.l.Len(), len(m.want))
	}
	if m.l.Mark() != m.mark {
		m.t.Fatalf("the mark is at %d of %d, want %d", m.l.Mark(), len(m.want), m.mark)
	}
	from := m.rng.IntN(len(m.want) + 1)
	c := m.l.From(from)
	for i := from; i < len(m.want); i++ {
		if v, ok := c.Next(); !ok || !v.Equal(m.want[i]) {
			m.t.Fatalf("from %d: element %d of %d differs", from, i, len(m.want))
		}
	}
	if _, ok := c.Next(); ok {
		m.t.Fatal("an element too many")
	}
	c = m.l.Back(from - 1)
	for i := from - 1; i >= 0; i-- {
		if v, ok := c.Next(); !ok || !v.Equal(m.want[i]) {
			m.t.Fatalf("back from %d: element %d of %d differs", from-1, i, len(m.want))
		}
	}
	if _, ok := c.Next(); ok {
		m.t.Fatal("an element before the first")
	}
}

func (m *model) no(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) step() {
	m.t.Helper()
	n, e := len(m.want), m.elem()
	if m.rng.IntN(50) == 0 {
		m.mark = m.rng.IntN(n + 1)
		m.l.SetMark(m.mark)
	}
	switch op := m.rng.IntN(14); {
	case op < 3:
		m.no(m.l.Push(Left, e, m.lim))
		m.added(0)
		m.want = slices.Insert(m.want, 0, e)
	case op < 6:
		m.no(m.l.Push(Right, e, m.lim))
		m.want = append(m.want, e)
	case n == 0:
	case op == 6:
		k := m.rng.IntN(5)
		m.l.Drop(Left, k)
		m.want = m.want[min(k, n):]
		m.mark = max(m.mark-k, 0)
	case op == 7:
		k := m.rng.IntN(5)
		m.l.Drop(Right, k)
		m.want = m.want[:n-min(k, n)]
		m.mark = min(m.mark, len(m.want))
	case op < 10:
		i := m.rng.IntN(n)
		m.no(m.l.Insert(i, e, m.lim))
		m.want = slices.Insert(m.want, i, e)
		m.added(i)
	case op < 12:
		i := m.rng.IntN(n)
		m.no(m.l.Set(i, e, m.lim))
		m.want[i] = e
	case op == 12 && m.rng.IntN(3) == 0:
		m.remove(e)
	case op == 13 && m.rng.IntN(20) == 0:
		k, j := n/3, n/3
		if m.rng.IntN(3) == 0 {
			k = m.rng.IntN(n)
			j = m.rng.IntN(n - k)
		}
		m.l.Drop(End(m.rng.IntN(2)), 0)
		m.cut(Right, k)
		m.cut(Left, j)
		m.want = m.want[j : n-k]
		m.mark = max(min(m.mark, n-k)-j, 0)
	}
}

// cut drops elements, and blocks later.
func (m *model) cut(end End, k int) {
	m.t.Helper()
	before, held := m.l.Blocks(), m.l.Held()
	gone := m.l.Cut(end, k, m.rng.IntN(4))
	if gone == nil {
		return
	}
	if gone.Blocks()+m.l.Blocks() != before || gone.Held()+m.l.Held() != held {
		m.t.Fatalf("%d blocks of %d bytes became %d of %d and %d of %d", before, held,
			m.l.Blocks(), m.l.Held(), gone.Blocks(), gone.Held())
	}
	if err := gone.Check(); err != nil {
		m.t.Fatal(err)
	}
	for gone.FreeStep(2) {
	}
}

func (m *model) remove(e []byte) {
	m.t.Helper()
	back, most, from := m.rng.IntN(2) == 0, 1+m.rng.IntN(30), m.rng.IntN(len(m.want))
	if m.rng.IntN(2) == 0 {
		from = 0
	}
	var places []int
	for i, w := range m.want {
		if bytes.Equal(w, e) && (back || i >= from) {
			places = append(places, i)
		}
	}
	gone := min(most, len(places))
	if back {
		places = places[len(places)-gone:]
	}
	places = places[:gone]
	for _, i := range slices.Backward(places) {
		m.want = slices.Delete(m.want, i, i+1)
		m.gone(i)
	}
	if !back {
		if got := m.l.Remove(from, e, most, m.lim); got != gone {
			m.t.Fatalf("removed %d of %q, want %d", got, e, gone)
		}
		return
	}
	got, leftmost := m.l.RemoveBack(e, most, m.lim)
	if got != gone || gone > 0 && leftmost != places[0] {
		m.t.Fatalf("removed %d of %q from %d on, want %v", got, e, leftmost, places)
	}
}

func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	defer func(was int) { nearBlocks = was }(nearBlocks)
	nearBlocks = 1 // the lists are short
	for _, lim := range []Limit{{Bytes: 8192}, {Bytes: 256}, {Bytes: 4096, Count: 5}, {Bytes: 8192, Count: 1}, {Bytes: 65536}, {Bytes: 8192, Count: 1000}} {
		t.Run(fmt.Sprint(lim), func(t *testing.T) {
			mem := newMemory(t)
			m := &model{t: t, rng: rand.New(rand.NewPCG(seed, 1)), l: New(mem), lim: lim}
			for i := range 12000 {
				m.step()
				if i%40 == 0 {
					m.check()
				}
			}
			m.check()
			for m.l.FreeStep(3) {
				m.no(m.l.Check())
			}
			if live := mem.Heap.Live(alloc.Collections); live.Objects != 0 || m.l.Held() != 0 {
				t.Fatalf("%d blocks are left", live.Objects)
			}
		})
	}
}

// TestSteps: who goes through a long list in steps does not begin each with a walk,
// while the list is used as a queue and looked at elsewhere.
func TestSteps(t *testing.T) {
	const count, step = 200_000, 1000
	lim, l := Limit{Bytes: 8192, Count: 1}, New(newMemory(t))
	push := func(end End, i int) {
		if err := l.Push(end, strconv.AppendInt(nil, int64(i), 10), lim); err != nil {
			t.Fatal(err)
		}
	}
	for i := range count {
		push(Right, i)
	}
	first := 0 // the number in the first element
	for next := 0; next < count-step; next += step {
		i := next - first
		if _, passed := l.search(i); passed > step+30 {
			t.Fatalf("to element %d of %d it passes %d blocks", i, l.Len(), passed)
		}
		c := l.From(i)
		if v, _ := c.Next(); string(v.Append(nil)) != strconv.Itoa(next) {
			t.Fatalf("element %d is %s, want %d", i, v.Append(nil), next)
		}
		switch next / step % 4 {
		case 0:
			for range 20 {
				first--
				push(Left, first)
			}
		case 1:
			l.Drop(Left, 30)
			first += 30
		case 2:
			push(Right, -1)
			l.Drop(Right, 3)
		}
		l.Get(nearBlocks)
		l.Get(l.Len() - 1)
	}
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
}

// TestEnds pushes and drops as queues and stacks do: memory must follow.
func TestEnds(t *testing.T) {
	lim := Limit{Bytes: 8192}
	for _, c := range []struct {
		name      string
		push, pop End
	}{{"queue", Left, Right}, {"other queue", Right, Left}, {"stack", Left, Left}, {"other stack", Right, Right}} {
		t.Run(c.name, func(t *testing.T) {
			mem := newMemory(t)
			l := New(mem)
			for i := range 200000 {
				if err := l.Push(c.push, strconv.AppendInt(nil, int64(i), 10), lim); err != nil {
					t.Fatal(err)
				}
				if l.Len() > 3000 {
					l.Drop(c.pop, 1)
				}
			}
			if err := l.Check(); err != nil {
				t.Fatal(err)
			}
			if l.Held() > 8192*6 {
				t.Errorf("3000 elements of 7 bytes in %d", l.Held())
			}
		})
	}
}

// TestRoom: elements of any one size take little more memory than their bytes, from
// either end. The classes' own steps are an eighth.
func TestRoom(t *testing.T) {
	mem := newMemory(t)
	lim := Limit{Bytes: 8192}
	for size := 10; size < 10_000; size += 1 + size/40 {
		for _, end := range []End{Left, Right} {
			l := New(mem)
			elem := bytes.Repeat([]byte("x"), size)
			n := max(10, 100_000/size)
			for range n {
				if err := l.Push(end, elem, lim); err != nil {
					t.Fatal(err)
				}
			}
			// The last block need not be full.
			if got, most := l.Held()-8192, n*packed.Size(elem)*113/100; got > most {
				t.Errorf("%d elements of %d bytes take %d, want at most %d", n, size, got, most)
			}
			if err := l.Check(); err != nil {
				t.Fatal(err)
			}
			for l.FreeStep(100) {
			}
		}
	}
}

func TestNoMemory(t *testing.T) {
	mem := newMemory(t)
	l, lim := New(mem), Limit{Bytes: 8192}
	for range 3000 {
		if err := l.Push(Left, []byte("element"), lim); err != nil {
			t.Fatal(err)
		}
	}
	mem.Arena.SetLimit(1)
	big := bytes.Repeat([]byte("x"), 1<<20)
	n := l.Len()
	for i, err := range []error{l.Push(Left, big, lim), l.Push(Right, big, lim), l.Insert(1500, big, lim), l.Set(1500, big, lim)} {
		if err == nil {
			t.Errorf("call %d found memory", i)
		}
	}
	if err := l.Check(); err != nil || l.Len() != n {
		t.Errorf("%d elements of %d, %v", l.Len(), n, err)
	}
}

func TestHotPathAllocations(t *testing.T) {
	mem := newMemory(t)
	l, lim := New(mem), Limit{Bytes: 8192}
	elem, dst := []byte("element:1"), make([]byte, 0, 64)
	for range 10000 {
		if err := l.Push(Left, elem, lim); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(20000, func() {
		_ = l.Push(Left, elem, lim)
		v, _ := l.Get(0)
		dst = v.Append(dst[:0])
		l.Drop(Right, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPushDrop(b *testing.B) {
	mem := newMemory(b)
	l, lim := New(mem), Limit{Bytes: 8192}
	elem := []byte("element:1")
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Push(Left, elem, lim)
		if l.Len() > 100000 {
			l.Drop(Right, 1)
		}
	}
}

func BenchmarkRange(b *testing.B) {
	mem := newMemory(b)
	l, lim := New(mem), Limit{Bytes: 8192}
	for range 100000 {
		_ = l.Push(Left, []byte("element:1"), lim)
	}
	var dst []byte
	for _, n := range []int{100, 600} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst = dst[:0]
				c := l.From(0)
				for range n {
					v, _ := c.Next()
					dst = v.Append(dst)
				}
			}
		})
	}
}
