package persist

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"hpkv/persist/vfs"
)

// readers keeps segments open for ReadAt.
type readers struct {
	mu    sync.Mutex
	files map[uint64]vfs.File
}

// keepOpen is how many segments stay open for ReadAt.
const keepOpen = 64

// ReadAt returns the record at an address that replay told, checked against its
// checksum. The payload belongs to the caller.
func (l *Log) ReadAt(at Addr) (Record, error) {
	l.dropMu.RLock() // no file is reused or closed meanwhile
	defer l.dropMu.RUnlock()
	l.manMu.Lock()
	seg := l.segs[at.Segment]
	l.manMu.Unlock()
	if seg == nil {
		return Record{}, ErrGone
	}
	f, err := l.reader(at.Segment)
	if err != nil {
		return Record{}, err
	}
	e, err := readEntry(f, seg.seed, at.Offset, seg.end.Load())
	if errors.Is(err, errForm) || errors.Is(err, errChecksum) {
		err = &CorruptError{l.o.Dir, segmentName(at.Segment), at.Offset, err.Error()}
	}
	return e.Record, err
}

// readEntry reads the record at an offset of a segment in which end bytes are in
// use.
func readEntry(f vfs.File, seed uint32, at, end int64) (e entry, err error) {
	if at < segmentHead || at > end-recordHead {
		return e, errForm
	}
	b := make([]byte, recordHead)
	if err := readFull(f, b, at); err != nil {
		return e, err
	}
	e, err = decodeEntry(b, seed, end-at)
	if errors.Is(err, errShort) {
		b = append(b, make([]byte, e.size-len(b))...)
		if err := readFull(f, b[recordHead:], at+recordHead); err != nil {
			return e, err
		}
		e, err = decodeEntry(b, seed, end-at)
	}
	if err == nil && e.kind != typeRecord {
		err = errForm
	}
	return e, err
}

// reader returns the segment opened for reading. The caller holds dropMu shared.
func (l *Log) reader(number uint64) (vfs.File, error) {
	l.readers.mu.Lock()
	defer l.readers.mu.Unlock()
	if f := l.readers.files[number]; f != nil {
		return f, nil
	}
	if l.closed.Load() {
		return nil, ErrClosed
	}
	f, err := l.o.FS.Open(segmentPath(l.o.Dir, number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrGone, segmentName(number))
	}
	if err != nil {
		return nil, err
	}
	if l.readers.files == nil {
		l.readers.files = make(map[uint64]vfs.File)
	}
	l.readers.files[number] = f
	return f, nil
}

// forget closes a segment's reader. The caller holds dropMu exclusively.
func (r *readers) forget(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.files[number]; f != nil {
		f.Close()
		delete(r.files, number)
	}
}

func (r *readers) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, f := range r.files {
		f.Close()
		delete(r.files, n)
	}
}
