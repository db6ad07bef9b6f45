package engine

import (
	"bytes"
	"cmp"
	"slices"

	"hpkv/engine/alloc"
	"hpkv/engine/zset"
)

// ZMember is a member with its score, outside of any set.
type ZMember struct {
	Member []byte
	Score  float64
}

// ZAggregate says what becomes of the scores of a member of several sets.
type ZAggregate uint8

const (
	ZSum ZAggregate = iota
	ZMin
	ZMax
)

// of joins y to x. y may be NaN, the product of 0 and infinity: it is not less,
// nor more, and makes a sum 0, as infinities that cancel out do.
func (a ZAggregate) of(x, y float64) float64 {
	switch {
	case a == ZSum:
		return orZero(x + y)
	case a == ZMin && y < x, a == ZMax && y > x:
		return y
	}
	return x
}

func orZero(f float64) float64 {
	if f != f {
		return 0
	}
	return f
}

// ZCombination is a union or intersection to be computed.
type ZCombination struct {
	Keys      [][]byte  // of sorted sets or sets, whose members have score 1; absent ones are empty
	Weights   []float64 // for each key, or nil
	Aggregate ZAggregate
}

// zsource is an input of a combination.
type zsource struct {
	zsetView
	set    setView
	isSet  bool
	size   int
	weight float64
}

func (z *zsource) each(t *Txn, visit func(member []byte, score float64) bool) {
	if z.isSet {
		z.set.each(t, func(m []byte) bool { return visit(m, orZero(z.weight)) })
		return
	}
	z.walk(0, z.size, false, func(m []byte, score float64) bool { return visit(m, orZero(score*z.weight)) })
}

// lookup returns a member's weighted score, which may be NaN.
func (z *zsource) lookup(member []byte) (float64, bool) {
	if z.isSet {
		return z.weight, z.set.contains(elemHash(member), member)
	}
	score, ok := z.score(member)
	return score * z.weight, ok
}

// Hold locks the shards of keys until End, unless the transaction holds shards
// already, those among them.
func (t *Txn) Hold(keys ...[]byte) {
	if t.locked {
		return
	}
	for _, k := range keys {
		t.Want(k)
	}
	t.LockWanted()
}

// zsources opens the inputs of a combination, which it takes the shards for.
func (t *Txn) zsources(c *ZCombination) ([]zsource, error) {
	t.Hold(c.Keys...)
	sources := make([]zsource, len(c.Keys))
	for i, key := range c.Keys {
		z := &sources[i]
		z.weight = 1
		if c.Weights != nil {
			z.weight = c.Weights[i]
		}
		var n entry
		s := t.open(key, &n)
		t.hit(key, n.found())
		switch {
		case !n.found():
		case n.hdr.Type() == TypeZSet.stored():
			z.zsetView = s.viewZSet(&n)
			z.size = z.len()
		case n.hdr.Type() == TypeSet.stored():
			z.set, z.isSet = s.viewSet(&n), true
			z.size = z.set.len()
		default:
			return nil, ErrWrongType
		}
	}
	return sources, nil
}

// bySize sorts inputs, smallest first: the order in which Redis adds scores up,
// which shows in their last digits.
func bySize(sources []zsource) {
	slices.SortStableFunc(sources, func(a, b zsource) int { return cmp.Compare(a.size, b.size) })
}

// ZUnion returns the members of any of the sets, in order.
func (t *Txn) ZUnion(c *ZCombination) ([]ZMember, error) {
	sources, err := t.zsources(c)
	if err != nil {
		return nil, err
	}
	bySize(sources)
	var res []ZMember
	at := map[string]int{}
	for i := range sources {
		sources[i].each(t, func(m []byte, score float64) bool {
			if k, ok := at[string(m)]; ok {
				res[k].Score = c.Aggregate.of(res[k].Score, score)
				return true
			}
			at[string(m)] = len(res)
			res = append(res, ZMember{bytes.Clone(m), score})
			return true
		})
	}
	SortZMembers(res)
	return res, nil
}

// ZInter returns the members of all sets, in order.
func (t *Txn) ZInter(c *ZCombination) ([]ZMember, error) {
	var res []ZMember
	err := t.zinter(c, func(m []byte, score float64) bool {
		res = append(res, ZMember{bytes.Clone(m), score})
		return true
	})
	SortZMembers(res)
	return res, err
}

// ZInterCard returns how many members all sets have, but at most limit, if that
// is not 0.
func (t *Txn) ZInterCard(keys [][]byte, limit int64) (n int64, err error) {
	err = t.zinter(&ZCombination{Keys: keys}, func([]byte, float64) bool {
		n++
		return n != limit
	})
	return n, err
}

func (t *Txn) zinter(c *ZCombination, visit func(m []byte, score float64) bool) error {
	sources, err := t.zsources(c)
	if err != nil {
		return err
	}
	bySize(sources)
	sources[0].each(t, func(m []byte, score float64) bool {
		for i := range sources[1:] {
			other, ok := sources[1+i].lookup(m)
			if !ok {
				return true
			}
			score = c.Aggregate.of(score, other)
		}
		return visit(m, score)
	})
	return nil
}

// ZDiff returns the members of the first set that none of the others has, in
// order.
func (t *Txn) ZDiff(keys [][]byte) ([]ZMember, error) {
	sources, err := t.zsources(&ZCombination{Keys: keys})
	if err != nil {
		return nil, err
	}
	var res []ZMember
	sources[0].each(t, func(m []byte, score float64) bool {
		for i := range sources[1:] {
			if _, ok := sources[1+i].lookup(m); ok {
				return true
			}
		}
		res = append(res, ZMember{bytes.Clone(m), score})
		return true
	})
	SortZMembers(res)
	return res, nil
}

// SortZMembers puts members in the order of a sorted set.
func SortZMembers(res []ZMember) {
	slices.SortFunc(res, func(a, b ZMember) int {
		if a.Score != b.Score {
			return cmp.Compare(a.Score, b.Score)
		}
		return bytes.Compare(a.Member, b.Member)
	})
}

// ZStore makes key a sorted set of members, which are in order, in the place of
// what it held, and returns their number. With no members the key goes.
func (t *Txn) ZStore(key []byte, members []ZMember, ev Event) (int64, error) {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	if len(members) == 0 {
		if n.found() {
			t.applyRemove(s, &n, key, EventDel)
		}
		return 0, nil
	}
	t.effect = Effect{Kind: EffectPut, Type: TypeZSet, DB: t.db, Key: key}
	longest := 0
	for _, m := range members {
		longest = max(longest, len(m.Member))
	}
	limits := &t.e.limits
	if int64(len(members)) <= limits.ZSetEntries.Load() && int64(longest) <= limits.ZSetValue.Load() {
		val := zset.Packed(t.lane.buf[:0])
		for _, m := range members {
			val = val.Append(m.Member, m.Score)
		}
		t.lane.buf = val
		t.effect.Form, t.effect.Value = formPacked, val
	} else {
		scores := make([]byte, scoreBytes*len(members))
		items := t.lane.items[:0]
		for i, m := range members {
			b := scores[i*scoreBytes : (i+1)*scoreBytes]
			putScore(b, m.Score)
			items = append(items, m.Member, b)
		}
		t.lane.items = items
		t.effect.Form, t.effect.Items = formLarge, items
	}
	return int64(len(members)), t.apply(s, &n, ev)
}

// ZRangeStore makes dst a sorted set of the members of key in a range, and
// returns their number.
func (t *Txn) ZRangeStore(dst, key []byte, r *ZRange) (int64, error) {
	t.Hold(dst, key)
	var members []ZMember
	err := t.ZRange(key, r, func(n int) { members = make([]ZMember, 0, n) }, func(m []byte, score float64) {
		members = append(members, ZMember{bytes.Clone(m), score})
	})
	if err != nil {
		return 0, err
	}
	SortZMembers(members)
	return t.ZStore(dst, members, EventZRangeStore)
}

// ZRandom calls begin with a number of members and then visit with each of them,
// chosen by chance: count different ones, or as many as there are, or, if count
// is negative, -count that may repeat. Neither may call the engine.
func (t *Txn) ZRandom(key []byte, count int64, begin func(n int), visit func(member []byte, score float64)) error {
	var n entry
	s, err := t.openRead(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewZSet(&n)
	size := v.len()
	one := func(member []byte, score float64) bool {
		visit(member, score)
		return true
	}
	switch {
	case size == 0 || count == 0:
		begin(0)
	case count < 0:
		begin(int(-count))
		for range -count {
			rank := int(t.lane.random(uint64(size)))
			v.walk(rank, rank+1, false, one)
		}
	case count >= int64(size):
		begin(size)
		v.walk(0, size, false, one)
	default:
		begin(int(count))
		for _, rank := range t.lane.sample(int(count), size) {
			v.walk(rank, rank+1, false, one)
		}
	}
	return nil
}

// random returns a number below n, all about equally likely.
func (l *Lane) random(n uint64) uint64 { return l.rng.Uint64() % n }

// sample returns k different numbers below n, ascending, all choices about
// equally likely: the j-th is drawn from the first n-k+j+1, and if it was drawn
// before, the last of those stands for it.
func (l *Lane) sample(k, n int) []int {
	drawn := make(map[int]bool, k)
	res := make([]int, 0, k)
	for top := n - k; top < n; top++ {
		x := int(l.random(uint64(top + 1)))
		if drawn[x] {
			x = top
		}
		drawn[x] = true
		res = append(res, x)
	}
	slices.Sort(res)
	return res
}

// ZScan visits the members of one step of a scan and returns the cursor of the
// next, 0 at the end. A small set is one step; compact says that it is one. visit
// may not call the engine.
func (t *Txn) ZScan(key []byte, cursor uint64, count int, visit func(member []byte, score float64, compact bool)) (next uint64, err error) {
	var n entry
	s, err := t.openRead(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil || !n.found() {
		return 0, err
	}
	v := s.viewZSet(&n)
	if v.obj == nil {
		v.walk(0, v.len(), false, func(member []byte, score float64) bool {
			visit(member, score, true)
			return true
		})
		return 0, nil
	}
	seen := 0
	one := func(ref alloc.Ref) {
		member, val := v.obj.pair(ref)
		visit(member, valueScore(val), false)
		seen++
	}
	next = v.obj.table.Scan(cursor, one)
	for buckets := 1; next != 0 && seen < count && buckets < 10*count; buckets++ {
		next = v.obj.table.Scan(next, one)
	}
	return next, nil
}
