package zset

import (
	"bytes"

	"hpkv/engine/packed"
	"hpkv/engine/ranked"
)

// View reads a sorted set in either form. The zero View is an empty set. It is
// valid until the set changes.
type View struct {
	packed []byte
	large  *Large
}

// OfPacked returns a view of a packed set.
func OfPacked(b []byte) View { return View{packed: b} }

// OfLarge returns a view of a large set.
func OfLarge(z *Large) View { return View{large: z} }

// Len returns the number of members.
func (v View) Len() int {
	if v.large != nil {
		return v.large.Len()
	}
	return PackedLen(v.packed)
}

// Score returns the score of a member.
func (v View) Score(member []byte) (float64, bool) {
	if v.large != nil {
		return v.large.Score(member)
	}
	return PackedScore(v.packed, member)
}

// Rank returns the number of members before a member, and its score.
func (v View) Rank(member []byte) (rank int, score float64, ok bool) {
	if v.large != nil {
		if score, ok = v.large.Score(member); ok {
			rank, ok = v.large.tree.Rank(score, member)
		}
		return rank, score, ok
	}
	at, ok := packed.Find(v.packed, packed.Start, member, 2)
	if !ok {
		return 0, 0, false
	}
	for off := packed.Start; off < at; rank++ {
		off, _ = packed.Skip(v.packed, off, 2)
	}
	p, ok := nextPair(v.packed, at)
	return rank, p.score, ok
}

// ScoreRange is a range of scores. Either end may be excluded.
type ScoreRange struct {
	Min, Max     float64
	MinEx, MaxEx bool
}

func (r *ScoreRange) empty() bool {
	return r.Min > r.Max || r.Min == r.Max && (r.MinEx || r.MaxEx)
}

func (r *ScoreRange) aboveMin(s float64) bool { return s > r.Min || !r.MinEx && s == r.Min }
func (r *ScoreRange) belowMax(s float64) bool { return s < r.Max || !r.MaxEx && s == r.Max }

// ByScore returns the ranks [lo, hi) of the members in a range of scores.
func (v View) ByScore(r ScoreRange) (lo, hi int) {
	switch {
	case r.empty():
		return 0, 0
	case v.large != nil:
		return v.large.tree.CountBelow(r.Min, r.MinEx), v.large.tree.CountBelow(r.Max, !r.MaxEx)
	}
	off := packed.Start
	p, ok := nextPair(v.packed, off)
	for ; ok && !r.aboveMin(p.score); lo++ {
		p, ok = nextPair(v.packed, p.next)
	}
	for hi = lo; ok && r.belowMax(p.score); hi++ {
		p, ok = nextPair(v.packed, p.next)
	}
	return lo, hi
}

// LexBound is an end of a range of members. Inf -1 is before all members, 1
// after all.
type LexBound struct {
	Member []byte
	Inf    int
	Ex     bool
}

// LexRange is a range of members.
type LexRange struct{ Min, Max LexBound }

func (r *LexRange) empty() bool {
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

// ByLex returns the ranks [lo, hi) of the members in a range of members. It means
// something only where all scores are equal; a packed set with other scores is
// walked as Redis does it, from the end for reverse.
func (v View) ByLex(r LexRange, reverse bool) (lo, hi int) {
	switch {
	case r.empty():
		return 0, 0
	case v.large != nil:
		return v.large.byLex(&r)
	}
	first, ok := nextPair(v.packed, packed.Start)
	if !ok || !r.belowMax(first.member) {
		return 0, 0
	}
	last, ok := prevPair(v.packed, len(v.packed))
	if !ok || !r.aboveMin(last.member) {
		return 0, 0
	}
	if reverse {
		hi = v.Len()
		for ok && !r.belowMax(last.member) {
			last, ok = prevPair(v.packed, last.at)
			hi--
		}
		for lo = hi; ok && r.aboveMin(last.member); lo-- {
			last, ok = prevPair(v.packed, last.at)
		}
		return lo, hi
	}
	for ok && !r.aboveMin(first.member) {
		first, ok = nextPair(v.packed, first.next)
		lo++
	}
	for hi = lo; ok && r.belowMax(first.member); hi++ {
		first, ok = nextPair(v.packed, first.next)
	}
	return lo, hi
}

func (z *Large) byLex(r *LexRange) (lo, hi int) {
	hi = z.Len()
	if r.Min.Inf == 0 {
		lo = z.tree.CountBefore(r.Min.Member, r.Min.Ex)
	}
	if r.Max.Inf == 0 {
		hi = z.tree.CountBefore(r.Max.Member, !r.Max.Ex)
	}
	return lo, max(lo, hi)
}

// Walk visits the members of ranks [lo, hi), which must exist, in ascending or
// descending order, until visit returns false. A member is valid only during
// the call.
func (v View) Walk(lo, hi int, reverse bool, visit func(member []byte, score float64) bool) {
	if lo >= hi {
		return
	}
	if v.large == nil {
		v.walkPacked(lo, hi, reverse, visit)
		return
	}
	z := v.large
	var c ranked.Cursor
	start, step := lo, c.Next
	if reverse {
		start, step = hi-1, c.Prev
	}
	z.seek(&c, start)
	for n := hi - lo; ; {
		score, ref := c.Item()
		if !visit(z.member(ref), score) {
			return
		}
		if n--; n == 0 || !step() {
			return
		}
	}
}

func (v View) walkPacked(lo, hi int, reverse bool, visit func(member []byte, score float64) bool) {
	var room [20]byte
	at, read := lo, nextPair
	if reverse {
		at, read = hi, prevPair
	}
	off, ok := packed.Seek(v.packed, 2*at)
	if !ok {
		off = len(v.packed) // reverse, from the last on
	}
	for n := hi - lo; n > 0; n-- {
		p, ok := read(v.packed, off)
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
