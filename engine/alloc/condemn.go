package alloc

// Evacuation goes from a page to the owners of its objects. Where an object does
// not tell its owner, it has to go the other way: pages are condemned, the owners
// go through their objects and move those that lie on one, and what is left is
// pardoned. Nothing is taken from a condemned page; it goes back to the arena
// with its last object.

// Spare returns how many pages of purpose p would do no harm if their objects
// moved to the others, as far as that is worth the work, and how many pages there
// are. Condemned ones do not count.
func (h *Heap) Spare(p Purpose) (spare, pages int) {
	cs := h.classes[p]
	if cs == nil {
		return 0, 0
	}
	for i := range classes {
		spare += cs[i].spare(classes[i])
		pages += int(cs[i].pages - cs[i].doomed)
	}
	return spare, pages
}

// spare returns the pages of a class that could be condemned besides those that
// are.
func (c *class) spare(size uint32) int {
	if c.room(size, false) == 0 {
		return 0
	}
	perPage := payload / size
	return max(0, int(c.pages-c.doomed)-int((c.live+perPage-1)/perPage))
}

// Condemn condemns up to most pages of purpose p, of each class the emptiest,
// and returns how many it found.
func (h *Heap) Condemn(p Purpose, most int) (n int) {
	cs := h.classes[p]
	if cs == nil {
		return 0
	}
	for i := range classes {
		c := &cs[i]
		for spare := c.spare(classes[i]); spare > 0 && n < most; spare-- {
			found := c.emptiest(false)
			if found == 0 {
				break
			}
			pg := h.arena.page(found)
			h.unlink(c, pg)
			h.push(c, listDoomed, pg)
			pg.low = 1
			c.doomed++
			n++
		}
	}
	return n
}

// Condemned reports whether an object lies on a condemned page and should move.
func (h *Heap) Condemned(ref Ref) bool { return h.pageOf(ref).list == listDoomed }

// Pardon takes up to most pages of purpose p back into use and returns how many
// there were.
func (h *Heap) Pardon(p Purpose, most int) (n int) {
	cs := h.classes[p]
	if cs == nil {
		return 0
	}
	for i := range classes {
		c := &cs[i]
		for ; c.lists[listDoomed] != 0 && n < most; n++ {
			pg := h.arena.page(c.lists[listDoomed])
			h.unlink(c, pg)
			h.push(c, pg.bin(), pg)
			c.doomed--
		}
	}
	return n
}

// Move moves an object to other memory and returns where it is then; nothing may
// refer to the old place any more. The error is ErrNoMemory.
func (h *Heap) Move(old Ref) (Ref, error) {
	pg := h.pageOf(old)
	size := h.Capacity(old)
	ref, err := h.Alloc(size, pg.purpose)
	if err != nil {
		return 0, err
	}
	copy(h.arena.Bytes(ref, 0, size), h.arena.Bytes(old, 0, size))
	h.Free(old)
	return ref, nil
}

// MoveCost is what it costs to move an object of n bytes, where looking at one
// costs 1: some 20 ns.
func MoveCost(n int) int { return 8 + n/256 }
