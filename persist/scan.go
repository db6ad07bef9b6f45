package persist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"hpkv/persist/vfs"
)

// place is a position in a stream of segments, and why reading ended there.
type place struct {
	Addr
	reason string
}

// scanned is a round mark that a scan met, in the order of its stream.
type scanned struct {
	mark
	segment int   // index into the scan's segments
	end     int64 // where the mark ends
}

// scan reads the segments of one stream of the generation that a crash left
// open, and tells of every round mark that all bytes before it in its segment
// lead up to.
type scan struct {
	ctx      context.Context
	fs       vfs.FS
	dir      string
	segments []segmentEntry
	marks    chan scanned  // closed at the end
	stop     chan struct{} // closed: nobody listens any more
	repair   *repair       // not nil: a missing segment, or a wrong header, is damage like any other
	bound    uint64        // no later round belongs to the generation

	// Set once marks is closed.
	err    error
	synced uint64  // the largest round that any mark calls synced
	breaks []place // where the entries of each segment end
	rests  []rest  // what is behind, by segment
	begun  []bool  // whether the segment has a valid header
	valid  []int64 // bytes of whole entries behind the last mark, by segment
}

func (s *scan) run() {
	defer close(s.marks)
	var r segmentReader
	n := len(s.segments)
	s.breaks, s.rests, s.begun, s.valid = make([]place, n), make([]rest, n), make([]bool, n), make([]int64, n)
	for i := range s.segments {
		if s.err = s.segment(i, &r); s.err != nil {
			return
		}
		if s.repair != nil {
			s.repair.tell(&s.segments[i])
		}
	}
}

func (s *scan) segment(i int, r *segmentReader) error {
	seg := &s.segments[i]
	f, err := openSegment(s.fs, s.dir, seg.number)
	if s.repair != nil && isDamage(err) {
		s.breaks[i] = place{Addr{seg.number, 0}, "the segment is missing"}
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if seg.used > 0 {
		size = min(size, seg.used)
	}
	seed := seedOf(seg.uid)
	at := int64(0)
	reason := "the segment has no valid header"
	if _, err := readHeader(f, size, s.dir, seg); err == nil {
		s.begun[i] = true
		at, reason, err = s.entries(i, f, r, size)
		if err != nil {
			return err
		}
	} else if !errors.Is(err, errHeader) && !(s.repair != nil && isDamage(err)) {
		return err
	}
	s.breaks[i] = place{Addr{seg.number, at}, reason}
	if s.rests[i], err = scanRest(f, seed, at, size, false); err != nil {
		return err
	}
	s.synced = max(s.synced, s.rests[i].synced)
	return nil
}

// entries reads entries up to the first that is not valid and returns where it
// is and why.
func (s *scan) entries(i int, f vfs.File, r *segmentReader, size int64) (at int64, reason string, err error) {
	r.reset(f, seedOf(s.segments[i].uid), segmentHead, size)
	begin, records := int64(segmentHead), uint32(0) // of the round being read
	var streams []uint16
	var e entry
	for n := 0; ; n++ {
		if n%1024 == 0 && s.ctx.Err() != nil {
			return at, "", s.ctx.Err()
		}
		at = r.offset()
		err := r.next(&e)
		switch {
		case errors.Is(err, io.EOF):
			s.valid[i] = at - begin
			return at, "the segment ends", nil
		case errors.Is(err, errForm) || errors.Is(err, errChecksum):
			s.valid[i] = at - begin
			return at, err.Error(), nil
		case err != nil:
			return at, "", err
		}
		if e.kind == typeRecord {
			records++
			continue
		}
		m, err := decodeMark(&e, streams)
		if err != nil {
			return at, "a round mark has no valid form", nil
		}
		if m.start != begin || m.records != records {
			return at, "a round mark does not fit the records before it", nil
		}
		if m.round > s.bound {
			return begin, "the following rounds belong to no run", nil
		}
		streams = m.streams
		s.synced = max(s.synced, m.synced)
		begin, records = r.offset(), 0
		select {
		case s.marks <- scanned{m, i, begin}:
		case <-s.stop:
			return begin, "stopped", nil
		}
	}
}

// isDamage reports whether an error says that data are missing or damaged.
func isDamage(err error) bool {
	var corrupt *CorruptError
	return errors.As(err, &corrupt)
}

// openSegment opens a segment that must exist.
func openSegment(fsys vfs.FS, dir string, number uint64) (vfs.File, error) {
	f, err := fsys.Open(segmentPath(dir, number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &CorruptError{dir, segmentName(number), 0, "the segment is missing"}
	}
	return f, err
}

// readHeader reads a segment's header and holds it against the manifest's
// entry. What was never begun, or belongs to an earlier use of the file, gives
// errHeader.
func readHeader(f vfs.File, size int64, dir string, seg *segmentEntry) (h header, err error) {
	if size < segmentHead {
		return h, errHeader
	}
	var b [segmentHead]byte
	if err := readFull(f, b[:], 0); err != nil {
		return h, err
	}
	h, err = decodeHeader(b[:])
	if errors.Is(err, errHeader) {
		return h, err
	}
	if err != nil {
		return h, &CorruptError{dir, segmentName(seg.number), 0, err.Error()}
	}
	if h.uid != seg.uid {
		return h, errHeader
	}
	if h.number != seg.number || h.generation != seg.generation || int(h.stream) != seg.stream {
		return h, &CorruptError{dir, segmentName(seg.number), 0,
			fmt.Sprintf("its header is that of segment %x, stream %d, generation %d", h.number, h.stream, h.generation)}
	}
	return h, nil
}
