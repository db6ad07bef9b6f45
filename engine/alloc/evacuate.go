package alloc

// Sparse pages are what remains of a class after many of its objects went: the
// memory is held by a few. Evacuation empties the emptiest page of the most
// wasteful class by having the owner move its objects into the class's other
// pages, a bounded number at a time.

const (
	// wasteDivisor: a class is left alone while less than 1/24 of its room is
	// free. Below that, moving costs more and more for less and less.
	wasteDivisor = 24
	// evacuable is the fullest bin, exclusive, pages are evacuated from. At leisure
	// the objects of any page may move, and a class is left alone only when it has
	// not a page's room to spare.
	evacuable = 7
)

// evacuation is the state of the page under evacuation, kept between steps. Before
// its objects are offered, the free ones among them are found out. Their links lead
// all over the page, so its memory is fetched first, in order: one after the other
// the cache misses of a page would take 50 us and more.
type evacuation struct {
	page    *page
	fetched int                                              // objects before this one were fetched
	seen    uint16                                           // what was fetched: or the compiler would leave it out
	link    uint16                                           // the next free object to be noted, or 0
	cursor  int                                              // objects before this one have been offered
	free    [(pageBytes-headerBytes)/minObject/64 + 1]uint64 // bit per object: not live
}

// lookUnit is how many objects are fetched, or free ones noted, in a unit of work.
const lookUnit = 64

func (e *evacuation) freed(pg *page, off uint16) {
	i := (uint32(off)<<3 - headerBytes) / pg.size
	e.free[i>>6] |= 1 << (i & 63)
}

// Sparse returns the page of purpose p most worth evacuating: of the class
// with the most free room, if that is worth the work and the page's objects
// fit into its other pages. A page under evacuation comes first. At leisure, less
// is enough: what is moved for a page gained may be nearly a page.
func (h *Heap) Sparse(p Purpose, leisure bool) (Page, bool) {
	if pg := h.evac.page; pg != nil {
		return h.arena.number(pg), pg.purpose == p
	}
	cs := h.classes[p]
	if cs == nil {
		return 0, false
	}
	var found Page
	most := int64(0)
	for i := range classes {
		if room := cs[i].room(classes[i], leisure); room > most {
			if pg := cs[i].emptiest(leisure); pg != 0 {
				found, most = pg, room
			}
		}
	}
	return found, found != 0
}

// SparseClass is Sparse for the class of objects of n bytes only.
func (h *Heap) SparseClass(n int, p Purpose) (Page, bool) {
	cs := h.classes[p]
	if cs == nil || uint(n) > maxSmall {
		return 0, false
	}
	ci := classOf[(n+7)>>3]
	if pg := h.evac.page; pg != nil && pg.purpose == p && pg.class == ci {
		return h.arena.number(pg), true
	}
	if cs[ci].room(classes[ci], false) == 0 {
		return 0, false
	}
	pg := cs[ci].emptiest(false)
	return pg, pg != 0
}

// room returns the free bytes in the pages of a class, or 0 where they are not
// worth evacuating a page for.
func (c *class) room(size uint32, leisure bool) int64 {
	if c.pages < 2 {
		return 0
	}
	perPage := int64(payload / size)
	pages := int64(c.pages)
	if c.empty != 0 {
		pages--
	}
	free := pages*perPage - int64(c.live)
	if free < perPage || !leisure && free*wasteDivisor < pages*perPage {
		return 0
	}
	return free * int64(size)
}

// emptiest returns a page of the lowest bin that has one.
func (c *class) emptiest(leisure bool) Page {
	bound := evacuable
	if leisure {
		bound = bins
	}
	for b := range bound {
		if c.lists[b] != 0 {
			return c.lists[b]
		}
	}
	return 0
}

// Evacuate does up to work units of work on a page found by Sparse, most of which
// offer a live object to move: that allocates the object anew (never on this page),
// copies it, points its owner to the copy and frees the old one, or returns false
// to leave it. The others, of about the same cost, look at lookUnit objects. It
// returns true when the page is done with: it has become empty and goes back to
// the arena, or some objects could not be moved and it returns to its class. Other
// calls on the heap may come between steps.
func (h *Heap) Evacuate(n Page, work int, move func(old Ref) bool) (done bool) {
	pg := h.arena.page(n)
	e := &h.evac
	if e.page != pg {
		if e.page != nil {
			h.endEvacuation()
		}
		if pg.heap != h.id || pg.run != 0 || pg.list >= bins {
			return true // it has changed since Sparse
		}
		h.beginEvacuation(pg)
	}
	first := Ref(uintptr(n)<<(pageShift-3) + headerBytes>>3)
	made := int(uint32(pg.bump)<<3-headerBytes) / int(pg.size)
	for ; pg.used > 0; work-- {
		looked := e.fetched == made && e.link == 0
		for looked && e.cursor < made && e.free[e.cursor>>6]>>(e.cursor&63)&1 != 0 {
			e.cursor++
		}
		switch {
		case looked && e.cursor == made:
			h.endEvacuation()
			return true
		case work <= 0:
			return false
		case looked:
			e.cursor++
			move(first + Ref((e.cursor-1)*int(pg.size>>3)))
		default:
			e.look(made)
		}
	}
	h.endEvacuation()
	return true
}

// look does a unit of finding out which of the page's objects are free.
func (e *evacuation) look(made int) {
	pg := e.page
	if e.fetched < made {
		end := min(e.fetched+lookUnit, made)
		sum := uint16(0)
		for ; e.fetched < end; e.fetched++ {
			sum += *pg.link(uint16((headerBytes + uint32(e.fetched)*pg.size) >> 3))
		}
		e.seen = sum
		return
	}
	for n := lookUnit; e.link != 0 && n > 0; n-- {
		e.freed(pg, e.link)
		e.link = *pg.link(e.link)
	}
}

func (h *Heap) beginEvacuation(pg *page) {
	e := &h.evac
	h.unlink(&h.classes[pg.purpose][pg.class], pg)
	pg.list, pg.low = listEvac, pg.capacity+1 // every Free comes to emptier
	e.page, e.fetched, e.link, e.cursor = pg, 0, pg.free, 0
	clear(e.free[:])
}

func (h *Heap) endEvacuation() {
	pg := h.evac.page
	h.evac.page = nil
	c := &h.classes[pg.purpose][pg.class]
	if pg.used == 0 {
		h.drop(c, pg)
	} else {
		h.push(c, pg.bin(), pg)
	}
}
