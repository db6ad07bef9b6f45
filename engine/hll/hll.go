package hll

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

const (
	indexBits = 14
	hashBits  = 64 - indexBits

	// Registers is the number of registers.
	Registers = 1 << indexBits

	// HeaderSize is the bytes before the registers.
	HeaderSize = 16

	// DenseSize is the length of a dense value.
	DenseSize = HeaderSize + Registers*registerBits/8

	// MaxSize is more than any value has whose registers are sound: a sparse one has at
	// most two bytes for each of them.
	MaxSize = HeaderSize + 2*Registers + 1

	registerBits = 6
	registerMax  = 1<<registerBits - 1

	dense  = 0
	sparse = 1

	encodingAt = 4
	cacheAt    = 8
	staleAt    = 15 // the byte with the top bit of the cached estimate
	stale      = 0x80
)

var (
	// ErrNotHLL: the value is no HyperLogLog.
	ErrNotHLL = errors.New("hll: not a HyperLogLog")
	// ErrCorrupt: the value looks like a HyperLogLog, but its registers make no
	// sense.
	ErrCorrupt = errors.New("hll: corrupt registers")
)

// New appends a value that has counted nothing to dst.
func New(dst []byte) []byte {
	dst = append(dst, 'H', 'Y', 'L', 'L', sparse, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	return appendZeros(dst, Registers)
}

// Check returns ErrNotHLL if b cannot be a HyperLogLog. It looks at the header.
func Check(b []byte) error {
	if len(b) < HeaderSize || string(b[:4]) != "HYLL" || b[encodingAt] > sparse || b[encodingAt] == dense && len(b) != DenseSize {
		return ErrNotHLL
	}
	return nil
}

// IsDense reports whether b, which Check has passed, is dense.
func IsDense(b []byte) bool { return b[encodingAt] == dense }

// Cached returns the estimate kept in the header; false if it is out of date.
func Cached(b []byte) (int64, bool) {
	return int64(binary.LittleEndian.Uint64(b[cacheAt:])), b[staleAt]&stale == 0
}

// CacheAt is the offset of the cached estimate, of CacheSize bytes.
const (
	CacheAt   = cacheAt
	CacheSize = 8
)

// PutCache writes an estimate as the header keeps it to b.
func PutCache(b []byte, estimate int64) { binary.LittleEndian.PutUint64(b, uint64(estimate)) }

// Invalidate marks the cached estimate as out of date.
func Invalidate(b []byte) { b[staleAt] |= stale }

// Place returns the register of an element and the least value it must have.
func Place(elem []byte) (index int, value uint8) {
	h := murmur(elem, 0xadc83b19)
	return int(h & (Registers - 1)), uint8(bits.TrailingZeros64(h>>indexBits|1<<hashBits)) + 1
}

// Below reports whether a register is below value: whether Raise would change
// it.
func Below(b []byte, index int, value uint8) (bool, error) {
	if IsDense(b) {
		return denseGet(b[HeaderSize:], index) < value, nil
	}
	r, ok := findRun(b, index)
	if !ok {
		return false, ErrCorrupt
	}
	return r.value < value, nil
}

// Raise makes a register at least value, and the cached estimate out of date if
// that changes it. It returns the value, which may have moved as append moves
// slices. A sparse value that would exceed sparseMax bytes becomes dense.
func Raise(b []byte, index int, value uint8, sparseMax int) (out []byte, changed bool, err error) {
	if !IsDense(b) {
		return sparseRaise(b, index, value, sparseMax)
	}
	if denseGet(b[HeaderSize:], index) >= value {
		return b, false, nil
	}
	denseSet(b[HeaderSize:], index, value)
	Invalidate(b)
	return b, true, nil
}

func denseGet(reg []byte, i int) uint8 {
	at, shift := i*registerBits/8, uint(i*registerBits%8)
	v := uint(reg[at]) >> shift
	if shift > 8-registerBits {
		v |= uint(reg[at+1]) << (8 - shift)
	}
	return uint8(v & registerMax)
}

func denseSet(reg []byte, i int, value uint8) {
	at, shift := i*registerBits/8, uint(i*registerBits%8)
	v := uint(value)
	reg[at] = reg[at]&^byte(registerMax<<shift) | byte(v<<shift)
	if shift > 8-registerBits {
		reg[at+1] = reg[at+1]&^byte(registerMax>>(8-shift)) | byte(v>>(8-shift))
	}
}

// ToDense returns the dense value equal to b: b itself if it is dense.
func ToDense(b []byte) ([]byte, error) {
	if IsDense(b) {
		return b, nil
	}
	out := make([]byte, DenseSize)
	copy(out, b[:HeaderSize])
	out[encodingAt] = dense
	err := runs(b, func(first int, r run) {
		if r.value > 0 {
			for i := range r.length {
				denseSet(out[HeaderSize:], first+i, r.value)
			}
		}
	})
	return out, err
}

// murmur is MurmurHash2 of 64 bits, by Austin Appleby, for little endian.
func murmur(b []byte, seed uint64) uint64 {
	const m, r = 0xc6a4a7935bd1e995, 47
	h := seed ^ uint64(len(b))*m
	for ; len(b) >= 8; b = b[8:] {
		k := binary.LittleEndian.Uint64(b) * m
		k ^= k >> r
		h = (h ^ k*m) * m
	}
	if len(b) > 0 {
		for i, c := range b {
			h ^= uint64(c) << (8 * i)
		}
		h *= m
	}
	h = (h ^ h>>r) * m
	return h ^ h>>r
}
