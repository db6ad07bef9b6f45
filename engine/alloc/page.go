package alloc

import "unsafe"

// Page names a page of the arena by its position. Zero is no page.
type Page uint32

// page is the header of a page, in the page's first 64 bytes. It belongs to
// the owner of the heap; readers never look at it, except for Capacity under
// the lock.
type page struct {
	next, prev Page   // neighbours in the list it is in
	free       uint16 // first free object, in 8-byte units from the page's start; 0: none
	bump       uint16 // first object never handed out, in the same units
	used       uint16 // live objects
	capacity   uint16 // objects that fit
	size       uint32 // bytes of an object
	low        uint16 // with fewer used objects than this Free calls emptier
	list       uint8  // the list it is in, see below
	class      uint8
	purpose    Purpose
	_          [3]byte
	heap       uint32 // id of its heap
	run        uint32 // pages of the run this starts; 0: a page of small objects
	_          [4]byte
	runBytes   int64 // bytes accounted for the run
}

// The header fits the room kept for it.
var _ [headerBytes - unsafe.Sizeof(page{})]byte

// Lists a page can be in. The bins hold partly used pages by occupancy, in
// eighths: allocation takes the fullest, evacuation the emptiest.
const (
	bins       = 8
	listFull   = bins
	listDoomed = bins + 1 // condemned: nothing is taken from it
	numLists   = bins + 2
	listEmpty  = 10 // the one empty page kept by the class
	listActive = 11 // the page objects are taken from
	listEvac   = 12 // being evacuated: nothing is taken from it
	listGone   = 13 // handed to Options.Retire
	listRun    = 14 // first page of a run
)

// link returns the place of a free object's link to the next: bytes 4..5,
// because a late reader may still stamp bytes 0..3.
func (pg *page) link(off uint16) *uint16 {
	return (*uint16)(unsafe.Add(unsafe.Pointer(pg), uintptr(off)<<3+4))
}

// bin returns the bin for the page's occupancy and sets the bound below which
// that changes.
func (pg *page) bin() uint8 {
	if pg.used == pg.capacity {
		pg.low = pg.capacity
		return listFull
	}
	b := uint32(pg.used) * bins / uint32(pg.capacity)
	pg.low = uint16(max(1, (b*uint32(pg.capacity)+bins-1)/bins))
	return uint8(b)
}
