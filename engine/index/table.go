package index

import (
	"sync/atomic"
	"unsafe"

	"hpkv/engine/alloc"
)

// Table is the index of one shard in one database. The zero Table is not
// usable; New makes one that takes no memory until the first Insert.
type Table struct {
	// Read by every lookup, written only when the structure changes.
	structure atomic.Uint64 // changes with every replaced segment; odd: frozen
	dir       atomic.Pointer[directory]
	base      unsafe.Pointer // immutable

	_ [64]byte // what follows changes with every write

	// Owned by the shard.
	heap     *alloc.Heap
	purpose  alloc.Purpose
	hashOf   func(alloc.Ref) uint64
	count    int           // entries, stashed ones included
	atDepth  [33]int32     // segments per local depth
	next     *resize       // the directory's next size, while that is being made ready
	stash    []stashed     // entries without a place
	draining []*drainState // what Clear left for Drain, oldest first
	forecast *Forecast     // nil: nothing is known
	stats    Stats

	segmentBytes int64 // of memory of the segments
}

// stashed is an entry that found no room in its segment.
type stashed struct {
	pos uint32
	ref alloc.Ref
}

// Stats describes a table's shape.
type Stats struct {
	Entries   int
	Buckets   int
	Segments  int
	Directory int   // words
	Bytes     int64 // of segments and directory
	Stashed   int

	Rebuilds, Splits, Shrinks, Merges int64
	LateCopies                        int64 // large directories that were needed before they were ready
}

// New returns an empty table with segments from heap, of one of alloc's purposes
// for indexes. hashOf returns the hash an entry was inserted with; it is called
// only for tables below 256 buckets and to find out whose a segment is that could
// move (Relocate). For the latter, tables that share heap and purpose must be able
// to hash each other's entries.
func New(heap *alloc.Heap, arena *alloc.Arena, purpose alloc.Purpose, hashOf func(alloc.Ref) uint64) *Table {
	return &Table{heap: heap, base: arena.Base(), purpose: purpose, hashOf: hashOf}
}

// Len returns the number of entries. REQUIRES: the shard's lock.
func (t *Table) Len() int { return t.count }

// Segment words: place in units of 64 bytes, buckets, local depth.
const (
	segDepthBits = 6
	segSizeBits  = 10
	segRefShift  = segDepthBits + segSizeBits
)

// segment is a directory word: where a segment is and how to index it.
type segment uint64

func makeSegment(ref alloc.Ref, n, depth int) segment {
	return segment(uint64(ref)>>3<<segRefShift | uint64(n)<<segDepthBits | uint64(depth))
}

func (s segment) ref() alloc.Ref { return alloc.Ref(s >> segRefShift << 3) }
func (s segment) len() int       { return int(s >> segDepthBits & (1<<segSizeBits - 1)) }
func (s segment) depth() int     { return int(s & (1<<segDepthBits - 1)) }

// home returns the index of the bucket for a position in the segment's range.
func (s segment) home(pos uint64) int {
	rel := pos << (s & (1<<segDepthBits - 1) & 63) & posMask
	return int(rel * uint64(s>>segDepthBits&(1<<segSizeBits-1)) >> 32)
}

func (t *Table) bucket(s segment, i int) *bucket {
	return (*bucket)(unsafe.Add(t.base, uintptr(s>>segRefShift)<<6+uintptr(i)*bucketBytes))
}

func (t *Table) buckets(s segment) []bucket { return unsafe.Slice(t.bucket(s, 0), s.len()) }

// next returns the index of the bucket d after i, around the end.
func (s segment) next(i, d int) int {
	if i += d; i >= s.len() {
		i -= s.len()
	}
	return i
}

func (s segment) prev(i, d int) int {
	if i -= d; i < 0 {
		i += s.len()
	}
	return i
}

// start returns the smallest position of the segment that pos belongs to.
func (s segment) start(pos uint64) uint64 {
	shift := 32 - s.depth()
	return pos >> shift << shift
}

// end returns the position after the segment that pos belongs to.
func (s segment) end(pos uint64) uint64 { return s.start(pos) + 1<<(32-s.depth()) }

// boundary returns the smallest position of bucket i in the segment that
// starts at position start; for i == s.len(), the position after the segment.
func (s segment) boundary(start uint64, i int) uint64 {
	n := uint64(s.len())
	rel := (uint64(i)<<32 + n - 1) / n
	unit := uint64(1) << s.depth()
	return start + (rel+unit-1)>>s.depth()
}

// boundaries fills low with the boundary of each of the segment's buckets.
func (s segment) boundaries(start uint64, low []uint32) {
	n := uint64(len(low))
	each, rest := uint64(1<<32)/n, uint64(1<<32)%n
	unit := uint64(1) << s.depth()
	rel, over := uint64(0), uint64(0) // bucket i begins rel+over/n after the segment does
	for i := range low {
		up := unit - 1
		if over > 0 {
			up++
		}
		low[i] = uint32(start + (rel+up)>>s.depth())
		if rel, over = rel+each, over+rest; over >= n {
			rel, over = rel+1, over-n
		}
	}
}

// narrowBuckets is from how many buckets on one covers at most 2^tagBits positions.
const narrowBuckets = 1 << (32 - tagBits)

// posOf returns the position of an entry with home bucket i in the segment that
// starts at start. The bucket says which 2^24 the position lies in where it is
// narrower than that, i.e. from 256 buckets on; below, the record is asked.
func (t *Table) posOf(s segment, start uint64, i int, word uint64) uint64 {
	tag := word >> tagShift
	if s.depth() >= 32-tagBits {
		return start | tag&(1<<(32-s.depth())-1)
	}
	if s.len()<<s.depth() < narrowBuckets {
		return t.hashOf(alloc.Ref(word&refMask)) & posMask
	}
	low := s.boundary(start, i)
	pos := low&^(1<<tagBits-1) | tag
	if pos < low {
		pos += 1 << tagBits
	}
	return pos
}
