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

// integral reports whether a score is kept as an integer. -0 is, as 0: so does
// Redis in its compact form.
func integral(score float64) bool {
	return score >= -maxExact && score <= maxExact && score == math.Trunc(score)
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

// Packed is a small sorted set.
type Packed []byte

// Len returns the number of members.
func (b Packed) Len() int { return packed.Count(b) / 2 }

// Score returns the score of a member.
func (b Packed) Score(member []byte) (float64, bool) {
	p, ok := findPair(b, member)
	return p.score, ok
}

// Rank returns the number of members before a member, and its score.
func (b Packed) Rank(member []byte) (rank int, score float64, ok bool) {
	at, ok := packed.Find(b, packed.Start, member, 2)
	if !ok {
		return 0, 0, false
	}
	for off := packed.Start; off < at; rank++ {
		off, _ = packed.Skip(b, off, 2)
	}
	p, ok := nextPair(b, at)
	return rank, p.score, ok
}

func scoreSize(score float64) int {
	if integral(score) {
		return packed.SizeInt(int64(score))
	}
	return 11 // tag, mark, 8 bytes, size
}

// SizeWith returns the bytes the set takes once member has score.
func (b Packed) SizeWith(member []byte, score float64) int {
	if p, ok := findPair(b, member); ok {
		return len(b) + scoreSize(score) - scoreSize(p.score)
	}
	return max(len(b), packed.Start) + packed.Size(member) + scoreSize(score)
}

// SizeWithout returns the bytes the set takes without member, -1 if it has no
// such member.
func (b Packed) SizeWithout(member []byte) int {
	p, ok := findPair(b, member)
	if !ok {
		return -1
	}
	return len(b) - (p.next - p.at)
}

// Set gives a member a score, adding it if need be, and returns the set as
// append does. member must not lie in b.
func (b Packed) Set(member []byte, score float64) Packed {
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

// Append adds a member that comes after all others.
func (b Packed) Append(member []byte, score float64) Packed {
	b = packed.Append(b, member)
	if integral(score) {
		return packed.AppendInt(b, int64(score))
	}
	var room [9]byte
	return packed.Append(b, scoreBytes(room[:0], score))
}

// Remove removes a member; false if there is none.
func (b Packed) Remove(member []byte) (Packed, bool) {
	p, ok := findPair(b, member)
	if !ok {
		return b, false
	}
	return packed.Delete(b, p.at, 2), true
}

// Valid reports whether b is a sound packed set: pairs in order, no member twice,
// every score a number.
func (b Packed) Valid() bool {
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
