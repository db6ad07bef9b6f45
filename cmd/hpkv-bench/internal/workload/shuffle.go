package workload

import "math/bits"

// Shuffle is a pseudo-random permutation of [0, n) that needs no memory: a
// Feistel network over the next even power of two, repeated while it lands
// outside (cycle walking). Immutable.
type Shuffle struct {
	n    uint64
	half uint // bits of each half
	seed uint64
}

// NewShuffle returns a permutation of [0, n), n above 0; another seed gives
// another one.
func NewShuffle(n, seed uint64) Shuffle {
	half := uint(bits.Len64(n-1)+1) / 2
	return Shuffle{n, max(half, 1), seed}
}

// At returns what i is mapped to.
func (s Shuffle) At(i uint64) uint64 {
	for {
		left, right := i>>s.half, i&(1<<s.half-1)
		for round := range uint64(4) {
			left, right = right, left^Hash(right^s.seed^round<<56)&(1<<s.half-1)
		}
		if i = left<<s.half | right; i < s.n {
			return i
		}
	}
}

// Hash mixes x (the finalizer of SplitMix64): random numbers that depend on
// a key only.
func Hash(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
