package persist

import (
	"context"
	"fmt"
)

// Compaction is a pass in which the caller appends its whole state. It is over
// with Finish or Abort.
type Compaction struct {
	l    *Log
	base uint64 // rounds from here on stay
}

// BeginCompaction begins new segments: everything appended after it returns is
// kept by Finish, everything appended before it was called may be dropped by it.
// The caller then appends, for all of its state, records that set it, each in
// the stream and order that its changes go to.
func (l *Log) BeginCompaction() (*Compaction, error) {
	if l.closed.Load() {
		return nil, ErrClosed
	}
	if s, err := l.State(); s != StateOK {
		return nil, err
	}
	if l.compacting.Swap(true) {
		return nil, ErrCompacting
	}
	c := &Compaction{l: l}
	err := l.prepareAll()
	if err == nil {
		err = l.do(func() (err error) {
			c.base, err = l.turn()
			return err
		})
	}
	if err != nil {
		c.Abort()
		return nil, fmt.Errorf("compaction cannot begin: %w", err)
	}
	return c, nil
}

// prepareAll prepares a segment for every stream.
func (l *Log) prepareAll() error {
	all := make([]int, len(l.streams))
	for i := range all {
		all[i] = i
	}
	l.manMu.Lock()
	defer l.manMu.Unlock()
	if l.closed.Load() {
		return ErrClosed
	}
	err := l.prepareSegments(all)
	if err != nil {
		l.prepareFailed(err)
	}
	return err
}

// turn writes the open round and has every stream go on to its next segment. It
// returns the round that comes first in them. It runs in the committer.
func (l *Log) turn() (base uint64, err error) {
	l.commitRound()
	if s, err := l.State(); s != StateOK {
		return 0, err
	}
	base = l.nextRound()
	for i := range l.streams {
		cur := l.streams[i].cur
		if cur == nil {
			continue // it has nothing yet
		}
		if err := l.rotate(i, 0, base); err != nil {
			return 0, err
		}
	}
	return base, nil
}

// Finish syncs what was appended, then drops all segments from before the
// compaction began. A draft is none from then on. After an error they are kept, or
// will be dropped at the next Open. It waits for a Backup under way.
func (c *Compaction) Finish(ctx context.Context) error {
	l := c.l
	defer c.Abort()
	if l.draft.CompareAndSwap(draftOpen, draftEnding) {
		defer func() { // what waits by now need not, or is durable
			l.draft.CompareAndSwap(draftEnding, draftOpen)
			l.advance()
			l.tellDurable()
		}()
	}
	if err := l.syncAll(ctx); err != nil {
		return err
	}
	complete := l.synced.Load()
	var lastMs int64 // not before that of round complete
	if err := l.do(func() error { lastMs = l.lastMs; return nil }); err != nil {
		return err
	}
	dropped, err := l.dropBefore(c.base, complete, lastMs)
	if err != nil {
		return err
	}
	l.backupMu.Lock()
	defer l.backupMu.Unlock()
	l.dropMu.Lock()
	defer l.dropMu.Unlock()
	for _, seg := range dropped {
		l.readers.forget(seg.number)
		l.discard(seg)
	}
	return nil
}

// dropBefore writes a manifest without the segments of rounds before base.
func (l *Log) dropBefore(base, complete uint64, ms int64) (dropped []*segment, err error) {
	l.manMu.Lock()
	defer l.manMu.Unlock()
	if l.closed.Load() { // the manifest may be another log's by now
		return nil, ErrClosed
	}
	man := l.man.clone()
	man.serial++
	man.compactions++
	man.base, man.complete, man.completeMs, man.baseBytes = base, complete, ms, 0
	current := man.last().number
	kept := man.segments[:0]
	for _, s := range man.segments {
		seg := l.segs[s.number]
		first := seg.first.Load()
		if s.generation != current || first != 0 && first < base {
			dropped = append(dropped, seg)
			continue
		}
		kept = append(kept, s)
		man.baseBytes += seg.end.Load()
	}
	man.segments = kept
	man.generations = man.generations[len(man.generations)-1:]
	man.generations[0].draft = false
	if err := l.replaceManifest(man); err != nil {
		if !canRetry(err) {
			l.fail(err)
		}
		return nil, err
	}
	l.man = man
	for _, seg := range dropped {
		delete(l.segs, seg.number)
	}
	l.draft.Store(draftNot)
	return dropped, nil
}

// discard keeps a dropped segment's file for reuse, or removes it. The caller
// holds dropMu exclusively. A file that stays is removed at the next Open.
func (l *Log) discard(seg *segment) {
	l.manMu.Lock()
	defer l.manMu.Unlock()
	if l.closed.Load() { // and so may the directory
		return
	}
	path := segmentPath(l.o.Dir, seg.number)
	info, err := l.o.FS.Stat(path)
	if err == nil && info.Size == l.o.SegmentBytes && info.Links == 1 && len(l.spares) < len(l.streams) {
		n := l.nextSpare
		if l.o.FS.Rename(path, sparePath(l.o.Dir, n)) == nil {
			l.nextSpare++
			l.spares = append(l.spares, n)
			return
		}
	}
	l.o.FS.Remove(path)
}

// Abort gives the compaction up; nothing is dropped. After Finish it does
// nothing.
func (c *Compaction) Abort() {
	if l := c.l; l != nil {
		c.l = nil
		l.compacting.Store(false)
	}
}
