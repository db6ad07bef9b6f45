package index

import "sync/atomic"

// directory leads from the high bits of a position to its segment. It is
// immutable in size; its words are replaced atomically. It lives on the Go
// heap, so that a reader's stale copy stays what it was.
type directory struct {
	shift   uint8    // 32-depth
	entries []uint64 // segments, each at all its places
	counts  []uint16 // entries of each segment, at its first place; the writer's own
}

func newDirectory(depth int) *directory {
	return &directory{
		shift:   uint8(32 - depth),
		entries: make([]uint64, 1<<depth),
		counts:  make([]uint16, 1<<depth),
	}
}

func (d *directory) depth() int { return 32 - int(d.shift) }

// segment returns the segment of a position. d is not nil.
func (d *directory) segment(pos uint64) segment {
	return segment(atomic.LoadUint64(&d.entries[pos>>(d.shift&63)]))
}

// first returns the first place in the directory of the segment of pos.
func (d *directory) first(pos uint64, s segment) int {
	return int(pos >> (32 - s.depth()) << (d.depth() - s.depth()))
}

// count returns the entries of s, the segment of pos.
func (d *directory) count(pos uint64, s segment) int { return int(d.counts[d.first(pos, s)]) }

// set stores s, with its number of entries, in all its places.
func (d *directory) set(pos uint64, s segment, count uint16) {
	first, n := d.first(pos, s), 1<<(d.depth()-s.depth())
	clear(d.counts[first : first+n])
	d.counts[first] = count
	for i := first; i < first+n; i++ {
		atomic.StoreUint64(&d.entries[i], uint64(s))
	}
}

// # Changing size
//
// A directory of another size is made ready ahead of its use, a few segments
// at a time whenever a segment is replaced, and then takes over at once. Copying
// it in one go would take 0.3 ms at 20M keys a shard. Growing begins with the
// first segment that needs every bit of the directory. The next bit is needed when
// one of those has filled up again, that is, after about as many splits as there
// are segments: resizeSegments a replacement are far more than enough. Hashes
// that were forged to be faster pay for the whole copy at once.
//
// Until it takes over, the present directory stays complete, and the part of the
// next one below upTo is kept up with it.

// resize is a directory being made ready to follow the present one.
type resize struct {
	dir  *directory
	upTo uint64 // positions below it are done
}

const (
	// resizeSegments are copied for each segment that is replaced, in some 0.5 us.
	resizeSegments = 32

	// resizeAtOnce is the depth up to which the directory is copied in one go:
	// 1024 places take 5 us.
	resizeAtOnce = 10
)

// point makes s, of count entries, the segment of its range.
func (t *Table) point(s segment, pos uint64, count uint16) {
	t.dir.Load().set(pos, s, count)
	switch r := t.next; {
	case r == nil:
	case s.depth() > r.dir.depth():
		t.next = nil // it was to be smaller, and would not do any more
	case s.start(pos) < r.upTo:
		r.dir.set(pos, s, count)
	}
}

// addCount adds n to the number of entries of s, the segment of pos, and returns
// the sum.
func (t *Table) addCount(pos uint64, s segment, n int) int {
	d := t.dir.Load()
	p := &d.counts[d.first(pos, s)]
	*p += uint16(n)
	if t.next != nil && s.start(pos) < t.next.upTo {
		t.next.dir.counts[t.next.dir.first(pos, s)] = *p
	}
	return int(*p)
}

// resizeStep goes on with a change of size, and begins one that will be wanted.
// Called whenever segments were replaced.
func (t *Table) resizeStep() {
	d := t.dir.Load()
	depth := d.depth()
	needed := t.atDepth[depth] > 0
	if t.next != nil && t.next.dir.depth() > depth && !needed {
		t.next = nil // the table has shrunk meanwhile
	}
	if t.next == nil {
		switch {
		case needed && depth > resizeAtOnce && t.mayDeepen(d):
			depth++
		case !needed && depth > 1 && t.atDepth[depth-1] == 0:
			// One level more than needed is kept, so that the directory does
			// not double and halve around one count.
			depth--
		default:
			return
		}
		t.next = &resize{dir: newDirectory(depth)}
	}
	steps := resizeSegments
	if depth <= resizeAtOnce {
		steps = 1 << resizeAtOnce
	}
	grows := t.next.dir.depth() > d.depth()
	if t.copyDirectory(d, steps) && !grows {
		t.adopt()
	}
}

// copyDirectory copies up to n more segments of d, the present directory, into
// the next one, and reports whether all are there.
func (t *Table) copyDirectory(d *directory, n int) bool {
	r := t.next
	for ; n > 0 && r.upTo <= posMask; n-- {
		s := d.segment(r.upTo)
		r.dir.set(r.upTo, s, uint16(d.count(r.upTo, s)))
		r.upTo = s.start(r.upTo) + 1<<(32-s.depth())
	}
	return r.upTo > posMask
}

// adopt makes the next directory, which is complete, the present one. Both lead
// to the same segments: readers need not notice.
func (t *Table) adopt() {
	t.dir.Store(t.next.dir)
	t.next = nil
}

// mayDeepen refuses a directory out of proportion to the entries. Honest hashes
// need a place for each 300 entries or so, but entries that come in the order of
// their positions crowd into a small part of the range at first, and need the
// depth then that all of them will need in the end. Four places for each entry
// are enough for that while the table has a thousandth of what it will have;
// what comes before is stashed for a while.
func (t *Table) mayDeepen(d *directory) bool {
	return len(d.entries) <= 64+4*t.count && d.shift > 1
}

// deepen doubles the directory, for a split that needs the next bit.
func (t *Table) deepen() bool {
	d := t.dir.Load()
	if t.next != nil && t.next.dir.depth() < d.depth() {
		t.next = nil
	}
	if t.next == nil {
		if !t.mayDeepen(d) {
			return false
		}
		t.next = &resize{dir: newDirectory(d.depth() + 1)}
	}
	if d.depth() > resizeAtOnce && t.next.upTo <= posMask {
		t.stats.LateCopies++
	}
	t.copyDirectory(d, len(d.entries))
	t.adopt()
	return true
}
