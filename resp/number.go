package resp

import (
	"bytes"
	"math"
	"strconv"
)

// ParseInt64 reads a signed integer exactly as Redis' string2ll does: decimal
// digits with an optional '-', no '+', no spaces, no leading zeros, no "-0".
func ParseInt64(b []byte) (int64, bool) {
	if len(b) == 1 && b[0]-'0' <= 9 {
		return int64(b[0] - '0'), true
	}
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 || b[0]-'1' > 8 {
		return 0, false
	}
	var u uint64 // 19 digits always fit
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		}
		u = u*10 + uint64(c)
	}
	if neg {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}

// ParseCursor reads a cursor of SCAN as Redis 7.2 does, that is by C's strtoul:
// a sign (a negative number counts modulo 2^64) and leading zeros are fine, so is
// nothing at all, spaces are not, and a NUL ends the text.
func ParseCursor(b []byte) (uint64, bool) {
	if k := bytes.IndexByte(b, 0); k >= 0 {
		b = b[:k]
	}
	if len(b) == 0 {
		return 0, true
	}
	neg := b[0] == '-'
	if neg || b[0] == '+' {
		b = b[1:]
	}
	u, ok := ParseUint64(b)
	if neg {
		u = -u
	}
	return u, ok
}

// ParseUint64 reads an unsigned integer: decimal digits only, leading zeros allowed.
func ParseUint64(b []byte) (uint64, bool) {
	var u uint64
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || u > (math.MaxUint64-d)/10 {
			return 0, false
		}
		u = u*10 + d
	}
	return u, len(b) > 0
}

// ParseFloat reads a double as Redis does for arguments and values
// (getDoubleFromObject, that is C's strtod over the whole text): decimal or
// hexadecimal, "inf" and "infinity" in any case with a sign. It refuses NaN,
// spaces before the number, and what overflows or underflows to zero.
func ParseFloat(b []byte) (float64, bool) {
	form := scanFloat(b)
	switch form {
	case formNone:
		return 0, false
	case formHex:
		// Go wants the exponent that C leaves out.
		b = append(append(make([]byte, 0, 64), b...), 'p', '0')
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return 0, false // out of range
	}
	if f == 0 && hasDigit(b) {
		return 0, false // underflow
	}
	return f, true
}

// ParseScoreBound reads an end of a range of scores as Redis does, that is by C's
// strtod without a look at its errors: white space may come before, nothing at
// all is 0, a NUL ends the text, and what is out of range is infinite or 0. NaN is
// refused.
func ParseScoreBound(b []byte) (float64, bool) {
	if k := bytes.IndexByte(b, 0); k >= 0 {
		b = b[:k]
	}
	if len(b) == 0 {
		return 0, true
	}
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	switch scanFloat(b) {
	case formNone:
		return 0, false
	case formHex:
		b = append(append(make([]byte, 0, 64), b...), 'p', '0')
	}
	f, _ := strconv.ParseFloat(string(b), 64)
	return f, true
}

// floatForm is how a number is written.
type floatForm int

const (
	formNone   floatForm = iota // not a number
	formDec                     // decimal
	formHexExp                  // hexadecimal with its exponent
	formHex                     // hexadecimal without
	formInf                     // inf, infinity
)

// scanFloat says whether C's strtod reads all of b as a number other than NaN,
// and how it is written. Go's parsers accept more (underscores, other prefixes)
// and less, so the syntax is decided here.
func scanFloat(b []byte) floatForm {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	if len(b) == 0 {
		return formNone
	}
	if EqualFold(b, "INF") || EqualFold(b, "INFINITY") {
		return formInf
	}
	form, exp := formDec, byte('e')
	if len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x' {
		form, exp = formHex, 'p'
		b = b[2:]
	}
	digits, point := 0, false
	i := 0
	for ; i < len(b); i++ {
		c := b[i]
		switch {
		case c-'0' <= 9, form == formHex && hexDigit(c) >= 0:
			digits++
			continue
		case c == '.' && !point:
			point = true
			continue
		}
		break
	}
	if digits == 0 {
		return formNone
	}
	if i == len(b) {
		return form
	}
	if b[i]|0x20 != exp {
		return formNone
	}
	if i++; i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	if i == len(b) {
		return formNone
	}
	for ; i < len(b); i++ {
		if b[i]-'0' > 9 {
			return formNone
		}
	}
	if form == formHex {
		return formHexExp
	}
	return form
}

// hasDigit says whether a number as scanFloat accepts it has a digit other than
// zero before its exponent.
func hasDigit(b []byte) bool {
	hex := false
	for _, c := range b {
		switch {
		case c == 'x' || c == 'X':
			hex = true
		case c-'1' < 9, hex && c|0x20-'a' < 6:
			return true
		case c == 'p' || c == 'P' || c|0x20 == 'e':
			return false
		}
	}
	return false
}

// AppendDouble17 appends f with up to 17 digits, as C's %.17g, which prints more of
// them than AppendDouble does: 0.10000000000000001.
func AppendDouble17(dst []byte, f float64) []byte {
	if math.IsInf(f, 1) {
		return append(dst, "inf"...)
	}
	if math.IsInf(f, -1) {
		return append(dst, "-inf"...)
	}
	return strconv.AppendFloat(dst, f, 'g', 17, 64)
}

// AppendDouble appends f as Redis 7.2 prints doubles in replies: integers up to
// 2^62 in full, else the shortest digits that read back as f, laid out as
// fpconv does, and "inf", "-inf", "nan", "-0". (Redis 7.0 printed %.17g.)
//
// Redis finds the digits by Grisu2, which for about one double in a thousand
// finds one digit more than needed or not the closest of the shortest; we
// always print the shortest and closest, which read back as the same number.
func AppendDouble(dst []byte, f float64) []byte {
	switch {
	case f != f:
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case f == 0 && math.Signbit(f):
		return append(dst, "-0"...)
	case f >= -1<<62 && f <= 1<<62 && f == math.Trunc(f):
		return strconv.AppendInt(dst, int64(f), 10)
	}
	if f < 0 {
		dst = append(dst, '-')
		f = -f
	}
	// d.ddde[-+]xx: take digits and exponent apart.
	var room [32]byte
	e := strconv.AppendFloat(room[:0], f, 'e', -1, 64)
	var digits [20]byte
	n, i := 0, 0
	for ; e[i] != 'e'; i++ {
		if e[i] != '.' {
			digits[n] = e[i]
			n++
		}
	}
	exp := 0 // of the first digit
	for _, c := range e[i+2:] {
		exp = exp*10 + int(c-'0')
	}
	if e[i+1] == '-' {
		exp = -exp
	}
	return layoutDouble(dst, digits[:n], exp)
}

// layoutDouble writes the digits d.ddd * 10^exp as fpconv's emit_digits does.
func layoutDouble(dst, digits []byte, exp int) []byte {
	n := len(digits)
	k := exp - (n - 1) // the exponent of the last digit
	abs := max(exp, -exp)
	switch {
	case k >= 0 && abs < n+7: // integer
		dst = append(dst, digits...)
		for range k {
			dst = append(dst, '0')
		}
		return dst
	case k < 0 && (k > -7 || abs < 4): // decimal point
		whole := n + k
		if whole > 0 {
			dst = append(append(dst, digits[:whole]...), '.')
			return append(dst, digits[whole:]...)
		}
		dst = append(dst, '0', '.')
		for range -whole {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(dst, digits[0])
	if n > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	sign := byte('+')
	if exp < 0 {
		sign = '-'
	}
	return strconv.AppendInt(append(dst, 'e', sign), int64(abs), 10)
}
