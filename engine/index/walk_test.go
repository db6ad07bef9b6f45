package index

import (
	"math/rand/v2"
	"testing"

	"hpkv/engine/alloc"
)

// checkWalk holds a walk, with and without positions, and joins against what
// the table should have.
func (r *rig) checkWalk(t *testing.T, model map[uint64]alloc.Ref) {
	t.Helper()
	want := map[alloc.Ref]uint32{}
	at := map[uint32][]alloc.Ref{}
	for h, ref := range model {
		want[ref] = uint32(h)
		at[uint32(h)] = append(at[uint32(h)], ref)
	}
	room := 7 + rand.IntN(100)
	seen := map[alloc.Ref]bool{}
	var w Walk
	w.Begin(r.table)
	for refs := w.Refs(make([]alloc.Ref, room)); len(refs) > 0; refs = w.Refs(refs) {
		for _, ref := range refs {
			if _, ok := want[ref]; !ok || seen[ref] {
				t.Fatalf("room %d: reference %d: known: %v, seen before: %v", room, ref, ok, seen[ref])
			}
			seen[ref] = true
		}
	}
	var all []Entry
	w.Begin(r.table)
	for batch := w.Entries(make([]Entry, room)); len(batch) > 0; batch = w.Entries(batch) {
		all = append(all, batch...)
	}
	if len(seen) != len(want) || len(all) != len(want) {
		t.Fatalf("room %d: walks find %d and %d of %d entries", room, len(seen), len(all), len(want))
	}
	for _, e := range all {
		if pos, ok := want[e.Ref]; !ok || pos != e.Pos {
			t.Fatalf("room %d: entry %d at %#x, want %#x, known: %v", room, e.Ref, e.Pos, pos, ok)
		}
	}
	// Entries of another table: some at the positions of this one's, some not.
	probes := all[:min(len(all), 30)]
	for range 10 {
		probes = append(probes[:len(probes):len(probes)], Entry{Pos: rand.Uint32()})
	}
	pairs := map[Pair]int{}
	for _, p := range r.table.Join(probes, nil) {
		pairs[p]++
	}
	for i, e := range probes {
		for _, ref := range at[e.Pos] {
			if pairs[Pair{i, ref}] != 1 {
				t.Fatalf("position %#x: entry %d is joined %d times", e.Pos, ref, pairs[Pair{i, ref}])
			}
		}
	}
	for p := range pairs {
		if _, ok := want[p.Ref]; !ok {
			t.Fatalf("joined with %d, which is no entry", p.Ref)
		}
	}
}

// TestWalkEmpty: nothing is found in tables that never had or have no entries.
func TestWalkEmpty(t *testing.T) {
	r := newRig(t)
	r.checkWalk(t, nil)
	ref := r.insert(t, 7)
	s, _ := r.find(7)
	r.table.Delete(&s)
	r.heap.Free(ref)
	r.checkWalk(t, nil)
}
