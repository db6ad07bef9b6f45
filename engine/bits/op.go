package bits

import "encoding/binary"

// Op is a bitwise operation on whole strings.
type Op uint8

const (
	And Op = iota
	Or
	Xor
	Not // of one string
)

// Combine writes op of srcs to dst, which must be as long as the longest of
// them; shorter ones count as continued by zero bytes. dst may be one of srcs'
// memory only if it is the first. srcs must not be empty, and Not takes one.
func Combine(dst []byte, op Op, srcs ...[]byte) {
	n := copy(dst, srcs[0])
	clear(dst[n:])
	if op == Not {
		invert(dst)
		return
	}
	for _, src := range srcs[1:] {
		m := min(len(src), len(dst))
		switch op {
		case And:
			and(dst[:m], src)
			clear(dst[m:])
		case Or:
			or(dst[:m], src)
		case Xor:
			xor(dst[:m], src)
		}
	}
}

// The loops are written out: a function value called for every word would cost
// more than the word. Each takes at least len(dst) bytes of src.

func and(dst, src []byte) {
	for ; len(dst) >= 8; dst, src = dst[8:], src[8:] {
		binary.NativeEndian.PutUint64(dst, binary.NativeEndian.Uint64(dst)&binary.NativeEndian.Uint64(src))
	}
	for i := range dst {
		dst[i] &= src[i]
	}
}

func or(dst, src []byte) {
	for ; len(dst) >= 8; dst, src = dst[8:], src[8:] {
		binary.NativeEndian.PutUint64(dst, binary.NativeEndian.Uint64(dst)|binary.NativeEndian.Uint64(src))
	}
	for i := range dst {
		dst[i] |= src[i]
	}
}

func xor(dst, src []byte) {
	for ; len(dst) >= 8; dst, src = dst[8:], src[8:] {
		binary.NativeEndian.PutUint64(dst, binary.NativeEndian.Uint64(dst)^binary.NativeEndian.Uint64(src))
	}
	for i := range dst {
		dst[i] ^= src[i]
	}
}

func invert(dst []byte) {
	for ; len(dst) >= 8; dst = dst[8:] {
		binary.NativeEndian.PutUint64(dst, ^binary.NativeEndian.Uint64(dst))
	}
	for i := range dst {
		dst[i] = ^dst[i]
	}
}
