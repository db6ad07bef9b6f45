package persist

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// markDirty notes that a segment has bytes that are not synced.
func (l *Log) markDirty(seg *segment) {
	l.dirtyMu.Lock()
	if !seg.dirty {
		seg.dirty = true
		l.dirty = append(l.dirty, seg)
	}
	l.dirtyMu.Unlock()
}

// retire closes a segment's file once nothing more is written to it.
func (l *Log) retire(seg *segment) {
	l.dirtyMu.Lock()
	seg.retired = true
	now := !seg.dirty && !seg.syncing
	l.dirtyMu.Unlock()
	if now {
		seg.file.Close()
	}
}

// syncWritten brings every round written so far to the disk. After an error
// the log has failed.
func (l *Log) syncWritten() error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	if State(l.state.Load()) == StateFailed {
		return l.failure.Load()
	}
	l.dirtyMu.Lock()
	upTo := l.written.Load()
	list := l.dirty
	l.dirty = nil
	for _, seg := range list {
		seg.dirty, seg.syncing = false, true
	}
	l.dirtyMu.Unlock()
	if err := l.syncFiles(list); err != nil {
		l.fail(err)
		l.dirtyMu.Lock()
		l.dirty = append(l.dirty, list...) // for Close
		l.dirtyMu.Unlock()
		return err
	}
	l.dirtyMu.Lock()
	for _, seg := range list {
		seg.syncing = false
		if seg.retired && !seg.dirty {
			seg.file.Close()
		}
	}
	l.dirtyMu.Unlock()
	if upTo > l.synced.Load() {
		l.synced.Store(upTo)
	}
	l.advance()
	return nil
}

// took tells of a step.
func (l *Log) took(s Step, d time.Duration) {
	if l.o.OnStep != nil {
		l.o.OnStep(s, d)
	}
}

// syncFiles syncs files in parallel.
func (l *Log) syncFiles(list []*segment) error {
	l.syncing.Store(true)
	defer l.syncing.Store(false) // one at a time: syncMu is held
	sync1 := func(seg *segment) error {
		began := time.Now()
		err := seg.file.Sync()
		took := time.Since(began)
		l.count.sync(took)
		l.took(StepSync, took)
		if err != nil {
			return fmt.Errorf("sync of %s: %w", segmentName(seg.number), err)
		}
		return nil
	}
	if len(list) == 0 {
		return nil
	}
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i := range list[1:] {
		wg.Go(func() { errs[i+1] = sync1(list[i+1]) })
	}
	errs[0] = sync1(list[0])
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// advance tells of rounds that have become durable.
func (l *Log) advance() {
	if l.draft.Load() != draftNot {
		l.news.send()
		return
	}
	l.durableMu.Lock()
	now := l.written.Load()
	if l.Policy() == Always {
		now = l.synced.Load()
	}
	if now > l.durable.Load() {
		l.asked.Store(false)
		l.durable.Store(now)
		if l.o.OnDurable != nil {
			l.o.OnDurable(now)
		}
	}
	l.durableMu.Unlock()
	l.news.send()
}

// tellDurable tells again what is durable, to those who wait for something else.
func (l *Log) tellDurable() {
	l.durableMu.Lock()
	if l.o.OnDurable != nil {
		l.o.OnDurable(l.durable.Load())
	}
	l.durableMu.Unlock()
	l.news.send()
}

// syncer syncs once a period under EverySec, and looks after the directory.
func (l *Log) syncer() {
	defer l.work.Done()
	tick := time.NewTicker(l.o.SyncEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.closing:
			return
		}
		if err := l.lock.Lost(); err != nil {
			l.fail(fmt.Errorf("the directory is gone: %w", err))
			continue
		}
		if l.Policy() == Always && l.buffered() > 0 {
			l.Hurry() // nobody waits for it
		}
		if l.overdue() {
			began := time.Now()
			l.syncWritten()
			if time.Since(began) > 2*l.o.SyncEvery {
				l.count.delay()
			}
		}
	}
}

// keepDirty is how many full segments stay open unsynced under No.
const keepDirty = 16

// overdue reports whether the syncer should sync. Under Always there may be
// rounds from before that policy.
func (l *Log) overdue() bool {
	if l.Policy() != No {
		return l.synced.Load() < l.written.Load()
	}
	l.dirtyMu.Lock()
	defer l.dirtyMu.Unlock()
	return len(l.dirty) > len(l.streams)+keepDirty
}

// Sync brings everything appended so far to the disk, and waits for the end of a
// draft.
func (l *Log) Sync(ctx context.Context) error {
	if err := l.syncAll(ctx); err != nil {
		return err
	}
	return l.wait(ctx, func() bool { return l.draft.Load() == draftNot }, false)
}

func (l *Log) syncAll(ctx context.Context) error {
	upTo := l.Appended()
	if upTo > l.written.Load() {
		if err := l.wait(ctx, func() bool { return l.written.Load() >= upTo }, true); err != nil {
			return err
		}
	}
	if upTo <= l.synced.Load() {
		return nil
	}
	return l.syncWritten()
}

// WaitDurable waits until the round is durable under the policy. The error is
// a *StoppedError if it never will be, ErrClosed, or that of ctx. Of a draft
// nothing is awaited.
func (l *Log) WaitDurable(ctx context.Context, round uint64) error {
	return l.wait(ctx, func() bool { return l.durable.Load() >= round || l.Draft() }, false)
}

// WaitSynced waits until the round is synced, and a draft has ended. Under EverySec
// that takes about a second, under No until someone calls Sync.
func (l *Log) WaitSynced(ctx context.Context, round uint64) error {
	return l.wait(ctx, func() bool { return l.Whole() && l.Synced() >= round }, false)
}

// WaitRoom waits until Pressure is over. Errors are those of WaitDurable.
func (l *Log) WaitRoom(ctx context.Context) error {
	return l.wait(ctx, func() bool { return !l.Pressure() }, true)
}

// WaitStalled waits until the log is not Stalled. Errors are those of WaitDurable.
func (l *Log) WaitStalled(ctx context.Context) error {
	return l.wait(ctx, func() bool { return !l.Stalled() }, true)
}

// wait waits until ok, having the committer hurry if asked to.
func (l *Log) wait(ctx context.Context, ok func() bool, hurry bool) error {
	for {
		news := l.news.next()
		if ok() {
			return nil
		}
		if f := l.told.Load(); f != nil {
			return f
		}
		if hurry || l.Policy() == Always {
			l.Hurry()
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.done:
			if ok() {
				return nil
			}
			if f := l.failure.Load(); f != nil {
				return f
			}
			return ErrClosed
		}
	}
}
