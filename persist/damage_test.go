package persist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

const damageRounds = 6

// crashedLog is a log that was not closed: one stream, some rounds of one
// record each, all synced. Under Always each mark says so of the one before.
func crashedLog(t *testing.T) (*vfs.Mem, Options) {
	mem := vfs.NewMem("/")
	o := Options{FS: mem, Dir: "/log", Streams: 1, SegmentBytes: 4096, Policy: Always, SyncEvery: time.Hour}
	l, _, _ := mustOpen(t, o)
	for i := range damageRounds {
		if err := l.WaitDurable(context.Background(), put(l, 0, fmt.Sprintf("record %d", i))); err != nil {
			t.Fatal(err)
		}
	}
	left := mem.Crash(mem.Ops(), nil)
	l.Close()
	o.FS = left
	return left, o
}

func readAll(t *testing.T, fsys vfs.FS, path string) []byte {
	t.Helper()
	f, err := fsys.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if err := readFull(f, b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

func overwrite(t *testing.T, fsys vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fsys.OpenWrite(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(len(b))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
}

// ends returns where each round of a segment with valid contents ends.
func ends(t *testing.T, b []byte) (ends []int64) {
	t.Helper()
	h, err := decodeHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	mem := vfs.NewMem("/")
	if err := writeFile(mem, "/x", b); err != nil {
		t.Fatal(err)
	}
	f, _ := mem.Open("/x")
	var r segmentReader
	r.reset(f, seedOf(h.uid), segmentHead, int64(len(b)))
	var e entry
	for {
		if err := r.next(&e); err != nil {
			return ends
		}
		if e.kind == typeMark {
			ends = append(ends, r.offset())
		}
	}
}

// recoveredIn opens a copy of a log whose only segment is b instead.
func recoveredIn(t *testing.T, o Options, b []byte) (*collector, RecoveryReport, error) {
	t.Helper()
	mem := o.FS.(*vfs.Mem).Clone()
	overwrite(t, mem, segmentPath("/log", 1), b)
	o.FS = mem
	var c collector
	l, report, err := Open(o, &c)
	if err != nil {
		return nil, report, err
	}
	l.Close()
	return &c, report, nil
}

// checkPrefix holds what came back against the first so many records.
func checkPrefix(t *testing.T, c *collector, n int, what string) {
	t.Helper()
	if len(c.all) != n {
		t.Errorf("%s: %d records came back, want %d", what, len(c.all), n)
		return
	}
	for i, k := range c.all {
		if k.payload != fmt.Sprintf("record %d", i) {
			t.Errorf("%s: record %d is %q", what, i, k.payload)
		}
	}
}

// whole counts the rounds that end at or before an offset.
func whole(ends []int64, at int64) int {
	n, _ := slices.BinarySearch(ends, at+1)
	return n
}

// TestTruncated cuts the last segment at every byte.
func TestTruncated(t *testing.T) {
	mem, o := crashedLog(t)
	b := readAll(t, mem, segmentPath("/log", 1))
	ends := ends(t, b)
	for n := range ends[len(ends)-1] + 2 {
		c, report, err := recoveredIn(t, o, b[:n])
		what := fmt.Sprintf("%d bytes", n)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		count := whole(ends, n)
		checkPrefix(t, c, count, what)
		end := int64(0)
		if count > 0 {
			end = ends[count-1]
		}
		// A record that begins with zeros looks unused while no more of it is there.
		last := max(end, segmentHead)
		unused := n > last && len(bytes.Trim(b[last:n], "\x00")) == 0
		exact := n == end || n == 0 || n == segmentHead || n > ends[len(ends)-1] || unused
		if exact != (len(report.Cuts) == 0) {
			t.Errorf("%s: cuts %v", what, report.Cuts)
		}
	}
}

// TestFlipped flips every bit of a log's bytes in use: in the last round, which
// nothing proves synced, that cuts it; before, it refuses to start and names the
// place.
func TestFlipped(t *testing.T) {
	mem, o := crashedLog(t)
	b := readAll(t, mem, segmentPath("/log", 1))
	ends := ends(t, b)
	last := ends[len(ends)-2] // where the last round begins
	for bit := range 8 * ends[len(ends)-1] {
		at := bit / 8
		b[at] ^= 1 << (bit % 8)
		c, report, err := recoveredIn(t, o, b)
		b[at] ^= 1 << (bit % 8)
		what := fmt.Sprintf("bit %d of byte %d", bit%8, at)
		if at >= last {
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			checkPrefix(t, c, damageRounds-1, what)
			if len(report.Cuts) != 1 || report.Cuts[0].Offset != last {
				t.Errorf("%s: cuts %v", what, report.Cuts)
			}
			continue
		}
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) {
			t.Fatalf("%s: error %v", what, err)
		}
		begin, end := int64(0), int64(segmentHead)
		if n := whole(ends, at); at >= segmentHead {
			begin, end = segmentHead, ends[n]
			if n > 0 {
				begin = ends[n-1]
			}
		}
		if corrupt.File != segmentName(1) || corrupt.Offset < begin || corrupt.Offset >= end || !strings.Contains(err.Error(), "hpkv-admin repair") {
			t.Fatalf("%s: %v; the damage is between %d and %d", what, err, begin, end)
		}
	}
}

// TestTails: what a crash may leave behind the last round never counts, and
// never stops the start.
func TestTails(t *testing.T) {
	mem, o := crashedLog(t)
	b := readAll(t, mem, segmentPath("/log", 1))
	ends := ends(t, b)
	end := ends[len(ends)-1]
	lastRound := slices.Clone(b[ends[len(ends)-2]:end])
	lastRecord := lastRound[:len(lastRound)-markSize(1)]
	garbage := make([]byte, 700)
	for i := range garbage {
		garbage[i] = byte(i*i>>3) | 1
	}
	for name, tail := range map[string][]byte{
		"zeros":                nil,
		"garbage":              garbage,
		"last round again":     lastRound,
		"last record again":    lastRecord,
		"last round twice":     append(slices.Clone(lastRound), lastRound...),
		"first round again":    b[segmentHead:ends[0]],
		"all again":            b[:end],
		"a mark without round": lastRound[len(lastRecord):],
		"half a record":        lastRecord[:len(lastRecord)/2],
	} {
		tailed := slices.Clone(b)
		clear(tailed[end:])
		copy(tailed[end:], tail)
		c, report, err := recoveredIn(t, o, tailed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkPrefix(t, c, damageRounds, name)
		if (len(report.Cuts) > 0) != (tail != nil) {
			t.Errorf("%s: cuts %v", name, report.Cuts)
		}
	}
	// The last round zeroed, from every byte on, as file systems do.
	for at := ends[len(ends)-2]; at < end; at++ {
		zeroed := slices.Clone(b)
		clear(zeroed[at:])
		if slices.Equal(zeroed, b) {
			break // it ends with zeros anyway
		}
		c, _, err := recoveredIn(t, o, zeroed)
		if err != nil {
			t.Fatalf("zeros from %d: %v", at, err)
		}
		checkPrefix(t, c, damageRounds-1, fmt.Sprintf("zeros from %d", at))
	}
	// Zeros within what was synced are damage.
	zeroed := slices.Clone(b)
	clear(zeroed[ends[1]:ends[2]])
	if _, _, err := recoveredIn(t, o, zeroed); !isDamage(err) {
		t.Errorf("a zeroed round: %v", err)
	}
}

// TestMissing: a segment or a manifest that is missing or damaged stops the
// start and changes nothing.
func TestMissing(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, mem *vfs.Mem){
		"segment":  func(t *testing.T, mem *vfs.Mem) { mem.Remove(segmentPath("/log", 1)) },
		"manifest": func(t *testing.T, mem *vfs.Mem) { mem.Remove("/log/" + manifestName) },
		"manifest damaged": func(t *testing.T, mem *vfs.Mem) {
			b := readAll(t, mem, "/log/"+manifestName)
			b[len(b)/2] ^= 4
			overwrite(t, mem, "/log/"+manifestName, b)
		},
		"manifest cut": func(t *testing.T, mem *vfs.Mem) {
			overwrite(t, mem, "/log/"+manifestName, readAll(t, mem, "/log/"+manifestName)[:50])
		},
		"header of another segment": func(t *testing.T, mem *vfs.Mem) {
			b := readAll(t, mem, segmentPath("/log", 1))
			h, _ := decodeHeader(b)
			h.stream = 5
			copy(b, h.encode())
			overwrite(t, mem, segmentPath("/log", 1), b)
		},
	} {
		for _, closed := range []bool{false, true} {
			mem, o := crashedLog(t)
			if closed {
				l, _, _ := mustOpen(t, o)
				mustClose(t, l)
			}
			spoil(t, mem)
			ops := mem.Ops()
			if _, _, err := Open(o, discard{}); !isDamage(err) {
				t.Errorf("%s missing, closed %v: %v", name, closed, err)
			}
			if mem.Ops() != ops {
				t.Errorf("%s missing, closed %v: Open changed something", name, closed)
			}
		}
	}
}

// TestClosedLogDamaged: in a log that was closed every byte must be right.
func TestClosedLogDamaged(t *testing.T) {
	mem, o := crashedLog(t)
	l, _, _ := mustOpen(t, o)
	mustClose(t, l)
	b := readAll(t, mem, segmentPath("/log", 1))
	for at := range b {
		b[at] ^= 1
		if _, _, err := recoveredIn(t, o, b); !isDamage(err) {
			t.Fatalf("byte %d of %d: %v", at, len(b), err)
		}
		b[at] ^= 1
	}
	if _, _, err := recoveredIn(t, o, b[:len(b)-1]); !isDamage(err) {
		t.Errorf("cut by a byte: %v", err)
	}
}

// TestStreamDamage damages one of three streams: rounds it has no part in do
// not hide the damage.
func TestStreamDamage(t *testing.T) {
	mem := vfs.NewMem("/")
	o := Options{FS: mem, Dir: "/log", Streams: 3, SegmentBytes: 4096, Policy: Always, SyncEvery: time.Hour}
	l, _, _ := mustOpen(t, o)
	for i := range 9 {
		l.WaitDurable(context.Background(), put(l, i/3, fmt.Sprintf("record %d", i)))
	}
	o.FS = mem.Crash(mem.Ops(), nil)
	l.Close()
	for stream := range 3 {
		n := uint64(stream + 1)
		b := readAll(t, o.FS, segmentPath("/log", n))
		ends := ends(t, b)
		for round, from := range append([]int64{segmentHead}, ends[:len(ends)-1]...) {
			zeroed := slices.Clone(b)
			clear(zeroed[from:]) // this round of the stream and those behind it
			damaged := o
			image := o.FS.(*vfs.Mem).Clone()
			overwrite(t, image, segmentPath("/log", n), zeroed)
			damaged.FS = image
			var c collector
			l, _, err := Open(damaged, &c)
			if stream == 2 { // nothing written later says that these were synced
				if err != nil || len(c.all) != 6+round {
					t.Errorf("stream 2 zeroed from its round %d: %d records, %v", round, len(c.all), err)
				} else {
					l.Close()
				}
				continue
			}
			missing := fmt.Sprintf("round %d is missing", 3*stream+round+1)
			if !isDamage(err) || !strings.Contains(err.Error(), missing) {
				t.Errorf("stream %d zeroed from its round %d: %v", stream, round, err)
			}
		}
	}
}

// TestCompactionDamaged: what a compaction wrote was synced before it dropped what was
// older. Damage to it is no torn end, though no later mark says so: what is left
// without it is no state that ever was.
func TestCompactionDamaged(t *testing.T) {
	mem := vfs.NewMem("/")
	o := Options{FS: mem, Dir: "/log", Streams: 1, SegmentBytes: 4096, Policy: EverySec, SyncEvery: time.Hour}
	l, _, _ := mustOpen(t, o)
	put(l, 0, "old")
	c, err := l.BeginCompaction()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		writtenOrNot(l, put(l, 0, fmt.Sprintf("state %d", i)))
	}
	if err := c.Finish(ctx); err != nil {
		t.Fatal(err)
	}
	left := mem.Crash(mem.Ops(), nil)
	l.Close()
	o.FS = left
	path := segmentPath(o.Dir, 2)
	b := readAll(t, left, path)
	b[bytes.Index(b, []byte("state 1"))] ^= 1
	damaged := left.Clone()
	overwrite(t, damaged, path, b)
	for fsys, sound := range map[*vfs.Mem]bool{left: true, damaged: false} {
		report := mustCheck(t, fsys, o.Dir)
		if (len(report.Problems) == 0) != sound {
			t.Errorf("sound: %v, but Check found %v", sound, report.Problems)
		}
		o.FS = fsys
		var got collector
		l, _, err := Open(o, &got)
		if err == nil {
			l.Close()
		}
		if (err == nil) != sound || !sound && !isDamage(err) {
			t.Errorf("sound: %v, but opened with %q, %v", sound, payloads(got.streams[0]), err)
		}
	}
	// A repair gives up what it must; its result can be opened, now and after a crash.
	if _, err := Repair(ctx, damaged, o.Dir, RepairCut, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(ctx, damaged, o.Dir, "/restored", Target{Round: mustCheck(t, damaged, o.Dir).LastRound}, nil); err != nil {
		t.Error(err)
	}
	o.FS = damaged
	for range 2 {
		l, got, _ := mustOpen(t, o)
		if payloads(got.streams[0]) != "state 0" {
			t.Errorf("%q came back", payloads(got.streams[0]))
		}
		o.FS = o.FS.(*vfs.Mem).Clone() // killed
		l.Close()
	}
}
