package zset

import (
	"bytes"
	"encoding/binary"
	"math"

	"hpkv/engine/packed"
)

// maxExact bounds the integers kept as such: doubles beyond are not all
// integers of 64 bits.
const maxExact = 1 << 53

// scoreMark begins the bytes of a score that is no integer, so that they never
// read as one.
const scoreMark = 'f'

// scoreBytes appends a score as the bytes of an element.
func scoreBytes(dst []byte, score float64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, scoreMark), math.Float64bits(score))
}

// integral reports whether a score is kept as an integer; -0 is not, so that it
// prints as it came.
func integral(score float64) bool {
	return score >= -maxExact && score <= maxExact && score == math.Trunc(score) &&
		!(score == 0 && math.Signbit(score))
}

// scoreOf reads a score; false for what is none.
func scoreOf(v packed.Value) (float64, bool) {
	if n, ok := v.Int(); ok {
		return float64(n), true
	}
	b := v.Bytes()
	if len(b) != 9 || b[0] != scoreMark {
		return 0, false
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(b[1:]))
	return f, f == f
}

// pair is one entry of a packed set.
type pair struct {
	member packed.Value
	score  float64
	at     int // offset of the member
	next   int // offset behind the score
}

// nextPair reads the pair at off; false at the end.
func nextPair(b []byte, off int) (p pair, ok bool) {
	m, next, ok := packed.Next(b, off)
	if !ok {
		return pair{}, false
	}
	s, end, ok := packed.Next(b, next)
	if !ok {
		return pair{}, false
	}
	score, ok := scoreOf(s)
	return pair{m, score, off, end}, ok
}

// prevPair reads the pair that ends before off.
func prevPair(b []byte, off int) (p pair, ok bool) {
	s, at, ok := packed.Prev(b, off)
	if !ok {
		return pair{}, false
	}
	m, start, ok := packed.Prev(b, at)
	if !ok {
		return pair{}, false
	}
	score, ok := scoreOf(s)
	return pair{m, score, start, off}, ok
}

// findPair reads the pair of a member.
func findPair(b []byte, member []byte) (p pair, ok bool) {
	at, ok := packed.Find(b, packed.Start, member, 2)
	if !ok {
		return pair{}, false
	}
	return nextPair(b, at)
}

// compare orders a packed member against bytes.
func compare(v packed.Value, member []byte) int {
	if b := v.Bytes(); b != nil {
		return bytes.Compare(b, member)
	}
	var room [20]byte
	return bytes.Compare(v.Append(room[:0]), member)
}

// PackedLen returns the number of members of a packed set.
func PackedLen(b []byte) int { return packed.Count(b) / 2 }

// PackedScore returns the score of a member.
func PackedScore(b, member []byte) (float64, bool) {
	p, ok := findPair(b, member)
	return p.score, ok
}

// PackedSet gives a member a score, adding it if need be, and returns the set
// as append does. member must not lie in b.
func PackedSet(b, member []byte, score float64) []byte {
	if p, ok := findPair(b, member); ok {
		b = packed.Delete(b, p.at, 2)
	}
	off := packed.Start
	// Most are added at the end: look there first.
	if last, ok := prevPair(b, len(b)); !ok || last.score < score ||
		last.score == score && compare(last.member, member) < 0 {
		off = max(len(b), packed.Start)
	} else {
		for {
			p, ok := nextPair(b, off)
			if !ok || p.score > score || p.score == score && compare(p.member, member) > 0 {
				break
			}
			off = p.next
		}
	}
	b = packed.Insert(b, off, member)
	off, _ = packed.Skip(b, off, 1)
	var room [9]byte
	if integral(score) {
		return packed.InsertInt(b, off, int64(score))
	}
	return packed.Insert(b, off, scoreBytes(room[:0], score))
}

// PackedAppend adds a member that comes after all others.
func PackedAppend(b, member []byte, score float64) []byte {
	b = packed.Append(b, member)
	if integral(score) {
		return packed.AppendInt(b, int64(score))
	}
	var room [9]byte
	return packed.Append(b, scoreBytes(room[:0], score))
}

// PackedRemove removes a member; false if there is none.
func PackedRemove(b, member []byte) ([]byte, bool) {
	p, ok := findPair(b, member)
	if !ok {
		return b, false
	}
	return packed.Delete(b, p.at, 2), true
}

// PackedRemoveRanks removes the members of ranks [lo, hi).
func PackedRemoveRanks(b []byte, lo, hi int) []byte {
	off, ok := packed.Seek(b, 2*lo)
	if !ok || hi <= lo {
		return b
	}
	return packed.Delete(b, off, 2*(hi-lo))
}

// PackedValid reports whether b is a sound packed set: pairs in order, no member
// twice, every score a number.
func PackedValid(b []byte) bool {
	if !packed.Valid(b) || packed.Count(b)%2 != 0 {
		return false
	}
	seen := map[string]bool{}
	var last pair
	var member []byte
	for off, i := packed.Start, 0; off < len(b); i++ {
		p, ok := nextPair(b, off)
		if !ok {
			return false
		}
		member = p.member.Append(member[:0])
		if i > 0 && (p.score < last.score || p.score == last.score && compare(last.member, member) >= 0) || seen[string(member)] {
			return false
		}
		seen[string(member)] = true
		last, off = p, p.next
	}
	return true
}
