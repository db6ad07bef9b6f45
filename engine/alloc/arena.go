package alloc

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Ref names an object by its offset from the arena's base in units of 8
// bytes. It has 40 significant bits; zero is no object.
type Ref uint64

// RefBits is the number of significant bits of a Ref.
const RefBits = 40

// Purpose says what memory is used for. A page serves one purpose at a time
// and is accounted by it.
type Purpose uint8

const (
	Records         Purpose = iota // keys with their values
	Index                          // segments and directories of hash tables
	Collections                    // elements and blocks of large collections
	CollectionIndex                // tables of the elements of large collections
	NumPurposes
)

func (p Purpose) String() string {
	return [...]string{"records", "index", "collections", "collection index"}[p]
}

// isIndex reports whether objects are segments, which start on cache lines.
func (p Purpose) isIndex() bool { return p == Index || p == CollectionIndex }

// ErrNoMemory is returned when an allocation would pass the arena's limit, is
// larger than MaxBytes, or is refused by the system. Nothing has changed then.
var ErrNoMemory = errors.New("alloc: out of memory")

const (
	// MaxBytes is the largest object Alloc serves.
	MaxBytes = 1 << 32

	chunkShift = 21
	chunkBytes = 1 << chunkShift
	chunkPages = chunkBytes / pageBytes
	allPages   = 1<<chunkPages - 1

	defaultReserve = 1 << 40
	minReserve     = 64 << 20
	maxReserve     = 1 << (RefBits + 3)
)

// Options configures an arena.
type Options struct {
	// ReserveBytes of address space; 0 means 1 TB. It is halved until the
	// system accepts.
	ReserveBytes int64
	// LimitBytes bounds the pages in use; 0 means no limit. See SetLimit.
	LimitBytes int64
	// HugePages asks for huge pages behind index and small objects, from the
	// hugeAfter-th chunk of a kind on. At 5M keys random look-ups take 0.84x
	// of the time with it, in batches 0.8x: most of what they cost otherwise
	// is TLB misses. The price is that a chunk takes its 2 MB at once (see
	// Prepare), and that pages given back singly lower the RSS but are only
	// really free once the system needs memory and splits the rest.
	HugePages bool
	// Wanted is told that there is something for Prepare to do. It is called
	// under locks and must not block. May be nil.
	Wanted func()
	// Place binds [addr,addr+n) to a memory node. Refusal is tolerated.
	Place func(addr uintptr, n, node int) error
	// Retire runs fn after all readers that are inside now have left. Nil
	// means there are no lock-free readers: fn runs at once.
	Retire func(fn func())
}

// hugeAfter is how many chunks of a kind an arena has before further ones ask
// for huge pages: what is not yet used of the newest, and of the next one where
// that is prepared, is then at most 1/8.
const hugeAfter = 12

// Arena is the range all memory of one engine comes from.
type Arena struct {
	// Immutable after NewArena.
	base     unsafe.Pointer
	reserved uintptr // usable bytes from base
	mapped   unsafe.Pointer
	mapBytes uintptr
	huge     bool
	place    func(addr uintptr, n, node int) error
	retire   func(fn func())
	wanted   func()

	threadTime func() time.Duration // of the calling thread; tests have their own

	// Any goroutine.
	committed atomic.Uintptr // bytes from base that may be accessed
	limit     atomic.Int64
	leaving   atomic.Int64 // bytes of runs that have been retired

	mu     sync.Mutex
	chunks []chunk // of the committed range
	pools  []*pool
	spare  bitmap // chunks of no pool: wholly free and given back
	heaps  []*Heap
	usage  [NumPurposes]int64 // bytes of pages in use
	inUse  atomic.Int64       // their sum, at most limit; read by anybody
	dirty  int                // free pages that still hold memory
	unused int                // as many of them were not needed since the last Trim

	costly int    // huge pages in sequence that were dear
	dear   bool   // they are, so chunks get small ones
	cheap  int    // huge pages in sequence that were not, of those Unite touched
	small  bitmap // chunks that got small pages because huge ones were dear

	prepared, unprepared int64 // chunks that Prepare made ready, and others of huge pages
}

// chunk describes 2 MB of the range.
type chunk struct {
	free  uint32 // bit per page: free
	dirty uint32 // bit per page: free, and its memory was not given back
	ready uint32 // bit per page: not used since all the chunk's memory came
	pool  int16  // -1: spare, or about to be
	node  int16  // where it was placed; -1: nowhere yet
	huge  bool   // of huge pages: all its memory comes at the first touch

	wanted bool // the system was told to want huge pages there, see parting
}

// NewArena reserves the range. It fails only where the system grants not even
// 64 MB of address space.
func NewArena(o Options) (*Arena, error) {
	size := o.ReserveBytes
	if size <= 0 {
		size = defaultReserve
	}
	size = min(max(size, minReserve), maxReserve)
	a := &Arena{huge: o.HugePages, place: o.Place, retire: o.Retire, wanted: o.Wanted, threadTime: threadTime}
	if a.retire == nil {
		a.retire = func(fn func()) { fn() }
	}
	if a.wanted == nil {
		a.wanted = func() {}
	}
	for {
		n := uintptr(size)&^(chunkBytes-1) + chunkBytes // room to align
		p, err := reserve(n)
		if err == nil {
			a.mapped, a.mapBytes = p, n
			break
		}
		if size /= 2; size < minReserve {
			return nil, fmt.Errorf("alloc: cannot reserve %d bytes of address space: %w", n, err)
		}
	}
	skip := -uintptr(a.mapped) & (chunkBytes - 1)
	a.base = unsafe.Add(a.mapped, skip)
	a.reserved = (a.mapBytes - skip) &^ (chunkBytes - 1)
	a.limit.Store(o.LimitBytes)
	return a, nil
}

// Close gives the range back. Nothing may use the arena, its heaps or memory
// of theirs afterwards.
func (a *Arena) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mapped == nil {
		return nil
	}
	err := unreserve(a.mapped, a.mapBytes)
	a.mapped, a.base, a.chunks = nil, nil, nil
	a.committed.Store(0)
	return err
}

// Base returns the address that references count from. It never changes.
func (a *Arena) Base() unsafe.Pointer { return a.base }

// Ptr returns the address of an object.
func (a *Arena) Ptr(ref Ref) unsafe.Pointer { return unsafe.Add(a.base, uintptr(ref)<<3) }

// Bytes returns n bytes of an object from off. The slice aliases the object:
// it is the caller's to know how long that lives.
func (a *Arena) Bytes(ref Ref, off, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(a.base, uintptr(ref)<<3+uintptr(off))), n)
}

// Readable returns how many bytes from ref on can be read without a fault,
// whatever ref is: at most 0 for one beyond the committed memory. A reader
// that follows a reference without a lock bounds lengths by it.
func (a *Arena) Readable(ref Ref) int {
	return int(a.committed.Load()) - int(ref<<3)
}

// InUse returns the bytes of pages in use, those in their grace period
// included. Any goroutine, at any rate.
func (a *Arena) InUse() int64 { return a.inUse.Load() }

// Leaving returns the bytes of large objects that have been freed and wait for
// their readers to leave, and for Options.Retire to tell so. No lock is taken.
func (a *Arena) Leaving() int64 { return a.leaving.Load() }

// SetLimit bounds the bytes of pages in use; 0 means no limit. A limit below
// what is in use only stops growth.
func (a *Arena) SetLimit(n int64) { a.limit.Store(n) }

func (a *Arena) chunk(c int) unsafe.Pointer { return unsafe.Add(a.base, uintptr(c)<<chunkShift) }

func (a *Arena) page(n Page) *page { return (*page)(unsafe.Add(a.base, uintptr(n)<<pageShift)) }

func (a *Arena) number(pg *page) Page {
	return Page((uintptr(unsafe.Pointer(pg)) - uintptr(a.base)) >> pageShift)
}

// charge accounts n bytes of pages to p, or refuses.
func (a *Arena) charge(p Purpose, n int64) bool {
	if limit := a.limit.Load(); limit > 0 && a.inUse.Load()+n > limit {
		return false
	}
	a.inUse.Add(n)
	a.usage[p] += n
	return true
}

func (a *Arena) uncharge(p Purpose, n int64) {
	a.inUse.Add(-n)
	a.usage[p] -= n
}

// takePage gives one page to a heap on a node.
func (a *Arena) takePage(node int, p Purpose) (Page, error) {
	k := kindSmall
	if p.isIndex() {
		k = kindIndex
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.charge(p, pageBytes) {
		return 0, ErrNoMemory
	}
	po := a.pool(node, k)
	c := po.held.first(0)
	if c < 0 {
		c = a.nextAvail(po)
	}
	if c < 0 {
		a.uncharge(p, pageBytes)
		return 0, ErrNoMemory
	}
	ch := &a.chunks[c]
	bit := bits.TrailingZeros32(cmp.Or(ch.dirty, ch.ready, ch.free))
	a.markUsed(c, 1<<bit)
	if a.scarce(po) && !po.asked {
		po.asked = true
		a.wanted()
	}
	return Page(c*chunkPages + bit), nil
}

// takeRun gives n consecutive pages, accounted as size bytes.
func (a *Arena) takeRun(node int, p Purpose, n int, size int64) (Page, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.charge(p, size) {
		return 0, ErrNoMemory
	}
	po := a.pool(node, kindLarge)
	start := a.findRun(po, n)
	if start < 0 {
		a.uncharge(p, size)
		return 0, ErrNoMemory
	}
	for left, at := n, start; left > 0; {
		c, bit := at/chunkPages, at%chunkPages
		m := min(left, chunkPages-bit)
		if a.chunks[c].pool < 0 {
			a.adopt(po, c, 1)
		}
		a.markUsed(c, uint32(1<<m-1)<<bit)
		at, left = at+m, left-m
	}
	return Page(start), nil
}

// findRun returns the first of n consecutive free pages in chunks of the pool
// and spare ones, committing more when there are none, or -1.
func (a *Arena) findRun(po *pool, n int) int {
	run, end := 0, -1 // pages found that end before page number end
	for c := a.nextFree(po, 0); c >= 0; c = a.nextFree(po, c+1) {
		if end != c*chunkPages {
			run, end = 0, c*chunkPages
		}
		free := a.chunks[c].free
		for bit := 0; bit < chunkPages; {
			m := bits.TrailingZeros32(^(free >> bit)) // free pages from bit on
			m = min(m, chunkPages-bit)
			if run += m; run >= n {
				return end + m - run
			}
			bit, end = bit+m, end+m
			if bit < chunkPages {
				used := min(bits.TrailingZeros32(free>>bit), chunkPages-bit)
				run, bit, end = 0, bit+used, end+used
			}
		}
	}
	if end != len(a.chunks)*chunkPages {
		run = 0
	}
	start := len(a.chunks)*chunkPages - run
	if start == 0 {
		start, run = 1, -1 // page 0 is never handed out
	}
	if a.extend(po, (n-run+chunkPages-1)/chunkPages) < 0 {
		return -1
	}
	return start
}

// grow gives the pool another chunk and returns it, or -1.
func (a *Arena) grow(po *pool) int {
	if c := a.spare.first(0); c >= 0 {
		a.adopt(po, c, 1)
		return c
	}
	return a.extend(po, 1)
}

// extend commits at least n chunks more at the end of the range for the pool
// and returns the first, or -1. It commits the more the larger the pool is:
// chunks of different pools are different mappings to the kernel, which allows
// a process 65530 of them.
func (a *Arena) extend(po *pool, n int) int {
	first := len(a.chunks)
	room := int(a.reserved>>chunkShift) - first
	if n > room {
		return -1
	}
	want := min(max(n, po.count/16), room)
	p := unsafe.Add(a.base, uintptr(first)<<chunkShift)
	if commit(p, want<<chunkShift) != nil {
		if want == n || commit(p, n<<chunkShift) != nil {
			return -1
		}
		want = n
	}
	for i := range want {
		ch := chunk{free: allPages, pool: -1, node: -1}
		if first+i == 0 {
			ch.free &^= 1 // so that neither a Page nor a Ref is ever 0
		}
		a.chunks = append(a.chunks, ch)
		a.spare.set(first + i)
	}
	a.committed.Store(uintptr(len(a.chunks)) << chunkShift)
	a.adopt(po, first, want)
	return first
}

// adopt makes n spare chunks from c on the pool's.
func (a *Arena) adopt(po *pool, c, n int) {
	p := unsafe.Add(a.base, uintptr(c)<<chunkShift)
	moved, late := false, po.kind != kindLarge && a.huge && po.count >= hugeAfter
	huge := late && !a.dear
	for i := c; i < c+n; i++ {
		ch := &a.chunks[i]
		moved = moved || int(ch.node) != po.node
		ch.pool, ch.node, ch.huge, ch.wanted = po.id, int16(po.node), huge, huge
		a.spare.clear(i)
		po.count++
		if huge {
			po.cold.set(i)
		} else {
			a.warm(po, i)
		}
		if late && !huge {
			a.small.set(i)
		}
	}
	if moved && a.place != nil {
		_ = a.place(uintptr(p), n<<chunkShift, po.node)
	}
	if late {
		adviseHuge(p, n<<chunkShift, huge)
	}
}

func (a *Arena) markUsed(c int, mask uint32) {
	ch := &a.chunks[c]
	a.dirty -= bits.OnesCount32(ch.dirty & mask)
	a.unused = min(a.unused, a.dirty)
	ch.free &^= mask
	ch.dirty &^= mask
	ch.ready &^= mask
	po := a.pools[ch.pool]
	if ch.dirty|ch.ready == 0 {
		po.held.clear(c)
	}
	po.free -= bits.OnesCount32(mask)
	if ch.free == 0 {
		po.avail.clear(c)
	}
}
