package index

import "hpkv/engine/alloc"

// Spot is a lookup without the lock that looks into the home bucket only, where
// nine of ten entries are in a table 79% full; of three in four absent ones it can
// tell that they are absent. It lives in registers, where a Probe is in memory, and
// takes fewer instructions.
//
//	ref, spot := t.Look(h)
//	read the record at ref, bounding every length, if ref is not 0
//	if !spot.Sure() || !t.Still(spot) { forget what was read; use a Probe }
//
// If that is passed and ref is 0, there is no entry; if the key at ref is another
// one, a Probe must tell.
type Spot struct {
	home      *bucket // nil: a Probe must tell
	head      uint64
	structure uint64
}

// Look returns a candidate for h, 0 if there is none, and where it was found.
// As for a Probe, ref may be stale until Still says otherwise.
func (t *Table) Look(h uint64) (ref alloc.Ref, s Spot) {
	structure := t.structure.Load()
	pos := h & posMask
	want := pos << tagShift
	if structure&1 != 0 || want == 0 {
		// Frozen: an empty table, too, is not to be seen yet. Or free slots have the
		// same tag.
		return 0, Spot{}
	}
	b := &nothing
	if d := t.dir.Load(); d != nil {
		seg := d.segment(pos)
		b = t.bucket(seg, seg.home(pos))
	}
	head := load(&b.head)
	if head&versionOdd != 0 {
		return 0, Spot{}
	}
	// Like match this has no branches, and it need not say which slot it was:
	// that two have one tag is a matter for a Probe.
	found := uint64(0)
	if x := load(&b.slots[0]) ^ want; x <= refMask {
		found = x
	}
	if x := load(&b.slots[1]) ^ want; x <= refMask {
		found = x
	}
	if x := load(&b.slots[2]) ^ want; x <= refMask {
		found = x
	}
	if x := load(&b.slots[3]) ^ want; x <= refMask {
		found = x
	}
	if x := load(&b.slots[4]) ^ want; x <= refMask {
		found = x
	}
	if x := load(&b.slots[5]) ^ want; x <= refMask {
		found = x
	}
	if x := load(&b.slots[6]) ^ want; x <= refMask {
		found = x
	}
	if found == 0 && head&(maxReach<<reachShift|stashedBit) != 0 {
		return 0, Spot{}
	}
	return alloc.Ref(found), Spot{b, head, structure}
}

// Sure reports whether the lookup has an answer.
func (s Spot) Sure() bool { return s.home != nil }

// Still reports whether no writer has interfered since Look with what s, which
// is sure, was found by.
func (t *Table) Still(s Spot) bool {
	loadBarrier()
	return (load(&s.home.head)^s.head)|(t.structure.Load()^s.structure) == 0
}
