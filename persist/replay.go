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
	gate := newGate(g.streams)
	var wg sync.WaitGroup
	errs := make([]error, g.streams)
	for i := range g.streams {
		list := man.segmentsOf(g.number, i)
		if len(list) == 0 {
			gate.leave(i, nil)
			continue
		}
		wg.Go(func() {
			errs[i] = p.stream(i, list, gate)
			gate.leave(i, errs[i])
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, errGate) {
			return err
		}
	}
	return nil
}

func (p *replay) stream(stream int, list []segmentEntry, gate *gate) error {
	var r segmentReader
	for i := range list {
		if err := p.segment(stream, &list[i], &r, gate); err != nil {
			return err
		}
	}
	return nil
}

func (p *replay) segment(stream int, seg *segmentEntry, r *segmentReader, gate *gate) error {
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
		if err == nil && b.last.flags&flagBarrier != 0 {
			if err := p.barrier(stream, &b.last, Addr{seg.number, r.offset() - int64(b.last.size)}, gate); err != nil {
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
	last    entry // the last one read, a barrier's too
}

// read takes the next records, which are valid until r is used again, but none
// behind a barrier. An error comes after those there are.
func (b *batch) read(r *segmentReader, segment uint64) error {
	b.n = 0
	for n := 0; n < len(b.records) && (n == 0 || r.ready()); n++ {
		at := r.offset()
		if err := r.next(&b.last); err != nil {
			return err
		}
		switch {
		case b.last.kind == typeMark:
		case b.last.flags&flagBarrier != 0:
			return nil
		default:
			b.records[b.n] = Placed{b.last.Record, Addr{segment, at}}
			b.n++
		}
	}
	return nil
}

// barrier waits for the other streams and replays e, if it is no echo.
func (p *replay) barrier(stream int, e *entry, at Addr, gate *gate) error {
	if e.flags&flagEcho != 0 {
		return gate.arrive(stream, e.barrier, nil)
	}
	p.records.Add(1)
	return gate.arrive(stream, e.barrier, func() error { return p.to.Barrier(e.Record, at) })
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

// errGate ends the other streams' replays after one has failed.
var errGate = errors.New("persist: another stream's replay failed")

// gate makes streams wait for each other at barriers.
type gate struct {
	mu    sync.Mutex
	moved sync.Cond
	at    []uint64 // the barrier each stream waits at; 0: it is on its way
	left  []bool
	apply func() error // of barrier number whose
	whose uint64
	err   error
}

func newGate(streams int) *gate {
	g := &gate{at: make([]uint64, streams), left: make([]bool, streams)}
	g.moved.L = &g.mu
	return g
}

// arrive waits until every stream has reached barrier n or ended, and until the
// one that has the record has applied it. Barriers are numbered in the order in
// which all streams hold them.
func (g *gate) arrive(stream int, n uint64, apply func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if apply != nil {
		g.apply, g.whose = apply, n
	}
	g.at[stream] = n
	g.open()
	for g.at[stream] == n && g.err == nil {
		g.moved.Wait()
	}
	return g.err
}

// leave says that a stream has ended.
func (g *gate) leave(stream int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left[stream] = true
	if err != nil && g.err == nil {
		g.err = errGate
		g.moved.Broadcast()
	}
	g.open()
}

// open applies the lowest barrier and lets its streams pass, once no stream is
// on its way.
func (g *gate) open() {
	lowest := uint64(0)
	for i, at := range g.at {
		switch {
		case g.left[i]:
		case at == 0:
			return
		case lowest == 0 || at < lowest:
			lowest = at
		}
	}
	if lowest == 0 || g.err != nil {
		return
	}
	if g.apply != nil && g.whose == lowest { // a repair may have left it out
		if g.err = g.apply(); g.err != nil {
			g.moved.Broadcast()
			return
		}
		g.apply = nil
	}
	for i, at := range g.at {
		if at == lowest {
			g.at[i] = 0
		}
	}
	g.moved.Broadcast()
}
