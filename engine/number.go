package engine

import (
	"math/big"
	"strconv"
)

// maxIntLen is the length of the longest decimal 64-bit integer.
const maxIntLen = len("-9223372036854775808")

// parseInt reads a decimal integer in the one form that prints back to the
// same bytes: no sign but a minus, no leading zeros, no spaces. Anything else
// is text to Redis.
func parseInt(b []byte) (int64, bool) {
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

// addOverflows reports whether a+b does not fit 64 bits.
func addOverflows(a, b int64) bool {
	sum := a + b
	return (sum > a) != (b > 0) && b != 0
}

// Redis adds floating point numbers in the x87 extended format of C's long
// double: 64 bits of mantissa. big.Float with that precision rounds the same
// way, so sums print the same digits.
const longDoubleBits = 64

// parseLongDouble reads a finite number as strtold does, but for hexadecimal
// forms and surrounding space, which Redis refuses.
func parseLongDouble(b []byte) (*big.Float, error) {
	if len(b) == 0 || len(b) > 5*1024 {
		return nil, ErrNotFloat
	}
	for _, c := range b {
		if c == '_' || c == ' ' || c == 'p' || c == 'P' || c == '@' {
			return nil, ErrNotFloat
		}
	}
	f, _, err := big.ParseFloat(string(b), 0, longDoubleBits, big.ToNearestEven)
	if err != nil {
		return nil, ErrNotFloat
	}
	return f, nil
}

// appendLongDouble prints f as Redis prints a long double for people: 17
// digits after the point, then trailing zeros off.
func appendLongDouble(dst []byte, f *big.Float) []byte {
	from := len(dst)
	dst = f.Append(dst, 'f', 17)
	end := len(dst)
	for end > from && dst[end-1] == '0' {
		end--
	}
	if end > from && dst[end-1] == '.' {
		end--
	}
	dst = dst[:end]
	if string(dst[from:]) == "-0" {
		dst = append(dst[:from], '0')
	}
	return dst
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
