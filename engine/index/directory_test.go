package index

import "testing"

// TestDirectoryAhead grows a table, with honest hashes, until its directory has
// doubled several times beyond what is copied at once, and shrinks it again:
// every larger directory must be ready before it is needed, and whatever step a
// change of size has reached, the table must be whole.
func TestDirectoryAhead(t *testing.T) {
	if testing.Short() {
		t.Skip("two million entries")
	}
	r := newRig(t)
	rng := seeded(t)
	const n = 2 << 20
	hashes := make([]uint64, n)
	pending := 0
	for i := range hashes {
		hashes[i] = mix(rng.Uint64())
		r.insert(t, hashes[i])
		if i&(1<<17-1) == 0 {
			r.mustCheck(t)
			if r.table.next != nil {
				pending++
			}
		}
	}
	s := r.table.Stats()
	if s.Directory < 4<<resizeAtOnce || pending == 0 {
		t.Fatalf("a directory of %d words, %d times seen in the making: this tests nothing", s.Directory, pending)
	}
	if s.LateCopies != 0 {
		t.Errorf("%d directories were not ready in time", s.LateCopies)
	}
	largest := s.Directory
	for i, h := range hashes {
		slot, ok := r.find(h)
		if !ok {
			t.Fatalf("entry %d is gone", i)
		}
		ref := slot.Ref()
		r.table.Delete(&slot)
		r.heap.Free(ref)
		if i&(1<<17-1) == 0 {
			r.mustCheck(t)
		}
	}
	r.mustCheck(t)
	if s = r.table.Stats(); s.Directory > largest/16 {
		t.Errorf("the empty table has a directory of %d words, %d when it was full", s.Directory, largest)
	}
}

// TestDirectoryTurns grows and shrinks a table around a change of size, so that
// one is given up for the opposite one.
func TestDirectoryTurns(t *testing.T) {
	r := newRig(t)
	rng := seeded(t)
	var hashes []uint64
	grow := func(n int) {
		for range n {
			h := mix(rng.Uint64())
			hashes = append(hashes, h)
			r.insert(t, h)
		}
	}
	shrink := func(n int) {
		for range min(n, len(hashes)) {
			i := rng.IntN(len(hashes))
			slot, ok := r.find(hashes[i])
			if !ok {
				t.Fatal("an entry is gone")
			}
			ref := slot.Ref()
			r.table.Delete(&slot)
			r.heap.Free(ref)
			hashes[i] = hashes[len(hashes)-1]
			hashes = hashes[:len(hashes)-1]
		}
	}
	grow(400_000)
	for range 12 {
		grow(rng.IntN(200_000))
		r.mustCheck(t)
		shrink(rng.IntN(300_000))
		r.mustCheck(t)
	}
	for _, h := range hashes {
		if _, ok := r.find(h); !ok {
			t.Fatal("an entry is gone")
		}
	}
}
