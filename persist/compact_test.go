package persist

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"hpkv/persist/vfs"
)

func put(l *Log, stream int, payload string) uint64 {
	return l.Append(stream, Record{Payload: []byte(payload)})
}

// payloads lists what was replayed of one stream.
func payloads(list []kept) string {
	var b strings.Builder
	for _, k := range list {
		b.WriteString(k.payload + " ")
	}
	return strings.TrimSpace(b.String())
}

// TestCompaction: what was appended before it is gone after Finish, what came
// later is there, files are reused, and an aborted one changes nothing.
func TestCompaction(t *testing.T) {
	o := Options{Dir: t.TempDir() + "/log", Streams: 2, SegmentBytes: 4096}
	l, _, _ := mustOpen(t, o)
	filler := strings.Repeat("x", 500)
	for i := range 100 {
		put(l, i%2, filler)
		mustSync(t, l)
	}
	before := l.Size()
	c, err := l.BeginCompaction()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.BeginCompaction(); err != ErrCompacting {
		t.Errorf("a second compaction: %v", err)
	}
	put(l, 0, "state0")
	put(l, 1, "state1")
	if err := c.Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	if after := l.Size(); after >= before/10 || l.BaseSize() != after {
		t.Errorf("size %d, then %d, base size %d", before, after, l.BaseSize())
	}
	l.manMu.Lock()
	spares, names := 0, list(t, o.Dir)
	for _, name := range names {
		if strings.HasSuffix(name, spareExt) {
			spares++
		}
	}
	for _, seg := range l.next {
		if seg != nil && seg.reused { // by the preparer, which comes late to what was asked for before
			spares++
		}
	}
	l.manMu.Unlock()
	if spares != 2 {
		t.Errorf("%d spare files, want 2: %v", spares, names)
	}
	c, err = l.BeginCompaction()
	if err != nil {
		t.Fatal(err)
	}
	put(l, 0, "later0")
	c.Abort()
	c.Abort()
	put(l, 0, filler)
	mustClose(t, l)

	l, got, _ := mustOpen(t, o)
	if s := payloads(got.streams[0]); s != "state0 later0 "+filler {
		t.Errorf("stream 0: %s", s)
	}
	if s := payloads(got.streams[1]); s != "state1" {
		t.Errorf("stream 1: %s", s)
	}
	// Without anything appended, compaction leaves an empty log.
	if c, err = l.BeginCompaction(); err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	l, got, report := mustOpen(t, o)
	defer l.Close()
	if len(got.all) != 0 || len(report.Cuts) != 0 {
		t.Errorf("an emptied log gave %d records, %v", len(got.all), report.Cuts)
	}
	if _, err := l.ReadAt(Addr{1, segmentHead}); err != ErrGone {
		t.Errorf("ReadAt in a dropped segment: %v", err)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestCompactionOfClosedLog: a compaction that Close has overtaken leaves the
// directory alone, which may be in use by another log.
func TestCompactionOfClosedLog(t *testing.T) {
	mem := vfs.NewMem("/")
	l, _, _ := mustOpen(t, Options{FS: mem, Dir: "/log", Streams: 2, SegmentBytes: 4096})
	put(l, 0, "x")
	mustSync(t, l)
	c, err := l.BeginCompaction()
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	before := mem.Ops()
	if err := c.Finish(ctx); err != ErrClosed {
		t.Errorf("Finish: %v", err)
	}
	// What either does last, where Close comes just before that.
	if _, err := l.dropBefore(2, 1, 0); err != ErrClosed {
		t.Errorf("dropping segments: %v", err)
	}
	if err := l.prepareAll(); err != ErrClosed {
		t.Errorf("preparing segments: %v", err)
	}
	for _, seg := range l.segs {
		l.discard(seg)
	}
	if mem.Ops() != before {
		t.Error("the directory has changed")
	}
}

// TestRoundsCount: round numbers go on over restarts, compactions and empty
// runs.
func TestRoundsCount(t *testing.T) {
	o := Options{Dir: t.TempDir() + "/log", Streams: 2}
	last := uint64(0)
	for run := range 8 {
		l, _, report := mustOpen(t, o)
		if report.LastRound != last || l.Durable() != last || l.Synced() != last {
			t.Fatalf("run %d began at round %d, want %d", run, report.LastRound, last)
		}
		if run%3 == 1 {
			c, err := l.BeginCompaction()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Finish(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if run%2 == 0 {
			last = put(l, run%2, fmt.Sprint(run))
		}
		mustClose(t, l)
	}
}
