package alloc

import (
	"fmt"
	"math/bits"
)

// Check walks every page of the heap and verifies counts, lists and links. It
// returns the first violation.
func (h *Heap) Check() error {
	for p, cs := range h.classes {
		var sum PurposeStats
		if cs != nil {
			for i := range cs {
				if i >= len(classes) {
					break
				}
				c := &cs[i]
				if err := h.checkClass(c, uint8(i), Purpose(p)); err != nil {
					return fmt.Errorf("heap %d, %v, class %d of %d bytes: %w", h.id, Purpose(p), i, classes[i], err)
				}
				sum.Objects += int64(c.live)
				sum.LiveBytes += int64(c.live) * int64(classes[i])
			}
		}
		prev := Page(0)
		for n := h.runs; n != 0; {
			pg := h.arena.page(n)
			if pg.list != listRun || pg.run == 0 || pg.heap != h.id || pg.prev != prev {
				return fmt.Errorf("heap %d: bad header of run at page %d", h.id, n)
			}
			if pg.purpose == Purpose(p) {
				sum.Objects++
				sum.LiveBytes += pg.runBytes
			}
			prev, n = n, pg.next
		}
		if sum != h.live[p] {
			return fmt.Errorf("heap %d, %v: walked %+v, counted %+v", h.id, Purpose(p), sum, h.live[p])
		}
	}
	return nil
}

func (h *Heap) checkClass(c *class, ci uint8, p Purpose) error {
	pages, live, doomed := uint32(0), uint32(0), uint32(0)
	one := func(n Page, list uint8) error {
		pg := h.arena.page(n)
		if pg.list != list || pg.class != ci || pg.purpose != p || pg.heap != h.id || pg.run != 0 || pg.size != classes[ci] {
			return fmt.Errorf("page %d: header %+v in list %d", n, *pg, list)
		}
		free := 0
		seen := map[uint16]bool{}
		for off := pg.free; off != 0; off = *pg.link(off) {
			if (uint32(off)<<3-headerBytes)%pg.size != 0 || off >= pg.bump || seen[off] {
				return fmt.Errorf("page %d: bad free link to %d", n, off)
			}
			seen[off] = true
			free++
		}
		made := int(uint32(pg.bump)<<3-headerBytes) / int(pg.size)
		if made > int(pg.capacity) || int(pg.used) != made-free {
			return fmt.Errorf("page %d: %d used, %d made, %d free", n, pg.used, made, free)
		}
		pages++
		live += uint32(pg.used)
		return nil
	}
	for list, head := range c.lists {
		prev := Page(0)
		for n := head; n != 0; {
			if err := one(n, uint8(list)); err != nil {
				return err
			}
			pg := h.arena.page(n)
			low := pg.low
			placed := low == 1
			if list == listDoomed {
				doomed++
			} else {
				placed = pg.bin() == uint8(list) && pg.low == low
			}
			if pg.prev != prev || pg.used == 0 || !placed {
				return fmt.Errorf("page %d: misplaced in list %d with %d of %d used", n, list, pg.used, pg.capacity)
			}
			prev, n = n, pg.next
		}
	}
	if c.active != nil {
		if c.active.used == c.active.capacity {
			return fmt.Errorf("active page %d is full", h.arena.number(c.active))
		}
		if err := one(h.arena.number(c.active), listActive); err != nil {
			return err
		}
	}
	if c.empty != 0 {
		if err := one(c.empty, listEmpty); err != nil {
			return err
		}
	}
	if pg := h.evac.page; pg != nil && pg.purpose == p && pg.class == ci {
		if err := one(h.arena.number(pg), listEvac); err != nil {
			return err
		}
	}
	if pages != c.pages || live != c.live || doomed != c.doomed {
		return fmt.Errorf("walked %d pages, %d condemned, with %d objects, counted %d, %d, with %d", pages, doomed, live, c.pages, c.doomed, c.live)
	}
	return nil
}

// Check verifies the arena's own books. Heaps have their own Check, each under
// its shard's lock.
func (a *Arena) Check() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	used, dirty := int64(0), 0
	free := make([]int, len(a.pools))
	for c := range a.chunks {
		ch := &a.chunks[c]
		if ch.dirty&^ch.free != 0 || ch.ready&^ch.free != 0 || ch.dirty&ch.ready != 0 {
			return fmt.Errorf("chunk %d: dirty pages %b or ready ones %b are not free in %b, or both", c, ch.dirty, ch.ready, ch.free)
		}
		if free := ch.pool < 0; a.spare.has(c) && !free || free && ch.free != allPages {
			return fmt.Errorf("chunk %d: pool %d, free %b, spare %v", c, ch.pool, ch.free, a.spare.has(c))
		}
		if cold := ch.pool >= 0 && a.pools[ch.pool].cold.has(c); ch.wanted && !cold && (ch.pool < 0 || ch.free&^(ch.dirty|ch.ready) != 0) {
			return fmt.Errorf("chunk %d: pool %d, huge pages are wanted, but memory was given back: free %b, dirty %b, ready %b", c, ch.pool, ch.free, ch.dirty, ch.ready)
		}
		for _, po := range a.pools {
			avail, cold := po.avail.has(c), po.cold.has(c)
			if mine := po.id == ch.pool && ch.free != 0; mine != (avail || cold) || avail && cold {
				return fmt.Errorf("chunk %d: pool %d, free %b, available to pool %d: %v, cold: %v", c, ch.pool, ch.free, po.id, avail, cold)
			}
			if held := po.held.has(c); held != (po.id == ch.pool && ch.dirty|ch.ready != 0) || held && !avail {
				return fmt.Errorf("chunk %d: pool %d, dirty %b, ready %b, known to pool %d: %v", c, ch.pool, ch.dirty, ch.ready, po.id, held)
			}
			if cold && (ch.free != allPages || ch.dirty != 0) {
				return fmt.Errorf("chunk %d: cold, but free %b, dirty %b", c, ch.free, ch.dirty)
			}
			if avail {
				free[po.id] += bits.OnesCount32(ch.free)
			}
		}
		dirty += bits.OnesCount32(ch.dirty)
		used += int64(bits.OnesCount32(^ch.free)) * pageBytes
	}
	for _, po := range a.pools {
		if po.free != free[po.id] {
			return fmt.Errorf("pool %d has %d free pages, counted %d", po.id, free[po.id], po.free)
		}
	}
	if dirty > a.dirty { // pages between keep and ready are counted already
		return fmt.Errorf("%d dirty pages, counted %d", dirty, a.dirty)
	}
	sum := int64(0)
	for p, n := range a.usage {
		if sum += n; n < 0 {
			return fmt.Errorf("%v uses %d bytes", Purpose(p), n)
		}
	}
	if inUse := a.inUse.Load(); sum != inUse || inUse > used {
		return fmt.Errorf("%d bytes in use by purpose, %d in sum, %d by pages", sum, inUse, used)
	}
	return nil
}
