package packed

import (
	"bytes"
	"encoding/binary"
)

// Next returns the element at off and the offset behind it. ok is false at the
// end, and where there is no sound element. Start with off = Start.
//
// The Value lies in b and is true only as long as b does not change.
func Next(b []byte, off int) (v Value, next int, ok bool) {
	if uint(off) >= uint(len(b)) {
		return Value{}, off, false
	}
	tag := b[off]
	if tag <= maxShort {
		end := off + 1 + int(tag)
		next = off + int(sizes[tag])
		if next > len(b) {
			return Value{}, off, false
		}
		return Value{str: b[off+1 : end : end]}, next, true
	}
	if tag < sizedInt {
		return Value{num: int64(tag - smallInt)}, off + 2, off+2 <= len(b)
	}
	return nextLong(b, off)
}

func nextLong(b []byte, off int) (v Value, next int, ok bool) {
	next = skip(b, off)
	if next < 0 {
		return Value{}, off, false
	}
	tag := b[off]
	if tag < str8 {
		n := int(tag-sizedInt) + 1
		var num uint64
		for i := range n {
			num |= uint64(b[off+1+i]) << (8 * i)
		}
		unused := 64 - 8*n
		return Value{num: int64(num<<unused) >> unused}, next, true
	}
	head, n := longHead(b, off)
	at := off + head
	return Value{str: b[at : at+n : at+n]}, next, true
}

// longHead returns the bytes of tag and length and the length of the string at
// off, whose tag must be one of those for long strings; head is 0 if they do not
// fit b.
func longHead(b []byte, off int) (head, n int) {
	rest := b[off+1:]
	switch b[off] {
	case str8:
		if len(rest) >= 1 {
			return 2, int(rest[0])
		}
	case str16:
		if len(rest) >= 2 {
			return 3, int(binary.LittleEndian.Uint16(rest))
		}
	case str32:
		if len(rest) >= 4 {
			return 5, int(binary.LittleEndian.Uint32(rest))
		}
	}
	return 0, 0
}

// skip returns the offset behind the element at off, which must be within b; -1
// if there is no sound element.
func skip(b []byte, off int) int {
	next := off + int(sizes[b[off]])
	if next == off {
		head, n := longHead(b, off)
		if head == 0 {
			return -1
		}
		next = off + head + n + backBytes(head+n)
	}
	if next > len(b) {
		return -1
	}
	return next
}

// Prev returns the element that ends before off and its offset, the converse of
// Next: start with off = len(b).
func Prev(b []byte, off int) (v Value, at int, ok bool) {
	if off > len(b) {
		return Value{}, off, false
	}
	size, n := back(b, off)
	at = off - n - size
	if n == 0 || size == 0 || at < Start {
		return Value{}, off, false
	}
	v, next, ok := Next(b, at)
	if !ok || next != off {
		return Value{}, off, false
	}
	return v, at, true
}

// Skip returns the offset behind n elements from off on; false if there are
// fewer.
func Skip(b []byte, off, n int) (int, bool) {
	if off < 0 {
		return off, false
	}
	for ; n > 0; n-- {
		if off >= len(b) {
			return off, false
		}
		next := skip(b, off)
		if next < 0 {
			return off, false
		}
		off = next
	}
	return off, true
}

// Seek returns the offset of the i-th element from 0, or from the end if i is
// negative: -1 is the last. It walks from the nearer end. false if there is no
// such element.
func Seek(b []byte, i int) (off int, ok bool) {
	count := Count(b)
	if i < 0 {
		i += count
	}
	if i < 0 || i >= count {
		return 0, false
	}
	if i <= count/2 {
		return Skip(b, Start, i)
	}
	off = len(b)
	for ; i < count; i++ {
		if _, off, ok = Prev(b, off); !ok {
			return 0, false
		}
	}
	return off, true
}

// Get returns the i-th element, counted as Seek does.
func Get(b []byte, i int) (Value, bool) {
	off, ok := Seek(b, i)
	if !ok {
		return Value{}, false
	}
	v, _, ok := Next(b, off)
	return v, ok
}

// Find searches for the string elem among every stride-th element from off on:
// with fields and values in turn, a stride of 2 from Start looks at the fields.
// It returns the element's offset.
func Find(b []byte, off int, elem []byte, stride int) (at int, ok bool) {
	if off < 0 {
		return 0, false
	}
	var room [9]byte
	var tag byte
	rest := elem
	switch num, isInt := ParseInt(elem); {
	case isInt:
		n := putInt(room[:], num)
		tag, rest = room[0], room[1:n]
	case len(elem) <= maxShort:
		tag = byte(len(elem))
	default:
		return findLong(b, off, elem, stride)
	}
	for off < len(b) {
		next := skip(b, off)
		if next < 0 {
			return 0, false
		}
		if b[off] == tag && bytes.Equal(b[off+1:off+1+len(rest)], rest) {
			return off, true
		}
		if off, ok = Skip(b, next, stride-1); !ok {
			return 0, false
		}
	}
	return 0, false
}

// Matches counts the elements equal to elem.
func Matches(b, elem []byte) (n int) {
	for off := Start; ; n++ {
		at, ok := Find(b, off, elem, 1)
		if !ok {
			return n
		}
		off, _ = Skip(b, at, 1)
	}
}

// MatchesBefore is Matches among the first n elements.
func MatchesBefore(b, elem []byte, n int) (found int) {
	for off := Start; n > 0; n-- {
		v, next, ok := Next(b, off)
		if !ok {
			break
		}
		if v.Equal(elem) {
			found++
		}
		off = next
	}
	return found
}

func findLong(b []byte, off int, elem []byte, stride int) (at int, ok bool) {
	for {
		v, next, ok := Next(b, off)
		if !ok {
			return 0, false
		}
		if len(v.str) == len(elem) && bytes.Equal(v.str, elem) {
			return off, true
		}
		if off, ok = Skip(b, next, stride-1); !ok {
			return 0, false
		}
	}
}
