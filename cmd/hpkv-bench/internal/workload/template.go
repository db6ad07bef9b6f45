package workload

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// randDigits is the width redis-benchmark gives RandInt, and the length of the
// word itself, so that a command's length never changes.
const randDigits = len(RandInt)

// Template is a compiled command: its RESP bytes with the places of the random
// numbers. Immutable.
type Template struct {
	wire  []byte
	spots []int
}

// Compile encodes args, whose Data was already replaced.
func Compile(args []string) Template {
	wire := AppendCommand(nil, args...)
	var t Template
	for at := 0; ; {
		i := strings.Index(string(wire[at:]), RandInt)
		if i < 0 {
			break
		}
		t.spots = append(t.spots, at+i)
		at += i + randDigits
	}
	t.wire = wire
	return t
}

// Append appends one command whose random numbers come from keys.
func (t Template) Append(dst []byte, keys *Keys) []byte {
	at := len(dst)
	dst = append(dst, t.wire...)
	for _, spot := range t.spots {
		PutDigits(dst[at+spot:at+spot+randDigits], keys.Next())
	}
	return dst
}

// AppendAt appends the command with every random number replaced by n.
func (t Template) AppendAt(dst []byte, n uint64) []byte {
	at := len(dst)
	dst = append(dst, t.wire...)
	for _, spot := range t.spots {
		PutDigits(dst[at+spot:at+spot+randDigits], n)
	}
	return dst
}

// PutDigits writes n in decimal, zero-padded, over all of dst.
func PutDigits(dst []byte, n uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}

// AppendCommand appends args as a RESP array of bulk strings.
func AppendCommand(dst []byte, args ...string) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(args)), 10)
	dst = append(dst, "\r\n"...)
	for _, arg := range args {
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(len(arg)), 10)
		dst = append(dst, "\r\n"...)
		dst = append(dst, arg...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// Spread says how keys are chosen from the key space.
type Spread string

// The spreads: every key alike, one single key, or Zipf's law with exponent
// 1.1 (a few keys take most of the load; only our own generator has it).
const (
	Uniform Spread = "uniform"
	Hot     Spread = "hot"
	Zipf    Spread = "zipf"
)

// Valid tells whether s is one of the spreads.
func (s Spread) Valid() bool { return s == Uniform || s == Hot || s == Zipf }

// Keys chooses key numbers. For one goroutine.
type Keys struct {
	rng   *rand.Rand
	space uint64
	zipf  *rand.Zipf
}

// NewKeys returns a chooser from [0, space); the same seed gives the same
// numbers.
func NewKeys(spread Spread, space, seed uint64) *Keys {
	k := &Keys{rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), space: max(space, 1)}
	switch spread {
	case Hot:
		k.space = 1
	case Zipf:
		k.zipf = rand.NewZipf(k.rng, 1.1, 1, k.space-1)
	}
	return k
}

// Next returns the next key number.
func (k *Keys) Next() uint64 {
	if k.zipf != nil {
		return k.zipf.Uint64()
	}
	if k.space == 1 {
		return 0
	}
	return k.rng.Uint64N(k.space)
}

// Uint64N returns a random number in [0, n) for other choices of the same
// stream.
func (k *Keys) Uint64N(n uint64) uint64 { return k.rng.Uint64N(n) }
