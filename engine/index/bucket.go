package index

import (
	"math/bits"

	"hpkv/engine/alloc"
)

const (
	slotsPerBucket = 7
	maxReach       = 7

	tagShift = alloc.RefBits
	tagBits  = 64 - tagShift
	refMask  = 1<<tagShift - 1
	posMask  = 1<<32 - 1

	// Head fields, see doc.go. An odd version is a bucket being written.
	reachShift  = 3 * slotsPerBucket
	stashedBit  = 1 << 24
	versionOdd  = 1 << 25
	versionStep = 1 << 26
)

// bucket is one cache line of a segment. Readers load its words atomically.
type bucket struct {
	head  uint64
	slots [slotsPerBucket]uint64
}

const bucketBytes = 64

// match returns the slots that hold the tag of want, which is a slot word with
// ref 0, as a bit mask. It has no branches: which slot matches is random, and a
// mispredicted branch costs more than looking at all of them.
func (b *bucket) match(want uint64) uint32 {
	// word^want is the ref, 1..refMask, where the tag is the same.
	_, c0 := bits.Sub64(load(&b.slots[0])^want-1, refMask, 0)
	_, c1 := bits.Sub64(load(&b.slots[1])^want-1, refMask, 0)
	_, c2 := bits.Sub64(load(&b.slots[2])^want-1, refMask, 0)
	_, c3 := bits.Sub64(load(&b.slots[3])^want-1, refMask, 0)
	_, c4 := bits.Sub64(load(&b.slots[4])^want-1, refMask, 0)
	_, c5 := bits.Sub64(load(&b.slots[5])^want-1, refMask, 0)
	_, c6 := bits.Sub64(load(&b.slots[6])^want-1, refMask, 0)
	return uint32(c0 | c1<<1 | c2<<2 | c3<<3 | c4<<4 | c5<<5 | c6<<6)
}

// vacant returns the first free slot, or slotsPerBucket: without branches, too.
func (b *bucket) vacant() int {
	_, c0 := bits.Sub64(b.slots[0], 1, 0)
	_, c1 := bits.Sub64(b.slots[1], 1, 0)
	_, c2 := bits.Sub64(b.slots[2], 1, 0)
	_, c3 := bits.Sub64(b.slots[3], 1, 0)
	_, c4 := bits.Sub64(b.slots[4], 1, 0)
	_, c5 := bits.Sub64(b.slots[5], 1, 0)
	_, c6 := bits.Sub64(b.slots[6], 1, 0)
	return bits.TrailingZeros32(uint32(c0 | c1<<1 | c2<<2 | c3<<3 | c4<<4 | c5<<5 | c6<<6 | 1<<slotsPerBucket))
}

func reach(head uint64) int { return int(head >> reachShift & maxReach) }

func withReach(head uint64, r int) uint64 {
	return head&^(maxReach<<reachShift) | uint64(r)<<reachShift
}

// displacement returns how many buckets before this one slot i's home is.
func displacement(head uint64, i int) int { return int(head >> (3 * i) & 7) }

func withDisplacement(head uint64, i, d int) uint64 {
	return head&^(7<<(3*i)) | uint64(d)<<(3*i)
}
