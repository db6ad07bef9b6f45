package engine

import (
	"hpkv/engine/alloc"
	"hpkv/engine/index"
	"hpkv/engine/packed"
)

// A set is sorted integers (formInts), a packed sequence of members (formPacked)
// or a setObject (formLarge). Which one follows Redis' rules, so that OBJECT
// ENCODING tells the same.

// setObject is a large set.
type setObject struct{ dict }

func (o *setObject) kind() Type       { return TypeSet }
func (o *setObject) count() int       { return o.len() }
func (o *setObject) encoding() string { return "hashtable" }

func (o *setObject) export(cursor uint64, c *chunk) (next uint64) {
	c.kind = EffectSetAdd
	visit := func(ref alloc.Ref) { c.add(o.key(ref)) }
	for next = o.table.Scan(cursor, visit); next != 0 && !c.full(); {
		next = o.table.Scan(next, visit)
	}
	return next
}

func (o *setObject) leave(cursor uint64, budget int) (next uint64, cost int) {
	return o.dict.leave(cursor, budget, func(_, _ alloc.Ref) {})
}

// newSet makes a large set of members. On error it returns what there is.
func (s *shard) newSet(members [][]byte) (large, error) {
	o := &setObject{s.newDict(false)}
	for _, m := range members {
		if _, err := o.add(m); err != nil {
			return o, err
		}
	}
	return o, nil
}

// add adds a member and reports whether it was not there.
func (o *setObject) add(member []byte) (bool, error) {
	var slot index.Slot
	h := elemHash(member)
	if _, ok := o.find(h, member, &slot); ok {
		return false, nil
	}
	_, err := o.insert(h, member, nil, 0)
	return err == nil, err
}

// setAdd carries out EffectSetAdd.
func (t *Txn) setAdd(s *shard, n *entry, ef *Effect) (left int, err error) {
	if t.full() {
		ef.Items = nil
		return 0, ErrNoMemory
	}
	items := ef.Items
	ef.Items = ef.Items[:0]
	if err := t.prepareSet(s, n, ef, items); err != nil {
		return 0, err
	}
	for i, m := range items {
		var added bool
		switch {
		case n.found() && isLarge(n.hdr):
			o := s.largeOf(n).(*setObject)
			o.ahead(items, i, 1)
			added, err = o.add(m)
		case n.found() && n.hdr.Form() == formInts || !n.found() && t.wantsInts(m, len(items)):
			added, err = t.addToInts(s, n, ef, m)
		default:
			added, err = t.addToPacked(s, n, ef, m)
		}
		if err != nil {
			break
		}
		if added {
			ef.Items = append(ef.Items, m)
		}
	}
	return s.setLen(n), err
}

// setLen returns the number of members of a located set, 0 if it is absent.
func (s *shard) setLen(n *entry) int {
	switch {
	case !n.found():
		return 0
	case isLarge(n.hdr):
		return s.largeOf(n).count()
	case n.hdr.Form() == formInts:
		return ints(n.value()).len()
	}
	return packed.Count(n.value())
}

// wantsInts reports whether a new set of about size members that begins with m
// is one of integers.
func (t *Txn) wantsInts(m []byte, size int) bool {
	_, isInt := parseInt(m)
	return isInt && int64(size) <= t.e.limits.SetInts.Load()
}

// prepareSet makes a set large at once if it gets more members than a compact
// one may have, known or not: as Redis, whose estimate this is.
func (t *Txn) prepareSet(s *shard, n *entry, ef *Effect, items [][]byte) error {
	size := int64(len(items))
	limits := &t.e.limits
	switch {
	case !n.found():
		if t.wantsInts(items[0], len(items)) || size <= limits.SetEntries.Load() {
			return nil
		}
	case isLarge(n.hdr):
		return nil
	case n.hdr.Form() == formInts:
		if size <= limits.SetInts.Load() {
			return nil
		}
	default:
		if size <= limits.SetEntries.Load() {
			return nil
		}
	}
	return t.setToLarge(s, n, ef)
}

// addToInts adds a member to a set of integers, which it may end.
func (t *Txn) addToInts(s *shard, n *entry, ef *Effect, m []byte) (bool, error) {
	var have ints
	if n.found() {
		have = n.value()
	}
	num, ok := parseInt(m)
	if !ok {
		return t.addToFormerInts(s, n, ef, m)
	}
	at, found := have.find(num)
	if found {
		return false, nil
	}
	if int64(have.len()) >= t.e.limits.SetInts.Load() {
		return t.addAsLarge(s, n, ef, m)
	}
	ed, err := t.beginEdit(s, n, ef, TypeSet, formInts, have.sizeWith(num))
	if err != nil {
		return false, err
	}
	ed.val = ints(ed.val).insert(at, num)
	err = t.endEdit(s, n, &ed)
	return err == nil, err
}

// addToFormerInts adds what is no integer to a set that had only integers.
func (t *Txn) addToFormerInts(s *shard, n *entry, ef *Effect, m []byte) (bool, error) {
	have := ints(n.value())
	limits := &t.e.limits
	longest := int64(max(have.maxDigits(), len(m)))
	if int64(have.len()) >= limits.SetEntries.Load() || longest > limits.SetValue.Load() {
		return t.addAsLarge(s, n, ef, m)
	}
	t.lane.buf = t.lane.buf[:0]
	for i := range have.len() {
		t.lane.buf = packed.AppendInt(t.lane.buf, have.at(i))
	}
	t.lane.buf = packed.Append(t.lane.buf, m)
	ed, err := t.beginEdit(s, n, ef, TypeSet, formPacked, len(t.lane.buf))
	if err != nil {
		return false, err
	}
	ed.val = append(ed.val[:0], t.lane.buf...)
	err = t.endEdit(s, n, &ed)
	return err == nil, err
}

// addToPacked adds a member to a packed set, which it may end.
func (t *Txn) addToPacked(s *shard, n *entry, ef *Effect, m []byte) (bool, error) {
	count, size := 0, packed.Start
	if n.found() {
		if _, ok := packed.Find(n.value(), packed.Start, m, 1); ok {
			return false, nil
		}
		count, size = packed.Count(n.value()), n.hdr.ValueLen
	}
	limits := &t.e.limits
	if int64(count) >= limits.SetEntries.Load() || int64(len(m)) > limits.SetValue.Load() {
		return t.addAsLarge(s, n, ef, m)
	}
	ed, err := t.beginEdit(s, n, ef, TypeSet, formPacked, size+packed.Size(m))
	if err != nil {
		return false, err
	}
	ed.val = packed.Append(ed.val, m)
	err = t.endEdit(s, n, &ed)
	return err == nil, err
}

func (t *Txn) addAsLarge(s *shard, n *entry, ef *Effect, m []byte) (bool, error) {
	if !n.found() {
		o, err := s.newSet([][]byte{m})
		err = t.becomeLarge(s, n, ef, o, err)
		return err == nil, err
	}
	if err := t.setToLarge(s, n, ef); err != nil {
		return false, err
	}
	return s.largeOf(n).(*setObject).add(m)
}

// setToLarge gives a set its large form. An absent key gets an empty set, which
// the caller fills.
func (t *Txn) setToLarge(s *shard, n *entry, ef *Effect) error {
	o := &setObject{s.newDict(false)}
	err := error(nil)
	if n.found() {
		v := s.viewSet(n)
		v.each(t, func(m []byte) bool {
			_, err = o.add(m)
			return err == nil
		})
	}
	return t.becomeLarge(s, n, ef, o, err)
}

// setRemove carries out EffectSetRemove.
func (t *Txn) setRemove(s *shard, n *entry, ef *Effect) (left int, err error) {
	items := ef.Items
	ef.Items = ef.Items[:0]
	if !n.found() {
		return 0, nil
	}
	if left = s.setLen(n); isLarge(n.hdr) {
		o := s.largeOf(n).(*setObject)
		var slot index.Slot
		for i, m := range items {
			o.ahead(items, i, 1)
			if _, ok := o.find(elemHash(m), m, &slot); ok {
				o.delete(&slot)
				ef.Items = append(ef.Items, m)
			}
		}
		return o.len(), nil
	}
	for _, m := range items {
		size := s.sizeWithout(n, m)
		if size < 0 {
			continue
		}
		ef.Items = append(ef.Items, m)
		if left--; left == 0 {
			break // the record goes as a whole
		}
		ed, err := t.beginEdit(s, n, ef, TypeSet, n.hdr.Form(), size)
		if err != nil {
			ef.Items = ef.Items[:len(ef.Items)-1]
			return left + 1, err
		}
		if n.hdr.Form() == formInts {
			num, _ := parseInt(m)
			at, _ := ints(ed.val).find(num)
			ed.val = ints(ed.val).remove(at)
		} else {
			off, _ := packed.Find(ed.val, packed.Start, m, 1)
			ed.val = packed.Delete(ed.val, off, 1)
		}
		if err := t.endEdit(s, n, &ed); err != nil {
			return left, err
		}
	}
	return left, nil
}

// sizeWithout returns the bytes that a compact set takes without m, -1 if m is no
// member.
func (s *shard) sizeWithout(n *entry, m []byte) int {
	if n.hdr.Form() == formInts {
		have := ints(n.value())
		if num, ok := parseInt(m); ok {
			if _, found := have.find(num); found {
				return len(have) - have.width()
			}
		}
		return -1
	}
	if _, ok := packed.Find(n.value(), packed.Start, m, 1); ok {
		return n.hdr.ValueLen - packed.Size(m)
	}
	return -1
}
