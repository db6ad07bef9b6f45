package engine

import (
	"fmt"
	"math/bits"

	"hpkv/engine/alloc"
	"hpkv/engine/record"
)

// A wheel is a hierarchical timing wheel (Varghese and Lauck, 1987) over the
// volatile records of one keyspace. Each record is a node of exactly one of
// the wheel's lists, linked through the record itself, so that a changed or
// dropped expiry costs O(1) and leaves nothing behind.
//
// Level 0 has a list for each of the next 256 ticks, level l one for each of
// the next 256 spans of 256^l ticks. When the time of a higher list comes, its
// records are dealt to the lists below (a cascade). Both expiring and
// cascading go in bounded steps: the wheel's time stands still until a step's
// list is empty, and whoever was late is found by the next step.
//
// A clock that is set back takes the wheel's time with it. Lists stay as they
// are: the time of a record's list comes once in every turn of its level, so
// that it is met at its time or ahead of it, and then dealt again.
type wheel struct {
	tick    int64 // the first tick not yet completed
	cascade int   // level whose list for tick is being dealt out; 0: none
	count   int
	heads   [levels * spokes]alloc.Ref
	used    [levels * spokes / 64]uint64 // a bit for each list that is not empty
}

const (
	tickBits  = 3 // a tick is 8 ms: expiry is at most that late when nothing else delays it
	spokeBits = 8
	spokes    = 1 << spokeBits
	levels    = 5 // 278 years; what lies beyond waits in the last list and is dealt again
	horizon   = 1<<(levels*spokeBits) - 1
)

func newWheel(nowMs int64) *wheel { return &wheel{tick: nowMs >> tickBits} }

// list returns the number of the list for an expiry.
func (w *wheel) list(atMs int64) int {
	due := max(atMs>>tickBits, w.tick)
	due = min(due, w.tick+horizon)
	level := 0
	if d := due - w.tick; d > 0 {
		level = (bits.Len64(uint64(d)) - 1) / spokeBits
	}
	return level<<spokeBits | int(due>>(level*spokeBits))&(spokes-1)
}

func (w *wheel) add(s *shard, ref alloc.Ref) {
	rec := s.recordAt(ref)
	hdr := rec.Header()
	l := w.list(rec.ExpireAt(hdr))
	head := w.heads[l]
	rec.SetNext(hdr, uint64(head), l)
	rec.SetPrev(hdr, 0)
	if head != 0 {
		h := s.recordAt(head)
		h.SetPrev(h.Header(), uint64(ref))
	}
	w.heads[l] = ref
	w.used[l/64] |= 1 << (l % 64)
	w.count++
}

func (w *wheel) remove(s *shard, ref alloc.Ref) {
	rec := s.recordAt(ref)
	next, prev, l := rec.Links(rec.Header())
	if prev != 0 {
		p := s.recordAt(alloc.Ref(prev))
		p.SetNext(p.Header(), next, l)
	} else {
		w.heads[l] = alloc.Ref(next)
		if next == 0 {
			w.used[l/64] &^= 1 << (l % 64)
		}
	}
	if next != 0 {
		n := s.recordAt(alloc.Ref(next))
		n.SetPrev(n.Header(), prev)
	}
	w.count--
}

// move puts a record whose expiry has changed into its new list.
func (w *wheel) move(s *shard, ref alloc.Ref) {
	rec := s.recordAt(ref)
	hdr := rec.Header()
	if _, _, l := rec.Links(hdr); l != w.list(rec.ExpireAt(hdr)) {
		w.remove(s, ref)
		w.add(s, ref)
	}
}

// relink repairs the neighbours of a record that was copied, links and all,
// from old to ref.
func (w *wheel) relink(s *shard, ref alloc.Ref, rec record.Record, hdr record.Header) {
	next, prev, l := rec.Links(hdr)
	if prev != 0 {
		p := s.recordAt(alloc.Ref(prev))
		p.SetNext(p.Header(), uint64(ref), l)
	} else {
		w.heads[l] = ref
	}
	if next != 0 {
		n := s.recordAt(alloc.Ref(next))
		n.SetPrev(n.Header(), uint64(ref))
	}
}

// advance brings the wheel up to now, calling expire for each record that is
// due, which must remove it. It handles at most budget records and reports
// whether work is left.
func (w *wheel) advance(s *shard, nowMs int64, budget int, expire func(ref alloc.Ref)) (more bool) {
	target := nowMs >> tickBits
	if target < w.tick {
		w.tick, w.cascade = target, 0
	}
	for w.tick < target {
		if w.count == 0 {
			w.tick, w.cascade = target, 0
			return false
		}
		for ; w.cascade > 0; w.cascade-- {
			l := w.cascade<<spokeBits | int(w.tick>>(w.cascade*spokeBits))&(spokes-1)
			for w.heads[l] != 0 {
				if budget--; budget < 0 {
					return true
				}
				ref := w.heads[l]
				w.remove(s, ref)
				w.add(s, ref)
			}
		}
		for l := int(w.tick & (spokes - 1)); w.heads[l] != 0; {
			if budget--; budget < 0 {
				return true
			}
			ref := w.heads[l]
			rec := s.recordAt(ref)
			if rec.ExpireAt(rec.Header())>>tickBits > w.tick {
				w.remove(s, ref) // the clock was set back since it was dealt
				w.add(s, ref)
				continue
			}
			expire(ref)
		}
		w.step(target)
	}
	return false
}

// step moves to the next tick at which the time of some list comes, target at
// most, and notes the cascade due there.
func (w *wheel) step(target int64) {
	next := target
	for level := range levels {
		at := w.tick >> (level * spokeBits)
		if d := w.ahead(level, int(at&(spokes-1))); d > 0 {
			next = min(next, (at+int64(d))<<(level*spokeBits))
		}
	}
	w.tick = next
	if w.tick&(spokes-1) == 0 {
		w.cascade = min(bits.TrailingZeros64(uint64(w.tick))/spokeBits, levels-1)
	}
}

// ahead returns how many lists after list i of a level the next one is that is
// not empty, around the end, 1 to spokes; 0 if the whole level is empty.
func (w *wheel) ahead(level, i int) int {
	const words = spokes / 64
	used := w.used[level*words : (level+1)*words]
	for d := 1; d <= spokes; {
		at := (i + d) % spokes
		if rest := used[at/64] >> (at % 64); rest != 0 {
			if d += bits.TrailingZeros64(rest); d <= spokes {
				return d
			}
			break
		}
		d += 64 - at%64
	}
	return 0
}

// soonest returns a record that expires next or about then, 0 if there is none.
// Records of one list are in no order.
func (w *wheel) soonest() alloc.Ref {
	for level := range levels {
		at := int(w.tick>>(level*spokeBits)) & (spokes - 1)
		if level == 0 && w.heads[at] != 0 {
			return w.heads[at]
		}
		if d := w.ahead(level, at); d > 0 {
			return w.heads[level<<spokeBits|(at+d)&(spokes-1)]
		}
	}
	return 0
}

// check verifies that the wheel links exactly the keyspace's volatile records.
func (w *wheel) check(s *shard, volatile int) error {
	if w == nil {
		if volatile != 0 {
			return fmt.Errorf("%d volatile records and no wheel", volatile)
		}
		return nil
	}
	linked := 0
	for l, ref := range w.heads {
		if (ref != 0) != (w.used[l/64]>>(l%64)&1 != 0) {
			return fmt.Errorf("wheel list %d: the bitmap disagrees", l)
		}
		prev := uint64(0)
		for ref != 0 {
			rec := s.recordAt(ref)
			hdr := rec.Header()
			if !hdr.Volatile() {
				return fmt.Errorf("wheel list %d: record %d is not volatile", l, ref)
			}
			next, p, list := rec.Links(hdr)
			if p != prev || list != l {
				return fmt.Errorf("wheel list %d: record %d has wrong links", l, ref)
			}
			if linked++; linked > volatile {
				return fmt.Errorf("wheel links more than the %d volatile records", volatile)
			}
			prev, ref = uint64(ref), alloc.Ref(next)
		}
	}
	if linked != volatile || w.count != volatile {
		return fmt.Errorf("wheel links %d and counts %d of %d volatile records", linked, w.count, volatile)
	}
	return nil
}
