package bits

import "math"

// Field is the form of an integer inside a byte string: Width bits, most
// significant first, two's complement if Signed. Width is 1 to 64, unsigned
// ones at most 63, so that every value fits an int64.
type Field struct {
	Signed bool
	Width  uint8
}

// Valid reports whether the width is within its bounds.
func (f Field) Valid() bool {
	return f.Width >= 1 && (f.Width <= 63 || f.Width == 64 && f.Signed)
}

// Get reads the field at bit off of b; bits beyond the end are zero.
func (f Field) Get(b []byte, off int64) int64 {
	var v uint64
	for left := int64(f.Width); left > 0; {
		// As many bits as this byte still has, or as are left.
		have := 8 - off&7
		take := min(have, left)
		var c byte
		if off>>3 < int64(len(b)) {
			c = b[off>>3]
		}
		v = v<<take | uint64(c>>(have-take))&(1<<take-1)
		off, left = off+take, left-take
	}
	return f.extend(v)
}

// Put writes the low Width bits of v at bit off of b, which must reach there.
func (f Field) Put(b []byte, off int64, v int64) {
	for left := int64(f.Width); left > 0; {
		have := 8 - off&7
		take := min(have, left)
		shift := have - take
		mask := byte(1<<take-1) << shift
		p := &b[off>>3]
		*p = *p&^mask | byte(uint64(v)>>(left-take))<<shift&mask
		off, left = off+take, left-take
	}
}

// extend turns the low Width bits of v into the value they stand for.
func (f Field) extend(v uint64) int64 {
	unused := 64 - f.Width
	if f.Signed {
		return int64(v<<unused) >> unused
	}
	return int64(v << unused >> unused)
}

// bounds are the smallest and the largest value of the field.
func (f Field) bounds() (lo, hi int64) {
	if !f.Signed {
		return 0, 1<<f.Width - 1
	}
	hi = math.MaxInt64 >> (64 - f.Width)
	return -hi - 1, hi
}

// Overflow is what becomes of a value that does not fit its field.
type Overflow uint8

const (
	Wrap     Overflow = iota // keep the low bits
	Saturate                 // the nearest value that fits
	Fail                     // do nothing
)

// Fit makes v fit the field; ok is false if it does not and o is Fail. For an
// unsigned field v counts as unsigned, so that -1 is too large, not too small.
func (f Field) Fit(v int64, o Overflow) (fit int64, ok bool) {
	lo, hi := f.bounds()
	switch {
	case v >= lo && v <= hi:
		return v, true
	case f.Signed && v < lo:
		return f.overflow(uint64(v), lo, o)
	}
	return f.overflow(uint64(v), hi, o)
}

// Add returns old+incr, made to fit the field; ok is false if it does not fit
// and o is Fail. old must be a value of the field.
func (f Field) Add(old, incr int64, o Overflow) (sum int64, ok bool) {
	lo, hi := f.bounds()
	sum = old + incr // the low 64 bits, whatever happens
	// Neither difference overflows: lo <= old <= hi, and for a signed field
	// of 64 bits the comparison is made only on the side where it is safe.
	switch {
	case incr > 0 && (!f.Signed || old >= 0 || f.Width < 64) && incr > hi-old:
		return f.overflow(uint64(sum), hi, o)
	case incr < 0 && (!f.Signed || old < 0 || f.Width < 64) && incr < lo-old:
		return f.overflow(uint64(sum), lo, o)
	}
	return sum, true
}

func (f Field) overflow(v uint64, limit int64, o Overflow) (int64, bool) {
	switch o {
	case Saturate:
		return limit, true
	case Fail:
		return 0, false
	}
	return f.extend(v), true
}
