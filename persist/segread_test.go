package persist

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"hpkv/persist/vfs"
)

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
	f := func(size int64) io.ReaderAt { return bytes.NewReader(file[:size]) }
	for _, size := range []int64{readWindow / 2, 3 * readWindow} {
		for window := int64(0); window <= 2*readWindow; window += readWindow {
			for near := -int64(len(b)) - 3; near < 30; near += 3 {
				at := from + window + near
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
