package alloc

import (
	"errors"
	"unsafe"
)

// Ref names an object by its offset from the arena's base in units of 8
// bytes. It has 40 significant bits; zero is no object.
type Ref uint64

// Purpose says what memory is used for. Pages serve one purpose at a time and
// are accounted by it.
type Purpose uint8

const (
	Records     Purpose = iota // keys with their values
	Index                      // segments of hash tables, 64-byte aligned
	Collections                // parts of large collections
	Scratch                    // anything short-lived
	NumPurposes
)

// ErrNoMemory is returned when an allocation would pass the arena's limit or
// the system refuses memory. Nothing has been changed.
var ErrNoMemory = errors.New("alloc: out of memory")

// MaxBytes is the largest object Alloc serves.
const MaxBytes = 1 << 32

// Page names a page of a heap. Zero is no page.
type Page uint32

// Options configures an arena.
type Options struct {
	ReserveBytes int64                                 // address space; 0: 1 TB, halved until the system accepts
	LimitBytes   int64                                 // pages in use; 0: no limit
	HugePages    bool                                  // ask for huge pages for index memory
	Place        func(addr uintptr, n, node int) error // bind [addr,addr+n) to a node; refusal is tolerated
	Retire       func(fn func())                       // run fn after a grace period; nil: at once
}

// Arena is the address range all memory comes from.
type Arena struct{ base unsafe.Pointer }

// Heap hands out objects to one shard.
type Heap struct{ arena *Arena }

// PurposeStats is what one purpose uses.
type PurposeStats struct {
	Objects   int64 // live objects
	LiveBytes int64 // their capacities
	PageBytes int64 // pages that hold them
}

// Stats is a snapshot of an arena or a heap.
type Stats struct {
	Purpose        [NumPurposes]PurposeStats
	CommittedBytes int64
	FreeBytes      int64
}

func NewArena(o Options) (*Arena, error)    { panic("unfinished") }
func (a *Arena) Close() error               { panic("unfinished") }
func (a *Arena) Base() unsafe.Pointer       { return a.base }
func (a *Arena) Ptr(ref Ref) unsafe.Pointer { return unsafe.Add(a.base, ref<<3) }
func (a *Arena) Bytes(ref Ref, off, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(a.Ptr(ref), off)), n)
}
func (a *Arena) Readable(ref Ref) int               { panic("unfinished") }
func (a *Arena) SetLimit(n int64)                   { panic("unfinished") }
func (a *Arena) Stats() Stats                       { panic("unfinished") }
func (a *Arena) Check() error                       { panic("unfinished") }
func (a *Arena) NewHeap(node int) *Heap             { panic("unfinished") }
func (h *Heap) Alloc(n int, p Purpose) (Ref, error) { panic("unfinished") }
func (h *Heap) Free(ref Ref)                        { panic("unfinished") }
func (h *Heap) Capacity(ref Ref) int                { panic("unfinished") }
func (h *Heap) Stats() Stats                        { panic("unfinished") }
func (h *Heap) Check() error                        { panic("unfinished") }
func (h *Heap) Sparse(p Purpose) (Page, bool)       { panic("unfinished") }
func (h *Heap) Evacuate(page Page, maxObjects int, move func(old Ref) bool) (done bool) {
	panic("unfinished")
}

// ClassSize returns the capacity an object of n bytes gets.
func ClassSize(n int) int { panic("unfinished") }

// ProcessBarrier returns a function that makes every running thread of the
// process pass a full memory barrier, or nil where the system has none.
func ProcessBarrier() func() { panic("unfinished") }
