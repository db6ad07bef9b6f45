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
	for {
		l.asleep.Store(true)
		if !l.anyBuffered() { // looked at after asleep is set: no record is missed
			select {
			case <-l.wake:
			case call := <-l.calls:
				l.asleep.Store(false)
				call()
				continue
			case <-l.closing:
				l.commitRound()
				return
			}
		}
		l.asleep.Store(false)
		if l.Policy() != Always {
			l.gather(timer)
		}
		l.commitRound()
	}
}

// gather lets a round grow for a moment.
func (l *Log) gather(timer *time.Timer) {
	select {
	case <-l.wake: // from the first record
	default:
	}
	timer.Reset(l.o.Gather)
	select {
	case <-timer.C:
	case <-l.wake: // a buffer is large
	case call := <-l.calls:
		call()
	case <-l.closing:
	}
}

func (l *Log) anyBuffered() bool {
	for i := range l.streams {
		s := &l.streams[i]
		s.mu.Lock()
		n := len(s.buf)
		s.mu.Unlock()
		if n > 0 {
			return true
		}
	}
	return false
}

// take empties the streams' buffers into l.round, all at one moment, and
// reports whether there was anything.
func (l *Log) take() bool {
	r := &l.round
	r.streams = r.streams[:0]
	for i := range l.streams {
		l.streams[i].mu.Lock()
	}
	var bytes int64
	for i := range l.streams {
		s := &l.streams[i]
		if len(s.buf) == 0 {
			continue
		}
		r.streams = append(r.streams, uint16(i))
		r.bufs[i], s.buf, s.spare = s.buf, s.spare, nil
		r.records[i], r.sealed[i], r.written[i] = 0, nil, false
		bytes += int64(len(r.bufs[i]))
	}
	if len(r.streams) > 0 {
		r.number = l.open
		l.open++
	}
	for i := range l.streams {
		l.streams[i].mu.Unlock()
	}
	l.count.inFlight.Store(bytes)
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
	for _, i := range r.streams { // give the buffers back
		s := &l.streams[i]
		buf := r.bufs[i][:0]
		r.bufs[i] = nil
		if cap(buf) > keepBuffer {
			buf = nil
		}
		s.mu.Lock()
		s.spare = buf
		s.mu.Unlock()
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
		err := l.tryRound()
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
		records += int64(r.records[i])
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
		if r.written[i] {
			continue
		}
		s := &l.streams[i]
		records := len(r.bufs[i])
		if r.sealed[i] != nil {
			records -= markSize(len(r.streams))
		}
		if err := l.ensureRoom(int(i), int64(records+markSize(len(r.streams))), r.number); err != nil {
			return err
		}
		seg := s.cur
		end := seg.end.Load()
		if r.sealed[i] != seg {
			buf := r.bufs[i][:records]
			r.records[i] = uint32(sealRecords(buf, seg.seed))
			m := mark{r.number, l.lastMs, l.synced.Load(), end, r.records[i], r.streams}
			r.bufs[i] = appendMark(buf, &m, seg.seed)
			r.sealed[i] = seg
		}
		if _, err := seg.file.WriteAt(r.bufs[i], end); err != nil {
			return fmt.Errorf("write to %s: %w", segmentName(seg.number), err)
		}
		r.written[i] = true
		seg.end.Store(end + int64(len(r.bufs[i])))
		l.markDirty(seg)
	}
	return nil
}

// do runs call in the committer, between two rounds.
func (l *Log) do(call func()) error {
	ran := make(chan struct{})
	select {
	case l.calls <- func() { call(); close(ran) }:
		<-ran
		return nil
	case <-l.done:
		return ErrClosed
	}
}
