package index

import "testing"

// TestSpot: a look at the home bucket alone either says what a probe says, or
// that it cannot tell; and what it said does not hold any more after a change.
func TestSpot(t *testing.T) {
	r, rng := newRig(t), seeded(t)
	if ref, spot := r.table.Look(1); ref != 0 || !spot.Sure() || !r.table.Still(spot) {
		t.Fatal("an empty table is not sure that it is empty")
	}
	r.table.Freeze()
	if _, spot := r.table.Look(1); spot.Sure() {
		t.Error("an empty table that is frozen is believed")
	}
	r.table.Thaw()
	const n = 5000
	hashes := make([]uint64, n)
	for i := range hashes {
		hashes[i] = rng.Uint64()
		r.insert(t, hashes[i])
	}
	told := 0
	for _, h := range hashes {
		ref, spot := r.table.Look(h)
		switch {
		case !spot.Sure():
		case ref == 0 || !r.table.Still(spot):
			t.Fatalf("hash %#x: %d, still true: %v", h, ref, r.table.Still(spot))
		case r.hashOf(ref) == h: // or, once in a while, one with the same tag
			told++
		}
	}
	if told < n*8/10 {
		t.Errorf("%d of %d entries were found in their home buckets", told, n)
	}
	absent := 0
	for range n {
		if ref, spot := r.table.Look(rng.Uint64()); ref == 0 && spot.Sure() {
			absent++
		}
	}
	if absent == 0 {
		t.Error("no look was sure of an absence")
	}
	for name, change := range map[string]func(s *Slot){
		"lock":   func(s *Slot) { r.table.Lock(s); r.table.Unlock(s) },
		"delete": func(s *Slot) { r.table.Delete(s) },
		"freeze": func(*Slot) { r.table.Freeze(); r.table.Thaw() },
	} {
		for _, h := range hashes {
			ref, spot := r.table.Look(h)
			if ref == 0 {
				continue
			}
			s, _ := r.table.FindRef(h, ref)
			if change(&s); r.table.Still(spot) {
				t.Errorf("%s: what was seen before is still believed", name)
			}
			break
		}
	}
}
