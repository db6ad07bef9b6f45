package index

import (
	"fmt"

	"hpkv/engine/alloc"
)

// Check verifies the whole table, positions of records included, and returns
// the first violation.
func (t *Table) Check() error {
	d := t.dir.Load()
	if d == nil {
		if t.count != 0 || len(t.stash) != 0 || t.segmentBytes != 0 {
			return fmt.Errorf("index: %d entries without a directory", t.count)
		}
		return nil
	}
	if len(d.entries) != 1<<d.depth() || len(d.counts) != len(d.entries) {
		return fmt.Errorf("index: depth %d, %d words, %d counts", d.depth(), len(d.entries), len(d.counts))
	}
	total := len(t.stash)
	var atDepth [33]int32
	held := int64(0)
	for place := 0; place < len(d.entries); {
		s := segment(d.entries[place])
		if s.depth() > d.depth() || s.len() < minBuckets || s.len() > maxBuckets || s.ref() == 0 {
			return fmt.Errorf("index: bad segment word %#x", uint64(s))
		}
		n := 1 << (d.depth() - s.depth())
		if place%n != 0 {
			return fmt.Errorf("index: segment of depth %d at place %d of depth %d", s.depth(), place, d.depth())
		}
		for i := range n {
			if d.entries[place+i] != uint64(s) || i > 0 && d.counts[place+i] != 0 {
				return fmt.Errorf("index: place %d disagrees with its segment's first, %d", place+i, place)
			}
		}
		entries, err := t.checkSegment(s, uint64(place)<<d.shift)
		if err != nil {
			return fmt.Errorf("index: segment at place %d: %w", place, err)
		}
		if entries != int(d.counts[place]) {
			return fmt.Errorf("index: segment at place %d has %d entries, counted %d", place, entries, d.counts[place])
		}
		if err := t.checkNext(s, uint64(place)<<d.shift, entries); err != nil {
			return err
		}
		total += entries
		held += int64(t.heap.Capacity(s.ref()))
		atDepth[s.depth()]++
		place += n
	}
	if held != t.segmentBytes {
		return fmt.Errorf("index: segments of %d bytes, counted %d", held, t.segmentBytes)
	}
	if total != t.count || atDepth != t.atDepth {
		return fmt.Errorf("index: %d entries, counted %d; depths %v, counted %v", total, t.count, atDepth, t.atDepth)
	}
	for _, e := range t.stash {
		s := d.segment(uint64(e.pos))
		if t.bucket(s, s.home(uint64(e.pos))).head&stashedBit == 0 {
			return fmt.Errorf("index: stashed entry %d is not announced", e.ref)
		}
		if t.hashOf(e.ref)&posMask != uint64(e.pos) {
			return fmt.Errorf("index: stashed entry %d has moved", e.ref)
		}
	}
	return nil
}

// checkNext verifies that the directory being made ready knows segment s, which
// starts at position start, if it has come that far.
func (t *Table) checkNext(s segment, start uint64, entries int) error {
	if t.next == nil || start >= t.next.upTo {
		return nil
	}
	d := t.next.dir
	first := d.first(start, s)
	for i := range 1 << (d.depth() - s.depth()) {
		want := uint16(0)
		if i == 0 {
			want = uint16(entries)
		}
		if d.entries[first+i] != uint64(s) || d.counts[first+i] != want {
			return fmt.Errorf("index: the next directory disagrees about the segment at position %#x", start)
		}
	}
	return nil
}

func (t *Table) checkSegment(s segment, start uint64) (entries int, err error) {
	var reaches [maxBuckets]int
	for i := range s.len() {
		b := t.bucket(s, i)
		if b.head&versionOdd != 0 {
			return 0, fmt.Errorf("bucket %d is locked", i)
		}
		for k, w := range b.slots {
			disp := displacement(b.head, k)
			if w == 0 {
				if disp != 0 {
					return 0, fmt.Errorf("bucket %d: free slot %d is displaced", i, k)
				}
				continue
			}
			entries++
			home := s.prev(i, disp)
			reaches[home] = max(reaches[home], disp)
			pos := t.posOf(s, start, home, w)
			real := t.hashOf(alloc.Ref(w&refMask)) & posMask
			if pos != real || s.start(pos) != start || s.home(pos) != home {
				return 0, fmt.Errorf("bucket %d slot %d: entry of position %#x taken for %#x, home %d", i, k, real, pos, home)
			}
			if low, high := s.boundary(start, home), s.boundary(start, home+1); pos < low || pos >= high {
				return 0, fmt.Errorf("bucket %d: position %#x outside of [%#x,%#x)", home, pos, low, high)
			}
		}
	}
	for i := range s.len() {
		if r := reach(t.bucket(s, i).head); r != reaches[i] {
			return 0, fmt.Errorf("bucket %d: reach %d, want %d", i, r, reaches[i])
		}
	}
	return entries, nil
}

// Slots is the room for entries.
func (s *Stats) Slots() int { return s.Buckets * slotsPerBucket }

// Bytes returns the memory of segments and directory, that of former contents left
// aside. It takes no time to speak of.
func (t *Table) Bytes() int64 {
	n := t.segmentBytes
	if d := t.dir.Load(); d != nil {
		n += int64(len(d.entries)) * 10
	}
	if t.next != nil {
		n += int64(len(t.next.dir.entries)) * 10
	}
	return n
}

// Stats returns the table's shape, in time proportional to the directory.
func (t *Table) Stats() Stats {
	s := t.stats
	s.Entries, s.Stashed = t.count, len(t.stash)
	d := t.dir.Load()
	if d == nil {
		return s
	}
	s.Directory, s.Bytes = len(d.entries), t.Bytes()
	for place := 0; place < len(d.entries); {
		seg := segment(d.entries[place])
		s.Segments++
		s.Buckets += seg.len()
		place += 1 << (d.depth() - seg.depth())
	}
	return s
}
