package engine

import (
	"hpkv/engine/ranked"
	"hpkv/engine/zset"
)

// zsetView reads a located sorted set in either form. The zero view is of an
// empty one. It is good until the next change of the shard.
type zsetView struct {
	val  zset.Packed
	obj  *zsetObject // nil: packed
	room []byte      // for members kept as integers
}

// viewZSet returns a view of a sorted set; an absent one is empty.
func (s *shard) viewZSet(n *entry) zsetView {
	switch {
	case !n.found():
		return zsetView{}
	case isLarge(n.hdr):
		return zsetView{obj: s.largeOf(n).(*zsetObject)}
	}
	return zsetView{val: n.value(), room: s.digits[:0]}
}

func (v zsetView) len() int {
	if v.obj != nil {
		return v.obj.len()
	}
	return v.val.Len()
}

func (v zsetView) score(member []byte) (float64, bool) {
	if v.obj != nil {
		return v.obj.score(member)
	}
	return v.val.Score(member)
}

// rank returns the number of members before a member, and its score.
func (v zsetView) rank(member []byte) (rank int, score float64, ok bool) {
	if v.obj == nil {
		return v.val.Rank(member)
	}
	if score, ok = v.obj.score(member); ok {
		rank, ok = v.obj.tree.Rank(score, member)
	}
	return rank, score, ok
}

// ranks returns the ranks [lo, hi) of the members in a range, its limit left
// aside.
func (v zsetView) ranks(r *ZRange) (lo, hi int) {
	switch {
	case r.By == ByRank:
		i, j := clampRanks(r.Start, r.Stop, int64(v.len()))
		if r.Reverse {
			i, j = int64(v.len())-j, int64(v.len())-i
		}
		return int(i), int(j)
	case v.obj == nil && r.By == ByScore:
		return v.val.ByScore(&r.Score)
	case v.obj == nil:
		return v.val.ByLex(&r.Lex, r.Reverse)
	}
	tree := v.obj.tree
	if r.By == ByScore {
		if r.Score.Empty() {
			return 0, 0
		}
		return tree.CountBelow(r.Score.Min, r.Score.MinEx), tree.CountBelow(r.Score.Max, !r.Score.MaxEx)
	}
	if r.Lex.Empty() {
		return 0, 0
	}
	hi = tree.Len()
	if b := &r.Lex.Min; b.Inf == 0 {
		lo = tree.CountBefore(b.Member, b.Ex)
	}
	if b := &r.Lex.Max; b.Inf == 0 {
		hi = tree.CountBefore(b.Member, !b.Ex)
	}
	return lo, max(lo, hi)
}

// clampRanks turns an inclusive range with negative ends into the half-open one
// it means among n.
func clampRanks(start, stop, n int64) (lo, hi int64) {
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	if start > stop || start >= n {
		return 0, 0
	}
	return start, min(stop, n-1) + 1
}

// window is ranks with the range's limit.
func (v zsetView) window(r *ZRange) (lo, hi int) {
	lo, hi = v.ranks(r)
	if r.By == ByRank || !r.Limited {
		return lo, hi
	}
	n := int64(hi - lo)
	if r.Offset < 0 || r.Offset >= n {
		return lo, lo
	}
	if n -= r.Offset; r.Count >= 0 {
		n = min(n, r.Count)
	}
	if r.Reverse {
		hi -= int(r.Offset)
		return hi - int(n), hi
	}
	lo += int(r.Offset)
	return lo, lo + int(n)
}

// A walk asks for the memory of members aheadOfWalk before it comes to them, where
// elements take coldBytes and more: a range of 100 takes 0.63 of the time then with
// 1.5 million members, whose elements have to come from memory, and 1.06 with 100,000,
// which the processor's caches hold.
const (
	aheadOfWalk = 8
	coldBytes   = 8 << 20
)

// walk visits the members of ranks [lo, hi), which must exist, in ascending or
// descending order, until visit returns false. A member is valid during the
// call only.
func (v zsetView) walk(lo, hi int, reverse bool, visit func(member []byte, score float64) bool) {
	if lo >= hi {
		return
	}
	if v.obj == nil {
		v.val.Walk(v.room, lo, hi, reverse, visit)
		return
	}
	var c ranked.Cursor
	if reverse {
		v.obj.tree.Seek(&c, hi-1)
	} else {
		v.obj.tree.Seek(&c, lo)
	}
	by, cold := aheadOfWalk, v.obj.mem >= coldBytes
	if reverse {
		by = -by
	}
	for n := hi - lo; ; {
		if cold && n > aheadOfWalk {
			if ref, ok := c.Near(by); ok {
				v.obj.table.PrefetchRecord(ref)
			}
		}
		score, ref := c.Item()
		if !visit(v.obj.key(ref), score) {
			return
		}
		if n--; n == 0 {
			return
		}
		if reverse {
			c.Prev()
		} else {
			c.Next()
		}
	}
}
