package persist

import (
	"context"
	"fmt"
	"math"

	"hpkv/persist/vfs"
)

// findEnd finds where the generation that a crash left open ends: after the
// last round of an unbroken sequence of complete ones. It returns the
// generation as closed there, its segments in use with the bytes that count,
// and what is left out. Damage before a round known to be synced is a
// CorruptError. Nothing is changed.
func findEnd(ctx context.Context, fsys vfs.FS, dir string, man *manifest, g generation) (generation, []segmentEntry, []Cut, error) {
	return findLast(ctx, fsys, dir, man, g, math.MaxUint64, nil)
}

// findLast is findEnd with a bound: no later round belongs to the generation.
// For a repair it goes by what can be read alone.
func findLast(ctx context.Context, fsys vfs.FS, dir string, man *manifest, g generation, bound uint64, p *repair) (generation, []segmentEntry, []Cut, error) {
	m := merge{dir: dir, expect: max(g.first, man.base), scans: make([]*scan, g.streams)}
	if len(man.generations) == 1 { // the last compaction, if there was one, was of this generation
		m.synced = man.complete
	}
	stop := make(chan struct{})
	for i := range m.scans {
		s := &scan{ctx: ctx, fs: fsys, dir: dir, segments: man.segmentsOf(g.number, i), marks: make(chan scanned, 1024), stop: stop, bound: bound, repair: p}
		m.scans[i] = s
		go s.run()
	}
	defer close(stop)
	m.run()
	var err error
	for _, s := range m.scans {
		for range s.marks { // to the end, for what else it tells
		}
		if err == nil {
			err = s.err
		}
	}
	if err == nil && p == nil {
		err = m.judge()
	}
	if err != nil {
		return g, nil, nil, err
	}
	g.closed, g.last, g.lastMs = true, max(m.expect, g.first)-1, m.lastMs
	used, cuts := m.outcome()
	return g, used, cuts, nil
}

// merge follows the rounds through all streams.
type merge struct {
	dir    string
	scans  []*scan
	heads  []*scanned // the next mark of each stream, nil at its end
	ends   []scanned  // the last one of each stream that counts
	has    []bool
	expect uint64 // the next round
	lastMs int64
	synced uint64 // a round that is known to be synced, whatever the marks say

	lacking []int // streams that lack their part of round expect
}

func (m *merge) advance(i int) {
	if h, ok := <-m.scans[i].marks; ok {
		m.heads[i] = &h
	} else {
		m.heads[i] = nil
	}
}

// run counts complete rounds until one is not.
func (m *merge) run() {
	n := len(m.scans)
	m.heads, m.ends, m.has = make([]*scanned, n), make([]scanned, n), make([]bool, n)
	for i := range m.scans {
		m.advance(i)
	}
	for m.complete() {
		m.expect++
	}
}

// complete takes round expect off the heads if all of it is there.
func (m *merge) complete() bool {
	var parts []uint16
	for _, h := range m.heads {
		if h != nil && h.round == m.expect {
			parts = h.streams
			break
		}
	}
	if parts == nil {
		return false
	}
	for _, i := range parts {
		if int(i) >= len(m.heads) || m.heads[i] == nil || m.heads[i].round != m.expect {
			m.lacking = append(m.lacking, int(i))
		}
	}
	if len(m.lacking) > 0 {
		return false
	}
	for _, i := range parts {
		m.ends[i], m.has[i] = *m.heads[i], true
		m.lastMs = max(m.lastMs, m.heads[i].ms)
		m.advance(int(i))
	}
	return true
}

// judge says whether a round that is missing was known to be synced.
func (m *merge) judge() error {
	synced := m.synced
	for _, s := range m.scans {
		synced = max(synced, s.synced)
	}
	if synced < m.expect {
		return nil
	}
	lacking := m.lacking
	if len(lacking) == 0 { // nobody has the round: suspect all, those with something behind the damage first
		for _, behind := range []bool{true, false} {
			for i, s := range m.scans {
				if m.restBehind(s, m.ends[i], m.has[i]) == behind {
					lacking = append(lacking, i)
				}
			}
		}
	}
	problem := fmt.Sprintf("round %d is missing or incomplete, though round %d was synced", m.expect, synced)
	for _, i := range lacking {
		if i >= len(m.scans) || len(m.scans[i].segments) == 0 {
			continue
		}
		s := m.scans[i]
		seg := 0
		if m.has[i] {
			seg = m.ends[i].segment
		}
		// The first break that is followed by something, else the last.
		at := s.breaks[seg]
		for j := seg; j < len(s.breaks); j++ {
			if s.begun[j] || s.rests[j].marks > 0 {
				at = s.breaks[j]
			}
			if s.rests[j].marks > 0 {
				break
			}
		}
		return &CorruptError{m.dir, segmentName(at.Segment), at.Offset, problem + " (" + at.reason + ")"}
	}
	return &CorruptError{m.dir, manifestName, 0, problem}
}

func (m *merge) restBehind(s *scan, end scanned, has bool) bool {
	for j, r := range s.rests {
		if r.marks > 0 && (!has || j >= end.segment) {
			return true
		}
	}
	return false
}

// outcome lists the segments in use, and what is left out.
func (m *merge) outcome() (used []segmentEntry, cuts []Cut) {
	for i, s := range m.scans {
		from := 0 // the first segment that may hold something left out
		if m.has[i] {
			from = m.ends[i].segment
		}
		for j, seg := range s.segments {
			counts := int64(0)
			switch {
			case m.has[i] && j < from:
				counts = s.breaks[j].Offset - s.valid[j]
			case m.has[i] && j == from:
				counts = m.ends[i].end
			}
			if counts > segmentHead {
				seg.used = counts
				used = append(used, seg)
			}
			if j < from {
				continue
			}
			begin := max(counts, segmentHead)
			whole := s.begun[j] && s.breaks[j].Offset > begin // entries that can be read
			torn := s.rests[j].bytes > 0 && (!seg.reused || s.rests[j].marks > 0)
			if !whole && !torn {
				continue
			}
			c := Cut{Segment: seg.number, Stream: i, Offset: begin, Reason: s.breaks[j].reason}
			if !s.begun[j] {
				begin, c.Offset = 0, 0
			}
			c.Bytes = s.breaks[j].Offset - begin
			if torn {
				c.Bytes += s.rests[j].bytes
			}
			if whole {
				c.Reason = fmt.Sprintf("round %d is not complete", m.expect)
			}
			cuts = append(cuts, c)
		}
	}
	sortSegments(used)
	return used, cuts
}
