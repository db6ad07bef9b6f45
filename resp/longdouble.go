package resp

import (
	"math/big"
	"strconv"
)

// INCRBYFLOAT and HINCRBYFLOAT compute in C's long double, on amd64 the x87
// format: a 64 bit significand and 15 bits of exponent. big.Float with 64 bits
// of precision rounds in the same way; the exponent's ends are checked here.
const (
	longDoublePrec = 64
	longDoubleMax  = 16384  // values of 2^16384 and more overflow
	longDoubleMin  = -16446 // values of 2^-16446 and less underflow to zero
	maxLongDouble  = 5*1024 - 1
)

// ParseLongDouble reads a long double as Redis' getLongDoubleFromObject does:
// the syntax of ParseFloat, with infinities, in fewer than 5120 bytes. Results
// that overflow, or underflow to zero, are refused.
func ParseLongDouble(b []byte) (*big.Float, bool) {
	if len(b) > maxLongDouble {
		return nil, false
	}
	form := scanFloat(b)
	if form == formNone {
		return nil, false
	}
	neg := b[0] == '-'
	if neg || b[0] == '+' {
		b = b[1:]
	}
	f := new(big.Float).SetPrec(longDoublePrec)
	if form == formInf {
		return f.SetInf(neg), true
	}
	base, marker, perDigit := 10, byte('e'), 1
	if form != formDec {
		base, marker, perDigit = 16, 'p', 4
		b = b[2:]
	}
	// digits * base^-fraction * (10 or 2)^exp
	digits := make([]byte, 0, len(b))
	fraction, exp, point := 0, 0, false
	for i, c := range b {
		if c == '.' {
			point = true
			continue
		}
		if c|0x20 == marker {
			exp = clampExponent(b[i+1:])
			break
		}
		digits = append(digits, c)
		if point {
			fraction++
		}
	}
	m, _ := new(big.Int).SetString(string(digits), base)
	if m.Sign() == 0 {
		if neg {
			f.Neg(f)
		}
		return f, true
	}
	exp -= fraction * perDigit
	if base == 16 {
		f.SetMantExp(f.SetInt(m), exp)
	} else {
		// Far outside of the range: spare computing huge powers.
		if size := exp + m.BitLen()*30103/100000; size > 5000 || size < -5000 {
			return nil, false
		}
		pow := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
		if exp >= 0 {
			f.SetInt(m.Mul(m, pow))
		} else {
			f.Quo(new(big.Float).SetInt(m), new(big.Float).SetInt(pow))
		}
	}
	if neg {
		f.Neg(f)
	}
	if underflows(f) || f.MantExp(nil) > longDoubleMax {
		return nil, false
	}
	return f, true
}

// clampExponent reads an optional sign and digits, bounded by what no text of
// 5119 bytes can bring back into range.
func clampExponent(b []byte) int {
	n, err := strconv.Atoi(string(b))
	if err != nil || n > 100000 || n < -100000 {
		n = 100000
		if b[0] == '-' {
			n = -n
		}
	}
	return n
}

// underflows says whether f is nonzero but rounds to zero as a long double.
func underflows(f *big.Float) bool {
	var mant big.Float
	exp := f.MantExp(&mant) // f = mant * 2^exp, 0.5 <= |mant| < 1
	return f.Sign() != 0 && (exp <= longDoubleMin || exp == longDoubleMin+1 && mant.MinPrec() == 1)
}

// AddLongDouble returns a + b as a long double; false if that is not finite.
func AddLongDouble(a, b *big.Float) (*big.Float, bool) {
	if a.IsInf() || b.IsInf() {
		return nil, false
	}
	f := new(big.Float).SetPrec(longDoublePrec).Add(a, b)
	return f, f.MantExp(nil) <= longDoubleMax
}

// AppendLongDouble appends f, which must be finite, as INCRBYFLOAT stores and
// returns it: 17 decimals (%.17Lf) without trailing zeros, never an exponent.
func AppendLongDouble(dst []byte, f *big.Float) []byte {
	at := len(dst)
	dst = f.Append(dst, 'f', 17)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	if dst[len(dst)-1] == '.' {
		dst = dst[:len(dst)-1]
	}
	if string(dst[at:]) == "-0" {
		dst = append(dst[:at], '0')
	}
	return dst
}
