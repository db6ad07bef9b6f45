package resp

import "math/big"

// ParseInt64 reads a signed 64 bit integer exactly as Redis' string2ll does.
func ParseInt64(b []byte) (int64, bool) { panic("unfinished") }

// ParseUint64 reads an unsigned integer as Redis' string2ull does.
func ParseUint64(b []byte) (uint64, bool) { panic("unfinished") }

// ParseFloat reads a double as Redis' getDoubleFromObject does.
func ParseFloat(b []byte) (float64, bool) { panic("unfinished") }

// AppendDouble appends f as Redis 7.2 prints doubles.
func AppendDouble(dst []byte, f float64) []byte { panic("unfinished") }

// ParseLongDouble reads an x87 long double as Redis' getLongDoubleFromObject does.
func ParseLongDouble(b []byte) (*big.Float, bool) { panic("unfinished") }

// AppendLongDouble appends f as INCRBYFLOAT stores it.
func AppendLongDouble(dst []byte, f *big.Float) []byte { panic("unfinished") }
