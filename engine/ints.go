package engine

import (
	"encoding/binary"
	"math"
	"slices"
)

// ints is a sorted sequence of different integers in one piece of bytes: the
// value of a small set of integers. The first byte is the width of an integer,
// 2, 4 or 8 bytes, which the largest ever in it needed; the integers follow, little
// endian. Portable: it may be written to disk.
type ints []byte

// intWidth returns the width that n needs.
func intWidth(n int64) int {
	switch {
	case n == int64(int16(n)):
		return 2
	case n == int64(int32(n)):
		return 4
	}
	return 8
}

func (s ints) width() int { return int(s[0]) }

func (s ints) len() int {
	if len(s) == 0 {
		return 0
	}
	return (len(s) - 1) / s.width()
}

func (s ints) at(i int) int64 {
	switch s[0] {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(s[1+2*i:])))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(s[1+4*i:])))
	}
	return int64(binary.LittleEndian.Uint64(s[1+8*i:]))
}

func (s ints) put(i int, n int64) {
	switch s[0] {
	case 2:
		binary.LittleEndian.PutUint16(s[1+2*i:], uint16(n))
	case 4:
		binary.LittleEndian.PutUint32(s[1+4*i:], uint32(n))
	default:
		binary.LittleEndian.PutUint64(s[1+8*i:], uint64(n))
	}
}

// find returns where n is, or where it belongs.
func (s ints) find(n int64) (i int, found bool) {
	lo, hi := 0, s.len()
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		switch v := s.at(mid); {
		case v == n:
			return mid, true
		case v < n:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// sizeWith returns the bytes s has with one more integer, n.
func (s ints) sizeWith(n int64) int {
	w := intWidth(n)
	if len(s) > 0 {
		w = max(w, s.width())
	}
	return 1 + w*(s.len()+1)
}

// insert adds n, which belongs at i. Like append, it works in place where the
// capacity allows.
func (s ints) insert(i int, n int64) ints {
	count, size := s.len(), s.sizeWith(n)
	width := byte((size - 1) / (count + 1))
	old := s
	s = slices.Grow(s, size-len(s))[:size]
	if count == 0 || old[0] != width {
		wide := s
		if count > 0 {
			was := ints(append(make([]byte, 0, 256), old...))
			wide[0] = width
			for k := range count {
				wide.put(k, was.at(k))
			}
		}
		wide[0] = width
	}
	w := int(width)
	copy(s[1+(i+1)*w:], s[1+i*w:1+count*w])
	s.put(i, n)
	return s
}

// remove takes out the integer at i.
func (s ints) remove(i int) ints {
	w := s.width()
	return append(s[:1+i*w], s[1+(i+1)*w:]...)
}

// maxDigits returns the length of the longest member as a string.
func (s ints) maxDigits() int {
	n := s.len()
	if n == 0 {
		return 0
	}
	var room [maxIntLen]byte
	return max(len(appendInt(room[:0], s.at(0))), len(appendInt(room[:0], s.at(n-1))))
}

// valid reports whether s is as insert makes it.
func (s ints) valid() bool {
	if len(s) < 1 || s[0] != 2 && s[0] != 4 && s[0] != 8 || (len(s)-1)%s.width() != 0 || s.len() == 0 {
		return false
	}
	last := int64(math.MinInt64)
	for i := range s.len() {
		n := s.at(i)
		if i > 0 && n <= last {
			return false
		}
		last = n
	}
	return true
}
