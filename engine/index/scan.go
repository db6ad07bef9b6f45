package index

import (
	"math/bits"

	"hpkv/engine/alloc"
)

// Scan visits the entries of the bucket that position cursor belongs to and
// returns the cursor of the next, 0 after the last. Starting from 0 and going
// on until 0, a scan visits every entry that is there all the time at least
// once, whatever happens to the table between the calls; it is done in at most
// as many calls as there are buckets. visit may change the table.
func (t *Table) Scan(cursor uint64, visit func(ref alloc.Ref)) (next uint64) {
	d := t.dir.Load()
	if d == nil || cursor > posMask {
		return 0
	}
	s := d.segment(cursor)
	i := s.home(cursor)
	home := t.bucket(s, i)
	var buf [(maxReach + 1) * slotsPerBucket]alloc.Ref
	refs := buf[:0]
	for step := 0; step <= reach(home.head); step++ {
		b := t.bucket(s, s.next(i, step))
		for k, w := range b.slots {
			if w != 0 && displacement(b.head, k) == step {
				refs = append(refs, alloc.Ref(w&refMask))
			}
		}
	}
	start := s.start(cursor)
	low, next := s.boundary(start, i), s.boundary(start, i+1)
	if home.head&stashedBit != 0 {
		for _, e := range t.stash {
			if low <= uint64(e.pos) && uint64(e.pos) < next {
				refs = append(refs, e.ref)
			}
		}
	}
	for _, ref := range refs {
		visit(ref)
	}
	if next > posMask {
		return 0
	}
	return next
}

// randomTries bounds the search by chance: at the least load that a table of
// some size keeps, 38%, it fails once in 10^13 times.
const randomTries = 64

// Random returns some entry, all of them about equally likely. rnd returns
// random words.
func (t *Table) Random(rnd func() uint64) (alloc.Ref, bool) {
	d := t.dir.Load()
	if d == nil || t.count == 0 {
		return 0, false
	}
	if n := len(t.stash); n > 0 {
		if i, _ := bits.Mul64(rnd(), uint64(t.count)); i < uint64(n) {
			return t.stash[i].ref, true
		}
	}
	var pos uint64
	for range randomTries {
		r := rnd()
		pos = r & posMask
		s := d.segment(pos)
		slot := r >> 32 * slotsPerBucket >> 32
		if w := t.bucket(s, s.home(pos)).slots[slot]; w != 0 {
			return alloc.Ref(w & refMask), true
		}
	}
	// A nearly empty table: take the next entry in order, around the end.
	for {
		var found alloc.Ref
		pos = t.Scan(pos, func(ref alloc.Ref) { found = ref })
		if found != 0 {
			return found, true
		}
	}
}

// drainState is a table's former contents, on their way out.
type drainState struct {
	dir   *directory
	stash []stashed
	place int // next place in the directory
	at    int // next bucket in its segment
}

// Clear empties the table at once, for readers too. Its former entries and
// memory are left for Drain.
func (t *Table) Clear() {
	d := t.dir.Load()
	if d == nil {
		return
	}
	t.dir.Store(nil)
	t.changeStructure(2)
	t.draining = append(t.draining, &drainState{dir: d, stash: t.stash})
	t.stash, t.next, t.count, t.atDepth, t.segmentBytes = nil, nil, 0, [33]int32{}, 0
}

// Drain hands about budget former entries to drop, which owns them then, and
// frees the segments they leave. It returns true when nothing is left.
func (t *Table) Drain(budget int, drop func(ref alloc.Ref)) (done bool) {
	for len(t.draining) > 0 && budget > 0 {
		st := t.draining[0]
		if budget = t.drain(st, budget, drop); st.place == len(st.dir.entries) && len(st.stash) == 0 {
			t.draining[0] = nil
			t.draining = t.draining[1:]
		}
	}
	return len(t.draining) == 0
}

func (t *Table) drain(st *drainState, budget int, drop func(ref alloc.Ref)) int {
	for ; len(st.stash) > 0 && budget > 0; budget-- {
		drop(st.stash[0].ref)
		st.stash = st.stash[1:]
	}
	for st.place < len(st.dir.entries) && budget > 0 {
		s := segment(st.dir.entries[st.place])
		for ; st.at < s.len() && budget > 0; st.at++ {
			budget-- // also for empty buckets
			b := t.bucket(s, st.at)
			for k, w := range b.slots {
				if w != 0 {
					b.slots[k] = 0 // for Relocate, which reads records
					drop(alloc.Ref(w & refMask))
					budget--
				}
			}
		}
		if st.at == s.len() {
			t.heap.Free(s.ref())
			st.at = 0
			st.place += 1 << (st.dir.depth() - s.depth())
		}
	}
	return budget
}
