package alloc

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
	"unsafe"
)

func newArena(t testing.TB, o Options) *Arena {
	t.Helper()
	if o.ReserveBytes == 0 {
		o.ReserveBytes = 16 << 30
	}
	a, err := NewArena(o)
	if err != nil {
		t.Fatal(err)
	}
	a.threadTime = func() time.Duration { return 0 } // huge pages are cheap
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

func TestClasses(t *testing.T) {
	for i, s := range classes {
		if s%8 != 0 || s > fineBelow && s%64 != 0 {
			t.Errorf("class %d: %d bytes are not aligned", i, s)
		}
		tail := payload - payload/s*s
		if tail*40 > payload {
			t.Errorf("class %d: %d bytes leave %d of a page over", i, s, tail)
		}
		if i > 0 && s <= 8192 && (s-classes[i-1])*8 > classes[i-1] && s > 64 {
			t.Errorf("class %d: step from %d to %d above 12.5%%", i, classes[i-1], s)
		}
	}
	if last := classes[len(classes)-1]; last != maxSmall {
		t.Errorf("largest class %d, want %d", last, maxSmall)
	}
	for n := 0; n <= 200000; n++ {
		c := ClassSize(n)
		if c < n || n <= exactBelow && n >= minObject && c > (n+7)&^7 || n > exactBelow && n < 7000 && c*8 > n*9+64 {
			t.Fatalf("ClassSize(%d) = %d", n, c)
		}
	}
}

// TestRetire: an emptied page keeps its class until its grace period is over.
func TestRetire(t *testing.T) {
	var late []func()
	a := newArena(t, Options{Retire: func(fn func()) { late = append(late, fn) }})
	h := a.NewHeap(0)
	pages := map[Ref]bool{}
	var refs []Ref
	for range 10 * payload / 64 {
		ref, _ := h.Alloc(64, Records)
		pages[ref>>(pageShift-3)] = true
		refs = append(refs, ref)
	}
	for _, ref := range refs {
		h.Free(ref)
	}
	h.Trim()
	other := a.NewHeap(0)
	for range 20 * payload / 128 {
		ref, _ := other.Alloc(128, Collections)
		if pages[ref>>(pageShift-3)] {
			t.Fatal("page changed hands within its grace period")
		}
	}
	if len(late) == 0 {
		t.Fatal("nothing was retired")
	}
	for _, fn := range late {
		fn()
	}
	reused := false
	for range 20 * payload / 128 {
		ref, _ := other.Alloc(128, Collections)
		reused = reused || pages[ref>>(pageShift-3)]
	}
	if !reused {
		t.Error("retired pages are not used again")
	}
	check(t, a, h, other)
}

func TestLimit(t *testing.T) {
	a := newArena(t, Options{LimitBytes: 1 << 20})
	h := a.NewHeap(0)
	n := 0
	for ; ; n++ {
		if _, err := h.Alloc(1000, Records); err != nil {
			if err != ErrNoMemory {
				t.Fatal(err)
			}
			break
		}
	}
	if want := 16 * (payload / ClassSize(1000)); n != want {
		t.Errorf("%d objects under the limit, want %d", n, want)
	}
	if _, err := h.Alloc(100000, Records); err != ErrNoMemory {
		t.Errorf("large object over the limit: %v", err)
	}
	a.SetLimit(0)
	if _, err := h.Alloc(100000, Records); err != nil {
		t.Error(err)
	}
	if _, err := h.Alloc(MaxBytes+1, Records); err != ErrNoMemory {
		t.Errorf("object above MaxBytes: %v", err)
	}
	if _, err := h.Alloc(-1, Records); err != ErrNoMemory {
		t.Errorf("negative size: %v", err)
	}
	check(t, a, h)
}

// TestExhausted: the end of the reserved range is an error like any other.
func TestExhausted(t *testing.T) {
	a := newArena(t, Options{ReserveBytes: minReserve})
	h := a.NewHeap(0)
	var refs []Ref
	for {
		ref, err := h.Alloc(1<<20, Records)
		if err != nil {
			break
		}
		refs = append(refs, ref)
	}
	if len(refs) < 50 {
		t.Errorf("%d objects of 1 MB fit into 64 MB", len(refs))
	}
	for _, ref := range refs {
		h.Free(ref)
	}
	if _, err := h.Alloc(60<<20, Records); err != nil {
		t.Error("freed runs do not join:", err)
	}
	check(t, a, h)
}

func TestHuge(t *testing.T) {
	a := newArena(t, Options{})
	h := a.NewHeap(0)
	ref, err := h.Alloc(1<<30, Records)
	if err != nil {
		t.Fatal(err)
	}
	b := a.Bytes(ref, 0, 1<<30)
	b[0], b[1<<30-1] = 1, 2
	if r := a.Readable(ref); r < 1<<30 {
		t.Errorf("%d bytes readable", r)
	}
	h.Free(ref)
	if b[0]|b[1<<30-1] != 0 {
		t.Error("memory of a freed run was kept")
	}
	if r := a.Readable(1<<RefBits - 1); r > 0 {
		t.Errorf("%d bytes readable beyond the range", r)
	}
	check(t, a, h)
}

// TestPlacement: each heap's pages lie in chunks bound to its node.
func TestPlacement(t *testing.T) {
	placed := map[uintptr]int{}
	var mu sync.Mutex
	a := newArena(t, Options{Place: func(addr uintptr, n, node int) error {
		mu.Lock()
		defer mu.Unlock()
		for ; n > 0; n, addr = n-chunkBytes, addr+chunkBytes {
			placed[addr] = node
		}
		return nil
	}})
	heaps := []*Heap{a.NewHeap(0), a.NewHeap(1)}
	for i := range 20000 {
		h := heaps[i%2]
		size := 500
		if i%100 == 0 {
			size = 200000
		}
		ref, err := h.Alloc(size, Purpose(i/2%2))
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, size - 1} {
			addr := uintptr(unsafe.Add(a.Ptr(ref), at)) &^ (chunkBytes - 1)
			if node, ok := placed[addr]; !ok || node != h.node {
				t.Fatalf("object of node %d in memory of node %d", h.node, node)
			}
		}
	}
}

// TestEvacuation: after random deletes the pages left hold little waste.
func TestEvacuation(t *testing.T) {
	r := seeded(t)
	a := newArena(t, Options{})
	h := a.NewHeap(0)
	where := map[Ref]int{}
	for i := range 200000 {
		n := 16 + r.IntN(20)*8
		ref, _ := h.Alloc(n, Records)
		where[ref] = i
		object{ref: ref, n: n, tag: uint64(i)}.fill(a)
	}
	for ref := range where {
		if r.IntN(10) < 7 {
			h.Free(ref)
			delete(where, ref)
		}
	}
	steps := 0
	for pg, ok := h.Sparse(Records, false); ok; pg, ok = h.Sparse(Records, false) {
		moved := 0
		h.Evacuate(pg, 100, func(old Ref) bool {
			moved++
			n := h.Capacity(old)
			ref, err := h.Alloc(n, Records)
			if err != nil {
				t.Fatal(err)
			}
			copy(a.Bytes(ref, 0, n), a.Bytes(old, 0, n))
			h.Free(old)
			where[ref] = where[old]
			delete(where, old)
			return true
		})
		if moved > 100 {
			t.Fatalf("%d objects in a step of 100", moved)
		}
		if steps++; steps > 20000 {
			t.Fatal("evacuation does not come to an end")
		}
	}
	h.Trim()
	for ref, i := range where {
		if n := h.Capacity(ref); !(object{ref: ref, n: n, tag: uint64(i)}).intact(a) {
			t.Fatal("object damaged by evacuation")
		}
	}
	s := h.Stats().Purpose[Records]
	t.Logf("%d steps: %d live, %d in pages (%.3f)", steps, s.LiveBytes, s.PageBytes, float64(s.PageBytes)/float64(s.LiveBytes))
	if float64(s.PageBytes) > 1.12*float64(s.LiveBytes)+20*pageBytes {
		t.Errorf("%d bytes live in %d bytes of pages", s.LiveBytes, s.PageBytes)
	}
	check(t, a, h)
}

// TestHeapsInParallel: heaps share only the arena.
func TestHeapsInParallel(t *testing.T) {
	a := newArena(t, Options{})
	var wg sync.WaitGroup
	heaps := make([]*Heap, 4)
	for i := range heaps {
		h := a.NewHeap(i % 2)
		heaps[i] = h
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			var live []object
			for range 40000 {
				if len(live) == 0 || r.IntN(100) < 55 {
					o := object{n: randomSize(r), tag: r.Uint64()}
					o.ref, _ = h.Alloc(o.n, Records)
					o.fill(a)
					live = append(live, o)
				} else {
					k := r.IntN(len(live))
					if !live[k].intact(a) {
						t.Errorf("%+v was overwritten", live[k])
						return
					}
					h.Free(live[k].ref)
					live[k] = live[len(live)-1]
					live = live[:len(live)-1]
				}
				if r.IntN(1000) == 0 {
					a.Stats()
				}
			}
		})
	}
	wg.Wait()
	check(t, a, heaps...)
}

// TestArenaTrim: free pages keep their memory as long as somebody needs some of
// them now and then, and lose it after a time in which nobody did.
func TestArenaTrim(t *testing.T) {
	a := newArena(t, Options{ReserveBytes: 1 << 30})
	h := a.NewHeap(0)
	var refs []Ref
	take := func(pages int) {
		t.Helper()
		for range 2 * pages { // two objects fill a page
			ref, err := h.Alloc(maxSmall, Records)
			if err != nil {
				t.Fatal(err)
			}
			refs = append(refs, ref)
		}
	}
	give := func(pages int) {
		for range 2 * pages {
			h.Free(refs[len(refs)-1])
			refs = refs[:len(refs)-1]
		}
		h.Trim()
	}
	dirty := func(want int64) {
		t.Helper()
		if got := a.Stats().DirtyBytes / pageBytes; got != want {
			t.Fatalf("%d free pages with memory, want %d", got, want)
		}
		if err := a.Check(); err != nil {
			t.Fatal(err)
		}
	}
	trim := func(most int, more bool) {
		t.Helper()
		if got := a.Trim(most); got != more {
			t.Fatalf("there is more to trim: %v", got)
		}
	}
	take(20)
	give(20)
	dirty(20)
	trim(100, false) // they are new
	dirty(20)
	take(12) // 8 were never needed
	give(12)
	dirty(20)
	trim(5, true)
	dirty(15)
	trim(5, false)
	dirty(12)
	trim(12, false)
	dirty(0)
	take(20) // their memory comes again
	trim(100, false)
	give(20)
	dirty(20)
}
