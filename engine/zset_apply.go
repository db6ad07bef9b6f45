package engine

import "hpkv/engine/zset"

// zsetLen returns the number of members of a located sorted set, 0 if it is
// absent.
func (s *shard) zsetLen(n *entry) int { return s.viewZSet(n).len() }

// zsetAdd carries out EffectZSetAdd, under the conditions of a ZAdd that is
// going on.
func (t *Txn) zsetAdd(s *shard, n *entry, ef *Effect) (left int, err error) {
	items := ef.Items
	ef.Items = ef.Items[:0]
	if t.full() {
		return s.zsetLen(n), ErrNoMemory
	}
	for i := 0; i+1 < len(items) && err == nil; i += 2 {
		member, score := items[i], scoreAt(items[i+1])
		v := s.viewZSet(n)
		if v.obj != nil {
			v.obj.ahead(items, i, 2)
		}
		var at spot
		var old float64
		var has bool
		if v.obj != nil {
			at, old = v.obj.look(member)
			has = at.ref != 0
		} else {
			old, has = v.val.Score(member)
		}
		if !t.zadd.allows(score, old, has) {
			continue
		}
		if t.zadd.done++; has && old == score {
			continue
		}
		if v.obj != nil {
			err = v.obj.set(at, old, member, score)
		} else {
			err = t.zsetPut(s, n, ef, member, score, has)
		}
		if err == nil {
			if !has {
				t.zadd.added++
			}
			ef.Items = append(ef.Items, member, items[i+1])
		}
	}
	return s.zsetLen(n), err
}

// zsetPut gives a member, which the set has or not, a score, in a set that is
// packed or absent.
func (t *Txn) zsetPut(s *shard, n *entry, ef *Effect, member []byte, score float64, has bool) error {
	limits := &t.e.limits
	if has || int64(s.zsetLen(n)) < limits.ZSetEntries.Load() && int64(len(member)) <= limits.ZSetValue.Load() {
		return t.zsetPutPacked(s, n, ef, member, score)
	}
	if err := t.zsetToLarge(s, n, ef); err != nil {
		return err
	}
	return s.largeOf(n).(*zsetObject).put(member, score)
}

func (t *Txn) zsetPutPacked(s *shard, n *entry, ef *Effect, member []byte, score float64) error {
	var val zset.Packed
	if n.found() {
		val = n.value()
	}
	ed, err := t.beginEdit(s, n, ef, TypeZSet, formPacked, val.SizeWith(member, score))
	if err != nil {
		return err
	}
	ed.val = zset.Packed(ed.val).Set(member, score)
	return t.endEdit(s, n, &ed)
}

// zsetToLarge gives a sorted set its large form. An absent key gets an empty one,
// which the caller fills.
func (t *Txn) zsetToLarge(s *shard, n *entry, ef *Effect) error {
	o := s.newZSetObject()
	v, err := s.viewZSet(n), error(nil)
	v.walk(0, v.len(), false, func(member []byte, score float64) bool {
		err = o.append(member, score)
		return err == nil
	})
	return t.becomeLarge(s, n, ef, o, err)
}

// zsetRemove carries out EffectZSetRemove.
func (t *Txn) zsetRemove(s *shard, n *entry, ef *Effect) (left int, err error) {
	items := ef.Items
	ef.Items = ef.Items[:0]
	if !n.found() {
		return 0, nil
	}
	if isLarge(n.hdr) {
		o := s.largeOf(n).(*zsetObject)
		for i, m := range items {
			o.ahead(items, i, 1)
			if o.remove(m) {
				ef.Items = append(ef.Items, m)
			}
		}
		return o.len(), nil
	}
	left = s.zsetLen(n)
	for _, m := range items {
		size := zset.Packed(n.value()).SizeWithout(m)
		if size < 0 {
			continue
		}
		if left == 1 { // the record goes as a whole
			ef.Items = append(ef.Items, m)
			return 0, nil
		}
		ed, err := t.beginEdit(s, n, ef, TypeZSet, formPacked, size)
		if err != nil {
			return left, err
		}
		ed.val, _ = zset.Packed(ed.val).Remove(m)
		if err := t.endEdit(s, n, &ed); err != nil {
			return left, err
		}
		ef.Items = append(ef.Items, m)
		left--
	}
	return left, nil
}
