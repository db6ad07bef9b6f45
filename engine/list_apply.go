package engine

import (
	"encoding/binary"

	"hpkv/engine/deque"
	"hpkv/engine/packed"
)

// The effects on lists. Numbers among their items have 8 bytes, little endian.
// Each is carried out on both forms; positions that do not exist, which a replay
// may meet, are left alone.

// listEffect carries out an effect on a list; see applyDelta.
func (t *Txn) listEffect(s *shard, n *entry, ef *Effect) (left int, err error) {
	if !soundList(ef) || n.found() && n.hdr.Type() != TypeList.stored() {
		ef.Items = nil
		return 0, nil
	}
	if ef.Kind == EffectListPlace {
		return t.placeList(s, n, ef)
	}
	if n.found() && isLarge(n.hdr) {
		return t.editLarge(s, n, ef, s.largeOf(n).(*list))
	}
	var val []byte
	if n.found() {
		val = n.value()
	}
	switch ef.Kind {
	case EffectListPushLeft, EffectListPushRight:
		return t.pushPacked(s, n, ef, val)
	case EffectListInsert, EffectListSet:
		return t.putPacked(s, n, ef, val)
	case EffectListTrim, EffectListKeep:
		return t.trimPacked(s, n, ef, val)
	}
	return t.removePacked(s, n, ef, val)
}

// soundList reports whether the effect has the items that its kind needs.
func soundList(ef *Effect) bool {
	number := func(i int) bool { return len(ef.Items[i]) == 8 }
	switch n := len(ef.Items); ef.Kind {
	case EffectListPushLeft, EffectListPushRight:
		return true
	case EffectListTrim, EffectListKeep:
		return n == 2 && number(0) && number(1)
	case EffectListRemove:
		return (n == 2 || n == 3 && number(2)) && number(0)
	case EffectListPlace:
		return n > 0 && number(0)
	}
	return len(ef.Items) == 2 && number(0)
}

func pushEnd(k EffectKind) deque.End {
	if k == EffectListPushLeft {
		return deque.Left
	}
	return deque.Right
}

// grown is the size of a packed sequence after elems are added.
func grown(val []byte, elems [][]byte) int {
	size := max(len(val), packed.Start)
	for _, e := range elems {
		size += packed.Size(e)
	}
	return size
}

// fitsPacked reports whether a list may stay compact with elems added. As in
// Redis it is their length that counts, not what they take.
func (t *Txn) fitsPacked(val []byte, elems [][]byte) bool {
	bytes := len(val)
	for _, e := range elems {
		bytes += len(e)
	}
	return t.e.limits.listFits(packed.Count(val)+len(elems), bytes, false)
}

func (t *Txn) pushPacked(s *shard, n *entry, ef *Effect, val []byte) (left int, err error) {
	left = packed.Count(val)
	if !t.fitsPacked(val, ef.Items) {
		return t.enlarge(s, n, ef, val)
	}
	ed, err := t.beginEdit(s, n, ef, TypeList, formPacked, grown(val, ef.Items))
	if err != nil {
		ef.Items = ef.Items[:0]
		return left, err
	}
	for _, e := range ef.Items {
		if ef.Kind == EffectListPushLeft {
			ed.val = packed.Prepend(ed.val, e)
		} else {
			ed.val = packed.Append(ed.val, e)
		}
	}
	if err := t.endEdit(s, n, &ed); err != nil {
		ef.Items = ef.Items[:0]
		return left, err
	}
	return left + len(ef.Items), nil
}

// enlarge carries out an effect that a compact list, or an absent one, is too
// small for: on a large list that takes its place.
func (t *Txn) enlarge(s *shard, n *entry, ef *Effect, val []byte) (left int, err error) {
	l := s.newList()
	lim := t.e.limits.listLimit()
	if err = l.Adopt(val, lim); err == nil {
		err = t.growLarge(ef, l, lim)
	}
	if err = t.becomeLarge(s, n, ef, l, err); err != nil {
		ef.Items = ef.Items[:0]
		return packed.Count(val), ErrNoMemory
	}
	return l.Len(), nil
}

// putPacked carries out an insertion or a replacement: a position and an element.
func (t *Txn) putPacked(s *shard, n *entry, ef *Effect, val []byte) (left int, err error) {
	left = packed.Count(val)
	at, elem := int(binary.LittleEndian.Uint64(ef.Items[0])), ef.Items[1]
	if at < 0 || at >= left {
		ef.Items = ef.Items[:0]
		return left, nil
	}
	if !t.fitsPacked(val, ef.Items[1:]) {
		return t.enlarge(s, n, ef, val)
	}
	off, _ := packed.Seek(val, at)
	size := len(val) + packed.Size(elem)
	if ef.Kind == EffectListSet {
		next, _ := packed.Skip(val, off, 1)
		size -= next - off
	}
	ed, err := t.beginEdit(s, n, ef, TypeList, formPacked, size)
	if err != nil {
		ef.Items = ef.Items[:0]
		return left, err
	}
	if ef.Kind == EffectListSet {
		ed.val = packed.Replace(ed.val, off, elem)
	} else {
		ed.val = packed.Insert(ed.val, off, elem)
		left++
	}
	return left, t.endEdit(s, n, &ed)
}

// trimPacked drops elements at the ends: so many at the left, so many at the
// right.
func (t *Txn) trimPacked(s *shard, n *entry, ef *Effect, val []byte) (left int, err error) {
	count := packed.Count(val)
	l, r := trimOf(ef, count)
	if l+r == 0 {
		ef.Items = ef.Items[:0]
		return count, nil
	}
	if l+r == count {
		return 0, nil
	}
	from, to := packed.Start, len(val)
	if l > 0 {
		from, _ = packed.Seek(val, l)
	}
	if r > 0 {
		to, _ = packed.Seek(val, -r)
	}
	ed, err := t.beginEdit(s, n, ef, TypeList, formPacked, packed.Start+to-from)
	if err != nil {
		ef.Items = ef.Items[:0]
		return count, err
	}
	copy(ed.val[packed.Start:], ed.val[from:to])
	ed.val = ed.val[:packed.Start+to-from]
	packed.SetCount(ed.val, count-l-r)
	return count - l - r, t.endEdit(s, n, &ed)
}

// trimOf reads how many elements of count an EffectListTrim or EffectListKeep
// drops at each end.
func trimOf(ef *Effect, count int) (left, right int) {
	l, r := binary.LittleEndian.Uint64(ef.Items[0]), binary.LittleEndian.Uint64(ef.Items[1])
	left = int(min(l, uint64(count)))
	if rest := uint64(count - left); ef.Kind == EffectListKeep {
		r = rest - min(r, rest)
	}
	return left, int(min(r, uint64(count-left)))
}

// removal is what an EffectListRemove says.
type removal struct {
	elem []byte
	most int
	back bool // count from the right
	from int  // the first position that counts
}

func removalOf(ef *Effect) removal {
	r := removal{elem: ef.Items[1], most: maxListLen}
	count := int64(binary.LittleEndian.Uint64(ef.Items[0]))
	switch {
	case count > 0:
		r.most = int(min(count, maxListLen))
	case count < 0:
		r.most, r.back = int(-max(count, -maxListLen)), true
	}
	if len(ef.Items) == 3 {
		r.from = int(min(binary.LittleEndian.Uint64(ef.Items[2]), maxListLen))
	}
	return r
}

// maxListLen is more elements than a list can have.
const maxListLen = 1 << 48

func (t *Txn) removePacked(s *shard, n *entry, ef *Effect, val []byte) (left int, err error) {
	left = packed.Count(val)
	r := removalOf(ef)
	skip := packed.MatchesBefore(val, r.elem, r.from)
	found := packed.Matches(val, r.elem)
	gone := min(found-skip, r.most)
	if gone == 0 || gone == left {
		if gone == 0 {
			ef.Items = ef.Items[:0]
		}
		return left - gone, nil
	}
	size := len(val) - gone*packed.Size(r.elem)
	ed, err := t.beginEdit(s, n, ef, TypeList, formPacked, size)
	if err != nil {
		ef.Items = ef.Items[:0]
		return left, err
	}
	if r.back {
		skip = found - gone
	}
	ed.val, _ = packed.Remove(ed.val, r.elem, skip, gone)
	return left - gone, t.endEdit(s, n, &ed)
}

// editLarge carries out an effect on a large list, which becomes compact again
// where it is small enough.
func (t *Txn) editLarge(s *shard, n *entry, ef *Effect, l *list) (left int, err error) {
	lim := t.e.limits.listLimit()
	n.rec.SetStamp(t.e.stamp.Load())
	switch ef.Kind {
	case EffectListTrim, EffectListKeep:
		left, right := trimOf(ef, l.Len())
		if left+right == 0 {
			ef.Items = ef.Items[:0]
		}
		s.cut(l, deque.Left, left)
		s.cut(l, deque.Right, right)
	case EffectListRemove:
		t.removeLarge(ef, l, lim)
	default:
		err = t.growLarge(ef, l, lim)
	}
	left = l.Len()
	if len(ef.Items) > 0 && l.Blocks() == 1 && (ef.Kind.shrinks() || ef.Kind == EffectListSet) {
		t.compactList(s, n, ef, l)
	}
	return left, err
}

// removeLarge carries out an EffectListRemove. One that counts from the right it
// restates as one of all from some position on: a replay that knows the beginning
// of the list only must leave as much of it as there was.
func (t *Txn) removeLarge(ef *Effect, l *list, lim deque.Limit) {
	r := removalOf(ef)
	gone, from := 0, 0
	if r.back {
		gone, from = l.RemoveBack(r.elem, r.most, lim)
	} else {
		gone = l.Remove(r.from, r.elem, r.most, lim)
	}
	switch {
	case gone == 0:
		ef.Items = ef.Items[:0]
	case r.back:
		b := &t.lane.numbers
		clear(b[:8])
		binary.LittleEndian.PutUint64(b[8:], uint64(from))
		t.lane.items = append(t.lane.items[:0], b[:8], r.elem, b[8:])
		ef.Items = t.lane.items
	}
}

// placeList carries out an EffectListPlace, which only replays do.
func (t *Txn) placeList(s *shard, n *entry, ef *Effect) (left int, err error) {
	left = s.listLen(n)
	at, items := left, ef.Items[1:]
	if pos := binary.LittleEndian.Uint64(ef.Items[0]); pos < uint64(left) {
		at = int(pos)
		c := s.walkList(n, at, false)
		for ; at < left && len(items) > 0; at++ {
			if v, _ := c.next(); !v.Equal(items[0]) {
				break
			}
			items = items[1:]
		}
	} else if pos > uint64(left) {
		items = nil
	}
	if ef.Items = items; len(items) == 0 {
		return left, nil
	}
	ef.Kind = EffectListPushRight
	if n.found() && isLarge(n.hdr) {
		l := s.largeOf(n).(*list)
		l.Drop(deque.Right, left-at)
		return t.editLarge(s, n, ef, l)
	}
	if at < left {
		off, _ := packed.Seek(n.value(), at)
		t.lane.work = append(t.lane.work[:0], n.value()[:off]...)
		packed.SetCount(t.lane.work, at)
		if err := t.storePacked(s, n, ef, TypeList, t.lane.work); err != nil {
			return left, err
		}
	}
	var val []byte
	if n.found() {
		val = n.value()
	}
	return t.pushPacked(s, n, ef, val)
}

// growLarge carries out an effect that takes memory. On error nothing has changed.
func (t *Txn) growLarge(ef *Effect, l *list, lim deque.Limit) (err error) {
	if t.full() {
		ef.Items = ef.Items[:0]
		return ErrNoMemory
	}
	switch ef.Kind {
	case EffectListPushLeft, EffectListPushRight:
		end := pushEnd(ef.Kind)
		for i, e := range ef.Items {
			if err = l.Push(end, e, lim); err != nil {
				l.Drop(end, i)
				break
			}
		}
	default:
		at, elem := int(binary.LittleEndian.Uint64(ef.Items[0])), ef.Items[1]
		switch {
		case at < 0 || at >= l.Len():
			ef.Items = ef.Items[:0]
		case ef.Kind == EffectListSet:
			err = l.Set(at, elem, lim)
		default:
			err = l.Insert(at, elem, lim)
		}
	}
	if err != nil {
		ef.Items = ef.Items[:0]
		return ErrNoMemory
	}
	return nil
}

// compactList gives a large list of one small block the compact form, if there
// is memory.
func (t *Txn) compactList(s *shard, n *entry, ef *Effect, l *list) {
	val, ok := l.Packed()
	if !ok || l.Len() == 0 || !t.e.limits.listFits(l.Len(), len(val), true) {
		return
	}
	handle := n.handle()
	ed, err := t.beginEdit(s, n, ef, TypeList, formPacked, len(val))
	if err != nil {
		return
	}
	ed.val = append(ed.val[:0], val...)
	if t.endEdit(s, n, &ed) == nil {
		s.bury(handle)
	}
}
