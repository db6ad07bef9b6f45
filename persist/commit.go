package persist

import (
	"fmt"
	"time"
)

// commit is the committer: it takes rounds and writes them until the log is
// closed.
func (l *Log) commit() {
	defer close(l.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for more := true; more; {
		more = l.awaitRound(timer)
		l.commitRound()
	}
}

// awaitRound returns when a round is to be written; false: the last one. Under
// Always that is when somebody asks for it, under the other policies Gather after
// the first record at the latest. Where one round follows the other, nobody needs to
// wake the committer for the first record: it looks once in Gather.
func (l *Log) awaitRound(timer *time.Timer) (more bool) {
	var late <-chan time.Time
	gather := func() {
		timer.Reset(l.o.Gather)
		late = timer.C
	}
	if l.round.number > 0 && l.Policy() != Always {
		gather()
	}
	for {
		l.asleep.Store(late == nil)
		// Looked at after asleep is set, and the buffers after the question: no
		// record is missed.
		asked, size := l.asked.Swap(false), l.buffered()
		switch {
		case size > 0 && asked, size >= l.full():
			l.asleep.Store(false)
			return true
		case size > 0 && late == nil && l.Policy() != Always:
			gather()
			continue
		}
		select {
		case <-l.wake:
		case call := <-l.calls:
			call()
		case <-late:
			if size > 0 || l.buffered() > 0 {
				return true
			}
			late = nil
		case <-l.closing:
			l.asleep.Store(false)
			return false
		}
	}
}

// buffered returns the size of the largest of the streams' buffers.
func (l *Log) buffered() (size int) {
	for i := range l.streams {
		s := &l.streams[i]
		s.mu.Lock()
		size = max(size, s.buf.size())
		s.mu.Unlock()
	}
	return size
}

// take empties the streams' buffers into l.round, all at one moment, and
// reports whether there was anything.
func (l *Log) take() bool {
	r := &l.round
	r.streams = r.streams[:0]
	for i := range l.streams {
		l.streams[i].mu.Lock()
	}
	total := 0
	for i := range l.streams {
		s := &l.streams[i]
		if s.buf.size() == 0 {
			continue
		}
		r.streams = append(r.streams, uint16(i))
		p := &r.parts[i]
		*p = part{chunks: p.chunks[:0]}
		p.chunks, p.size = s.take(p.chunks)
		total += p.size
	}
	if len(r.streams) > 0 {
		r.number = l.open
		l.open++
	}
	for i := range l.streams {
		l.streams[i].mu.Unlock()
	}
	l.count.inFlight.Store(int64(total))
	return len(r.streams) > 0
}

// commitRound takes a round, if there is anything to take, and brings it to the
// disk as the policy says.
func (l *Log) commitRound() {
	if !l.take() {
		return
	}
	if State(l.state.Load()) != StateFailed {
		l.writeRound()
	}
	r := &l.round
	for _, i := range r.streams {
		l.streams[i].giveBack(r.parts[i].chunks)
	}
	l.count.inFlight.Store(0)
	if l.crowded.Load() && State(l.state.Load()) != StateDiskFull {
		l.crowded.Store(false)
		l.news.send()
	}
}

// writeRound writes l.round, waiting for a full disk to have room again.
func (l *Log) writeRound() {
	l.lastMs = max(l.lastMs, l.o.Clock.NowMs())
	for {
		step, began := StepWrite, time.Now()
		if l.syncing.Load() {
			step = StepWriteInSync
		}
		err := l.tryRound()
		l.took(step, time.Since(began))
		if err == nil {
			break
		}
		if !canRetry(err) {
			l.fail(err)
			return
		}
		l.setState(StateDiskFull, err)
		retry := time.NewTimer(l.o.RetryEvery)
		select {
		case <-retry.C:
		case <-l.closing: // one last attempt
			if err := l.tryRound(); err != nil {
				l.fail(err)
				return
			}
		}
		retry.Stop()
		if State(l.state.Load()) == StateFailed {
			return
		}
	}
	l.setState(StateOK, nil)
	r := &l.round
	var records int64
	for _, i := range r.streams {
		records += int64(r.parts[i].records)
	}
	l.count.add(records, l.count.inFlight.Load())
	l.dirtyMu.Lock() // whoever takes the dirty segments knows which rounds are in them
	l.written.Store(r.number)
	l.dirtyMu.Unlock()
	if l.Policy() == Always {
		if err := l.syncWritten(); err != nil {
			return
		}
	}
	l.advance()
	for _, i := range r.streams {
		l.askForNext(int(i))
	}
}

// tryRound writes what is not yet written of l.round. It may be repeated after
// an error.
func (l *Log) tryRound() error {
	r := &l.round
	for _, i := range r.streams {
		p := &r.parts[i]
		if p.written {
			continue
		}
		if err := l.ensureRoom(int(i), int64(p.size+markSize(len(r.streams))), r.number); err != nil {
			return err
		}
		seg := l.streams[i].cur
		if p.sealed != seg {
			l.seal(p, seg)
		}
		at := seg.end.Load()
		for _, c := range p.chunks {
			if _, err := seg.file.WriteAt(c, at); err != nil {
				return fmt.Errorf("write to %s: %w", segmentName(seg.number), err)
			}
			at += int64(len(c))
		}
		p.written = true
		seg.end.Store(at)
		l.markDirty(seg)
	}
	return nil
}

// seal gives a part of l.round the checksums of its segment, and its mark.
func (l *Log) seal(p *part, seg *segment) {
	last := &p.chunks[len(p.chunks)-1]
	if p.sealed != nil { // for another segment, in an attempt that failed
		*last = (*last)[:len(*last)-markSize(len(l.round.streams))]
	}
	p.records = 0
	for _, c := range p.chunks {
		p.records += uint32(sealRecords(c, seg.seed))
	}
	m := mark{l.round.number, l.lastMs, l.synced.Load(), seg.end.Load(), p.records, l.round.streams}
	*last = appendMark(*last, &m, seg.seed)
	p.sealed = seg
}

// do runs call in the committer, between two rounds, and returns its error. It does
// not wait for a full disk: call may run later then, when nobody looks at what it
// did.
func (l *Log) do(call func() error) error {
	ran := make(chan error, 1)
	for calls := l.calls; ; {
		news := l.news.next()
		if s, err := l.State(); s != StateOK {
			return err
		}
		select {
		case calls <- func() { ran <- call() }:
			calls = nil
		case err := <-ran:
			return err
		case <-news:
		case <-l.done:
			select {
			case err := <-ran:
				return err
			default:
				return ErrClosed
			}
		}
	}
}
