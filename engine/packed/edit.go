package packed

import (
	"encoding/binary"
	"slices"
)

// Size returns the bytes that elem takes as an element.
func Size(elem []byte) int {
	if num, ok := ParseInt(elem); ok {
		return SizeInt(num)
	}
	n := headBytes(len(elem)) + len(elem)
	return n + backBytes(n)
}

// SizeInt returns the bytes that num takes as an element.
func SizeInt(num int64) int {
	if num >= 0 && num <= maxSmall {
		return 2
	}
	return intBytes(num) + 2
}

// headBytes returns the bytes of tag and length of a string of n bytes.
func headBytes(n int) int {
	switch {
	case n <= maxShort:
		return 1
	case n < 1<<8:
		return 2
	case n < 1<<16:
		return 3
	}
	return 5
}

// intBytes returns the bytes that hold num, sign included.
func intBytes(num int64) int {
	n := 1
	for u := uint64(num ^ num>>63); u >= 1<<7; u >>= 8 {
		n++
	}
	return n
}

// putInt writes num without the size behind it, and returns the bytes written.
func putInt(b []byte, num int64) int {
	if num >= 0 && num <= maxSmall {
		b[0] = smallInt + byte(num)
		return 1
	}
	n := intBytes(num)
	b[0] = sizedInt - 1 + byte(n)
	for i := range n {
		b[1+i] = byte(num >> (8 * i))
	}
	return 1 + n
}

// Put writes elem at the start of b, which must have room for Size(elem) bytes,
// and returns that size. It leaves the header to the caller.
func Put(b, elem []byte) int {
	num, ok := ParseInt(elem)
	if ok {
		return PutInt(b, num)
	}
	n := len(elem)
	head := headBytes(n)
	switch head {
	case 1:
		b[0] = byte(n)
	case 2:
		b[0], b[1] = str8, byte(n)
	case 3:
		b[0] = str16
		binary.LittleEndian.PutUint16(b[1:], uint16(n))
	default:
		b[0] = str32
		binary.LittleEndian.PutUint32(b[1:], uint32(n))
	}
	n = head + copy(b[head:], elem)
	putBack(b[n:], n)
	return n + backBytes(n)
}

// PutInt is Put of an integer.
func PutInt(b []byte, num int64) int {
	n := putInt(b, num)
	b[n] = byte(n)
	return n + 1
}

// Append adds elem at the end. elem must not be longer than MaxLen.
func Append(b, elem []byte) []byte {
	b, off := extend(b, Size(elem))
	Put(b[off:], elem)
	return b
}

// AppendInt is Append of an integer.
func AppendInt(b []byte, num int64) []byte {
	b, off := extend(b, SizeInt(num))
	PutInt(b[off:], num)
	return b
}

// extend makes room for an element of size bytes at the end, and counts it.
func extend(b []byte, size int) ([]byte, int) {
	if len(b) == 0 {
		b = append(b, 0, 0)
	}
	off := len(b)
	b = slices.Grow(b, size)[:off+size]
	addCount(b, 1)
	return b, off
}

// addCount adds n to the header, which stays at countMany once there.
func addCount(b []byte, n int) {
	if have := int(binary.LittleEndian.Uint16(b)); have != countMany {
		SetCount(b, have+n)
	}
}

// Prepend adds elem at the front.
func Prepend(b, elem []byte) []byte { return Insert(b, Start, elem) }

// Insert adds elem before the element at off, at the end if off is len(b). In an
// empty sequence, off is Start.
func Insert(b []byte, off int, elem []byte) []byte {
	if len(b) == 0 {
		return Append(b, elem)
	}
	b = open(b, off, 0, Size(elem))
	Put(b[off:], elem)
	addCount(b, 1)
	return b
}

// InsertInt is Insert of an integer.
func InsertInt(b []byte, off int, num int64) []byte {
	if len(b) == 0 {
		return AppendInt(b, num)
	}
	b = open(b, off, 0, SizeInt(num))
	PutInt(b[off:], num)
	addCount(b, 1)
	return b
}

// Replace puts elem in the place of the element at off.
func Replace(b []byte, off int, elem []byte) []byte {
	b = open(b, off, skip(b, off)-off, Size(elem))
	Put(b[off:], elem)
	return b
}

// open makes the old bytes at off new ones, moving what is behind them.
func open(b []byte, off, old, new int) []byte {
	n := len(b)
	if new > old {
		b = slices.Grow(b, new-old)[:n+new-old]
	}
	copy(b[off+new:], b[off+old:n])
	return b[:n+new-old]
}

// Delete removes n elements from the one at off on, or as many as there are.
func Delete(b []byte, off, n int) []byte {
	end, gone := off, 0
	for ; gone < n && end < len(b); gone++ {
		end = skip(b, end)
	}
	many := len(b) >= Start && binary.LittleEndian.Uint16(b) == countMany
	b = b[:off+copy(b[off:], b[end:])]
	return recount(b, gone, many)
}

// recount brings the header up to date after gone elements went; many says that
// it did not tell their number before.
func recount(b []byte, gone int, many bool) []byte {
	switch {
	case len(b) <= Start:
		return b[:0]
	case many:
		SetCount(b, walk(b))
	default:
		addCount(b, -gone)
	}
	return b
}

// Remove removes up to most elements equal to elem, leaving the first skip of
// them, and returns how many that were.
func Remove(b, elem []byte, skip, most int) (out []byte, gone int) {
	kept, from := Start, Start // bytes that are in their place; where those to be moved next begin
	for off := Start; gone < most; {
		at, ok := Find(b, off, elem, 1)
		if !ok {
			break
		}
		off, _ = Skip(b, at, 1)
		if skip > 0 {
			skip--
			continue
		}
		if gone == 0 {
			kept = at
		} else {
			kept += copy(b[kept:], b[from:at])
		}
		from = off
		gone++
	}
	if gone == 0 {
		return b, 0
	}
	many := binary.LittleEndian.Uint16(b) == countMany
	b = b[:kept+copy(b[kept:], b[from:])]
	return recount(b, gone, many), gone
}
