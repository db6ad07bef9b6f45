package index

import (
	"math/bits"
	"unsafe"

	"hpkv/engine/alloc"
)

// Probe is one lookup without the lock:
//
//	p.Start(t, h)
//	for ref, ok := p.Next(); ok; ref, ok = p.Next() {
//		read the record at ref, bounding every length; stop if the key is ours
//	}
//	if !p.Valid() { forget what was read; try again or take the lock }
//
// Both a hit and a miss count only if Valid says so, and what it says holds for
// the moment of the call. It may be called again later.
type Probe struct {
	table     *Table
	structure uint64
	home      *bucket
	homeHead  uint64
	hold      *bucket // the bucket candidates come from now
	holdHead  uint64
	want      uint64
	first     *bucket // of the segment
	mask      uint32  // candidates left in hold
	at        int32   // index of hold in the segment
	size      int32   // buckets of the segment
	steps     int32   // buckets after hold that may have entries of home
}

// nothing is the home of every position of a table without segments.
var nothing bucket

const (
	// startSpins bounds the wait for a writer inside the home bucket. It
	// covers changing a short value in place; who takes longer is better
	// waited for on the lock.
	startSpins = 40
	// never is a structure counter no table reaches.
	never = ^uint64(0)
)

// Start begins a lookup. If a writer stays inside, there are no candidates and
// Valid returns false.
func (p *Probe) Start(t *Table, h uint64) {
	p.Aim(t, h)
	p.begin()
}

// Aim is the first half of Start, for batches: it finds the home bucket of h
// and asks for its cache line, without waiting for it. Load is the other half.
func (p *Probe) Aim(t *Table, h uint64) {
	p.table = t
	p.structure = t.structure.Load()
	pos := h & posMask
	p.want = pos << tagShift
	d := t.dir.Load()
	if d == nil {
		p.home, p.size = &nothing, 1
		return
	}
	s := d.segment(pos)
	i := s.home(pos)
	p.first = t.bucket(s, 0)
	p.home = t.bucket(s, i)
	p.at, p.size = int32(i), int32(s.len())
}

// Prefetch asks for the cache line of the home bucket, after Aim.
func (p *Probe) Prefetch() { prefetch(p.home) }

// Load is the second half of Start, after Aim: it looks into the home bucket
// and asks for the records of its candidates.
func (p *Probe) Load() {
	p.begin()
	for m := p.mask; m != 0; m &= m - 1 {
		prefetch((*bucket)(unsafe.Add(p.table.base, p.slot(m)<<3)))
	}
	if p.mask == 0 && p.steps > 0 {
		prefetch(p.neighbour())
	}
}

func (p *Probe) begin() {
	head := load(&p.home.head)
	if (head&versionOdd)|(p.structure&1) != 0 {
		if head = p.wait(); head == never {
			return
		}
	}
	p.hold = p.home
	p.homeHead, p.holdHead = head, head
	p.steps = int32(reach(head))
	p.mask = p.home.match(p.want)
}

// wait spins until the writer in the home bucket is through and returns its
// head, or gives up.
func (p *Probe) wait() uint64 {
	for range startSpins {
		head := load(&p.home.head)
		if head&versionOdd == 0 && p.structure&1 == 0 {
			return head
		}
		if p.structure&1 != 0 {
			break // a frozen table stays so for long
		}
		pause()
	}
	p.mask, p.steps, p.homeHead, p.hold = 0, 0, 0, p.home
	p.structure = never
	return never
}

// Next returns the next candidate: the tag matches, the key may not. The
// reference may be stale, even 0 if the entry went just now; reading there is
// safe within Arena.Readable, and Valid will say no.
func (p *Probe) Next() (ref alloc.Ref, ok bool) {
	if p.mask == 0 && !p.advance() {
		return 0, false
	}
	ref = p.slot(p.mask)
	p.mask &= p.mask - 1
	return ref, true
}

// slot returns the reference in the first slot of a mask.
func (p *Probe) slot(mask uint32) alloc.Ref {
	i := bits.TrailingZeros32(mask)
	return alloc.Ref(load((*uint64)(unsafe.Add(unsafe.Pointer(p.hold), 8+8*i))) & refMask)
}

func (p *Probe) neighbour() *bucket {
	at := p.at + 1
	if at >= p.size {
		at = 0
	}
	return (*bucket)(unsafe.Add(unsafe.Pointer(p.first), uintptr(at)*bucketBytes))
}

// advance goes on to the next bucket that has candidates.
func (p *Probe) advance() bool {
	for p.steps > 0 {
		p.steps--
		p.hold = p.neighbour()
		if p.at++; p.at >= p.size {
			p.at = 0
		}
		p.holdHead = load(&p.hold.head)
		if p.mask = p.hold.match(p.want); p.mask != 0 {
			return true
		}
	}
	p.hold = p.home // a miss is about the home bucket only
	if p.homeHead&stashedBit != 0 {
		p.structure = never // only the lock tells what the stash has
	}
	return false
}

// Valid reports whether no writer has interfered since Start with what the
// lookup saw.
func (p *Probe) Valid() bool {
	loadBarrier()
	if load(&p.home.head) != p.homeHead || p.table.structure.Load() != p.structure {
		return false
	}
	return p.hold == p.home || p.holdHead&versionOdd == 0 && load(&p.hold.head) == p.holdHead
}

// Prefetch asks for the cache line of the home bucket of h.
func (t *Table) Prefetch(h uint64) {
	if d := t.dir.Load(); d != nil {
		s := d.segment(h & posMask)
		prefetch(t.bucket(s, s.home(h&posMask)))
	}
}

// PrefetchRecord asks for the record at ref.
func (t *Table) PrefetchRecord(ref alloc.Ref) { prefetch(t.lineAt(uint64(ref))) }

// PrefetchRecords asks for the records whose tags match h, some time after
// Prefetch.
func (t *Table) PrefetchRecords(h uint64) {
	var p Probe
	p.Aim(t, h)
	if p.structure&1 == 0 {
		p.Load()
	}
}
