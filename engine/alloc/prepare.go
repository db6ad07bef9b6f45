package alloc

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// # Huge pages ahead of their use
//
// The first touch of a huge page zeroes 2 MB: 0.1 ms where the memory is there,
// and 4.5 to 9 ms (of CPU time; measured on a virtual machine) where the host has
// to find it first. Whoever writes must not pay for that. So background work
// touches a pool's next chunk when the pool comes to the end of the last.
//
// A writer on the same processor may wait for that all the same: the system lets
// others have a processor after a turn of milliseconds only, even while it zeroes. A
// thread for it that is worth a tenth of the writer's, with turns so long that whoever
// wakes up has the processor first, was no cure: it got so little of a busy processor
// that the writer came to the page first, and zeroed it alone. So where a huge page
// is found to be dear, small ones are taken: see dear.go.

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
// that may wait for the system, one at a time; Options.Wanted says when. It takes at
// most one chunk for each pool.
func (a *Arena) Prepare() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := 0; i < len(a.pools); i++ {
		po := a.pools[i]
		a.prepare(po)
		po.asked = false
	}
}

// prepare does a pool's part of Prepare. REQUIRES: a.mu, which it lets go of
// meanwhile.
func (a *Arena) prepare(po *pool) {
	if !a.scarce(po) {
		return
	}
	c := a.nextCold(po)
	if c < 0 {
		return
	}
	if a.dear { // there is nothing to touch
		a.prepared++
		if po.cold.has(c) {
			po.cold.clear(c)
			a.shrink(c)
			a.warm(po, c)
		}
		return
	}
	a.mu.Unlock() // who is in a hurry may take the chunk meanwhile
	p := a.chunk(c)
	runtime.LockOSThread() // a system call may end on another
	begun := a.threadTime()
	populate(p)
	touch(p)
	took := a.threadTime() - begun
	runtime.UnlockOSThread()
	a.mu.Lock()
	a.touched(c, took)
	if po.cold.has(c) {
		a.prepared++
		a.warm(po, c)
	}
}

// hurry touches a chunk of huge pages that a writer needs now. REQUIRES: a.mu, which
// it lets go of meanwhile: it takes milliseconds, in which nobody else shall wait.
func (a *Arena) hurry(c int) {
	a.unprepared++
	a.mu.Unlock()
	runtime.LockOSThread()
	begun := a.threadTime()
	touch(a.chunk(c))
	took := a.threadTime() - begun
	runtime.UnlockOSThread()
	a.mu.Lock()
	a.touched(c, took)
}

// touch makes the memory of a chunk of huge pages come. Somebody else may be doing
// the same, or writing there: the touch, which must be a write, changes nothing.
func touch(p unsafe.Pointer) { atomic.AddUint32((*uint32)(p), 0) }

// manyChunks is from which chunk on the system is told at once, not by parting: chunks
// that are wanted and others in turn are mappings of their own, of which there may be
// 65530.
const manyChunks = 16 << 10

// parting tells the system not to want huge pages in a chunk any more, because a part
// of its memory is about to go back: it would, in time, bring that back. Telling it as
// soon as the memory is there would be simpler, but takes the lock on the process's
// mappings, and so waits for whoever touches another chunk: of two goroutines that
// filled memory as fast as they could, one stood still for 0.3 to 0.9 seconds while
// half a gigabyte was filled. REQUIRES: a.mu, which it lets go of meanwhile.
func (a *Arena) parting(c int) {
	if !a.chunks[c].wanted {
		return
	}
	a.chunks[c].wanted = false
	a.mu.Unlock()
	adviseHuge(a.chunk(c), chunkBytes, false)
	a.mu.Lock()
}
