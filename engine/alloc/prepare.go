package alloc

import (
	"sync/atomic"
	"unsafe"
)

// # Huge pages ahead of their use
//
// The first touch of a huge page zeroes 2 MB: 0.1 ms where the memory is there,
// and 4.5 to 9 ms (of CPU time; measured on a virtual machine) where the host has
// to find it first. Whoever writes must not pay for that. So background work
// touches a pool's next chunk when the pool comes to the end of the last.

// prepareBelow is how many free pages a pool has when its next chunk is prepared:
// three quarters of a megabyte, what a million insertions a second take in 8 ms.
const prepareBelow = 12

// scarce reports whether the next chunk of a pool of huge pages should be made
// ready.
func (a *Arena) scarce(po *pool) bool { return a.scarceWithout(po, 0) }

// scarceWithout is scarce for when n of the free pages are gone.
func (a *Arena) scarceWithout(po *pool, n int) bool {
	return a.huge && po.kind != kindLarge && po.count >= hugeAfter && po.free-n < prepareBelow
}

// Prepare makes memory ready for the pools that will soon need it. Any goroutine
// that may wait for the system; Options.Wanted says when. It takes at most one
// chunk for each pool.
func (a *Arena) Prepare() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := 0; i < len(a.pools); i++ {
		po := a.pools[i]
		po.asked = false
		if !a.scarce(po) {
			continue
		}
		c := a.nextCold(po)
		if c < 0 || po.avail.has(c) {
			continue // no room, or it turned out not to be of huge pages
		}
		a.mu.Unlock() // who is in a hurry may take the chunk meanwhile
		a.touch(c)
		a.mu.Lock()
		if po.cold.has(c) {
			a.prepared++
			a.warm(po, c)
		}
	}
}

// touch makes the memory of a chunk of huge pages come, and then wants no huge pages
// there any more: the kernel would, in time, put them back where single pages were
// given back. Somebody else may be doing the same, or writing there: the touch, which
// must be a write, changes nothing.
func (a *Arena) touch(c int) {
	p := unsafe.Add(a.base, uintptr(c)<<chunkShift)
	atomic.AddUint32((*uint32)(p), 0)
	adviseHuge(p, chunkBytes, false)
}
