package bits

import (
	"encoding/binary"
	"math/bits"
)

// Get returns bit off of b, 0 beyond its end.
func Get(b []byte, off int64) int {
	if off>>3 >= int64(len(b)) {
		return 0
	}
	return int(b[off>>3]>>(7-off&7)) & 1
}

// Set makes bit off of b v, 0 or 1, and returns what it was.
func Set(b []byte, off int64, v int) (old int) {
	p := &b[off>>3]
	shift := 7 - off&7
	old = int(*p>>shift) & 1
	*p = *p&^(1<<shift) | byte(v)<<shift
	return old
}

// Count returns the number of one bits in b.
func Count(b []byte) int64 {
	var n0, n1, n2, n3 int
	for len(b) >= 32 { // four independent sums keep the population counts in flight
		n0 += bits.OnesCount64(binary.LittleEndian.Uint64(b))
		n1 += bits.OnesCount64(binary.LittleEndian.Uint64(b[8:]))
		n2 += bits.OnesCount64(binary.LittleEndian.Uint64(b[16:]))
		n3 += bits.OnesCount64(binary.LittleEndian.Uint64(b[24:]))
		b = b[32:]
	}
	for ; len(b) >= 8; b = b[8:] {
		n0 += bits.OnesCount64(binary.LittleEndian.Uint64(b))
	}
	for _, c := range b {
		n1 += bits.OnesCount8(c)
	}
	return int64(n0 + n1 + n2 + n3)
}

// CountRange returns the number of one bits from bit first to bit last,
// inclusive; last must lie within b, and last < first counts nothing.
func CountRange(b []byte, first, last int64) int64 {
	if last < first {
		return 0
	}
	i, j := first>>3, last>>3
	head := 0xFF >> (first & 7)  // of byte i, what lies within
	tail := 0xFF << (7 - last&7) // of byte j
	if i == j {
		return int64(bits.OnesCount8(b[i] & byte(head&tail)))
	}
	return int64(bits.OnesCount8(b[i]&byte(head))) + Count(b[i+1:j]) + int64(bits.OnesCount8(b[j]&byte(tail)))
}

// Pos returns the first bit from first to last, inclusive, that equals v, or
// -1. last must lie within b.
func Pos(b []byte, v int, first, last int64) int64 {
	if last < first {
		return -1
	}
	flip := byte(0) // turns the bits looked for into ones
	if v == 0 {
		flip = 0xFF
	}
	i, j := first>>3, last>>3
	if c := (b[i] ^ flip) & (0xFF >> (first & 7)); c != 0 {
		return within(i<<3+int64(bits.LeadingZeros8(c)), last)
	}
	i++
	skip := uint64(0) // eight bytes without the bit
	if v == 0 {
		skip = ^skip
	}
	for ; i+8 <= j+1 && binary.LittleEndian.Uint64(b[i:]) == skip; i += 8 {
	}
	for ; i <= j; i++ {
		if c := b[i] ^ flip; c != 0 {
			return within(i<<3+int64(bits.LeadingZeros8(c)), last)
		}
	}
	return -1
}

func within(at, last int64) int64 {
	if at > last {
		return -1
	}
	return at
}
