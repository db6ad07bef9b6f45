package persist

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"hpkv/persist/vfs"
)

// readers keeps segments open for ReadAt, about keepOpen of them.
type readers struct {
	mu    sync.Mutex
	files map[uint64]*reader
}

type reader struct {
	f     vfs.File
	users int
}

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
	r, err := l.reader(at.Segment)
	if err != nil {
		return Record{}, err
	}
	defer l.readers.release(r)
	e, err := readEntry(r.f, seg.seed, at.Offset, seg.end.Load())
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
	err = e.decode(b, seed, end-at)
	if errors.Is(err, errShort) {
		b = append(b, make([]byte, e.size-len(b))...)
		if err := readFull(f, b[recordHead:], at+recordHead); err != nil {
			return e, err
		}
		err = e.decode(b, seed, end-at)
	}
	if err == nil && (e.kind != typeRecord || e.flags&flagEcho != 0) {
		err = errForm
	}
	return e, err
}

// reader returns the segment opened for reading, to be released. The caller
// holds dropMu shared.
func (l *Log) reader(number uint64) (*reader, error) {
	rs := &l.readers
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r := rs.files[number]; r != nil {
		r.users++
		return r, nil
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
	if rs.files == nil {
		rs.files = make(map[uint64]*reader)
	}
	for n, r := range rs.files {
		if len(rs.files) < keepOpen {
			break
		}
		if r.users == 0 {
			rs.drop(n)
		}
	}
	r := &reader{f, 1}
	rs.files[number] = r
	return r, nil
}

func (rs *readers) release(r *reader) {
	rs.mu.Lock()
	r.users--
	rs.mu.Unlock()
}

// drop closes a segment that nobody reads. The caller holds mu.
func (rs *readers) drop(number uint64) {
	if r := rs.files[number]; r != nil {
		r.f.Close()
		delete(rs.files, number)
	}
}

// forget closes a segment's reader. The caller holds dropMu exclusively.
func (rs *readers) forget(number uint64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.drop(number)
}

func (rs *readers) close() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for n := range rs.files {
		rs.drop(n)
	}
}
