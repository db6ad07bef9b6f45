package engine

import (
	"strconv"

	"hpkv/engine/packed"
)

// maxIntLen is the length of the longest decimal 64-bit integer.
const maxIntLen = len("-9223372036854775808")

// parseInt reads a decimal integer in the one form that prints back to the
// same bytes. Anything else is text to Redis.
func parseInt(b []byte) (int64, bool) { return packed.ParseInt(b) }

// addOverflows reports whether a+b does not fit 64 bits.
func addOverflows(a, b int64) bool {
	sum := a + b
	return (sum > a) != (b > 0) && b != 0
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
