package persist

import (
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"hpkv/persist/vfs"
)

func sortSegments(list []segmentEntry) {
	slices.SortFunc(list, func(a, b segmentEntry) int {
		if a.number < b.number {
			return -1
		}
		return 1
	})
}

// replay hands the records of closed generations to a Replayer.
type replay struct {
	fs       vfs.FS
	dir      string
	to       Replayer
	progress func(done, total int64)
	total    int64

	records atomic.Int64
	mu      sync.Mutex // held while progress is told
	done    int64
}

// generation replays one generation, its streams in parallel. At a barrier they
// wait for each other.
func (p *replay) generation(man *manifest, g *generation) error {
	var streams []*streamReplay // that have not ended
	for i := range g.streams {
		if list := man.segmentsOf(g.number, i); len(list) > 0 {
			streams = append(streams, &streamReplay{replay: p, stream: i, segments: list})
		}
	}
	for len(streams) > 0 {
		var wg sync.WaitGroup
		for _, s := range streams {
			if s.barrier == 0 {
				wg.Go(s.run)
			}
		}
		wg.Wait()
		if err := pass(streams); err != nil {
			for _, s := range streams {
				s.close()
			}
			return err
		}
		streams = slices.DeleteFunc(streams, func(s *streamReplay) bool { return len(s.segments) == 0 })
	}
	return nil
}

// pass applies the barrier that comes first of those at which streams wait, and
// lets them go on. Not every stream need have it: some may have lost it in a
// repair.
func pass(streams []*streamReplay) error {
	first := uint64(0)
	for _, s := range streams {
		if s.err != nil {
			return s.err
		}
		if s.barrier != 0 && (first == 0 || s.barrier < first) {
			first = s.barrier
		}
	}
	for _, s := range streams {
		if s.barrier == 0 || s.barrier != first {
			continue
		}
		s.barrier = 0
		if b := &s.batch; b.last.flags&flagEcho == 0 {
			b.records[0], b.n = Placed{b.last.Record, b.at}, 1
			if err := s.apply(); err != nil {
				return err
			}
		}
	}
	return nil
}

// streamReplay is the replay of one stream of a generation, which begins where
// it stopped at a barrier.
type streamReplay struct {
	*replay
	stream   int
	segments []segmentEntry // to be replayed; the first is open if f is not nil
	f        vfs.File
	r        segmentReader
	batch    batch
	told     int64  // the offset up to which progress was told
	barrier  uint64 // at which it waits; 0: at none
	err      error
}

// run replays up to the next barrier, an error or the end.
func (s *streamReplay) run() {
	for s.err == nil && s.barrier == 0 && len(s.segments) > 0 {
		seg := &s.segments[0]
		if s.f == nil {
			s.err = s.open(seg)
		}
		if s.err == nil {
			s.err = s.segment(seg)
		}
		if s.err != nil || s.barrier == 0 {
			s.close()
			s.segments = s.segments[1:]
		}
	}
}

func (s *streamReplay) open(seg *segmentEntry) error {
	f, err := openSegment(s.fs, s.dir, seg.number)
	if err != nil {
		return err
	}
	s.f = f
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size < seg.used {
		return s.corrupt(errors.New("the segment is shorter than it was"), size)
	}
	if _, err := readHeader(f, size, s.dir, seg); errors.Is(err, errHeader) {
		return s.corrupt(err, 0)
	} else if err != nil {
		return err
	}
	s.r.reset(f, seedOf(seg.uid), segmentHead, seg.used)
	s.told = segmentHead
	return nil
}

func (s *streamReplay) close() {
	if s.f != nil {
		s.f.Close()
		s.f = nil
	}
}

func (s *streamReplay) corrupt(err error, at int64) error {
	return &CorruptError{s.dir, segmentName(s.segments[0].number), at, err.Error()}
}

// segment replays the open segment up to the next barrier or its end.
func (s *streamReplay) segment(seg *segmentEntry) error {
	for {
		err := s.batch.read(&s.r, seg.number)
		if applyErr := s.apply(); applyErr != nil {
			return applyErr
		}
		at := s.r.offset()
		if err != nil || at-s.told >= readWindow {
			s.tell(at - s.told)
			s.told = at
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errForm) || errors.Is(err, errChecksum):
			return s.corrupt(err, at)
		case err != nil:
			return err
		}
		if s.barrier = s.batch.last.barrier; s.barrier != 0 {
			return nil
		}
	}
}

func (s *streamReplay) apply() error {
	if s.batch.n == 0 {
		return nil
	}
	s.records.Add(int64(s.batch.n))
	return s.to.Apply(s.stream, s.batch.records[:s.batch.n])
}

// batch is some records that follow each other.
type batch struct {
	n       int
	records [MaxBatch]Placed
	last    entry // the last one read
	at      Addr  // its place
}

// read takes the next records, which are valid until r is used again, up to a
// barrier, which is then the last one read and none of them. An error comes after
// those there are.
func (b *batch) read(r *segmentReader, segment uint64) error {
	b.n = 0
	for n := 0; n < len(b.records) && (n == 0 || r.ready()); n++ {
		b.at = Addr{segment, r.offset()}
		if err := r.next(&b.last); err != nil {
			return err
		}
		if b.last.barrier != 0 {
			return nil
		}
		if b.last.kind == typeRecord {
			b.records[b.n] = Placed{b.last.Record, b.at}
			b.n++
		}
	}
	return nil
}

// tell counts bytes as replayed.
func (p *replay) tell(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.progress != nil {
		p.progress(p.done, p.total)
	}
}
