package persist

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"hpkv/persist/vfs"
)

// ensureRoom makes the stream's segment have room for need bytes of the round,
// going on to the next segment if necessary. It may be repeated after an error.
func (l *Log) ensureRoom(stream int, need int64, round uint64) error {
	cur := l.streams[stream].cur
	if cur != nil && cur.end.Load()+need <= cur.size {
		return nil
	}
	return l.rotate(stream, need, round)
}

// rotate begins the stream's next segment.
func (l *Log) rotate(stream int, need int64, round uint64) error {
	next, err := l.takeNext(stream)
	if err != nil {
		return err
	}
	if segmentHead+need > next.size {
		if err := next.file.Allocate(segmentHead + need); err != nil {
			return err
		}
		next.size = segmentHead + need
	}
	h := header{uint16(stream), next.generation, next.number, next.uid, round, l.lastMs}
	if _, err := next.file.WriteAt(h.encode(), 0); err != nil {
		return fmt.Errorf("write to %s: %w", segmentName(next.number), err)
	}
	next.first.Store(round)
	next.end.Store(segmentHead)
	l.manMu.Lock()
	l.next[stream] = nil
	l.manMu.Unlock()
	l.markDirty(next)
	s := &l.streams[stream]
	if s.cur != nil {
		l.retire(s.cur)
	}
	s.cur = next
	return nil
}

// takeNext returns the segment prepared for a stream, preparing one now if need
// be. It stays the prepared one until the caller has begun it.
func (l *Log) takeNext(stream int) (*segment, error) {
	l.manMu.Lock()
	defer l.manMu.Unlock()
	if l.next[stream] == nil {
		if err := l.prepareSegments([]int{stream}); err != nil {
			return nil, err
		}
	}
	return l.next[stream], nil
}

// askForNext has a successor prepared once a stream's segment is half full.
func (l *Log) askForNext(stream int) {
	cur := l.streams[stream].cur
	if cur.preparing || cur.end.Load() < cur.size/2 {
		return
	}
	select {
	case l.prepare <- stream:
		cur.preparing = true
	default: // busy: the next round asks again
	}
}

// preparer prepares segments ahead of their use, so that the committer need not
// wait for it.
func (l *Log) preparer() {
	defer l.work.Done()
	for {
		select {
		case stream := <-l.prepare:
			if _, err := l.takeNext(stream); err != nil {
				l.prepareFailed(err)
			}
		case <-l.closing:
			return
		}
	}
}

// prepareFailed: a full disk only matters once the segment is needed.
func (l *Log) prepareFailed(err error) {
	if canRetry(err) {
		l.count.setError(err)
		return
	}
	l.fail(err)
}

// prepareSegments makes a segment for each of the streams that has none
// prepared, and lists them in the manifest. On an error there is none. The
// caller holds manMu.
func (l *Log) prepareSegments(streams []int) (err error) {
	man := l.man.clone()
	man.serial++
	var made []*segment
	defer func() {
		if err == nil {
			return
		}
		for _, seg := range made {
			seg.file.Close()
			if canRetry(err) { // else a manifest that lists it may be in place
				l.o.FS.Remove(segmentPath(l.o.Dir, seg.number))
			}
		}
	}()
	for _, stream := range streams {
		if l.next[stream] != nil {
			continue
		}
		seg, err := l.makeSegment(man, stream)
		if err != nil {
			return err
		}
		made = append(made, seg)
		man.segments = append(man.segments, seg.segmentEntry)
	}
	if len(made) == 0 {
		return nil
	}
	// The names must last before a manifest that lists them can.
	if err := syncDir(l.o.FS, l.o.Dir); err != nil {
		return err
	}
	if err := l.replaceManifest(man); err != nil {
		return err
	}
	l.man = man
	for _, seg := range made {
		l.next[seg.stream] = seg
		l.segs[seg.number] = seg
	}
	return nil
}

// canRetry reports whether an operation that failed may succeed once the disk
// has room again, and until then has changed nothing that lasts.
func canRetry(err error) bool {
	var dirSync *dirSyncError
	return vfs.IsFull(err) && !errors.As(err, &dirSync)
}

// makeSegment makes the file of a new segment, out of a spare one if there is
// one, and counts it in man.
func (l *Log) makeSegment(man *manifest, stream int) (*segment, error) {
	var uid [8]byte
	rand.Read(uid[:]) // never fails
	seg := &segment{segmentEntry: segmentEntry{
		number:     man.nextSegment,
		generation: man.last().number,
		stream:     stream,
		uid:        binary.LittleEndian.Uint64(uid[:]),
	}}
	seg.seed = seedOf(seg.uid)
	man.nextSegment++
	// A number is never used twice, even if this attempt fails.
	l.man.nextSegment = man.nextSegment
	path := segmentPath(l.o.Dir, seg.number)
	if f := l.reuseSpare(path); f != nil {
		seg.file, seg.reused = f, true
	} else {
		f, err := l.o.FS.Create(path)
		if err != nil {
			return nil, err
		}
		if err := allocate(f, l.o.SegmentBytes); err != nil {
			f.Close()
			l.o.FS.Remove(path)
			return nil, err
		}
		seg.file = f
	}
	size, err := seg.file.Size()
	if err == nil {
		err = seg.file.Sync() // its length, so that the first round need not
	}
	if err != nil {
		seg.file.Close()
		l.o.FS.Remove(path)
		return nil, err
	}
	seg.size = size
	return seg, nil
}

const (
	// leastSegment is how small a segment may be on a disk that is nearly full.
	leastSegment = 64 << 10
	// leaveFree is what such a segment leaves of the disk, for the manifest.
	leaveFree = 32 << 10
)

// allocate gives a new file its length, a smaller one if there is no room for
// it: what is left of the disk is used, but for a little.
func allocate(f vfs.File, size int64) error {
	for free := int64(0); ; free = leaveFree {
		err := f.Allocate(size + free)
		if err == nil && free > 0 {
			return f.Truncate(size)
		}
		if err == nil || !vfs.IsFull(err) || size <= leastSegment {
			return err
		}
		if err := f.Truncate(0); err != nil { // gives back what was allocated in part
			return err
		}
		size = max(size/4, leastSegment)
	}
}

// reuseSpare gives a spare file a new name and opens it; nil if there is none.
func (l *Log) reuseSpare(path string) vfs.File {
	for len(l.spares) > 0 {
		n := l.spares[len(l.spares)-1]
		l.spares = l.spares[:len(l.spares)-1]
		if l.o.FS.Rename(sparePath(l.o.Dir, n), path) != nil {
			continue
		}
		f, err := l.o.FS.OpenWrite(path)
		if err != nil {
			l.o.FS.Remove(path)
			continue
		}
		return f
	}
	return nil
}

func sparePath(dir string, n uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", n, spareExt))
}
