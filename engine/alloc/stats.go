package alloc

// PurposeStats is what one purpose uses.
type PurposeStats struct {
	Objects   int64 // live objects
	LiveBytes int64 // their capacities
	PageBytes int64 // pages that hold them, also those in their grace period
}

// Stats is a snapshot of an arena or a heap.
type Stats struct {
	Purpose        [NumPurposes]PurposeStats
	CommittedBytes int64 // accessible address space; memory only where touched
	InUseBytes     int64 // all PageBytes
	DirtyBytes     int64 // free pages whose memory was not given back

	// Chunks that Prepare made ready ahead of their use, and those of huge pages
	// that came too fast for that.
	Prepared, Unprepared int64
	Wanting              int // pools that Options.Wanted was called for and Prepare is not done with
}

// Stats returns the arena's figures. Pages are exact; objects and live bytes
// are what each heap published when it last took or gave back a page.
func (a *Arena) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := Stats{
		CommittedBytes: int64(a.committed.Load()),
		InUseBytes:     a.inUse.Load(),
		DirtyBytes:     int64(a.dirty) * pageBytes,
		Prepared:       a.prepared,
		Unprepared:     a.unprepared,
	}
	for _, po := range a.pools {
		if po.asked {
			s.Wanting++
		}
	}
	for p := range s.Purpose {
		s.Purpose[p].PageBytes = a.usage[p]
		for _, h := range a.heaps {
			s.Purpose[p].Objects += h.published[p].objects.Load()
			s.Purpose[p].LiveBytes += h.published[p].bytes.Load()
		}
	}
	return s
}

// Live returns what purpose p of the heap uses, exactly. PageBytes is 0.
func (h *Heap) Live(p Purpose) PurposeStats { return h.live[p] }

// Stats returns the heap's own figures, exactly.
func (h *Heap) Stats() Stats {
	s := Stats{Purpose: h.live}
	for p, cs := range h.classes {
		if cs == nil {
			continue
		}
		for i := range cs {
			s.Purpose[p].PageBytes += int64(cs[i].pages) * pageBytes
		}
	}
	for n := h.runs; n != 0; {
		pg := h.arena.page(n)
		s.Purpose[pg.purpose].PageBytes += pg.runBytes
		n = pg.next
	}
	for p := range s.Purpose {
		s.InUseBytes += s.Purpose[p].PageBytes
	}
	return s
}

// LiveBytes is the size of all live objects, as the heaps published it last.
func (a *Arena) LiveBytes() (n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.heaps {
		for p := range h.published {
			n += h.published[p].bytes.Load()
		}
	}
	return n
}

// Publish makes the heap's figures visible to LiveBytes and Arena.Stats, which
// happens by itself when a page is taken or given back. REQUIRES: the owner.
func (h *Heap) Publish() { h.publish() }

// publish makes the heap's figures visible to Arena.Stats.
func (h *Heap) publish() {
	for p := range h.live {
		h.published[p].objects.Store(h.live[p].Objects)
		h.published[p].bytes.Store(h.live[p].LiveBytes)
	}
}
