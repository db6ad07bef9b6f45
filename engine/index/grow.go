package index

import (
	"math/bits"
	"slices"

	"hpkv/engine/alloc"
)

const (
	minBuckets = 8
	// maxBuckets fills an allocation class of alloc, 16 of which fill a page.
	maxBuckets = 63

	// Shares of a segment's slots. A segment that is cut to size starts out
	// freshPercent full.
	freshPercent = 80
	// sparsePercent is where a segment is rebuilt smaller. Far enough below
	// freshPercent that growing and shrinking never chase each other. While 200,000
	// keys were deleted, 0.67% of the deletions rebuilt a segment (some 4 us), and
	// the segments took 15 to 16 bytes for each key left; with 55 it was 1.05%, which
	// the p99 shows, and 14 bytes.
	sparsePercent = 45
	// stashPercent: a segment emptier than this does not grow for an entry
	// without room, because its neighbourhood is crowded or forged.
	stashPercent = 50

	// relocations bounds the segments moved for each one replaced. Each takes
	// some 300 ns. At 5M keys 4 keep the pages of the index within 1.15x of
	// its segments; without, they are 1.8x.
	relocations = 4

	maxEntries = maxBuckets * slotsPerBucket
)

// entry is a slot word with its whole position.
type entry struct {
	pos  uint32
	word uint64
}

// create gives the table its first segment.
func (t *Table) create() error {
	s, err := t.newSegment(minBuckets, 0)
	if err != nil {
		return err
	}
	t.atDepth = [33]int32{0: 1}
	d := newDirectory(0)
	d.entries[0] = uint64(s)
	t.dir.Store(d)
	t.changeStructure(2) // a miss in the empty table is history
	return nil
}

func (t *Table) newSegment(n, depth int) (segment, error) {
	ref, err := t.heap.Alloc(n*bucketBytes, t.purpose)
	if err != nil {
		return 0, err
	}
	s := makeSegment(ref, n, depth)
	clear(t.buckets(s))
	t.segmentBytes += int64(t.heap.Capacity(ref))
	return s, nil
}

func (t *Table) freeSegment(s segment) {
	t.segmentBytes -= int64(t.heap.Capacity(s.ref()))
	t.heap.Free(s.ref())
}

// segmentSizes are the buckets a segment may have: allocation classes of alloc, and
// few of them, because each keeps a page half empty in each shard. Steps are a
// fifth to a quarter: at 5M keys in 16 shards that keeps index pages at 14 bytes a
// key, and half the keys deleted at 18; with all 23 classes they were 15 and 22.
var segmentSizes = [...]int{8, 10, 12, 14, 16, 20, 24, 30, 37, 44, 53, maxBuckets}

// sizeFor returns the buckets for a segment of n entries: the smallest size
// that is at most freshPercent full.
func sizeFor(n int) int {
	want := (n*100 + slotsPerBucket*freshPercent - 1) / (slotsPerBucket * freshPercent)
	return roundUp(want)
}

// roundUp returns the smallest size of at least n buckets, or the largest.
func roundUp(n int) int {
	for _, size := range segmentSizes {
		if size >= n {
			return size
		}
	}
	return maxBuckets
}

// collect appends the entries of the segment that pos belongs to, with those of
// its range that were stashed.
func (t *Table) collect(dst []entry, s segment, pos uint64) []entry {
	start := s.start(pos)
	if s.len()<<s.depth() < narrowBuckets {
		dst = t.collectWide(dst, s, start)
	} else {
		dst = t.collectNarrow(dst, s, start)
	}
	for _, e := range t.stash {
		if s.start(uint64(e.pos)) == start {
			dst = append(dst, entry{e.pos, uint64(e.pos)<<tagShift | uint64(e.ref)})
		}
	}
	return dst
}

// collectWide is collect where positions take asking the records.
func (t *Table) collectWide(dst []entry, s segment, start uint64) []entry {
	for i := range s.len() {
		b := t.bucket(s, i)
		for k := range b.slots {
			if w := b.slots[k]; w != 0 {
				home := s.prev(i, displacement(b.head, k))
				dst = append(dst, entry{uint32(t.posOf(s, start, home, w)), w})
			}
		}
	}
	return dst
}

// collectNarrow is collect where a bucket and the tag tell the position. This and
// build are most of what growing costs, so there are no branches but for loops: which
// slots are free, and which entries are away from home, is random.
func (t *Table) collectNarrow(dst []entry, s segment, start uint64) []entry {
	// Where each bucket begins, those at the end before the first once more: an entry's
	// home is up to maxReach buckets behind.
	var lows [128]uint32
	n := s.len()
	s.boundaries(start, lows[maxReach:maxReach+n])
	copy(lows[:maxReach], lows[n:n+maxReach])

	at := len(dst)
	dst = dst[:cap(dst)]
	for i := range n {
		b := t.bucket(s, i)
		head := b.head
		for k := range b.slots {
			w := b.slots[k]
			low := lows[(i+maxReach-int(head&7))%len(lows)]
			head >>= 3
			if at == len(dst) {
				dst = append(dst, entry{})
				dst = dst[:cap(dst)]
			}
			dst[at] = entry{low + (uint32(w>>tagShift)-low)&(1<<tagBits-1), w}
			_, taken := bits.Sub64(0, w, 0)
			at += int(taken)
		}
	}
	return dst[:at]
}

// build returns a new segment of at least n buckets with the entries, and those
// that found no room: their home buckets say that there is something in the
// stash, where publish puts them. It reorders entries.
func (t *Table) build(entries []entry, n, depth int) (s segment, left []entry, err error) {
	for ; ; n = roundUp(n + 1) {
		if s, err = t.newSegment(n, depth); err != nil {
			return 0, nil, err
		}
		left = entries[:0]
		var used [maxBuckets + 1]uint8
		for i, e := range entries {
			home := s.home(uint64(e.pos))
			if v := used[home%len(used)]; v < slotsPerBucket {
				t.bucket(s, home).slots[v] = e.word
				used[home%len(used)]++
			} else if !t.overflow(s, &used, home, e) {
				t.bucket(s, home).head |= stashedBit
				entries[i], entries[len(left)] = entries[len(left)], e
				left = entries[:len(left)+1]
			}
		}
		if len(left) == 0 || n == maxBuckets || forged(len(entries), n) {
			return s, left, nil
		}
		t.freeSegment(s) // no reader has seen it
	}
}

// forged reports whether n buckets with room for twice the
// entries cannot have run out of it by chance.
func forged(entries, n int) bool { return entries*100 < n*slotsPerBucket*stashPercent }

// overflow puts an entry whose home bucket is full into one of the next, of a segment
// that no reader knows yet, where used counts the slots of each bucket, which fill
// from the front. It reports whether there was room.
func (t *Table) overflow(s segment, used *[maxBuckets + 1]uint8, home int, e entry) bool {
	for d := 1; d <= maxReach; d++ {
		i := s.next(home, d)
		v := int(used[i])
		if v == slotsPerBucket {
			continue
		}
		used[i]++
		b := t.bucket(s, i)
		b.slots[v] = e.word
		b.head = withDisplacement(b.head, v, d)
		b = t.bucket(s, home)
		b.head = withReach(b.head, max(reach(b.head), d))
		return true
	}
	return false
}

// publish makes s the segment of its range in the directory. Readers that were
// in the range before find out by changeStructure, the caller's next step.
func (t *Table) publish(s segment, pos uint64, entries, left []entry) {
	t.point(s, pos, uint16(len(entries)-len(left)))

	if len(t.stash) > 0 {
		t.stash = slices.DeleteFunc(t.stash, func(e stashed) bool { return s.start(uint64(e.pos)) == s.start(pos) })
	}
	for _, e := range left {
		t.stash = append(t.stash, stashed{e.pos, alloc.Ref(e.word & refMask)})
	}
}

// grow makes room around pos: a larger segment, or two. It returns false where
// that would not help.
func (t *Table) grow(pos uint64) (bool, error) {
	d := t.dir.Load()
	old := d.segment(pos)
	var buf [maxEntries]entry
	count := d.count(pos, old)
	if forged(count, old.len()) {
		// Or the entries come in the order of their positions, as from a walk of
		// another table: halving the range spreads them, if it goes far enough.
		if old.depth() == d.depth() && !t.mayDeepen(d) {
			return false, nil
		}
		return t.split(pos, old, t.collect(buf[:0], old, pos))
	}
	entries := t.collect(buf[:0], old, pos)
	if old.len() == maxBuckets {
		return t.split(pos, old, entries)
	}
	ahead := t.outlook(old, pos, entries)
	n := max(roundUp(old.len()+1), sizeFor(ahead.expected(count, old.start(pos), old.end(pos))))
	s, left, err := t.build(entries, n, old.depth())
	if err != nil {
		return false, err
	}
	if len(left) > 0 && s.len() == maxBuckets && !forged(count, maxBuckets) {
		t.freeSegment(s)
		return t.split(pos, old, entries)
	}
	t.stats.Rebuilds++
	t.replace(pos, old, s, entries, left)
	return true, nil
}

// replace publishes s in the place of old and frees old.
func (t *Table) replace(pos uint64, old, s segment, entries, left []entry) {
	t.publish(s, pos, entries, left)
	t.retire(old)
}

// retire makes readers forget segments that the directory does not lead to any
// more, and frees them. Growth moves all segments from class to class at about
// the same time and would leave most pages of the former ones nearly empty, so
// some segments of the emptiest are moved together at once.
func (t *Table) retire(old ...segment) {
	t.changeStructure(2)
	for _, s := range old {
		t.freeSegment(s)
	}
	t.resizeStep()
	if pg, ok := t.heap.SparseClass(old[0].len()*bucketBytes, t.purpose); ok {
		t.heap.Evacuate(pg, relocations, t.Relocate)
	}
}

// split replaces a segment by two of the next depth.
func (t *Table) split(pos uint64, old segment, entries []entry) (bool, error) {
	depth := old.depth() + 1
	if depth > t.dir.Load().depth() && !t.deepen() {
		return false, nil
	}
	start, end := old.start(pos), old.end(pos)
	mid := start + (end-start)/2
	ahead := t.outlook(old, pos, entries)
	low := 0
	for i, e := range entries {
		if uint64(e.pos) < mid {
			entries[i], entries[low] = entries[low], e
			low++
		}
	}
	lower, upper := entries[:low], entries[low:]
	a, leftA, err := t.build(lower, sizeFor(ahead.expected(len(lower), start, mid)), depth)
	if err != nil {
		return false, err
	}
	b, leftB, err := t.build(upper, sizeFor(ahead.expected(len(upper), mid, end)), depth)
	if err != nil {
		t.freeSegment(a)
		return false, err
	}
	t.publish(a, start, lower, leftA)
	t.publish(b, mid, upper, leftB)
	t.atDepth[old.depth()]--
	t.atDepth[depth] += 2
	t.stats.Splits++
	t.retire(old)
	return true, nil
}

// shrink replaces a sparse segment by a smaller one, or it and its buddy by one
// for both. It is an improvement only: without memory for it nothing happens.
func (t *Table) shrink(pos uint64) {
	d := t.dir.Load()
	old := d.segment(pos)
	count := d.count(pos, old)
	var buf [maxEntries]entry
	if old.depth() > 0 {
		buddyPos := old.start(pos) ^ 1<<(32-old.depth())
		buddy := d.segment(buddyPos)
		if buddy.depth() == old.depth() {
			both := count + d.count(buddyPos, buddy)
			if n := sizeFor(both); both*100 <= n*slotsPerBucket*freshPercent {
				entries := t.collect(buf[:0], old, pos)
				entries = t.collect(entries, buddy, buddyPos)
				t.merge(min(old.start(pos), buddyPos), old, buddy, entries, n)
				return
			}
		}
	}
	n := sizeFor(count)
	if n*4 > old.len()*3 {
		return
	}
	entries := t.collect(buf[:0], old, pos)
	s, left, err := t.build(entries, n, old.depth())
	if err != nil || t.tooTight(s, left, len(entries)) {
		return
	}
	t.stats.Shrinks++
	t.replace(pos, old, s, entries, left)
}

// tooTight drops the new segment s and reports true if it had no room for all
// entries although it should: what is meant to save memory must not fill the
// stash.
func (t *Table) tooTight(s segment, left []entry, entries int) bool {
	if len(left) == 0 || forged(entries, s.len()) {
		return false
	}
	t.freeSegment(s) // no reader has seen it
	return true
}

func (t *Table) merge(start uint64, a, b segment, entries []entry, n int) {
	s, left, err := t.build(entries, n, a.depth()-1)
	if err != nil || t.tooTight(s, left, len(entries)) {
		return
	}
	t.stats.Merges++
	t.atDepth[a.depth()] -= 2
	t.atDepth[s.depth()]++
	t.publish(s, start, entries, left)
	t.retire(a, b)
}

// putStash puts an entry into the stash.
func (t *Table) putStash(pos uint64, ref alloc.Ref) {
	t.stash = append(t.stash, stashed{uint32(pos), ref})
	s := t.dir.Load().segment(pos)
	b := t.bucket(s, s.home(pos))
	storeFenced(&b.head, (b.head|stashedBit)+versionStep)
}

// unstash makes room for an entry that was stashed while the directory could not
// be deep enough for it, if it can be by now. One try at a time, each time
// that the table grows, keeps up.
func (t *Table) unstash() {
	if n := len(t.stash); n > 0 {
		t.grow(uint64(t.stash[n-1].pos)) // an improvement only: without memory for it nothing happens
	}
}

// dropStash removes a stashed entry. Readers of its home bucket keep coming to
// the lock until the segment is rebuilt.
func (t *Table) dropStash(i int) {
	t.stash[i] = t.stash[len(t.stash)-1]
	t.stash = t.stash[:len(t.stash)-1]
}

// Relocate moves the segment at old if it is this table's, for
// alloc.Heap.Evacuate.
func (t *Table) Relocate(old alloc.Ref) bool {
	d := t.dir.Load()
	if d == nil {
		return false
	}
	pos, ok := t.placeOf(d, old)
	return ok && t.move(d, pos)
}

// Leave moves the segment that a cursor of Scan is in to other memory, if its own
// is condemned, and returns the bytes that were moved.
func (t *Table) Leave(cursor uint64) (moved int) {
	d := t.dir.Load()
	if d == nil || cursor > posMask {
		return 0
	}
	s := d.segment(cursor)
	if !t.heap.Condemned(s.ref()) || !t.move(d, s.start(cursor)) {
		return 0
	}
	return s.len() * bucketBytes
}

// move moves the segment of pos.
func (t *Table) move(d *directory, pos uint64) bool {
	s := d.segment(pos)
	moved, err := t.newSegment(s.len(), s.depth())
	if err != nil {
		return false
	}
	copy(t.buckets(moved), t.buckets(s))
	t.point(moved, pos, uint16(d.count(pos, s)))
	t.changeStructure(2)
	t.freeSegment(s)
	return true
}

// placeOf returns a position of the segment at ref, if it is this table's. Any
// entry tells; for an empty segment, which is rare, the directory is searched.
func (t *Table) placeOf(d *directory, ref alloc.Ref) (pos uint64, ok bool) {
	n := min(t.heap.Capacity(ref)/bucketBytes, maxBuckets)
	for i := range n {
		for _, w := range t.bucket(makeSegment(ref, n, 0), i).slots {
			if w != 0 {
				pos = t.hashOf(alloc.Ref(w&refMask)) & posMask
				return pos, d.segment(pos).ref() == ref
			}
		}
	}
	for i, e := range d.entries {
		if segment(e).ref() == ref {
			return uint64(i) << d.shift, true
		}
	}
	return 0, false
}
