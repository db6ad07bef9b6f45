package engine

import (
	"hpkv/engine/alloc"
	"hpkv/engine/index"
	"hpkv/engine/packed"
)

// A hash is a packed sequence of fields and values in turn (formPacked) or a
// hashObject (formLarge), by Redis' rules.

// hashObject is a large hash. Its fields may expire, see hash_expire.go.
type hashObject struct {
	dict
	timed    int    // fields that expire
	timers   timers // of at least those
	latest   int64  // no field expires later
	reminded int64  // the time of the hash's timer in the shard
	small    bool   // it is large for its expiries only
}

func (s *shard) newHashObject() *hashObject {
	return &hashObject{dict: s.newDict(true), reminded: never}
}

func (o *hashObject) kind() Type { return TypeHash }
func (o *hashObject) count() int { return o.len() }

func (o *hashObject) encoding() string {
	if o.small {
		return "listpackex" // what Redis calls a small hash that has had expiries
	}
	return "hashtable"
}

func (o *hashObject) bytes() int64 { return o.dict.bytes() + timerBytes*int64(cap(o.timers)) }

// timerBytes is the size of a timer.
const timerBytes = 24

func (o *hashObject) check() (parts int64, err error) {
	if parts, err = o.dict.check(); err == nil {
		err = o.checkTimers()
	}
	return parts, err
}

func (o *hashObject) export(cursor uint64, c *chunk) (next uint64) {
	c.kind = EffectHashSet
	visit := func(ref alloc.Ref) {
		field, val := o.pair(ref)
		c.add(field)
		c.add(val)
		if at := o.expireAt(ref); at != 0 {
			c.also = EffectHashExpire
			c.extra = append(c.extra, field, c.number(uint64(at)))
		}
	}
	for next = o.table.Scan(cursor, visit); next != 0 && !c.full(); {
		next = o.table.Scan(next, visit)
	}
	return next
}

func (o *hashObject) leave(cursor uint64, budget int) (next uint64, cost int) {
	return o.dict.leave(cursor, budget, func(_, _ alloc.Ref) {})
}

// newHash makes a large hash of fields and values in turn. On error it returns
// what there is.
func (s *shard) newHash(pairs [][]byte) (large, error) {
	o := s.newHashObject()
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := o.put(pairs[i], pairs[i+1], false); err != nil {
			return o, err
		}
	}
	return o, nil
}

// put gives a field a value; its expiry goes unless it is kept.
func (o *hashObject) put(field, val []byte, keepExpiry bool) error {
	var slot index.Slot
	h := elemHash(field)
	ref, ok := o.find(h, field, &slot)
	if !ok {
		_, err := o.insert(h, field, val, 0)
		return err
	}
	at, was := int64(0), int64(0)
	if o.timed > 0 {
		if was = o.expireAt(ref); keepExpiry {
			at = was
		}
	}
	_, err := o.set(&slot, field, val, at)
	if err == nil && at != was {
		o.count1(was, -1)
	}
	return err
}

// drop removes the field at slot.
func (o *hashObject) drop(slot *index.Slot) {
	if o.timed > 0 {
		o.count1(o.expireAt(slot.Ref()), -1)
	}
	o.delete(slot)
}

// hashLen returns the number of fields of a located hash, 0 if it is absent.
func (s *shard) hashLen(n *entry) int {
	switch {
	case !n.found():
		return 0
	case isLarge(n.hdr):
		return s.largeOf(n).count()
	}
	return packed.Count(n.value()) / 2
}

// hashSet carries out EffectHashSet.
func (t *Txn) hashSet(s *shard, n *entry, ef *Effect) (left int, err error) {
	pairs := ef.Items
	if t.full() || len(pairs)%2 != 0 {
		ef.Items = nil
		return 0, ErrNoMemory
	}
	if !n.found() || !isLarge(n.hdr) {
		if !t.outgrowsPacked(pairs) {
			if err := t.setPacked(s, n, ef); err != nil {
				ef.Items = nil
				return 0, err
			}
			return s.hashLen(n), nil
		}
		if err := t.hashToLarge(s, n, ef); err != nil {
			ef.Items = nil
			return 0, err
		}
	}
	o := s.largeOf(n).(*hashObject)
	o.small = o.small && !t.outgrowsPacked(pairs)
	for i := 0; i < len(pairs); i += 2 {
		o.ahead(pairs, i, 2)
		if err = o.put(pairs[i], pairs[i+1], ef.Kind == EffectHashUpdate); err != nil {
			ef.Items = pairs[:i]
			break
		}
	}
	o.small = o.small && int64(o.len()) <= t.e.limits.HashEntries.Load()
	return o.len(), err
}

// outgrowsPacked reports whether fields and values cannot be those of a packed
// hash: one is too long, or there are too many of them.
func (t *Txn) outgrowsPacked(pairs [][]byte) bool {
	longest := t.e.limits.HashValue.Load()
	for _, b := range pairs {
		if int64(len(b)) > longest {
			return true
		}
	}
	return int64(len(pairs)/2) > t.e.limits.HashEntries.Load()
}

// setPacked gives fields of a packed hash values, which may end the form.
func (t *Txn) setPacked(s *shard, n *entry, ef *Effect) error {
	var err error
	if len(ef.Items) == 2 {
		err = t.setPackedField(s, n, ef)
	} else {
		val := t.lane.work[:0]
		if n.found() {
			val = append(val, n.value()...)
		}
		for i := 0; i < len(ef.Items); i += 2 {
			val = putField(val, ef.Items[i], ef.Items[i+1])
		}
		t.lane.work = val
		err = t.storePacked(s, n, ef, TypeHash, val)
	}
	if err != nil || int64(packed.Count(n.value())/2) <= t.e.limits.HashEntries.Load() {
		return err
	}
	return t.hashToLarge(s, n, ef)
}

// setPackedField gives one field a value, in place if there is room.
func (t *Txn) setPackedField(s *shard, n *entry, ef *Effect) error {
	field, val := ef.Items[0], ef.Items[1]
	size := packed.Start
	if n.found() {
		size = n.hdr.ValueLen
		if off, ok := packed.Find(n.value(), packed.Start, field, 2); ok {
			_, at, _ := packed.Next(n.value(), off)
			_, end, _ := packed.Next(n.value(), at)
			ed, err := t.beginEdit(s, n, ef, TypeHash, formPacked, size-(end-at)+packed.Size(val))
			if err != nil {
				return err
			}
			ed.val = packed.Replace(ed.val, at, val)
			return t.endEdit(s, n, &ed)
		}
	}
	ed, err := t.beginEdit(s, n, ef, TypeHash, formPacked, size+packed.Size(field)+packed.Size(val))
	if err != nil {
		return err
	}
	ed.val = packed.Append(packed.Append(ed.val, field), val)
	return t.endEdit(s, n, &ed)
}

// putField gives a field of a packed hash a value.
func putField(seq, field, val []byte) []byte {
	if off, ok := packed.Find(seq, packed.Start, field, 2); ok {
		_, at, _ := packed.Next(seq, off)
		return packed.Replace(seq, at, val)
	}
	return packed.Append(packed.Append(seq, field), val)
}

// hashToLarge gives a hash its large form. An absent key gets an empty hash,
// which the caller fills.
func (t *Txn) hashToLarge(s *shard, n *entry, ef *Effect) error {
	o := s.newHashObject()
	err := error(nil)
	if n.found() {
		v := s.viewHash(n)
		v.each(t, func(field, val []byte) bool {
			err = o.put(field, val, false)
			return err == nil
		})
	}
	return t.becomeLarge(s, n, ef, o, err)
}

// hashDelete carries out EffectHashDelete.
func (t *Txn) hashDelete(s *shard, n *entry, ef *Effect) (left int, err error) {
	items := ef.Items
	ef.Items = ef.Items[:0]
	if !n.found() {
		return 0, nil
	}
	if isLarge(n.hdr) {
		o := s.largeOf(n).(*hashObject)
		var slot index.Slot
		for i, f := range items {
			o.ahead(items, i, 1)
			if _, ok := o.find(elemHash(f), f, &slot); ok {
				o.drop(&slot)
				ef.Items = append(ef.Items, f)
			}
		}
		return o.len(), nil
	}
	left = s.hashLen(n)
	for _, f := range items {
		off, ok := packed.Find(n.value(), packed.Start, f, 2)
		if !ok {
			continue
		}
		if left == 1 { // the record goes as a whole
			ef.Items = append(ef.Items, f)
			return 0, nil
		}
		end, _ := packed.Skip(n.value(), off, 2)
		ed, err := t.beginEdit(s, n, ef, TypeHash, formPacked, n.hdr.ValueLen-(end-off))
		if err != nil {
			return left, err
		}
		ed.val = packed.Delete(ed.val, off, 2)
		if err := t.endEdit(s, n, &ed); err != nil {
			return left, err
		}
		left--
		ef.Items = append(ef.Items, f)
	}
	return left, nil
}
