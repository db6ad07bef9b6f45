package persist

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// skip keeps every record that can be read.
func (p *repair) skip() (*manifest, error) {
	man := p.old.clone()
	man.segments = nil
	for i := range man.generations {
		g := &man.generations[i]
		wasClosed := g.closed
		last, lastMs := uint64(0), int64(0)
		for stream := range g.streams {
			for _, seg := range p.old.segmentsOf(g.number, stream) {
				s := salvage{p: p, seg: seg, bound: p.bound(i), closed: wasClosed}
				used, err := s.run()
				if err != nil {
					return nil, err
				}
				p.tell(&seg)
				if used > segmentHead {
					seg.used = used
					man.segments = append(man.segments, seg)
				}
				if s.last > last {
					last, lastMs = s.last, s.lastMs
				}
			}
		}
		if !wasClosed {
			g.closed, g.last, g.lastMs = true, max(last, g.first-1), lastMs
			if i+1 < len(man.generations) {
				g.last = man.generations[i+1].first - 1
			}
		}
	}
	sortSegments(man.segments)
	return man, nil
}

// salvage reads one segment and, if there is damage in it, writes it anew
// without.
type salvage struct {
	p      *repair
	seg    segmentEntry
	bound  uint64
	closed bool

	end    int64 // of the last round's part that is whole
	last   uint64
	lastMs int64

	damaged bool
	out     []byte // the segment written anew
	begin   int    // of the round's part being put together in out
}

// errBound ends a walk at rounds that belong to a later generation.
var errBound = errors.New("persist: bound")

func (s *salvage) run() (used int64, err error) {
	h := header{uint16(s.seg.stream), s.seg.generation, s.seg.number, s.seg.uid, 1, 0}
	if known, err := s.p.header(s.seg.number); err == nil {
		h.first, h.ms = known.first, known.ms
	}
	s.out = h.encode()
	s.begin = len(s.out)
	err = walkSegment(s.p.ctx, s.p.fs, s.p.dir, &s.seg, s.visit)
	if err != nil && !errors.Is(err, errBound) {
		return 0, err
	}
	if !s.damaged {
		return s.end, s.p.keepAside(s.seg.number, max(s.end, segmentHead), s.limit())
	}
	if s.closed { // records behind the last mark
		s.seal(&Item{Round: s.bound})
	}
	return int64(s.begin), s.write()
}

func (s *salvage) limit() int64 {
	if s.seg.used > 0 {
		return s.seg.used
	}
	return 1<<63 - 1
}

func (s *salvage) visit(it *Item) error {
	switch it.Kind {
	case ItemDamage:
		s.damaged = true
		s.p.report.Lost = append(s.p.report.Lost, fmt.Sprintf("%d bytes at %v: %s", it.Bytes, it.Addr, it.Problem))
		return s.p.keepAside(it.Segment, it.Offset, it.Offset+it.Bytes)
	case ItemRecord, ItemBarrier, ItemEcho:
		s.out = append(s.out, it.entry...)
	case ItemMark:
		if it.Round > s.bound {
			return errBound
		}
		s.end, s.last, s.lastMs = it.Offset+it.Bytes, it.Round, it.Ms
		s.seal(it)
	}
	return nil
}

// seal ends a round's part in out, if it has a record.
func (s *salvage) seal(it *Item) {
	part := s.out[s.begin:]
	if len(part) == 0 {
		return
	}
	seed := seedOf(s.seg.uid)
	n := sealRecords(part, seed)
	m := mark{it.Round, it.Ms, min(it.SyncedRound, it.Round-1), int64(s.begin), uint32(n), []uint16{uint16(s.seg.stream)}}
	s.out = appendMark(s.out, &m, seed)
	s.begin = len(s.out)
}

// write replaces the segment's file.
func (s *salvage) write() error {
	if s.begin <= segmentHead {
		return nil
	}
	temp := filepath.Join(s.p.dir, repairTemp)
	if err := s.p.fs.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(s.p.fs, temp, s.out[:s.begin]); err != nil {
		return err
	}
	s.p.changed = true
	return s.p.fs.Rename(temp, segmentPath(s.p.dir, s.seg.number))
}
