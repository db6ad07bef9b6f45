package engine

import "strconv"

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

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
