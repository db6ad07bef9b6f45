package alloc

import (
	"math/bits"
	"unsafe"
)

// release takes pages back after their grace period. Their memory goes to the
// system except for a small reserve of single pages.
func (a *Arena) release(p Purpose, start Page, n int, size int64) {
	a.mu.Lock()
	keep := n == 1 && a.dirty < 32+len(a.chunks)/16
	if keep {
		a.dirty++
	} else {
		a.parting(int(start) / chunkPages) // a run's chunks are not of huge pages
	}
	a.mu.Unlock()
	if !keep {
		// Neither used nor free at this moment, so no lock is needed; in
		// steps, because the kernel's own lock is held for each.
		const step = 8 << 20
		for off := 0; off < n<<pageShift; off += step {
			decommit(unsafe.Add(a.base, uintptr(start)<<pageShift+uintptr(off)), min(step, n<<pageShift-off))
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.uncharge(p, size)
	a.putBack(int(start), n, keep)
}

// putBack makes n pages from at on free again; dirty says that they hold memory.
// REQUIRES: a.mu, which it lets go of meanwhile.
func (a *Arena) putBack(at, n int, dirty bool) {
	if !dirty {
		a.parting(at / chunkPages) // Unite may have come since their memory went
	}
	var emptied []int // chunks that are to become spare and hold memory
	for n > 0 {
		c, bit := at/chunkPages, at%chunkPages
		m := min(n, chunkPages-bit)
		mask := uint32(1<<m-1) << bit
		ch := &a.chunks[c]
		po := a.pools[ch.pool]
		ch.free |= mask
		if dirty {
			ch.dirty |= mask
			po.held.set(c)
		}
		po.avail.set(c)
		po.free += m
		if ch.free == allPages && !(ch.huge && a.scarceWithout(po, chunkPages)) {
			if a.disown(po, c) {
				emptied = append(emptied, c)
			} else {
				a.spare.set(c)
			}
		}
		at, n = at+m, n-m
	}
	for _, c := range emptied {
		// It takes 150 us, in which nobody who needs a page shall wait.
		a.parting(c)
		a.mu.Unlock()
		decommit(a.chunk(c), chunkBytes)
		a.mu.Lock()
		a.spare.set(c)
	}
}

// disown takes a wholly free chunk from its pool, and reports whether its memory
// must be given back before it may become spare.
func (a *Arena) disown(po *pool, c int) (holds bool) {
	ch := &a.chunks[c]
	holds = ch.dirty != 0 || ch.huge // of huge pages, all came with the first
	a.dirty -= bits.OnesCount32(ch.dirty)
	a.unused = min(a.unused, a.dirty)
	ch.dirty, ch.ready = 0, 0
	po.avail.clear(c)
	po.held.clear(c)
	a.small.clear(c)
	po.free -= bits.OnesCount32(ch.free)
	po.count--
	ch.pool = -1
	return holds
}

// Trim gives back the memory of up to most free pages, of those that nobody has
// needed since it was last called, and reports whether there are more. Neighbours go
// together: each call of the system costs every thread of the process an interrupt.
func (a *Arena) Trim(most int) (more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := 0; c < len(a.chunks) && a.unused > 0; c++ {
		for a.chunks[c].dirty != 0 && a.unused > 0 {
			if most == 0 {
				return true
			}
			dirty := a.chunks[c].dirty
			bit := bits.TrailingZeros32(dirty)
			n := min(bits.TrailingZeros32(^(dirty >> bit)), chunkPages-bit, most, a.unused)
			unused := a.unused - n
			a.markUsed(c, uint32(1<<n-1)<<bit)
			a.unused, most = unused, most-n
			a.parting(c)
			// Nobody who needs a page shall wait for it.
			a.mu.Unlock()
			decommit(unsafe.Add(a.base, uintptr(c)<<chunkShift+uintptr(bit)<<pageShift), n<<pageShift)
			a.mu.Lock()
			a.putBack(c*chunkPages+bit, n, false)
		}
	}
	a.unused = a.dirty
	return false
}
