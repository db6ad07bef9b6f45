package engine

import (
	"hpkv/engine/alloc"
	"hpkv/engine/index"
	"hpkv/engine/packed"
)

// setView reads a located set in whichever form it has. It is good until the
// next change of the shard.
type setView struct {
	s    *shard
	val  []byte // of a compact set
	ints bool
	obj  *setObject // nil: compact
}

// viewSet returns a view of a set; an absent one is empty.
func (s *shard) viewSet(n *entry) setView {
	v := setView{s: s}
	switch {
	case !n.found():
	case isLarge(n.hdr):
		v.obj = s.largeOf(n).(*setObject)
	default:
		v.val, v.ints = n.value(), n.hdr.Form() == formInts
	}
	return v
}

func (v *setView) len() int {
	switch {
	case v.obj != nil:
		return v.obj.len()
	case v.ints:
		return ints(v.val).len()
	}
	return packed.Count(v.val)
}

// contains reports whether m is a member; h is its elemHash.
func (v *setView) contains(h uint64, m []byte) bool {
	if v.obj != nil {
		var slot index.Slot
		_, ok := v.obj.find(h, m, &slot)
		return ok
	}
	return v.compactContains(m)
}

func (v *setView) compactContains(m []byte) bool {
	if v.ints {
		num, ok := parseInt(m)
		if ok {
			_, ok = ints(v.val).find(num)
		}
		return ok
	}
	_, ok := packed.Find(v.val, packed.Start, m, 1)
	return ok
}

// each visits the members until visit returns false. A member is valid during
// the call only.
func (v *setView) each(t *Txn, visit func(m []byte) bool) {
	switch {
	case v.obj != nil:
		v.obj.each(func(ref alloc.Ref) bool { return visit(v.obj.key(ref)) })
	case v.ints:
		have := ints(v.val)
		for i := range have.len() {
			if !visit(appendInt(t.lane.digits[:0], have.at(i))) {
				return
			}
		}
	default:
		for off := packed.Start; ; {
			e, next, ok := packed.Next(v.val, off)
			if !ok || !visit(t.bytesOf(e)) {
				return
			}
			off = next
		}
	}
}

// SAdd adds members to the set at key, creating it if absent, and returns how
// many were not in it.
func (t *Txn) SAdd(key []byte, members [][]byte) (int64, error) {
	return t.changeSet(key, members, EffectSetAdd, EventSAdd)
}

// SAddRun is SAdd for several calls at once, where that can be one change and cannot
// change the set's form: else it does nothing and reports false. It tells added which
// of members, by their place, it has added, also when it then failed for want of memory
// and reports false: SAdd of all the members does the rest.
func (t *Txn) SAddRun(key []byte, members [][]byte, added func(i int)) (ok bool) {
	var n entry
	s, err := t.openWrite(key, TypeSet, &n)
	defer t.leave(s)
	if err != nil || !n.found() || !isLarge(n.hdr) || !t.asOne(s) {
		return false
	}
	t.delta(EffectSetAdd, key, t.keepItems(members))
	err = t.apply(s, &n, EventSAdd)
	fresh := t.effect.Items // of members that are equal the first
	for i := 0; i < len(members) && len(fresh) > 0; i++ {
		if string(members[i]) == string(fresh[0]) {
			added(i)
			fresh = fresh[1:]
		}
	}
	return err == nil
}

// SRem removes members and returns how many were in the set.
func (t *Txn) SRem(key []byte, members [][]byte) (int64, error) {
	return t.changeSet(key, members, EffectSetRemove, EventSRem)
}

func (t *Txn) changeSet(key []byte, members [][]byte, kind EffectKind, ev Event) (int64, error) {
	var n entry
	s, err := t.openWrite(key, TypeSet, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	t.delta(kind, key, t.keepItems(members))
	err = t.apply(s, &n, ev)
	return int64(len(t.effect.Items)), err
}

// SCard returns the number of members, 0 if key is absent.
func (t *Txn) SCard(key []byte) (int64, error) {
	var n entry
	s, err := t.openRead(key, TypeSet, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	return int64(s.setLen(&n)), nil
}

// SIsMember visits, for each of members in turn, whether it is in the set.
func (t *Txn) SIsMember(key []byte, members [][]byte, visit func(member bool)) error {
	var n entry
	s, err := t.openRead(key, TypeSet, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewSet(&n)
	for i, m := range members {
		if v.obj != nil {
			v.obj.ahead(members, i, 1)
		}
		visit(v.contains(elemHash(m), m))
	}
	return nil
}

// SMembers calls begin with the number of members and then visit with each.
// Neither may call the engine; a member is valid during the call only.
func (t *Txn) SMembers(key []byte, begin func(n int), visit func(m []byte)) error {
	var n entry
	s, err := t.openRead(key, TypeSet, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewSet(&n)
	begin(v.len())
	v.each(t, func(m []byte) bool {
		visit(m)
		return true
	})
	return nil
}
