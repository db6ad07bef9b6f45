package deque

import (
	"hpkv/engine/alloc"
	"hpkv/engine/packed"
)

// Set puts elem in the place of the i-th element, which must exist. The error is
// alloc.ErrNoMemory, with nothing changed.
func (l *List) Set(i int, elem []byte, lim Limit) error {
	at, k := l.find(i)
	n := l.at(at)
	b := l.seq(n)
	off := l.offset(b, n, k)
	next, _ := packed.Skip(b, off, 1)
	size, old := packed.Size(elem), next-off
	switch {
	case size <= old || n.fits(size-old, Limit{Bytes: lim.Bytes}):
		if grow := size - old; grow > int(n.room-n.hi) {
			l.shift(n, l.whole(n), 0, grow)
		}
		b = packed.Replace(l.whole(n)[n.lo:n.hi:n.room], off, elem)
		n.hi = n.lo + uint32(len(b))
		if size < old {
			l.tidy(at, lim)
		}
		return nil
	case n.count == 1:
		fresh, err := l.newNode(l.blockBytes(packed.Start+size, lim))
		if err != nil {
			return err
		}
		l.fill(&fresh, elem)
		l.free(n)
		*n = fresh
		return nil
	}
	if err := l.insertAt(at, k, elem, size, lim); err != nil {
		return err
	}
	l.deleteAt(i + 1)
	return nil
}

// fill makes elem the only one of a new block.
func (l *List) fill(n *node, elem []byte) {
	b := l.whole(n)
	n.lo, n.hi, n.count = 0, uint32(packed.Start+packed.Put(b[packed.Start:], elem)), 1
	packed.SetCount(b, 1)
}

// Insert adds elem before the i-th element, which must exist. The error is
// alloc.ErrNoMemory, with nothing changed.
func (l *List) Insert(i int, elem []byte, lim Limit) error {
	if i == 0 {
		return l.Push(Left, elem, lim)
	}
	at, k := l.find(i)
	if err := l.insertAt(at, k, elem, packed.Size(elem), lim); err != nil {
		return err
	}
	l.added(i)
	return nil
}

// insertAt adds elem before the k-th element of a block: there if it fits, in a
// neighbour or a new block if it comes first, else the block is split.
func (l *List) insertAt(at, k int, elem []byte, size int, lim Limit) error {
	n := l.at(at)
	switch {
	case n.fits(size, lim):
		l.insertIn(n, k, elem, size)
		return nil
	case k > 0:
		if err := l.split(at, k, lim); err != nil {
			return err
		}
		if n = l.at(at); n.fits(size, lim) {
			l.insertIn(n, k, elem, size)
			return nil
		}
		if next := l.at(at + 1); next.fits(size, lim) {
			l.insertIn(next, 0, elem, size)
			return nil
		}
		at++
	case at > 0 && l.at(at-1).fits(size, lim):
		prev := l.at(at - 1)
		l.insertIn(prev, int(prev.count), elem, size)
		return nil
	}
	fresh, err := l.newNode(packed.Start + size)
	if err != nil {
		return err // a block that was split is as good as a whole one
	}
	l.fill(&fresh, elem)
	l.insertNode(at, fresh)
	l.count++
	l.near = place{}
	return nil
}

// insertIn adds elem before the k-th element of a block that has room.
func (l *List) insertIn(n *node, k int, elem []byte, size int) {
	if size > int(n.room-n.hi) {
		l.shift(n, l.whole(n), 0, size)
	}
	b := l.whole(n)[n.lo:n.hi:n.room]
	off := len(b)
	if k < int(n.count) {
		off = l.offset(b, n, k)
	}
	b = packed.Insert(b, off, elem)
	n.hi = n.lo + uint32(len(b))
	n.count++
	packed.SetCount(b, int(n.count))
	l.count++
	l.near = place{}
}

// split moves the elements of a block from the k-th on, 0 < k < count, to a new
// block behind it.
func (l *List) split(at, k int, lim Limit) error {
	n := l.at(at)
	b := l.seq(n)
	off := l.offset(b, n, k)
	moved := len(b) - off
	fresh, err := l.newNode(l.blockBytes(packed.Start+moved, lim))
	if err != nil {
		return err
	}
	to := l.whole(&fresh)
	fresh.hi = uint32(packed.Start + copy(to[packed.Start:], b[off:]))
	fresh.count = n.count - uint32(k)
	packed.SetCount(to, int(fresh.count))
	n.hi, n.count = n.lo+uint32(off), uint32(k)
	packed.SetCount(b, k)
	l.insertNode(at+1, fresh)
	l.near = place{}
	return nil
}

// deleteAt removes the i-th element.
func (l *List) deleteAt(i int) {
	at, k := l.find(i)
	n := l.at(at)
	l.count--
	l.near = place{}
	if n.count == 1 {
		l.removeNode(at)
		return
	}
	b := l.seq(n)
	b = packed.Delete(b, l.offset(b, n, k), 1)
	n.hi = n.lo + uint32(len(b))
	n.count--
	packed.SetCount(b, int(n.count))
}

// Remove removes the elements equal to elem: up to most of them, counted from the
// left, beginning with the i-th element. It returns how many there were.
func (l *List) Remove(i int, elem []byte, most int, lim Limit) (removed int) {
	if i >= l.count {
		return 0
	}
	at, k := l.find(i)
	for base := i - k; at < l.n && removed < most; { // base: elements before the block
		n := l.at(at)
		skip := 0
		if base < i {
			skip = packed.MatchesBefore(l.seq(n), elem, i-base)
		}
		gone := l.removeIn(n, base, elem, skip, most-removed)
		removed += gone
		left, merged := int(n.count), mergedNone
		switch {
		case left == 0:
			l.removeNode(at) // the next takes its place
			continue
		case gone > 0:
			merged = l.tidy(at, lim)
		}
		switch merged {
		case mergedNext: // a part of the block was not looked through
		case mergedPrev: // the next has taken its place
			base += left
		default:
			at++
			base += left
		}
	}
	return removed
}

// RemoveBack removes the elements equal to elem: up to most of them, counted from
// the right. It returns how many there were, and the position of the leftmost.
func (l *List) RemoveBack(elem []byte, most int, lim Limit) (removed, leftmost int) {
	behind := 0 // elements behind the block
	for at := l.n - 1; at >= 0 && removed < most; at-- {
		n := l.at(at)
		found := packed.Matches(l.seq(n), elem)
		if found == 0 {
			behind += int(n.count)
			continue
		}
		base, skip := l.count-behind-int(n.count), max(found-(most-removed), 0)
		leftmost = base + nth(l.seq(n), elem, skip)
		removed += l.removeIn(n, base, elem, skip, found)
		left := int(n.count)
		switch {
		case left == 0:
			l.removeNode(at)
		case l.tidy(at, lim) != mergedPrev: // else the block before is looked through with it
			behind += left
		}
	}
	return removed, leftmost
}

// removeIn removes up to most elements equal to elem from a block with base
// elements before it, leaving the first skip of them, and returns how many. A
// block may be left empty.
func (l *List) removeIn(n *node, base int, elem []byte, skip, most int) (gone int) {
	b := l.seq(n)
	before := 0 // matches before the mark
	if l.mark > base {
		before = packed.MatchesBefore(b, elem, l.mark-base)
	}
	if b, gone = packed.Remove(b, elem, skip, most); gone == 0 {
		return 0
	}
	l.mark -= min(max(before-skip, 0), gone)
	l.count -= gone
	l.near = place{}
	n.hi = n.lo + uint32(len(b))
	n.count -= uint32(gone)
	return gone
}

// nth returns the place of the element that is elem for the k-th time, counted
// from 0.
func nth(b, elem []byte, k int) int {
	off := packed.Start
	for i := 0; ; i++ {
		v, next, _ := packed.Next(b, off)
		if v.Equal(elem) {
			if k == 0 {
				return i
			}
			k--
		}
		off = next
	}
}

// merger says what a block was merged with.
type merger uint8

const (
	mergedNone merger = iota
	mergedPrev
	mergedNext
)

// tidy merges a block that has become small with a neighbour, if both are no
// more than half a block.
func (l *List) tidy(at int, lim Limit) merger {
	n := l.at(at)
	if 4*n.used() > lim.Bytes && (lim.Count <= 0 || 4*int(n.count) > lim.Count) {
		return mergedNone
	}
	switch {
	case at > 0 && l.mergeable(at-1, lim):
		l.merge(at - 1)
		return mergedPrev
	case at+1 < l.n && l.mergeable(at, lim):
		l.merge(at)
		return mergedNext
	}
	return mergedNone
}

// mergeable reports whether a block can take the elements of the next.
func (l *List) mergeable(at int, lim Limit) bool {
	a, b := l.at(at), l.at(at+1)
	size := a.used() + b.used() - packed.Start
	return 2*size <= lim.Bytes && size <= int(a.room) && (lim.Count <= 0 || 2*int(a.count+b.count) <= lim.Count)
}

func (l *List) merge(at int) {
	a, b := l.at(at), l.at(at+1)
	moved := b.used() - packed.Start
	if moved > int(a.room-a.hi) {
		l.shift(a, l.whole(a), 0, moved)
	}
	to := l.whole(a)
	copy(to[a.hi:], l.seq(b)[packed.Start:])
	a.hi += uint32(moved)
	a.count += b.count
	packed.SetCount(to[a.lo:], int(a.count))
	l.removeNode(at + 1)
	l.near = place{}
}

// Leave moves blocks from the i-th on to other memory where their own is
// condemned. It stops at the end, or after a block when the cost of what it has
// looked at and moved exceeds budget, and returns the next block, 0 at the end,
// and the cost. Blocks that there is no memory for stay.
func (l *List) Leave(i, budget int) (next, cost int) {
	for ; i < l.n && cost <= budget; i++ {
		n := l.at(i)
		cost++
		if !l.m.Heap.Condemned(n.ref) {
			continue
		}
		ref, err := l.m.Heap.Move(n.ref)
		if err != nil {
			continue
		}
		cost += alloc.MoveCost(int(n.room))
		n.ref = ref
	}
	if i >= l.n {
		return 0, cost
	}
	return i, cost
}
