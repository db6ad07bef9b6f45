package alloc

import (
	"errors"
	"testing"
)

// TestPrepare: a pool of huge pages asks for its next chunk before the last is
// used up, once, and pages are then taken from the prepared one; who does not wait
// for that gets pages all the same; and all memory goes back in the end.
func TestPrepare(t *testing.T) {
	asked := 0
	a := newArena(t, Options{ReserveBytes: 1 << 30, HugePages: true, Wanted: func() { asked++ }})
	h := a.NewHeap(0)
	check := func() { t.Helper(); mustCheck(t, a, h) }
	var refs []Ref
	take := func(pages int) {
		t.Helper()
		for range 2 * pages { // two objects fill a page
			ref, err := h.Alloc(maxSmall, Records)
			if err != nil {
				t.Fatal(err)
			}
			a.Bytes(ref, 0, 1)[0] = 1
			refs = append(refs, ref)
		}
	}
	a.Prepare()
	if len(a.chunks) != 0 {
		t.Fatal("memory was prepared for nobody")
	}
	take(hugeAfter*chunkPages - 1 - prepareBelow) // page 0 is never used
	check()
	if asked != 0 {
		t.Fatalf("asked %d times with %d free pages", asked, prepareBelow)
	}
	for round := range 3 {
		take(1)
		po := a.pools[0]
		if asked != round+1 || po.free != prepareBelow-1 {
			t.Fatalf("round %d: asked %d times, with %d free pages", round, asked, po.free)
		}
		take(1)
		if asked != round+1 {
			t.Fatal("asked again before Prepare")
		}
		before := len(a.chunks)
		a.Prepare()
		a.Prepare() // there is nothing more to do
		check()
		if po.free != prepareBelow-2+chunkPages || len(a.chunks) != before+1 {
			t.Fatalf("round %d: %d free pages, %d chunks more", round, po.free, len(a.chunks)-before)
		}
		take(chunkPages - 2)
	}
	take(5 * chunkPages) // faster than anybody prepares
	check()
	if asked != 4 {
		t.Errorf("asked %d times, want 4", asked)
	}
	for _, ref := range refs {
		h.Free(ref)
	}
	h.Trim()
	check()
	if po := a.pools[0]; a.InUse() != 0 || po.free > 2*chunkPages {
		t.Errorf("%d bytes in use, %d free pages kept", a.InUse(), po.free)
	}
}

// TestPrepareMeanwhile: pages of a chunk that is taken while Prepare touches it keep
// their headers.
func TestPrepareMeanwhile(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		wanted, ended := make(chan struct{}, 1), make(chan struct{})
		a := newArena(t, Options{ReserveBytes: 1 << 30, HugePages: true, Wanted: func() {
			select {
			case wanted <- struct{}{}:
			default:
			}
		}})
		go func() {
			defer close(ended)
			for range wanted {
				a.Prepare()
			}
		}()
		h := a.NewHeap(0)
		var refs []Ref
		for range 2 * chunkPages * (hugeAfter + 12) {
			ref, err := h.Alloc(maxSmall, Records)
			if err != nil {
				t.Fatal(err)
			}
			refs = append(refs, ref)
		}
		for i, ref := range refs {
			if i%3 != 0 {
				h.Free(ref)
			}
		}
		close(wanted)
		<-ended
		if err := h.Check(); err != nil {
			t.Fatal(err)
		}
		if err := a.Check(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHeldPagesFirst: pages whose memory is here are taken before those whose memory
// was given back, wherever they are.
func TestHeldPagesFirst(t *testing.T) {
	a := newArena(t, Options{ReserveBytes: 1 << 30, HugePages: true})
	h := a.NewHeap(0)
	chunkOf := func(ref Ref) int { return int(ref << 3 >> chunkShift) }
	var refs []Ref
	take := func() Ref {
		t.Helper()
		ref, err := h.Alloc(maxSmall, Records)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	lose := func(chunk int) { // the first page of a chunk that is in use
		t.Helper()
		for i, ref := range refs {
			if ref != 0 && chunkOf(ref) == chunk {
				h.Free(ref)
				h.Free(refs[i+1]) // of the same page
				refs[i], refs[i+1] = 0, 0
				h.Trim()
				return
			}
		}
		t.Fatalf("nothing lies in chunk %d", chunk)
	}
	check := func() { t.Helper(); mustCheck(t, a, h) }
	for range 2 * (hugeAfter*chunkPages + 4) {
		refs = append(refs, take())
	}
	last := len(a.chunks) - 1
	if po := a.pools[0]; !a.chunks[last].huge || po.free != chunkPages-5 {
		t.Fatalf("%d chunks, %d free pages", len(a.chunks), po.free)
	}
	lose(0)
	for range 2 { // what was not needed between the two
		if a.Trim(chunkPages) {
			t.Fatal("not trimmed")
		}
	}
	lose(5)
	check()
	for i := range 2 * (1 + chunkPages - 5 + 1) {
		want := last
		switch i / 2 {
		case 0:
			want = 5 // dirty
		case chunkPages - 4:
			want = 0 // given back
		}
		if got := chunkOf(take()); got != want {
			t.Fatalf("page %d is of chunk %d, want %d", i/2, got, want)
		}
		check()
	}
}

// mustCheck verifies the invariants of an arena and a heap.
func mustCheck(t *testing.T, a *Arena, h *Heap) {
	t.Helper()
	if err := errors.Join(a.Check(), h.Check()); err != nil {
		t.Fatal(err)
	}
}

// TestGiveBackHuge: no huge pages are wanted any more where memory was given back, in
// part or whole; elsewhere they are.
func TestGiveBackHuge(t *testing.T) {
	a := newArena(t, Options{ReserveBytes: 1 << 30, HugePages: true})
	h := a.NewHeap(0)
	objects := make(map[int][]Ref) // by chunk
	for range 2 * (hugeAfter + 5) * chunkPages {
		ref, err := h.Alloc(maxSmall, Records) // half a page
		if err != nil {
			t.Fatal(err)
		}
		c := int(ref >> (chunkShift - 3))
		objects[c] = append(objects[c], ref)
	}
	const part, whole, kept = hugeAfter + 1, hugeAfter + 2, hugeAfter + 3
	free := func(c, pages int) {
		t.Helper()
		for _, ref := range objects[c][:2*pages] {
			h.Free(ref)
		}
		h.Trim()
		mustCheck(t, a, h)
	}
	free(part, prepareBelow+4)
	a.Trim(chunkPages) // sees what is not needed
	a.Trim(chunkPages)
	mustCheck(t, a, h)
	free(whole, chunkPages)
	if a.chunks[whole].pool >= 0 {
		t.Errorf("chunk %d is not given back: %+v", whole, a.chunks[whole])
	}
	for c, want := range map[int]bool{part: false, whole: false, kept: true} {
		if a.chunks[c].wanted != want {
			t.Errorf("chunk %d: huge pages wanted: %v", c, !want)
		}
	}
}
