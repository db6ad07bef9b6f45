package packed

import (
	"encoding/binary"
	"strconv"
)

// Start is the offset of the first element.
const Start = 2

// MaxLen is the length of the longest element, in bytes.
const MaxLen = 1<<32 - 1

const (
	smallInt  = 0x80 // 0 and up
	maxSmall  = 0x6f // the largest integer in the tag itself
	sizedInt  = 0xf0 // of one byte; the next tags have one byte more each
	str8      = 0xf8
	str16     = 0xf9
	str32     = 0xfa
	maxShort  = 0x7f // the longest string with its length in the tag
	countMany = 0xffff
)

// sizes holds the bytes of a whole element by its tag, 0 where the tag alone
// does not tell.
var sizes = func() (t [256]uint8) {
	for n := range maxShort + 1 {
		t[n] = uint8(1 + n + backBytes(1+n))
	}
	for n := smallInt; n < sizedInt; n++ {
		t[n] = 2
	}
	for n := sizedInt; n < str8; n++ {
		t[n] = uint8(n-sizedInt) + 3
	}
	return t
}()

// Value is an element as it is kept: a string or an integer.
type Value struct {
	str []byte // nil: an integer
	num int64
}

// Int returns the element's integer; false if it does not read as one.
func (v Value) Int() (int64, bool) { return v.num, v.str == nil }

// Bytes returns the element's bytes in place, nil if it is kept as an integer.
func (v Value) Bytes() []byte { return v.str }

// Append appends the element as a string to dst.
func (v Value) Append(dst []byte) []byte {
	if v.str == nil {
		return strconv.AppendInt(dst, v.num, 10)
	}
	return append(dst, v.str...)
}

// Len returns the length of the element as a string.
func (v Value) Len() int {
	if v.str != nil {
		return len(v.str)
	}
	if v.num >= 0 {
		return digits(uint64(v.num))
	}
	return 1 + digits(-uint64(v.num))
}

func digits(n uint64) int {
	d := 1
	for ; n >= 10000; n /= 10000 {
		d += 4
	}
	switch {
	case n >= 1000:
		return d + 3
	case n >= 100:
		return d + 2
	case n >= 10:
		return d + 1
	}
	return d
}

// Equal reports whether the element is the string p.
func (v Value) Equal(p []byte) bool {
	if v.str != nil {
		return string(v.str) == string(p)
	}
	n, ok := ParseInt(p)
	return ok && n == v.num
}

// maxIntLen is the length of the longest decimal 64-bit integer.
const maxIntLen = len("-9223372036854775808")

// ParseInt reads a decimal integer in the one form that prints back to the
// same bytes: no sign but a minus, no leading zeros, no spaces.
func ParseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > maxIntLen {
		return 0, false
	}
	neg := b[0] == '-'
	digits := b
	if neg {
		digits = b[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 || n > (1<<63)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if neg {
		return -int64(n), n <= 1<<63
	}
	return int64(n), n < 1<<63
}

// Count returns the number of elements. It is a look at the header up to 65534
// elements, and a walk beyond.
func Count(b []byte) int {
	if len(b) < Start {
		return 0
	}
	n := int(binary.LittleEndian.Uint16(b))
	if n == countMany {
		return walk(b)
	}
	return n
}

// walk counts the elements, up to the first that is not sound.
func walk(b []byte) (n int) {
	for off := Start; off < len(b); n++ {
		if off = skip(b, off); off < 0 {
			break
		}
	}
	return n
}

// SetCount writes the header: for callers that add or remove elements at the
// ends themselves, with Put. b must have room for it.
func SetCount(b []byte, n int) {
	binary.LittleEndian.PutUint16(b, uint16(min(n, countMany)))
}

// Valid reports whether b is a sound sequence: every element whole and as Append
// would write it, the header true.
func Valid(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if len(b) <= Start {
		return false
	}
	n := 0
	var room [maxIntLen]byte
	for off := Start; off < len(b); n++ {
		v, next, ok := Next(b, off)
		if !ok {
			return false
		}
		as := v.str
		if as == nil {
			as = v.Append(room[:0])
		}
		if Size(as) != next-off {
			return false
		}
		// A size in more bytes than it needs, of which the first belongs to the
		// element, would lead back to off, too.
		if size, bytes := back(b, next); size+bytes != next-off || bytes != backBytes(size) {
			return false
		}
		if _, isInt := ParseInt(as); isInt != (v.str == nil) {
			return false
		}
		off = next
	}
	return int(binary.LittleEndian.Uint16(b)) == min(n, countMany)
}

// backBytes returns the bytes that the size n takes behind an element.
func backBytes(n int) int {
	switch {
	case n < 1<<7:
		return 1
	case n < 1<<14:
		return 2
	case n < 1<<21:
		return 3
	case n < 1<<28:
		return 4
	}
	return 5
}

// putBack writes the size n, as many bytes as backBytes says, at the start of b.
func putBack(b []byte, n int) {
	for i := backBytes(n) - 1; i > 0; i-- {
		b[i] = byte(n) | 0x80
		n >>= 7
	}
	b[0] = byte(n)
}

// back reads the size that ends before off; bytes is 0 if there is none.
func back(b []byte, off int) (size, bytes int) {
	for shift := 0; shift < 35; shift += 7 {
		off--
		if off < Start {
			return 0, 0
		}
		c := b[off]
		size |= int(c&0x7f) << shift
		bytes++
		if c < 0x80 {
			return size, bytes
		}
	}
	return 0, 0
}
