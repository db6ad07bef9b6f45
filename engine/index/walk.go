package index

import (
	"math/bits"
	"unsafe"

	"hpkv/engine/alloc"
)

// Entry is an entry of a table and its position, the low half of its hash.
type Entry struct {
	Pos uint32
	Ref alloc.Ref
}

// Batch is how many entries a walk or a join is best given at a time: enough for
// the cache lines that were asked for to arrive, few enough for them to be there
// still.
const Batch = 64

// Walk goes through the entries of a table that does not change meanwhile, each
// once, in about the order of their positions. The zero value, with the table
// set by Begin, is at the start.
type Walk struct {
	t     *Table
	place int // next place in the directory
	at    int // next bucket in its segment
	stash int // next entry of the stash
}

// Begin puts the walk at the start of a table.
func (w *Walk) Begin(t *Table) { *w = Walk{t: t} }

// Refs fills dst with the next entries and asks for the first cache line of
// each. It returns none at the end. REQUIRES: room for 7 entries at least.
func (w *Walk) Refs(dst []alloc.Ref) []alloc.Ref {
	dst = dst[:0]
	d := w.t.dir.Load()
	if d == nil {
		return dst
	}
	for w.place < len(d.entries) {
		s := segment(d.entries[w.place])
		for ; w.at < s.len(); w.at++ {
			if cap(dst)-len(dst) < slotsPerBucket {
				return dst
			}
			for _, word := range &w.t.bucket(s, w.at).slots {
				if word != 0 {
					prefetch(w.t.lineAt(word))
					dst = append(dst, alloc.Ref(word&refMask))
				}
			}
		}
		w.nextSegment(d, s)
	}
	for ; w.stash < len(w.t.stash) && len(dst) < cap(dst); w.stash++ {
		dst = append(dst, w.t.stash[w.stash].ref)
	}
	return dst
}

// Entries is Refs with positions.
func (w *Walk) Entries(dst []Entry) []Entry {
	dst = dst[:0]
	d := w.t.dir.Load()
	if d == nil {
		return dst
	}
	for w.place < len(d.entries) {
		s := segment(d.entries[w.place])
		start := uint64(w.place) << d.shift
		for ; w.at < s.len(); w.at++ {
			if cap(dst)-len(dst) < slotsPerBucket {
				return dst
			}
			b := w.t.bucket(s, w.at)
			for k, word := range &b.slots {
				if word != 0 {
					home := s.prev(w.at, displacement(b.head, k))
					dst = append(dst, Entry{uint32(w.t.posOf(s, start, home, word)), alloc.Ref(word & refMask)})
				}
			}
		}
		w.nextSegment(d, s)
	}
	for ; w.stash < len(w.t.stash) && len(dst) < cap(dst); w.stash++ {
		e := w.t.stash[w.stash]
		dst = append(dst, Entry{e.pos, e.ref})
	}
	return dst
}

func (w *Walk) nextSegment(d *directory, s segment) {
	w.place += 1 << (d.depth() - s.depth())
	w.at = 0
}

// lineAt returns where a slot's word points to, for prefetch.
func (t *Table) lineAt(word uint64) *bucket {
	return (*bucket)(unsafe.Add(t.base, uintptr(word&refMask)<<3))
}

// Pair says that entry number I of those joined and the entry Ref of a table
// have one position: most likely they have one key.
type Pair struct {
	I   int
	Ref alloc.Ref
}

// Join appends to dst, for entries of any table, the entries of t at the same
// positions. The records of all of them, of both tables, have been asked for
// when it returns. No record is read.
func (t *Table) Join(entries []Entry, dst []Pair) []Pair {
	d := t.dir.Load()
	if d == nil {
		return dst
	}
	for _, e := range entries {
		s := d.segment(uint64(e.Pos))
		prefetch(t.bucket(s, s.home(uint64(e.Pos))))
	}
	for i, e := range entries {
		pos := uint64(e.Pos)
		s := d.segment(pos)
		at := s.home(pos)
		b := t.bucket(s, at)
		want := pos << tagShift
		before := len(dst)
		for m := b.match(want); m != 0; m &= m - 1 {
			dst = append(dst, Pair{i, alloc.Ref(b.slots[bits.TrailingZeros32(m)&7] & refMask)})
		}
		if head := b.head; head&(maxReach<<reachShift|stashedBit) != 0 {
			dst = t.joinFar(s, at, pos, Pair{I: i}, dst)
		}
		if len(dst) > before {
			prefetch(t.lineAt(uint64(e.Ref)))
			for _, p := range dst[before:] {
				prefetch(t.lineAt(uint64(p.Ref)))
			}
		}
	}
	return dst
}

// joinFar is Join for what is not in its home bucket.
func (t *Table) joinFar(s segment, home int, pos uint64, p Pair, dst []Pair) []Pair {
	head, want := t.bucket(s, home).head, pos<<tagShift
	for step := 1; step <= reach(head); step++ {
		b := t.bucket(s, s.next(home, step))
		for m := b.match(want); m != 0; m &= m - 1 {
			p.Ref = alloc.Ref(b.slots[bits.TrailingZeros32(m)] & refMask)
			dst = append(dst, p)
		}
	}
	if head&stashedBit != 0 {
		for _, e := range t.stash {
			if uint64(e.pos) == pos {
				p.Ref = e.ref
				dst = append(dst, p)
			}
		}
	}
	return dst
}
