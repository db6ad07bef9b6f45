package engine

import (
	"encoding/binary"

	"hpkv/engine/deque"
	"hpkv/engine/packed"
)

// ListEnd is an end of a list.
type ListEnd = deque.End

// The ends of a list.
const (
	ListLeft  = deque.Left
	ListRight = deque.Right
)

// ListValue is an element. It lies in the list: it must be copied before
// anything else is done with the engine.
type ListValue = packed.Value

// listCursor walks a list in either form.
type listCursor struct {
	large deque.Cursor
	val   []byte
	off   int
	back  bool
	isBig bool
}

func (c *listCursor) next() (v packed.Value, ok bool) {
	switch {
	case c.isBig:
		return c.large.Next()
	case c.back:
		v, c.off, ok = packed.Prev(c.val, c.off)
	default:
		v, c.off, ok = packed.Next(c.val, c.off)
	}
	return v, ok
}

// walkList returns a cursor that begins with the i-th element of a located list,
// which must exist.
func (s *shard) walkList(n *entry, i int, back bool) listCursor {
	if isLarge(n.hdr) {
		l := s.largeOf(n).(*list)
		if back {
			return listCursor{isBig: true, large: l.Back(i)}
		}
		return listCursor{isBig: true, large: l.From(i)}
	}
	c := listCursor{val: n.value(), back: back, off: packed.Start}
	switch {
	case !back && i > 0:
		c.off, _ = packed.Seek(c.val, i)
	case back && i == packed.Count(c.val)-1:
		c.off = len(c.val)
	case back:
		c.off, _ = packed.Seek(c.val, i+1)
	}
	return c
}

// listEnd returns the first or last element of a located list, which must exist.
func (s *shard) listEnd(n *entry, end ListEnd) (v packed.Value) {
	switch val := n.value(); {
	case isLarge(n.hdr):
		return s.largeOf(n).(*list).Peek(end)
	case end == ListLeft:
		v, _, _ = packed.Next(val, packed.Start)
	default:
		v, _, _ = packed.Prev(val, len(val))
	}
	return v
}

// listLen returns the number of elements of a located key, which is a list or
// absent.
func (s *shard) listLen(n *entry) int {
	switch {
	case !n.found():
		return 0
	case isLarge(n.hdr):
		return s.largeOf(n).count()
	}
	return packed.Count(n.value())
}

// ListLen returns the number of elements of key's list, 0 if it is absent.
func (t *Txn) ListLen(key []byte) (int64, error) {
	var n entry
	s, err := t.openRead(key, TypeList, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	return int64(s.listLen(&n)), nil
}

// ListPush adds elems, one after the other, at an end of key's list and returns
// its length then. An absent list is created, unless existing is asked for: then
// nothing is done.
func (t *Txn) ListPush(key []byte, end ListEnd, elems [][]byte, existing bool) (int64, error) {
	var n entry
	s, err := t.openWrite(key, TypeList, &n)
	defer t.leave(s)
	if err != nil || existing && !n.found() {
		return 0, err
	}
	err = t.applyPush(s, &n, key, end, t.keepItems(elems))
	return int64(t.left), err
}

// ListPushRun is ListPush for several calls at once, where that can be one change: else,
// and on every error, it does nothing and reports false.
func (t *Txn) ListPushRun(key []byte, end ListEnd, elems [][]byte) (left int64, ok bool) {
	var n entry
	s, err := t.openWrite(key, TypeList, &n)
	defer t.leave(s)
	if err != nil || !t.asOne(s) {
		return 0, false
	}
	err = t.applyPush(s, &n, key, end, t.keepItems(elems))
	return int64(t.left), err == nil
}

func (t *Txn) applyPush(s *shard, n *entry, key []byte, end ListEnd, elems [][]byte) error {
	kind, ev := EffectListPushRight, EventRPush
	if end == ListLeft {
		kind, ev = EffectListPushLeft, EventLPush
	}
	t.delta(kind, key, elems)
	return t.apply(s, n, ev)
}

// ListPop removes up to count elements at an end of key's list. Before that it
// tells begin how many, and each of them to each, in order. Neither is called,
// and it reports false, if the list is absent.
func (t *Txn) ListPop(key []byte, end ListEnd, count int64, begin func(n int), each func(v ListValue)) (bool, error) {
	var n entry
	s, err := t.openWrite(key, TypeList, &n)
	defer t.leave(s)
	if err != nil || !n.found() {
		return false, err
	}
	have := s.listLen(&n)
	take := int(min(count, int64(have)))
	if begin != nil {
		begin(take)
	}
	if take == 0 {
		return true, nil
	}
	s.eachAtEnd(&n, end, take, each)
	return true, t.applyPop(s, &n, key, end, take)
}

// eachAtEnd tells each the first elements at an end of a located list, which has as
// many.
func (s *shard) eachAtEnd(n *entry, end ListEnd, count int, each func(v ListValue)) {
	if count == 1 {
		each(s.listEnd(n, end))
		return
	}
	c := s.walkList(n, 0, false)
	if end == ListRight {
		c = s.walkList(n, s.listLen(n)-1, true)
	}
	for range count {
		v, _ := c.next()
		each(v)
	}
}

// ListPopRun is ListPop for several calls at once, of one element each, where that can
// be one change: else, and on every error, it does nothing and reports false. It
// returns for how many of them there was an element.
func (t *Txn) ListPopRun(key []byte, end ListEnd, calls int, each func(v ListValue)) (popped int, ok bool) {
	var n entry
	s, err := t.openWrite(key, TypeList, &n)
	defer t.leave(s)
	if err != nil || !t.asOne(s) {
		return 0, false
	}
	if !n.found() {
		return 0, true
	}
	popped = min(calls, s.listLen(&n))
	s.eachAtEnd(&n, end, popped, each)
	return popped, t.applyPop(s, &n, key, end, popped) == nil
}

func (t *Txn) applyPop(s *shard, n *entry, key []byte, end ListEnd, count int) error {
	left := s.listLen(n) - count
	if end == ListLeft {
		return t.applyKeep(s, n, key, count, left, EventLPop)
	}
	return t.applyKeep(s, n, key, 0, left, EventRPop)
}

// applyKeep drops the elements before a position, and those behind count more.
func (t *Txn) applyKeep(s *shard, n *entry, key []byte, from, count int, ev Event) error {
	b := &t.lane.numbers
	binary.LittleEndian.PutUint64(b[:8], uint64(from))
	binary.LittleEndian.PutUint64(b[8:], uint64(count))
	t.lane.items = append(t.lane.items[:0], b[:8], b[8:])
	t.delta(EffectListKeep, key, t.lane.items)
	return t.apply(s, n, ev)
}

// applyAt states an effect of a number and an element.
func (t *Txn) applyAt(s *shard, n *entry, kind EffectKind, key []byte, num int64, elem []byte, ev Event) error {
	b := t.lane.numbers[:8]
	binary.LittleEndian.PutUint64(b, uint64(num))
	t.lane.items = append(t.lane.items[:0], b, elem)
	t.delta(kind, key, t.lane.items)
	return t.apply(s, n, ev)
}

// clampIndexes turns an inclusive range of elements, negative numbers counting
// from the end, into the half-open one it means.
func clampIndexes(start, stop int64, n int) (i, j int) {
	if start < 0 {
		start = max(start+int64(n), 0)
	}
	if stop < 0 {
		stop += int64(n)
	}
	if start > stop || start >= int64(n) {
		return 0, 0
	}
	return int(start), int(min(stop, int64(n)-1)) + 1
}

// ListRange tells begin how many elements of key's list are from start to stop,
// both inclusive and negative from the end, and each of them to each.
func (t *Txn) ListRange(key []byte, start, stop int64, begin func(n int), each func(v ListValue)) error {
	var n entry
	s, err := t.openRead(key, TypeList, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	i, j := clampIndexes(start, stop, s.listLen(&n))
	begin(j - i)
	if i == j {
		return nil
	}
	c := s.walkList(&n, i, false)
	for ; i < j; i++ {
		v, _ := c.next()
		each(v)
	}
	return nil
}

// position turns an index, negative from the end, into a position of n; false
// if there is none.
func position(i int64, n int) (int, bool) {
	if i < 0 {
		i += int64(n)
	}
	return int(i), i >= 0 && i < int64(n)
}

// ListIndex tells see the element at an index, negative from the end, and
// reports whether there is one.
func (t *Txn) ListIndex(key []byte, index int64, see func(v ListValue)) (bool, error) {
	var n entry
	s, err := t.openRead(key, TypeList, &n)
	defer t.leave(s)
	if err != nil {
		return false, err
	}
	i, ok := position(index, s.listLen(&n))
	if ok {
		c := s.walkList(&n, i, false)
		v, _ := c.next()
		see(v)
	}
	return ok, nil
}

// ListSet replaces the element at an index, negative from the end. ErrNoSuchKey
// if the list is absent, ErrIndex if there is no such element.
func (t *Txn) ListSet(key []byte, index int64, elem []byte) error {
	var n entry
	s, err := t.openWrite(key, TypeList, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	if !n.found() {
		return ErrNoSuchKey
	}
	i, ok := position(index, s.listLen(&n))
	if !ok {
		return ErrIndex
	}
	return t.applyAt(s, &n, EffectListSet, key, int64(i), elem, EventLSet)
}

// ListInsert adds elem before, or after, the first element equal to pivot. It
// returns the list's length then, 0 if the list is absent, -1 without pivot.
func (t *Txn) ListInsert(key []byte, after bool, pivot, elem []byte) (int64, error) {
	var n entry
	s, err := t.openWrite(key, TypeList, &n)
	defer t.leave(s)
	if err != nil || !n.found() {
		return 0, err
	}
	count := s.listLen(&n)
	c := s.walkList(&n, 0, false)
	for i := range count {
		v, _ := c.next()
		if !v.Equal(pivot) {
			continue
		}
		if after {
			i++
		}
		if i < count {
			err = t.applyAt(s, &n, EffectListInsert, key, int64(i), elem, EventLInsert)
		} else {
			t.lane.items = append(t.lane.items[:0], elem)
			t.delta(EffectListPushRight, key, t.lane.items)
			err = t.apply(s, &n, EventLInsert)
		}
		return int64(t.left), err
	}
	return -1, nil
}

// ListRemove removes elements equal to elem: count of them from the left, -count
// from the right if it is negative, all if it is 0. It returns how many.
func (t *Txn) ListRemove(key []byte, count int64, elem []byte) (int64, error) {
	var n entry
	s, err := t.openWrite(key, TypeList, &n)
	defer t.leave(s)
	if err != nil || !n.found() {
		return 0, err
	}
	before := s.listLen(&n)
	err = t.applyAt(s, &n, EffectListRemove, key, count, elem, EventLRem)
	return int64(before - t.left), err
}

// ListTrim removes all elements but those from start to stop, both inclusive and
// negative from the end.
func (t *Txn) ListTrim(key []byte, start, stop int64) error {
	var n entry
	s, err := t.openWrite(key, TypeList, &n)
	defer t.leave(s)
	if err != nil || !n.found() {
		return err
	}
	i, j := clampIndexes(start, stop, s.listLen(&n))
	return t.applyKeep(s, &n, key, i, j-i, EventLTrim)
}

// ListPosOptions of ListPos.
type ListPosOptions struct {
	Rank   int64 // of the first match that counts, from 1; negative: from the end
	Count  int64 // matches wanted; 0: all
	MaxLen int64 // elements looked at; 0: all
}

// ListPos tells see the positions of elements equal to elem.
func (t *Txn) ListPos(key, elem []byte, o ListPosOptions, see func(pos int64)) error {
	var n entry
	s, err := t.openRead(key, TypeList, &n)
	defer t.leave(s)
	if err != nil || !n.found() {
		return err
	}
	count := s.listLen(&n)
	back, rank := o.Rank < 0, o.Rank
	c := s.walkList(&n, 0, false)
	if back {
		rank = -rank
		c = s.walkList(&n, count-1, true)
	}
	look := count
	if o.MaxLen > 0 {
		look = int(min(int64(count), o.MaxLen))
	}
	found := int64(0)
	for i := range look {
		v, _ := c.next()
		if !v.Equal(elem) {
			continue
		}
		if rank--; rank > 0 {
			continue
		}
		pos := int64(i)
		if back {
			pos = int64(count-1) - pos
		}
		see(pos)
		if found++; found == o.Count {
			break
		}
	}
	return nil
}

// ListMove takes an element from an end of src and adds it at an end of dst. It
// appends the element to buf; false if src is absent. Both keys' shards must be
// locked by LockKeys.
func (t *Txn) ListMove(buf, src, dst []byte, from, to ListEnd) ([]byte, bool, error) {
	var a, b entry
	as, bs := t.locatePair(src, t.db, dst, t.db, &a, &b)
	switch {
	case !a.found():
		return buf, false, nil
	case a.hdr.Type() != TypeList.stored(), b.found() && b.hdr.Type() != TypeList.stored():
		return buf, false, ErrWrongType
	}
	v := as.listEnd(&a, from)
	start := len(buf)
	buf = v.Append(buf)
	t.lane.items = append(t.lane.items[:0], buf[start:])
	if err := t.applyPush(bs, &b, dst, to, t.lane.items); err != nil {
		return buf[:start], false, err
	}
	as.find(t.db, a.hash, src, &a) // adding to dst may have moved it
	// Within one list, at one end, there are two of it now: either may go.
	return buf, true, t.applyPop(as, &a, src, from, 1)
}

// ListStore makes key a list of elems, whatever it was before, or removes it if
// there are none. It returns their number.
func (t *Txn) ListStore(key []byte, elems [][]byte) (int64, error) {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	if len(elems) == 0 {
		if n.found() {
			t.applyRemove(s, &n, key, EventDel)
		}
		return 0, nil
	}
	t.effect = Effect{Kind: EffectPut, Type: TypeList, Form: formLarge, DB: t.db, Key: key, Items: elems}
	if t.fitsPacked(nil, elems) {
		val := t.scratch(grown(nil, elems))[:0]
		for _, e := range elems {
			val = packed.Append(val, e)
		}
		t.effect = Effect{Kind: EffectPut, Type: TypeList, Form: formPacked, DB: t.db, Key: key, Value: val}
	}
	return int64(len(elems)), t.apply(s, &n, EventSortStore)
}
