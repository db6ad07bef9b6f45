package engine

import (
	"hpkv/engine/alloc"
	"hpkv/engine/index"
	"hpkv/engine/packed"
)

// hashView reads a located hash in whichever form it has. It is good until the
// next change of the shard.
type hashView struct {
	s   *shard
	val []byte      // of a packed hash
	obj *hashObject // nil: packed
}

// viewHash returns a view of a hash; an absent one is empty.
func (s *shard) viewHash(n *entry) hashView {
	v := hashView{s: s}
	switch {
	case !n.found():
	case isLarge(n.hdr):
		v.obj = s.largeOf(n).(*hashObject)
	default:
		v.val = n.value()
	}
	return v
}

func (v *hashView) len() int {
	if v.obj != nil {
		return v.obj.len()
	}
	return packed.Count(v.val) / 2
}

// get returns a field's value, in place or in the lane's memory.
func (v *hashView) get(t *Txn, field []byte) (val []byte, ok bool) {
	if v.obj != nil {
		var slot index.Slot
		ref, ok := v.obj.find(elemHash(field), field, &slot)
		if !ok {
			return nil, false
		}
		_, val := v.obj.pair(ref)
		return val, true
	}
	off, ok := v.find(field)
	if !ok {
		return nil, false
	}
	_, off, _ = packed.Next(v.val, off)
	e, _, ok := packed.Next(v.val, off)
	return t.bytesOf(e), ok
}

// find returns the place of a field of a packed hash.
func (v *hashView) find(field []byte) (off int, ok bool) {
	return packed.Find(v.val, packed.Start, field, 2)
}

// each visits fields and values until visit returns false. They are valid during
// the call only.
func (v *hashView) each(t *Txn, visit func(field, val []byte) bool) {
	if v.obj != nil {
		v.obj.each(func(ref alloc.Ref) bool { return visit(v.obj.pair(ref)) })
		return
	}
	for off := packed.Start; ; {
		f, at, ok := packed.Next(v.val, off)
		if !ok {
			return
		}
		e, next, _ := packed.Next(v.val, at)
		if !visit(t.bytesOf(f), t.otherBytesOf(e)) {
			return
		}
		off = next
	}
}

// HSet gives fields values, pairs being fields and values in turn, creating the
// hash if it is absent, and returns how many fields are new.
func (t *Txn) HSet(key []byte, pairs [][]byte) (int64, error) {
	var n entry
	s, err := t.openWrite(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	before := s.hashLen(&n)
	if err := t.applyHash(s, &n, key, EffectHashSet, t.keepItems(pairs), EventHSet); err != nil {
		return 0, err
	}
	return int64(t.left - before), nil
}

func (t *Txn) applyHash(s *shard, n *entry, key []byte, kind EffectKind, items [][]byte, ev Event) error {
	t.delta(kind, key, items)
	return t.apply(s, n, ev)
}

// HSetNX gives a field a value if it is absent, and reports whether it did.
func (t *Txn) HSetNX(key, field, val []byte) (bool, error) {
	var n entry
	s, err := t.openWrite(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return false, err
	}
	v := s.viewHash(&n)
	if _, ok := v.get(t, field); ok {
		return false, nil
	}
	err = t.applyHash(s, &n, key, EffectHashSet, t.pair(field, val), EventHSet)
	return err == nil, err
}

func (t *Txn) pair(field, val []byte) [][]byte {
	t.lane.items = append(t.lane.items[:0], field, val)
	return t.lane.items
}

// HDel removes fields and returns how many there were.
func (t *Txn) HDel(key []byte, fields [][]byte) (int64, error) {
	var n entry
	s, err := t.openWrite(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil || !n.found() {
		return 0, err
	}
	err = t.applyHash(s, &n, key, EffectHashDelete, t.keepItems(fields), EventHDel)
	return int64(len(t.effect.Items)), err
}

// HGet appends a field's value to dst, after what head writes for its length,
// and reports whether there is one.
func (t *Txn) HGet(dst, key, field []byte, head Head) ([]byte, bool, error) {
	var n entry
	s, err := t.openRead(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return dst, false, err
	}
	v := s.viewHash(&n)
	val, ok := v.get(t, field)
	if !ok {
		return dst, false, nil
	}
	return appendValue(dst, val, head), true, nil
}

// HMGet visits the values of fields in turn; ok is false for an absent one. A
// value is valid during the call only; visit must not call the engine.
func (t *Txn) HMGet(key []byte, fields [][]byte, visit func(val []byte, ok bool)) error {
	var n entry
	s, err := t.openRead(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewHash(&n)
	for i, f := range fields {
		if v.obj != nil {
			v.obj.ahead(fields, i, 1)
		}
		visit(v.get(t, f))
	}
	return nil
}

// HStrLen returns the length of a field's value, 0 if there is none; exists
// tells which.
func (t *Txn) HStrLen(key, field []byte) (n int64, exists bool, err error) {
	err = t.HMGet(key, [][]byte{field}, func(val []byte, ok bool) {
		n, exists = int64(len(val)), ok
	})
	return n, exists, err
}

// HLen returns the number of fields, 0 if key is absent.
func (t *Txn) HLen(key []byte) (int64, error) {
	var n entry
	s, err := t.openRead(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	v := s.viewHash(&n)
	return int64(v.len()), nil
}

// HGetAll calls begin with the number of fields and then visit with each and its
// value. Neither may call the engine; the bytes are valid during the call only.
func (t *Txn) HGetAll(key []byte, begin func(n int), visit func(field, val []byte)) error {
	var n entry
	s, err := t.openRead(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewHash(&n)
	begin(v.len())
	v.each(t, func(field, val []byte) bool {
		visit(field, val)
		return true
	})
	return nil
}

// HIncrBy adds delta to the integer a field holds, 0 if absent, and returns the
// sum. ErrHashNotInteger if it holds something else.
func (t *Txn) HIncrBy(key, field []byte, delta int64) (int64, error) {
	var n entry
	s, err := t.openWrite(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	var old int64
	v := s.viewHash(&n)
	if val, ok := v.get(t, field); ok {
		if old, ok = parseInt(val); !ok {
			return 0, ErrHashNotInteger
		}
	}
	if addOverflows(old, delta) {
		return 0, ErrOverflow
	}
	t.lane.buf = appendInt(t.lane.buf[:0], old+delta)
	return old + delta, t.applyHash(s, &n, key, EffectHashUpdate, t.pair(field, t.lane.buf), EventHIncrBy)
}

// HIncrByFloat replaces the number a field holds, "0" if absent, by what add
// makes of it and appends the result to dst; see IncrByFloat.
func (t *Txn) HIncrByFloat(dst, key, field []byte, add func(dst, old []byte) ([]byte, error)) ([]byte, error) {
	var n entry
	s, err := t.openWrite(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return dst, err
	}
	v := s.viewHash(&n)
	old, ok := v.get(t, field)
	if !ok {
		old = []byte("0")
	}
	from := len(dst)
	if dst, err = add(dst, old); err != nil {
		return dst[:from], err
	}
	return dst, t.applyHash(s, &n, key, EffectHashUpdate, t.pair(field, dst[from:]), EventHIncrByFloat)
}

// HScan visits some fields and values and returns the cursor to go on from, 0
// when all were visited, with the promises of Scan. A packed hash is visited as
// a whole. The bytes are valid during the call only; visit must not call the
// engine.
func (t *Txn) HScan(key []byte, cursor uint64, count int, visit func(field, val []byte)) (next uint64, err error) {
	var n entry
	s, err := t.openRead(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	v := s.viewHash(&n)
	if v.obj != nil {
		return v.obj.scan(cursor, count, func(ref alloc.Ref) { visit(v.obj.pair(ref)) }), nil
	}
	v.each(t, func(field, val []byte) bool {
		visit(field, val)
		return true
	})
	return 0, nil
}

// HRandField visits fields chosen at random, with their values: n different ones
// or, if n is negative, -n that may be the same; all there are, if there are no
// more. begin is called with their number first; see HGetAll.
func (t *Txn) HRandField(key []byte, n int64, begin func(n int), visit func(field, val []byte)) error {
	var at entry
	s, err := t.openRead(key, TypeHash, &at)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewHash(&at)
	if v.obj != nil {
		v.obj.sample(t, n, begin, func(ref alloc.Ref) { visit(v.obj.pair(ref)) })
		return nil
	}
	t.samplePacked(v.len(), n, begin, func(i int) {
		off, _ := packed.Seek(v.val, 2*i)
		f, off, _ := packed.Next(v.val, off)
		e, _, _ := packed.Next(v.val, off)
		visit(t.bytesOf(f), t.otherBytesOf(e))
	})
	return nil
}
