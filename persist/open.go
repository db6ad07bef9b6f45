package persist

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"hpkv/persist/vfs"
)

// Open takes the directory for itself, hands every record that counts to r, but
// for a draft (see Options), and begins a new generation for what is appended from
// now on. After an error nothing in the directory has changed, but for a lock file
// and what a previous attempt left behind.
func Open(o Options, r Replayer) (*Log, RecoveryReport, error) {
	var report RecoveryReport
	began := time.Now()
	o, err := o.withDefaults()
	if err != nil {
		return nil, report, err
	}
	lock, err := lockDir(o.FS, o.Dir, true)
	if err != nil {
		return nil, report, err
	}
	l, err := open(o, r, &report)
	if err != nil {
		lock.Close()
		return nil, report, err
	}
	l.lock = lock
	report.Elapsed = time.Since(began)
	l.start()
	return l, report, nil
}

// lockDir takes the lock of a directory, creating both if asked to.
func lockDir(fsys vfs.FS, dir string, create bool) (vfs.Lock, error) {
	info, err := fsys.Stat(dir)
	switch {
	case err == nil && !info.Dir:
		return nil, fmt.Errorf("%s is not a directory", dir)
	case errors.Is(err, fs.ErrNotExist) && create:
		if err := fsys.Mkdir(dir); err != nil {
			return nil, fmt.Errorf("cannot create the directory: %w", err)
		}
		if err := fsys.SyncDir(filepath.Dir(dir)); err != nil {
			return nil, fmt.Errorf("cannot sync %s: %w", filepath.Dir(dir), err)
		}
	case err != nil:
		return nil, err
	}
	lock, err := fsys.Lock(filepath.Join(dir, lockName), create)
	if errors.Is(err, vfs.ErrLocked) {
		return nil, &LockedError{dir}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock the directory: %w", err)
	}
	return lock, nil
}

func open(o Options, r Replayer, report *RecoveryReport) (*Log, error) {
	man, names, err := loadDir(o.FS, o.Dir)
	if err != nil {
		return nil, err
	}
	old := man
	man, report.Cuts, err = settle(context.Background(), o.FS, o.Dir, man, true)
	if err != nil {
		return nil, err
	}
	if !o.Draft {
		if err := replayAll(&o, man, r, report); err != nil {
			return nil, err
		}
	}
	l := newLog(o, man)
	if err := l.begin(old, names); err != nil {
		l.closeFiles()
		return nil, fmt.Errorf("cannot begin a new generation: %w", err)
	}
	return l, nil
}

// loadDir reads the manifest, an empty one if the directory is new, and lists
// the directory.
func loadDir(fsys vfs.FS, dir string) (*manifest, []string, error) {
	man, err := readManifest(fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	names, err := fsys.List(dir)
	if err != nil {
		return nil, nil, err
	}
	if man != nil {
		return man, names, nil
	}
	for _, name := range names {
		if _, ok := parseName(name, segmentExt); ok {
			return nil, nil, &CorruptError{dir, manifestName, 0, "there are segments, but no manifest"}
		}
	}
	var id [8]byte
	rand.Read(id[:]) // never fails
	man = &manifest{id: binary.LittleEndian.Uint64(id[:]), nextSegment: 1, nextGeneration: 1, base: 1}
	return man, names, nil
}

// settle returns the manifest of the log as it stands: with the last generation
// closed where it ends, and without what never counted. It changes no file, but
// if asked to makes sure that what counts is synced, as it must be before a
// manifest says that it counts.
func settle(ctx context.Context, fsys vfs.FS, dir string, man *manifest, sync bool) (*manifest, []Cut, error) {
	man = man.clone()
	man.dropDraft()
	var cuts []Cut
	if g := man.last(); g != nil && !g.closed {
		closed, used, c, err := findEnd(ctx, fsys, dir, man, *g)
		if err != nil {
			return nil, nil, err
		}
		for i := range used {
			if !sync {
				break
			}
			if err := syncSegment(fsys, dir, used[i].number); err != nil {
				return nil, nil, err
			}
		}
		kept := man.segments[:0]
		for _, s := range man.segments {
			if s.generation != g.number {
				kept = append(kept, s)
			}
		}
		man.segments = append(kept, used...)
		sortSegments(man.segments)
		*g, cuts = closed, c
	}
	man.dropEmpty()
	return man, cuts, nil
}

// dropEmpty removes generations in which nothing counts. The last one stays if
// it is the only one that knows the number of the last round.
func (m *manifest) dropEmpty() {
	kept := m.generations[:0]
	for i, g := range m.generations {
		if g.last >= g.first || i == len(m.generations)-1 && len(kept) == 0 {
			kept = append(kept, g)
		}
	}
	m.generations = kept
}

func syncSegment(fsys vfs.FS, dir string, number uint64) error {
	f, err := fsys.OpenWrite(segmentPath(dir, number))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func replayAll(o *Options, man *manifest, r Replayer, report *RecoveryReport) error {
	p := replay{fs: o.FS, dir: o.Dir, to: r, progress: o.OnProgress}
	for _, s := range man.segments {
		p.total += s.used - segmentHead
	}
	for i := range man.generations {
		if err := p.generation(man, &man.generations[i]); err != nil {
			return err
		}
		report.LastMs = max(report.LastMs, man.generations[i].lastMs)
	}
	report.Generations, report.Segments = len(man.generations), len(man.segments)
	report.Records, report.Bytes = p.records.Load(), p.total
	report.LastRound, _ = man.lastRound()
	return nil
}

func newLog(o Options, man *manifest) *Log {
	n := o.Streams
	l := &Log{
		o:       o,
		notable: int(min(o.MaxPending, bigBuffer)),
		streams: make([]stream, n),
		wake:    make(chan struct{}, 1),
		calls:   make(chan func()),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		man:     man,
		segs:    make(map[uint64]*segment),
		next:    make([]*segment, n),
		prepare: make(chan int, n),
		round:   round{parts: make([]part, n)},
	}
	last, ms := man.lastRound()
	l.open, l.lastMs = last+1, ms
	l.written.Store(last)
	l.synced.Store(last)
	l.durable.Store(last)
	l.policy.Store(int32(o.Policy))
	if o.Draft {
		l.draft.Store(draftOpen)
		l.before = last
	}
	for _, s := range man.segments {
		seg := &segment{segmentEntry: s, seed: seedOf(s.uid), size: s.used}
		seg.end.Store(s.used)
		seg.first.Store(1)
		l.segs[s.number] = seg
	}
	return l
}

// begin adds a generation with a segment for every stream to the manifest, then
// clears away what the manifest before had and this one has not. A disk may be full
// of just that, segments which the last process had prepared: then it goes first.
func (l *Log) begin(old *manifest, names []string) error {
	if old.serial == 0 {
		// Segments without a manifest are taken for a log that has lost it.
		old.serial, l.man.serial = 1, 1
		if err := writeManifest(l.o.FS, l.o.Dir, old); err != nil {
			return err
		}
	}
	for _, name := range names {
		if n, ok := parseName(name, spareExt); ok && len(l.spares) < len(l.streams) {
			l.spares = append(l.spares, n)
			l.nextSpare = max(l.nextSpare, n+1)
		} else if ok {
			l.o.FS.Remove(filepath.Join(l.o.Dir, name))
		}
		if n, ok := parseName(name, segmentExt); ok && !old.lists(n) {
			if err := l.o.FS.Remove(filepath.Join(l.o.Dir, name)); err != nil {
				return err
			}
		}
	}
	settled := l.man.clone()
	last, _ := l.man.lastRound()
	l.man.generations = append(l.man.generations, generation{
		number: l.man.nextGeneration, streams: len(l.streams), first: last + 1, draft: l.o.Draft,
	})
	l.man.nextGeneration++
	all := make([]int, len(l.streams))
	for i := range all {
		all[i] = i
	}
	l.manMu.Lock()
	defer l.manMu.Unlock()
	err := l.prepareSegments(all)
	if err != nil && canRetry(err) && len(old.segments) > 0 {
		// A manifest that knows where the last generation ends must be in place before
		// that generation loses its rest, as when a log is closed.
		settled.serial, settled.nextSegment = l.man.serial+1, l.man.nextSegment
		if e := l.replaceManifest(settled); e != nil {
			return errors.Join(err, e)
		}
		l.man.serial = settled.serial
		l.tidy(old)
		err = l.prepareSegments(all)
	}
	if err != nil {
		return err
	}
	l.tidy(old)
	return nil
}

// tidy removes the segments that only the manifest before had, and what others have
// behind the bytes that count.
func (l *Log) tidy(old *manifest) {
	for _, s := range old.segments {
		seg := l.segs[s.number]
		if seg == nil {
			l.o.FS.Remove(segmentPath(l.o.Dir, s.number))
		} else if s.used == 0 {
			trim(l.o.FS, segmentPath(l.o.Dir, s.number), seg.used)
		}
	}
}

func (m *manifest) lists(number uint64) bool {
	for i := range m.segments {
		if m.segments[i].number == number {
			return true
		}
	}
	return false
}

// trim gives back what a segment has behind the bytes that count, unless a
// backup shares the file. That is no loss if it fails.
func trim(fsys vfs.FS, path string, used int64) {
	if info, err := fsys.Stat(path); err != nil || info.Links > 1 || info.Size <= used {
		return
	}
	if f, err := fsys.OpenWrite(path); err == nil {
		f.Truncate(used)
		f.Close()
	}
}

func (l *Log) start() {
	l.work.Add(2)
	go l.preparer()
	go l.syncer()
	go l.commit()
}
