package engine

import (
	"hpkv/engine/alloc"
	"hpkv/engine/packed"
)

// member returns member number i of a compact set.
func (v *setView) member(t *Txn, i int) []byte {
	if v.ints {
		return appendInt(t.lane.digits[:0], ints(v.val).at(i))
	}
	e, _ := packed.Get(v.val, i)
	return t.bytesOf(e)
}

// sample visits n different members chosen at random, or -n independently chosen
// ones if n is negative; see dict.sample.
func (v *setView) sample(t *Txn, n int64, begin func(n int), visit func(m []byte)) {
	if v.obj != nil {
		v.obj.sample(t, n, begin, func(ref alloc.Ref) { visit(v.obj.key(ref)) })
		return
	}
	t.samplePacked(v.len(), n, begin, func(i int) { visit(v.member(t, i)) })
}

// random returns one member of a set that is not empty.
func (v *setView) random(t *Txn) []byte {
	if v.obj == nil {
		return v.member(t, t.upTo(v.len()))
	}
	ref, _ := v.obj.table.Random(t.lane.rng.Uint64)
	return v.obj.key(ref)
}

// SRandMember visits members chosen at random: n different ones or, if n is
// negative, -n that may be the same; all there are, if there are no more. begin
// is called with their number first; see SMembers.
func (t *Txn) SRandMember(key []byte, n int64, begin func(n int), visit func(m []byte)) error {
	var at entry
	s, err := t.openRead(key, TypeSet, &at)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewSet(&at)
	v.sample(t, n, begin, visit)
	return nil
}

// SPop removes a member chosen at random and appends it to dst, after what head
// writes for its length; false if there is none.
func (t *Txn) SPop(dst, key []byte, head Head) ([]byte, bool, error) {
	var n entry
	s, err := t.openWrite(key, TypeSet, &n)
	defer t.leave(s)
	if err != nil || !n.found() {
		return dst, false, err
	}
	v := s.viewSet(&n)
	t.lane.buf = append(t.lane.buf[:0], v.random(t)...)
	t.lane.items = append(t.lane.items[:0], t.lane.buf)
	t.delta(EffectSetRemove, key, t.lane.items)
	if err := t.apply(s, &n, EventSPop); err != nil {
		return dst, false, err
	}
	return appendValue(dst, t.lane.buf, head), true, nil
}

// SPopMany removes n different members chosen at random, or all if there are no
// more, and visits them. begin is called with their number first; see SMembers.
func (t *Txn) SPopMany(key []byte, n int64, begin func(n int), visit func(m []byte)) error {
	var at entry
	s, err := t.openWrite(key, TypeSet, &at)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewSet(&at)
	if n >= int64(v.len()) {
		begin(v.len())
		v.each(t, func(m []byte) bool {
			visit(m)
			return true
		})
		if at.found() {
			t.CountLookup(true) // Redis reads the whole set here, and only here
			t.applyEmpty(s, &at, t.db, key, EventSPop)
		}
		return nil
	}
	if v.obj != nil && n > 0 && fewStay(int(n), v.len()) {
		begin(int(n))
		return t.popMost(s, &at, key, v.obj, int(n), visit)
	}
	g := t.gather()
	v.sample(t, n, func(int) {}, g.add)
	begin(g.len())
	if g.len() == 0 {
		return nil
	}
	members := g.list()
	for _, m := range members {
		visit(m)
	}
	t.delta(EffectSetRemove, key, members)
	return t.apply(s, &at, EventSPop)
}

// popMost is SPopMany where few members stay: it chooses these, which become the set.
func (t *Txn) popMost(s *shard, n *entry, key []byte, o *setObject, count int, visit func(m []byte)) error {
	g := t.gather()
	stay := make(map[alloc.Ref]struct{}, o.len()-count)
	o.sample(t, int64(o.len()-count), func(int) {}, func(ref alloc.Ref) {
		stay[ref] = struct{}{}
		g.add(o.key(ref))
	})
	popped := func(visit func(m []byte)) {
		o.each(func(ref alloc.Ref) bool {
			if _, stays := stay[ref]; !stays {
				visit(o.key(ref))
			}
			return true
		})
	}
	popped(visit)
	t.stateSet(key, g.list())
	t.effect.ExpireAtMs = n.expireAt()
	if t.apply(s, n, EventSPop) == nil {
		return nil
	}
	// There is no memory for those that stay.
	g = t.gather()
	popped(g.add)
	t.delta(EffectSetRemove, key, g.list())
	return t.apply(s, n, EventSPop)
}

// SScan visits some members and returns the cursor to go on from, 0 when all
// were visited; see HScan.
func (t *Txn) SScan(key []byte, cursor uint64, count int, visit func(m []byte)) (next uint64, err error) {
	var n entry
	s, err := t.openRead(key, TypeSet, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	v := s.viewSet(&n)
	if v.obj != nil {
		return v.obj.scan(cursor, count, func(ref alloc.Ref) { visit(v.obj.key(ref)) }), nil
	}
	v.each(t, func(m []byte) bool {
		visit(m)
		return true
	})
	return 0, nil
}
