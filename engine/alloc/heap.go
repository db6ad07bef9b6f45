package alloc

import (
	"sync/atomic"
	"unsafe"
)

// Heap serves objects to one shard. All methods are called under that shard's
// lock.
type Heap struct {
	arena   *Arena
	base    unsafe.Pointer // arena.base
	classes [NumPurposes]*[maxClasses]class
	live    [NumPurposes]PurposeStats // PageBytes stays 0: the arena counts pages
	runs    Page                      // list of runs
	evac    evacuation
	node    int
	id      uint32

	// Written by publish, read by anyone.
	published [NumPurposes]struct{ objects, bytes atomic.Int64 }
}

// class is a heap's pages of one size and purpose.
type class struct {
	active *page // objects are taken from here; nil, or it has room
	lists  [numLists]Page
	empty  Page   // at most one, kept against going back and forth
	pages  uint32 // all of them
	doomed uint32 // of them condemned
	live   uint32 // objects
}

// NewHeap returns a heap whose memory is placed on a NUMA node (-1: anywhere).
func (a *Arena) NewHeap(node int) *Heap {
	h := &Heap{arena: a, base: a.base, node: node}
	a.mu.Lock()
	defer a.mu.Unlock()
	h.id = uint32(len(a.heaps))
	a.heaps = append(a.heaps, h)
	return h
}

// Alloc returns an object of at least n bytes with undefined contents, aligned
// to 8 bytes; to 64 if ClassSize(n) is a multiple of 64 above 512, and for
// indexes always. The error is ErrNoMemory.
func (h *Heap) Alloc(n int, p Purpose) (Ref, error) {
	if uint(n) > maxSmall {
		return h.allocRun(n, p)
	}
	if p.isIndex() && n < fineBelow {
		n = fineBelow // smaller classes are not aligned
	}
	ci := classOf[(n+7)>>3]
	cs := h.classes[p]
	if cs == nil {
		cs = new([maxClasses]class)
		h.classes[p] = cs
	}
	c := &cs[ci]
	pg := c.active
	if pg == nil {
		var err error
		if pg, err = h.activate(c, ci, p); err != nil {
			return 0, err
		}
	}
	off := pg.free
	if off != 0 {
		pg.free = *pg.link(off)
	} else {
		off = pg.bump
		pg.bump += uint16(pg.size >> 3)
	}
	pg.used++
	c.live++
	l := &h.live[p]
	l.Objects++
	l.LiveBytes += int64(pg.size)
	if pg.used == pg.capacity {
		c.active = nil
		pg.low = pg.capacity
		h.push(c, listFull, pg)
	}
	return Ref((uintptr(unsafe.Pointer(pg))-uintptr(h.base))>>3) + Ref(off), nil
}

// Free gives an object back. Its memory may serve the next Alloc of the same
// class and purpose; pages left empty go back to the arena after a grace
// period.
func (h *Heap) Free(ref Ref) {
	pg := h.pageOf(ref)
	if pg.run != 0 {
		h.freeRun(pg)
		return
	}
	if pg.heap != h.id || pg.list == listGone || pg.used == 0 {
		panic("alloc: free of an object the heap does not hold")
	}
	off := uint16(ref & (pageBytes>>3 - 1))
	*pg.link(off) = pg.free
	pg.free = off
	pg.used--
	c := &h.classes[pg.purpose][pg.class]
	c.live--
	l := &h.live[pg.purpose]
	l.Objects--
	l.LiveBytes -= int64(pg.size)
	if pg.used < pg.low {
		h.emptier(c, pg, off)
	}
}

// emptier moves a page whose occupancy has fallen below its bin.
func (h *Heap) emptier(c *class, pg *page, off uint16) {
	switch {
	case pg.list == listEvac:
		h.evac.freed(pg, off)
	case pg.used == 0:
		h.unlink(c, pg)
		if pg.list == listDoomed {
			c.doomed--
		}
		if c.empty == 0 {
			c.empty = h.arena.number(pg)
			pg.list, pg.low = listEmpty, 0
		} else {
			h.drop(c, pg)
		}
	default:
		h.unlink(c, pg)
		h.push(c, pg.bin(), pg)
	}
}

// pageOf returns the page an object lies on; of a run, the first.
func (h *Heap) pageOf(ref Ref) *page {
	return (*page)(unsafe.Add(h.base, uintptr(ref)<<3&^(pageBytes-1)))
}

// Capacity returns the usable bytes of an object.
func (h *Heap) Capacity(ref Ref) int {
	pg := h.pageOf(ref)
	if pg.run != 0 {
		return int(pg.runBytes) - headerBytes
	}
	return int(pg.size)
}

// Trim gives back the empty pages the heap keeps for itself.
func (h *Heap) Trim() {
	for _, cs := range h.classes {
		if cs == nil {
			continue
		}
		for i := range cs {
			c := &cs[i]
			if c.empty != 0 {
				pg := h.arena.page(c.empty)
				c.empty = 0
				h.drop(c, pg)
			}
			if pg := c.active; pg != nil && pg.used == 0 {
				c.active = nil
				h.drop(c, pg)
			}
		}
	}
}

// activate finds the page the class takes objects from next: the fullest with
// room, else the empty one, else a new one.
func (h *Heap) activate(c *class, ci uint8, p Purpose) (*page, error) {
	var pg *page
	for b := bins - 1; b >= 0 && pg == nil; b-- {
		if n := c.lists[b]; n != 0 {
			pg = h.arena.page(n)
			h.unlink(c, pg)
		}
	}
	if pg == nil && c.empty != 0 {
		pg, c.empty = h.arena.page(c.empty), 0
	}
	if pg == nil {
		n, err := h.arena.takePage(h.node, p)
		if err != nil {
			return nil, err
		}
		size := classes[ci]
		pg = h.arena.page(n)
		*pg = page{
			size: size, class: ci, purpose: p, heap: h.id,
			bump: headerBytes >> 3, capacity: uint16(payload / size),
		}
		c.pages++
		h.publish()
	}
	// low 0: an active page stays where it is however empty it gets.
	pg.list, pg.low = listActive, 0
	c.active = pg
	return pg, nil
}

// drop hands an empty page, in no list, to the arena through a grace period.
func (h *Heap) drop(c *class, pg *page) {
	c.pages--
	pg.list = listGone
	a, p, n := h.arena, pg.purpose, h.arena.number(pg)
	h.publish()
	a.retire(func() { a.release(p, n, 1, pageBytes) })
}

func (h *Heap) push(c *class, list uint8, pg *page) {
	h.link(&c.lists[list], pg)
	pg.list = list
}

func (h *Heap) link(head *Page, pg *page) {
	n := h.arena.number(pg)
	pg.prev, pg.next = 0, *head
	if *head != 0 {
		h.arena.page(*head).prev = n
	}
	*head = n
}

func (h *Heap) unlink(c *class, pg *page) { h.detach(&c.lists[pg.list], pg) }

func (h *Heap) detach(head *Page, pg *page) {
	if pg.prev != 0 {
		h.arena.page(pg.prev).next = pg.next
	} else {
		*head = pg.next
	}
	if pg.next != 0 {
		h.arena.page(pg.next).prev = pg.prev
	}
	pg.next, pg.prev = 0, 0
}

// runBytes returns the accounted bytes of a run for an object of n bytes: its
// header and the object, to the next 4 KB.
func runBytes(n int) int { return (n + headerBytes + 4095) &^ 4095 }

// allocRun serves objects too large for a class.
func (h *Heap) allocRun(n int, p Purpose) (Ref, error) {
	if uint(n) > MaxBytes {
		return 0, ErrNoMemory
	}
	size := runBytes(n)
	pages := (size + pageBytes - 1) >> pageShift
	start, err := h.arena.takeRun(h.node, p, pages, int64(size))
	if err != nil {
		return 0, err
	}
	pg := h.arena.page(start)
	*pg = page{purpose: p, heap: h.id, run: uint32(pages), runBytes: int64(size), used: 1, list: listRun}
	h.link(&h.runs, pg)
	l := &h.live[p]
	l.Objects++
	l.LiveBytes += int64(size)
	h.publish()
	return Ref(uintptr(start)<<(pageShift-3) + headerBytes>>3), nil
}

func (h *Heap) freeRun(pg *page) {
	h.detach(&h.runs, pg)
	pg.list = listGone
	l := &h.live[pg.purpose]
	l.Objects--
	l.LiveBytes -= pg.runBytes
	h.publish()
	a, p, n, pages, size := h.arena, pg.purpose, h.arena.number(pg), int(pg.run), pg.runBytes
	a.leaving.Add(size)
	a.retire(func() {
		a.leaving.Add(-size)
		a.release(p, n, pages, size)
	})
}
