package index

import (
	"math/bits"

	"hpkv/engine/alloc"
)

// Slot is a handle on an entry under the lock. It is valid until the next
// Insert, Delete, Clear or Relocate.
type Slot struct {
	t      *Table
	seg    segment
	pos    uint64
	home   *bucket
	hold   *bucket // nil: the entry is in the stash
	want   uint64
	mask   uint32 // candidates left in hold, the current one excluded
	homeAt int32
	step   int32 // hold is this many buckets after home
	slot   int32 // in hold, or in the stash
}

// Seek makes s the first entry whose tag matches h, and reports whether there is
// one. The caller compares keys and goes on with Next. REQUIRES: the shard's lock,
// for this and everything below.
func (t *Table) Seek(h uint64, s *Slot) bool {
	d := t.dir.Load()
	if d == nil {
		return false
	}
	pos := h & posMask
	seg := d.segment(pos)
	i := seg.home(pos)
	home := t.bucket(seg, i)
	s.t, s.home, s.hold = t, home, home
	s.seg, s.pos, s.want = seg, pos, pos<<tagShift
	s.homeAt, s.step = int32(i), 0
	m := home.match(pos << tagShift)
	if m == 0 {
		s.mask = 0
		return s.Next()
	}
	s.slot = int32(bits.TrailingZeros32(m))
	s.mask = m & (m - 1)
	return true
}

// Next goes on to the next candidate, and reports whether there is one.
func (s *Slot) Next() bool {
	for s.hold != nil {
		if s.mask != 0 {
			s.slot = int32(bits.TrailingZeros32(s.mask))
			s.mask &= s.mask - 1
			return true
		}
		if int(s.step) == reach(s.home.head) {
			if s.home.head&stashedBit == 0 {
				return false
			}
			s.hold, s.slot = nil, -1
			break
		}
		s.step++
		s.hold = s.t.bucket(s.seg, s.seg.next(int(s.homeAt), int(s.step)))
		s.mask = s.hold.match(s.want)
	}
	for s.slot++; int(s.slot) < len(s.t.stash); s.slot++ {
		if uint64(s.t.stash[s.slot].pos) == s.pos {
			return true
		}
	}
	return false
}

// Ref returns the entry's reference.
func (s *Slot) Ref() alloc.Ref {
	if s.hold == nil {
		return s.t.stash[s.slot].ref
	}
	return alloc.Ref(s.hold.slots[s.slot] & refMask)
}

// FindRef returns the entry of h that has this very reference.
func (t *Table) FindRef(h uint64, ref alloc.Ref) (Slot, bool) {
	var s Slot
	ok := t.Seek(h, &s)
	for ok && s.Ref() != ref {
		ok = s.Next()
	}
	return s, ok
}

// Insert adds an entry; that there is none for the key is the caller's to know.
// The record at ref must be complete. The error is alloc.ErrNoMemory, with
// nothing changed.
func (t *Table) Insert(h uint64, ref alloc.Ref) error {
	pos := h & posMask
	for {
		d := t.dir.Load()
		if d == nil {
			if err := t.create(); err != nil {
				return err
			}
			continue
		}
		s := d.segment(pos)
		if t.place(s, pos, ref) {
			t.addCount(pos, s, 1)
			t.count++
			return nil
		}
		if grown, err := t.grow(pos); err != nil {
			return err
		} else if !grown {
			t.putStash(pos, ref)
			t.count++
			return nil
		}
		t.unstash()
	}
}

// place puts an entry into its home bucket or one of the next, and reports
// whether there was room.
func (t *Table) place(s segment, pos uint64, ref alloc.Ref) bool {
	i := s.home(pos)
	home := t.bucket(s, i)
	hold := home
	for d := 0; d <= maxReach; d++ {
		if d > 0 {
			hold = t.bucket(s, s.next(i, d))
		}
		v := hold.vacant()
		if v == slotsPerBucket {
			continue
		}
		store(&home.head, home.head+versionOdd)
		if d > 0 {
			// The slot counts as this home's before it is filled, and the
			// home's head changes last: a reader that looks into the holding
			// bucket because of the new reach finds the entry.
			store(&hold.head, withDisplacement(hold.head, v, d)+versionStep)
		}
		store(&hold.slots[v], pos<<tagShift|uint64(ref))
		store(&home.head, withReach(home.head, max(reach(home.head), d))+versionOdd)
		return true
	}
	return false
}

// Replace points the entry to another record, complete already. The old one
// can be freed afterwards.
func (t *Table) Replace(s *Slot, ref alloc.Ref) {
	if s.hold == nil {
		t.stash[s.slot].ref = ref
		return
	}
	store(&s.home.head, s.home.head+versionOdd)
	word := &s.hold.slots[s.slot]
	store(word, *word&^refMask|uint64(ref))
	if s.hold != s.home {
		store(&s.hold.head, s.hold.head+versionStep)
	}
	storeFenced(&s.home.head, s.home.head+versionOdd)
}

// Delete removes the entry. Its record can be freed afterwards.
func (t *Table) Delete(s *Slot) {
	t.count--
	if s.hold == nil {
		t.dropStash(int(s.slot))
		return
	}
	store(&s.home.head, s.home.head+versionOdd)
	store(&s.hold.slots[s.slot], 0)
	head := s.home.head
	if s.step > 0 {
		store(&s.hold.head, withDisplacement(s.hold.head, int(s.slot), 0)+versionStep)
		head = withReach(head, t.reachOf(s.seg, int(s.homeAt), reach(head)))
	}
	storeFenced(&s.home.head, head+versionOdd)

	if n := t.addCount(s.pos, s.seg, -1); n*100 < s.seg.len()*slotsPerBucket*sparsePercent {
		t.shrink(s.pos)
	}
}

// reachOf returns how far entries of bucket i have gone, at most limit.
func (t *Table) reachOf(s segment, i, limit int) int {
	for d := limit; d > 0; d-- {
		b := t.bucket(s, s.next(i, d))
		for k, w := range b.slots {
			if w != 0 && displacement(b.head, k) == d {
				return d
			}
		}
	}
	return 0
}

// Lock keeps readers away from the entry while its record changes in place.
// Between Lock and Unlock nothing else may be done with the table.
func (t *Table) Lock(s *Slot) {
	if s.hold == nil {
		return // readers never get to the stash
	}
	if s.hold != s.home {
		store(&s.hold.head, s.hold.head+versionOdd)
	}
	storeFenced(&s.home.head, s.home.head+versionOdd)
}

// Unlock ends what Lock began.
func (t *Table) Unlock(s *Slot) {
	if s.hold == nil {
		return
	}
	if s.hold != s.home {
		store(&s.hold.head, s.hold.head+versionOdd)
	}
	storeFenced(&s.home.head, s.home.head+versionOdd)
}

// Freeze makes lookups without the lock fail until Thaw, so that writes to
// several entries in between appear as one. What began before Freeze is not
// valid any more either, after Freeze has returned.
func (t *Table) Freeze() { t.changeStructure(1) }

// Thaw ends what Freeze began.
func (t *Table) Thaw() { t.changeStructure(1) }

func (t *Table) changeStructure(by uint64) {
	t.structure.Store(t.structure.Load() + by)
	storeBarrier()
}
