package zset

import (
	"bytes"

	"hpkv/engine/packed"
)

// ScoreRange is a range of scores. Either end may be excluded.
type ScoreRange struct {
	Min, Max     float64
	MinEx, MaxEx bool
}

// Empty reports whether no score is in the range.
func (r *ScoreRange) Empty() bool {
	return r.Min > r.Max || r.Min == r.Max && (r.MinEx || r.MaxEx)
}

func (r *ScoreRange) aboveMin(s float64) bool { return s > r.Min || !r.MinEx && s == r.Min }
func (r *ScoreRange) belowMax(s float64) bool { return s < r.Max || !r.MaxEx && s == r.Max }

// LexBound is an end of a range of members. Inf -1 is before all members, 1
// after all.
type LexBound struct {
	Member []byte
	Inf    int
	Ex     bool
}

// LexRange is a range of members.
type LexRange struct{ Min, Max LexBound }

// Empty reports whether no member is in the range.
func (r *LexRange) Empty() bool {
	if r.Min.Inf != 0 || r.Max.Inf != 0 {
		return r.Min.Inf == 1 || r.Max.Inf == -1
	}
	c := bytes.Compare(r.Min.Member, r.Max.Member)
	return c > 0 || c == 0 && (r.Min.Ex || r.Max.Ex)
}

func (r *LexRange) aboveMin(m packed.Value) bool {
	if r.Min.Inf != 0 {
		return r.Min.Inf < 0
	}
	c := compare(m, r.Min.Member)
	return c > 0 || c == 0 && !r.Min.Ex
}

func (r *LexRange) belowMax(m packed.Value) bool {
	if r.Max.Inf != 0 {
		return r.Max.Inf > 0
	}
	c := compare(m, r.Max.Member)
	return c < 0 || c == 0 && !r.Max.Ex
}

// ByScore returns the ranks [lo, hi) of the members in a range of scores.
func (b Packed) ByScore(r *ScoreRange) (lo, hi int) {
	if r.Empty() {
		return 0, 0
	}
	p, ok := nextPair(b, packed.Start)
	for ; ok && !r.aboveMin(p.score); lo++ {
		p, ok = nextPair(b, p.next)
	}
	for hi = lo; ok && r.belowMax(p.score); hi++ {
		p, ok = nextPair(b, p.next)
	}
	return lo, hi
}

// ByLex returns the ranks [lo, hi) of the members in a range of members. It means
// something only where all scores are equal; others are walked as Redis does it,
// from the end for reverse.
func (b Packed) ByLex(r *LexRange, reverse bool) (lo, hi int) {
	first, ok := nextPair(b, packed.Start)
	if !ok || r.Empty() || !r.belowMax(first.member) {
		return 0, 0
	}
	last, ok := prevPair(b, len(b))
	if !ok || !r.aboveMin(last.member) {
		return 0, 0
	}
	if reverse {
		for hi = b.Len(); ok && !r.belowMax(last.member); hi-- {
			last, ok = prevPair(b, last.at)
		}
		for lo = hi; ok && r.aboveMin(last.member); lo-- {
			last, ok = prevPair(b, last.at)
		}
		return lo, hi
	}
	for ; ok && !r.aboveMin(first.member); lo++ {
		first, ok = nextPair(b, first.next)
	}
	for hi = lo; ok && r.belowMax(first.member); hi++ {
		first, ok = nextPair(b, first.next)
	}
	return lo, hi
}

// Walk visits the members of ranks [lo, hi), which must exist, in ascending or
// descending order, until visit returns false. A member is valid only during
// the call; those kept as integers are written to room, which has a capacity of
// 20 bytes or is not used again.
func (b Packed) Walk(room []byte, lo, hi int, reverse bool, visit func(member []byte, score float64) bool) {
	at, read := lo, nextPair
	if reverse {
		at, read = hi, prevPair
	}
	off, ok := packed.Seek(b, 2*at)
	if !ok {
		off = len(b) // reverse, from the last on
	}
	for n := hi - lo; n > 0; n-- {
		p, ok := read(b, off)
		if !ok {
			return
		}
		member := p.member.Bytes()
		if member == nil {
			member = p.member.Append(room[:0])
		}
		if !visit(member, p.score) {
			return
		}
		if off = p.next; reverse {
			off = p.at
		}
	}
}
