package alloc

// # Filling memory
//
// While data are loaded, memory is taken as fast as it comes, and whoever needs a huge
// page waits for it. On a virtual machine the system has huge pages, but often the
// host has no memory behind them yet, where it has some behind the small pages that
// were in use before: then 2 MB took 6 ms as a huge page and 1 ms in pages of 4 KB, and
// the zeroing of memory two thirds of all CPU time of a load. So when huge pages turn
// out to be dear while an arena is filled, the process does without new ones until it
// is full. Afterwards background work has the small ones united, one chunk at a time.

const (
	// dearNs is what a huge page takes of a thread's time, in nanoseconds, if it is
	// dear; otherwise it is a tenth of that.
	dearNs = 2e6

	// dearTouches are that many in sequence: the time of one tells little.
	dearTouches = 3
)

// Fill says that the arena is about to be filled, and with false that it has been.
func (a *Arena) Fill(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.filling, a.dear = on, 0
	if a.without {
		a.without = false
		allowHuge(true)
		a.wanted()
	}
}

// Unite has the system make a huge page of the small ones that a chunk got while huge
// pages were dear, and reports whether there are more such chunks. Options.Wanted says
// when there are. Any goroutine that may wait for the system: it copies 2 MB, and who
// looks at them waits meanwhile. One every tenth of a second is soon enough.
func (a *Arena) Unite() (more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.without {
		c := a.small.first(0)
		if c < 0 {
			return false
		}
		a.small.clear(c)
		// No memory comes back that has been given back.
		if ch := &a.chunks[c]; ch.pool >= 0 && ch.wanted && ch.free&^(ch.dirty|ch.ready) == 0 {
			more = a.small.first(0) >= 0
			a.mu.Unlock()
			unite(a.chunk(c))
			a.mu.Lock()
			return more
		}
	}
	return false
}

// touched learns of a chunk of huge pages that all its memory has come, if the
// process took huge pages. REQUIRES: a.mu.
func (a *Arena) touched(c int) {
	if a.without {
		a.small.set(c)
	}
	if c >= manyChunks {
		a.parting(c)
	}
}

// tookHuge learns what a thread spent on a huge page. REQUIRES: a.mu.
func (a *Arena) tookHuge(ns int64) {
	if ns < dearNs {
		a.dear = 0
		return
	}
	if a.dear++; a.dear == dearTouches && a.filling && !a.without {
		a.without = allowHuge(false)
	}
}
