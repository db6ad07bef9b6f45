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

// generation replays one generation, its streams in parallel.
func (p *replay) generation(man *manifest, g *generation) error {
	var wg sync.WaitGroup
	errs := make([]error, g.streams)
	for i := range g.streams {
		list := man.segmentsOf(g.number, i)
		if len(list) == 0 {
			continue
		}
		wg.Go(func() {
			errs[i] = p.stream(i, list)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *replay) stream(stream int, list []segmentEntry) error {
	var r segmentReader
	for i := range list {
		if err := p.segment(stream, &list[i], &r); err != nil {
			return err
		}
	}
	return nil
}

func (p *replay) segment(stream int, seg *segmentEntry, r *segmentReader) error {
	f, err := openSegment(p.fs, p.dir, seg.number)
	if err != nil {
		return err
	}
	defer f.Close()
	corrupt := func(err error, at int64) error {
		return &CorruptError{p.dir, segmentName(seg.number), at, err.Error()}
	}
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size < seg.used {
		return corrupt(errors.New("the segment is shorter than it was"), size)
	}
	if _, err := readHeader(f, size, p.dir, seg); errors.Is(err, errHeader) {
		return corrupt(err, 0)
	} else if err != nil {
		return err
	}
	r.reset(f, seedOf(seg.uid), segmentHead, seg.used)
	told := int64(segmentHead)
	var b batch
	for {
		err := b.read(r, seg.number)
		if b.n > 0 {
			p.records.Add(int64(b.n))
			if err := p.to.Apply(stream, b.records[:b.n]); err != nil {
				return err
			}
		}
		at := r.offset()
		if err != nil || at-told >= readWindow {
			p.tell(at - told)
			told = at
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errForm) || errors.Is(err, errChecksum):
			return corrupt(err, at)
		case err != nil:
			return err
		}
	}
}

// batch is some records that follow each other.
type batch struct {
	n       int
	records [MaxBatch]Placed
	last    entry // the last one read
}

// read takes the next records, which are valid until r is used again. An error
// comes after those there are.
func (b *batch) read(r *segmentReader, segment uint64) error {
	b.n = 0
	for n := 0; n < len(b.records) && (n == 0 || r.ready()); n++ {
		at := r.offset()
		if err := r.next(&b.last); err != nil {
			return err
		}
		if b.last.kind == typeRecord {
			b.records[b.n] = Placed{b.last.Record, Addr{segment, at}}
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
