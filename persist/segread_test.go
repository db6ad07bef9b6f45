package persist

import (
	"bytes"
	"slices"
	"testing"

	"hpkv/persist/vfs"
)

// fileOf is a file to be read.
type fileOf struct {
	vfs.File
	b     []byte
	holes bool // knows where it has zeros
}

func (f *fileOf) ReadAt(b []byte, off int64) (int, error) { return bytes.NewReader(f.b).ReadAt(b, off) }

func (f *fileOf) NextData(off int64) (int64, error) {
	if !f.holes {
		return off, nil
	}
	const page = 4096
	for at := off; at < int64(len(f.b)); at = (at/page + 1) * page {
		if len(bytes.TrimLeft(f.b[at:min((at/page+1)*page, int64(len(f.b)))], "\x00")) > 0 {
			return at, nil
		}
	}
	return int64(len(f.b)), nil
}

// TestScanRest finds a mark wherever it is, across the windows in which a
// segment is looked through, and no mark of another segment.
func TestScanRest(t *testing.T) {
	streams := make([]uint16, 300)
	for i := range streams {
		streams[i] = uint16(i)
	}
	m := mark{round: 7, synced: 5, start: 64, records: 1, streams: streams}
	b := appendMark(nil, &m, seedOf(1))
	const from = 64
	file := make([]byte, 3*readWindow)
	holes := false
	f := func(size int64) vfs.File {
		holes = !holes
		return &fileOf{b: file[:size], holes: holes}
	}
	for _, size := range []int64{readWindow / 2, 3 * readWindow} {
		for window := int64(0); window <= 2*readWindow; window += readWindow {
			for near := -int64(len(b)) - 3; near < 60; near += 3 {
				at := from + window + near // around a page's end, too
				if at < from || at+int64(len(b)) > size {
					continue
				}
				clear(file[:size])
				copy(file[at:], b)
				want := rest{bytes: at + int64(len(b)) - from, marks: 1, synced: 5, first: 7, at: at}
				if got, err := scanRest(f(size), seedOf(1), from, size, false); got != want || err != nil {
					t.Fatalf("a mark at %d of %d: %+v, %v", at, size, got, err)
				}
				if got, _ := scanRest(f(size), seedOf(2), from, size, false); got.marks != 0 {
					t.Fatalf("a foreign mark at %d: %+v", at, got)
				}
				if near%30 != 0 {
					continue
				}
				copy(file[at+recordHead:], slices.Repeat([]byte(markMagic), 3))
				if got, _ := scanRest(f(size), seedOf(1), from, size, true); got.marks != 0 {
					t.Fatalf("a spoilt mark at %d: %+v", at, got)
				}
			}
		}
	}
}

// TestScanRestZeros: a mark that begins with zeros is found although these look
// like a hole.
func TestScanRestZeros(t *testing.T) {
	m := mark{round: 7, synced: 5, start: 64, streams: []uint16{0}}
	for uid := uint64(1); ; uid++ { // until the checksum begins with a zero
		b := appendMark(nil, &m, seedOf(uid))
		if b[0] != 0 {
			continue
		}
		f := &fileOf{b: make([]byte, 3<<20), holes: true}
		at := int64(2<<20 - 1)
		copy(f.b[at:], b)
		if got, err := scanRest(f, seedOf(uid), 64, int64(len(f.b)), false); got.marks != 1 || got.at != at || err != nil {
			t.Fatalf("a mark at %d: %+v, %v", at, got, err)
		}
		return
	}
}

// TestUnusedIsNotRead: what was allocated and never used costs a start after a
// kill no reading.
func TestUnusedIsNotRead(t *testing.T) {
	mem := vfs.NewMem("/")
	const segments = 16 << 20
	o := Options{FS: mem, Dir: "/log", Streams: 2, SegmentBytes: segments}
	l, _, _ := mustOpen(t, o)
	put(l, 0, "value")
	mustSync(t, l)
	o.FS = mem.Clone()
	l.Close()
	faulty, reads := vfs.NewFaulty(o.FS), 0
	faulty.Set(func(op, _ string) error {
		if op == "readat" {
			reads++
		}
		return nil
	})
	o.FS = faulty
	l, _, report := mustOpen(t, o)
	defer l.Close()
	if report.Records != 1 || reads > segments/readWindow/2 {
		t.Errorf("%d records; %d reads of segments of %d windows", report.Records, reads, segments/readWindow)
	}
}

// TestSharedIsNotTrimmed: what a backup shares with the log stays as it is when
// recovery gives back the unused ends of segments.
func TestSharedIsNotTrimmed(t *testing.T) {
	mem := vfs.NewMem("/")
	o := Options{FS: mem, Dir: "/log", Streams: 1, SegmentBytes: 4096}
	l, _, _ := mustOpen(t, o)
	for range 4 {
		put(l, 0, string(make([]byte, 2500))) // one in a segment
		mustSync(t, l)
	}
	if err := l.Backup(ctx, "/backup", nil); err != nil {
		t.Fatal(err)
	}
	mem = mem.Clone()
	l.Close()
	o.FS = mem
	l, _, _ = mustOpen(t, o)
	l.Close()
	for n, want := range map[uint64]vfs.Info{
		1: {Size: 4096, Links: 2},
		4: {Size: 64 + 20 + 2500 + int64(markSize(1)), Links: 1}, // was growing: a copy
	} {
		if info, err := mem.Stat(segmentPath("/backup", n)); info != want || err != nil {
			t.Errorf("segment %d of the backup: %+v, %v; want %+v", n, info, err, want)
		}
	}
	if info, _ := mem.Stat(segmentPath("/log", 4)); info.Size != 64+20+2500+int64(markSize(1)) {
		t.Errorf("the log's last segment was not trimmed: %+v", info)
	}
}

// TestEndOf: zeros at the end are cut off, wherever they begin.
func TestEndOf(t *testing.T) {
	for size := range 40 {
		for n := range size + 1 {
			b := make([]byte, size)
			if n > 0 {
				b[n-1] = 1
			}
			if got := endOf(b); got != n {
				t.Errorf("%d bytes, of which %d count: %d", size, n, got)
			}
		}
	}
}
