package persist

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"hpkv/persist/vfs"
)

// readFull fills b from a file that is long enough.
func readFull(f io.ReaderAt, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

const readWindow = 1 << 20

// segmentReader reads the entries of one segment in order, through a window.
type segmentReader struct {
	f     vfs.File
	seed  uint32
	limit int64 // where reading ends: the file's length or the bytes in use

	buf  []byte // the window
	base int64  // offset of buf[0]
	at   int    // of the next entry in buf
}

// reset begins with another segment, at offset from. It keeps the window's
// memory.
func (r *segmentReader) reset(f vfs.File, seed uint32, from, limit int64) {
	*r = segmentReader{f: f, seed: seed, limit: limit, buf: r.buf[:0], base: from}
}

// offset is where the next entry begins.
func (r *segmentReader) offset() int64 { return r.base + int64(r.at) }

// next makes e the next entry, valid until the following call. At the limit the
// error is io.EOF. errForm and errChecksum say that no entry begins here: the
// position stays.
func (r *segmentReader) next(e *entry) error {
	for {
		room := r.limit - r.offset()
		if room == 0 {
			return io.EOF
		}
		err := e.decode(r.buf[r.at:], r.seed, room)
		if err == nil {
			r.at += e.size
			return nil
		}
		if !errors.Is(err, errShort) {
			return err
		}
		if err := r.fill(e.size); err != nil {
			return err
		}
	}
}

// last returns the bytes of the entry that next has just returned.
func (r *segmentReader) last(e *entry) []byte { return r.buf[r.at-e.size : r.at] }

// ready reports whether next need not move the window, so that entries it has
// returned stay valid.
func (r *segmentReader) ready() bool {
	b := r.buf[r.at:]
	return len(b) >= recordHead && len(b) >= sizeOf(b)
}

// fill moves the window so that it holds need bytes from the position on; the
// limit leaves room for them.
func (r *segmentReader) fill(need int) error {
	r.base += int64(r.at)
	size := int(min(int64(max(need, readWindow)), r.limit-r.base))
	if size > cap(r.buf) {
		b := make([]byte, size)
		copy(b, r.buf[r.at:])
		r.buf, r.at = b[:len(r.buf)-r.at], 0
	} else {
		n := copy(r.buf[:cap(r.buf)], r.buf[r.at:])
		r.buf, r.at = r.buf[:n], 0
	}
	have := len(r.buf)
	r.buf = r.buf[:size]
	if err := readFull(r.f, r.buf[have:], r.base+int64(have)); err != nil {
		r.buf = r.buf[:have]
		return err
	}
	return nil
}

// rest is what a segment holds behind its last valid entry.
type rest struct {
	bytes  int64  // up to the last one that is not zero
	marks  int    // valid marks found there
	synced uint64 // the largest round that one of them calls synced
	first  uint64 // lowest round of those marks
	at     int64  // offset of the first of them
}

// endOf returns where the zeros at the end of b begin. Segments are mostly zeros
// behind what was written.
func endOf(b []byte) int {
	n := len(b)
	for n >= 8 && binary.LittleEndian.Uint64(b[n-8:]) == 0 {
		n -= 8
	}
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return n
}

// scanRest looks through the bytes of a segment from an offset to its end for
// round marks, which prove that more was written than can be read in order. It
// may stop at the first one. Where the file is known to have nothing but zeros it
// is not read.
func scanRest(f vfs.File, seed uint32, from, size int64, first bool) (found rest, err error) {
	const overlap = maxMark
	var buf []byte
	for base := from; base < size; base += readWindow {
		data, err := f.NextData(base)
		if err != nil {
			return found, err
		}
		// A mark may begin with zeros.
		if base = max(base, data-overlap); data >= size {
			break
		}
		if buf == nil {
			buf = make([]byte, min(size-base, readWindow+overlap))
		}
		b := buf[:min(size-base, int64(len(buf)))]
		if err := readFull(f, b, base); err != nil {
			return found, err
		}
		if n := endOf(b); n > 0 {
			found.bytes = base + int64(n) - from
		}
		for at := 0; ; {
			i := bytes.Index(b[at:], []byte(markMagic))
			if i < 0 || at+i-recordHead >= readWindow {
				break
			}
			begin := at + i - recordHead
			at += i + 1
			if begin < 0 {
				continue
			}
			var e entry
			if err := e.decode(b[begin:], seed, size-base-int64(begin)); err != nil {
				continue
			}
			m, err := decodeMark(&e, nil)
			if err != nil {
				continue
			}
			if found.marks == 0 {
				found.at, found.first = base+int64(begin), m.round
			}
			found.marks++
			found.synced = max(found.synced, m.synced)
			if first {
				return found, nil
			}
		}
	}
	return found, nil
}
