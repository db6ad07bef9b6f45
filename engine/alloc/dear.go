package alloc

import (
	"runtime"
	"time"
)

// # Where huge pages are dear
//
// On a virtual machine the first touch of a huge page takes 0.2 ms of a thread's time,
// or 4.5 to 7: the system tells the host which blocks of 2 MB have been free for two
// seconds, the host takes the memory behind them away, and has to find some again for
// each 4 KB of them. Smaller pieces of free memory are not told of, so 2 MB of pages of
// 4 KB take 0.8 to 1 ms as long as there are such pieces, and when there are none the
// same 5, but in 512 steps. So when huge pages turn out to be dear, further chunks get
// small pages, which come as they are written to. Later background work has them
// united, one chunk at a time, and sees what a huge page takes meanwhile.

const (
	// dearTouch is what a huge page takes of a thread's time if it is dear; otherwise
	// it is a tenth of that.
	dearTouch = 2 * time.Millisecond

	// dearTouches in sequence begin the time of small pages. The time of one tells
	// little: it may be another's who had the processor.
	dearTouches = 3

	// cheapTouches in sequence, those of Unite, end the time of small pages. One
	// tells little: memory that was in use just before is there.
	cheapTouches = 8
)

// Unite has the system make a huge page of the small ones that a chunk got while huge
// pages were dear. It returns what that took of a thread's time, and whether there
// are more such chunks now; Options.Wanted says when there are. Any goroutine that
// may wait for the system, one at a time. Others must be left the processor between
// two calls.
func (a *Arena) Unite() (took time.Duration, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.nextSmall(0)
	if c < 0 {
		return 0, false
	}
	a.small.clear(c)
	a.chunks[c].wanted = true
	a.mu.Unlock()
	p := a.chunk(c)
	// Who looks at the chunk waits while its memory is copied, and so does who needs
	// the lock on the process's mappings: 0.5 ms, but 5 if it goes to a block without
	// memory of the host's. So a block gets that first, and is free again when the
	// thread asks for one.
	runtime.LockOSThread()
	begun := a.threadTime()
	touchElsewhere()
	touched := a.threadTime() - begun
	adviseHuge(p, chunkBytes, true)
	unite(p)
	took = a.threadTime() - begun
	runtime.UnlockOSThread()
	a.mu.Lock()
	if touched >= dearTouch {
		a.cheap = 0
	} else if a.cheap++; a.cheap == cheapTouches {
		a.dear, a.costly = false, 0
	}
	if c >= manyChunks || !a.chunks[c].wanted { // parting may have told the system first
		a.chunks[c].wanted = true
		a.parting(c)
	}
	return took, a.nextSmall(0) >= 0
}

// nextSmall returns the first chunk from c on that can be united, or -1: one all of
// whose memory has come, or is about to, so that none comes back that was given back.
// REQUIRES: a.mu.
func (a *Arena) nextSmall(c int) int {
	for c = a.small.first(c); c >= 0; c = a.small.first(c + 1) {
		if ch := &a.chunks[c]; ch.free&^ch.dirty == 0 {
			break
		}
	}
	return c
}

// shrink has a chunk of huge pages that nothing has touched yet, and nobody else will
// meanwhile, get small ones. REQUIRES: a.mu, which it lets go of meanwhile.
func (a *Arena) shrink(c int) {
	a.parting(c)
	a.chunks[c].huge = false
	a.small.set(c)
}

// touched learns that the first touch of a chunk of huge pages took so much of a
// thread's time. REQUIRES: a.mu, which it lets go of meanwhile.
func (a *Arena) touched(c int, took time.Duration) {
	if took < dearTouch {
		a.costly = 0
	} else if a.costly++; a.costly == dearTouches {
		a.dear, a.cheap = true, 0
	}
	if c >= manyChunks {
		a.parting(c)
	}
}
