package engine

import (
	"encoding/binary"
	"math"
	"slices"

	"hpkv/engine/zset"
)

// ZAddOptions of ZAdd; the zero value sets unconditionally.
type ZAddOptions struct {
	NX, XX bool // only members that are absent; only those that exist
	GT, LT bool // existing members only if the score rises; falls
	Incr   bool // add to the score of the one member, absent ones having 0
}

// ZAddResult of ZAdd.
type ZAddResult struct {
	Added   int64   // members that were absent
	Changed int64   // members added or given another score
	Done    int64   // members for which the conditions held
	Score   float64 // the member's new score, with Incr and if Done
}

// zaddState is a ZAdd that is going on; the zero value allows everything and is
// that of effects that come from elsewhere.
type zaddState struct {
	ZAddOptions
	added, done int64
}

func (z *zaddState) allows(score, old float64, has bool) bool {
	if has {
		return !z.NX && (!z.GT || score > old) && (!z.LT || score < old)
	}
	return !z.XX
}

// ZAdd gives members of the sorted set at key scores; it creates the set if it
// is absent. The member of scores[i] is args[2*i+1]: args is the part of a
// command line in which scores and members alternate. No score may be NaN; if
// one becomes NaN through Incr, the error is ErrNaN.
func (t *Txn) ZAdd(key []byte, scores []float64, args [][]byte, o ZAddOptions) (res ZAddResult, err error) {
	var n entry
	s, err := t.openWrite(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return res, err
	}
	if o.Incr {
		if old, has := s.viewZSet(&n).score(args[1]); has { // else -0 would become 0
			scores[0] += old
		}
		if math.IsNaN(scores[0]) {
			return res, ErrNaN
		}
		res.Score = scores[0]
	}
	ev := EventZAdd
	if o.Incr {
		ev = EventZIncr
	}
	t.zadd = zaddState{ZAddOptions: o}
	t.delta(EffectZSetAdd, key, t.lane.scored(scores, args))
	err = t.apply(s, &n, ev)
	res.Added, res.Done, res.Changed = t.zadd.added, t.zadd.done, int64(len(t.effect.Items)/2)
	t.zadd = zaddState{}
	return res, err
}

// scored lays members and scores out as an effect has them, in the lane's memory.
func (l *Lane) scored(scores []float64, args [][]byte) [][]byte {
	l.buf = slices.Grow(l.buf[:0], scoreBytes*len(scores))[:scoreBytes*len(scores)]
	l.items = l.items[:0]
	for i, score := range scores {
		b := l.buf[i*scoreBytes : (i+1)*scoreBytes]
		putScore(b, score)
		l.items = append(l.items, args[2*i+1], b)
	}
	return l.items
}

// ZRem removes members and returns how many there were.
func (t *Txn) ZRem(key []byte, members [][]byte) (int64, error) {
	var n entry
	s, err := t.openWrite(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	return t.zrem(s, &n, key, t.keepItems(members), EventZRem)
}

func (t *Txn) zrem(s *shard, n *entry, key []byte, items [][]byte, ev Event) (int64, error) {
	t.delta(EffectZSetRemove, key, items)
	err := t.apply(s, n, ev)
	return int64(len(t.effect.Items)), err
}

// ZCard returns the number of members, 0 if key is absent.
func (t *Txn) ZCard(key []byte) (int64, error) {
	var n entry
	s, err := t.openRead(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	return int64(s.zsetLen(&n)), nil
}

// ZScore returns the score of a member; false if there is none.
func (t *Txn) ZScore(key, member []byte) (float64, bool, error) {
	var n entry
	s, err := t.openRead(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return 0, false, err
	}
	score, ok := s.viewZSet(&n).score(member)
	return score, ok, nil
}

// ZScores visits, for each of members in turn, its score, or false. visit may
// not call the engine.
func (t *Txn) ZScores(key []byte, members [][]byte, visit func(score float64, ok bool)) error {
	var n entry
	s, err := t.openRead(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewZSet(&n)
	for i, m := range members {
		if v.obj != nil {
			v.obj.ahead(members, i, 1)
		}
		visit(v.score(m))
	}
	return nil
}

// ZRank returns the number of members before a member, or behind it with
// reverse, and its score; false if there is none.
func (t *Txn) ZRank(key, member []byte, reverse bool) (rank int64, score float64, ok bool, err error) {
	var n entry
	s, err := t.openRead(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return 0, 0, false, err
	}
	v := s.viewZSet(&n)
	at, score, ok := v.rank(member)
	if reverse {
		at = v.len() - 1 - at
	}
	return int64(at), score, ok, nil
}

// ZBy says what a range of a sorted set is about.
type ZBy uint8

const (
	ByRank ZBy = iota
	ByScore
	ByLex
)

// ZRange is a range of a sorted set.
type ZRange struct {
	By          ZBy
	Start, Stop int64 // ranks, both inclusive, negative ones from the end; counted from the end with Reverse
	Score       zset.ScoreRange
	Lex         zset.LexRange
	Reverse     bool // descending
	// Limited skips Offset members, all of them if it is negative, and takes
	// Count, all if it is negative. Not by rank.
	Limited       bool
	Offset, Count int64
}

// ZRange calls begin with the number of members in a range and then visit with
// each in order. Neither may call the engine; a member is valid during the call
// only.
func (t *Txn) ZRange(key []byte, r *ZRange, begin func(n int), visit func(member []byte, score float64)) error {
	var n entry
	s, err := t.openRead(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewZSet(&n)
	lo, hi := v.window(r)
	begin(max(hi-lo, 0))
	v.walk(lo, hi, r.Reverse, func(member []byte, score float64) bool {
		visit(member, score)
		return true
	})
	return nil
}

// ZCount returns the number of members in a range, its limit left aside.
func (t *Txn) ZCount(key []byte, r *ZRange) (int64, error) {
	var n entry
	s, err := t.openRead(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	lo, hi := s.viewZSet(&n).ranks(r)
	return int64(max(hi-lo, 0)), nil
}

// ZRemRange removes the members in a range and returns how many there were.
func (t *Txn) ZRemRange(key []byte, r *ZRange) (int64, error) {
	var n entry
	s, err := t.openWrite(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return 0, err
	}
	lo, hi := s.viewZSet(&n).window(r)
	ev := [...]Event{ByRank: EventZRemRangeByRank, ByScore: EventZRemRangeByScore, ByLex: EventZRemRangeByLex}[r.By]
	return t.zremRanks(s, &n, key, lo, hi, false, nil, ev)
}

// zremRanks removes the members of ranks [lo, hi) of a located sorted set, shows them
// to visit, unless that is nil, and returns how many there were.
func (t *Txn) zremRanks(s *shard, n *entry, key []byte, lo, hi int, reverse bool, visit zvisit, ev Event) (int64, error) {
	v := s.viewZSet(n)
	all := lo < hi && hi-lo == v.len()
	if !all && (v.obj == nil || !fewStay(hi-lo, v.len())) {
		return t.zrem(s, n, key, t.lane.members(v, lo, hi, reverse, visit), ev)
	}
	if visit != nil {
		v.walk(lo, hi, reverse, func(member []byte, score float64) bool {
			visit(member, score)
			return true
		})
	}
	if all {
		t.applyEmpty(s, n, t.db, key, ev)
		return int64(hi - lo), nil
	}
	ef := t.state(EffectPut, key)
	ef.Type, ef.Form, ef.ExpireAtMs = TypeZSet, formLarge, n.expireAt()
	ef.Items = t.lane.outside(v, lo, hi)
	if t.apply(s, n, ev) != nil { // there is no memory for those that stay
		return t.zrem(s, n, key, t.lane.members(v, lo, hi, false, nil), ev)
	}
	return int64(hi - lo), nil
}

// zvisit is shown a member and its score. The member is valid during the call only.
type zvisit = func(member []byte, score float64)

// ZPop removes up to count members with the least scores, or the greatest with
// most, and visits them. begin is called first, with their number; without key
// nothing is called. Neither may call the engine.
func (t *Txn) ZPop(key []byte, count int64, most bool, begin func(n int), visit func(member []byte, score float64)) (popped int64, err error) {
	var n entry
	s, err := t.openWrite(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil || !n.found() || count <= 0 {
		return 0, err
	}
	v := s.viewZSet(&n)
	lo, hi := 0, int(min(count, int64(v.len())))
	ev := EventZPopMin
	if most {
		lo, hi = v.len()-hi, v.len()
		ev = EventZPopMax
	}
	begin(hi - lo)
	return t.zremRanks(s, &n, key, lo, hi, most, visit, ev)
}

// members copies the members of ranks [lo, hi) to the lane's memory, as the items
// of an effect that removes them, and shows them to visit on the way.
func (l *Lane) members(v zsetView, lo, hi int, reverse bool, visit zvisit) [][]byte {
	l.buf, l.items = l.buf[:0], l.items[:0]
	v.walk(lo, hi, reverse, func(member []byte, score float64) bool {
		if visit != nil {
			visit(member, score)
		}
		from := len(l.buf)
		l.buf = append(l.buf, member...) // items so far keep the memory they lie in
		l.items = append(l.items, l.buf[from:])
		return true
	})
	return l.items
}

// outside returns all members but those of ranks [lo, hi), with their scores, as the
// items of an effect that puts them.
func (l *Lane) outside(v zsetView, lo, hi int) [][]byte {
	l.buf, l.items = l.buf[:0], l.items[:0]
	add := func(member []byte, score float64) bool {
		from := len(l.buf)
		l.buf = append(l.buf, member...) // see members
		at := len(l.buf)
		l.buf = binary.LittleEndian.AppendUint64(l.buf, math.Float64bits(score))
		l.items = append(l.items, l.buf[from:at:at], l.buf[at:])
		return true
	}
	v.walk(0, lo, false, add)
	v.walk(hi, v.len(), false, add)
	return l.items
}
