package persist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

var ctx = context.Background()

// oldLog is a log of three runs with two streams, in whose rounds record n is in
// stream n%2; the last run was cut off unless closed.
func oldLog(t *testing.T, closed bool) (*vfs.Mem, Options) {
	mem := vfs.NewMem("/")
	clock := &forwards{}
	o := Options{FS: mem, Dir: "/log", Streams: 2, SegmentBytes: 4096, Policy: Always, SyncEvery: time.Hour, Clock: clock}
	n := 0
	for run := range 3 {
		l, _, _ := mustOpen(t, o)
		for range 40 {
			if err := l.WaitDurable(ctx, put(l, n%2, fmt.Sprintf("record %d %s", n, strings.Repeat("x", 200)))); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if run < 2 || closed {
			mustClose(t, l)
		} else {
			left := mem.Crash(mem.Ops(), nil)
			l.Close()
			mem = left
		}
	}
	o.FS = mem
	return mem, o
}

// forwards is a clock that advances by a second with each look.
type forwards struct{ backwards }

func (c *forwards) NowMs() int64 { return c.ms.Add(1000) }

// numbers returns the numbers of the records that a log holds, sorted by stream.
func numbers(t *testing.T, o Options) (list []int) {
	t.Helper()
	l, c, _ := mustOpen(t, o)
	l.Close()
	for stream := range 2 {
		for _, k := range c.streams[stream] {
			var n int
			if _, err := fmt.Sscanf(k.payload, "record %d", &n); err != nil {
				t.Fatal(err)
			}
			list = append(list, n)
		}
	}
	return list
}

// damageRecord spoils the record with number n and returns where it is.
func damageRecord(t *testing.T, mem *vfs.Mem, n int) (at Addr) {
	t.Helper()
	err := Walk(ctx, mem, "/log", func(it *Item) error {
		if it.Kind == ItemRecord && strings.HasPrefix(string(it.Record.Payload), fmt.Sprintf("record %d ", n)) {
			at = it.Addr
		}
		return nil
	})
	if err != nil || at.Segment == 0 {
		t.Fatalf("no record %d: %v", n, err)
	}
	path := segmentPath("/log", at.Segment)
	b := readAll(t, mem, path)
	b[at.Offset+50] ^= 0x10
	overwrite(t, mem, path, b)
	return at
}

func mustCheck(t *testing.T, fsys vfs.FS, dir string) CheckReport {
	t.Helper()
	report, err := Check(ctx, fsys, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestCheck: a sound log has no problem and stays as it is; damage is found
// where it is.
func TestCheck(t *testing.T) {
	for _, closed := range []bool{true, false} {
		mem, _ := oldLog(t, closed)
		ops := mem.Ops()
		r := mustCheck(t, mem, "/log")
		if len(r.Problems) != 0 || r.Records != 120 || r.LastRound != 120 || r.Generations != 3 || len(r.Cuts) != 0 {
			t.Errorf("a sound log, closed %v: %+v", closed, r)
		}
		if mem.Ops() != ops {
			t.Error("Check changed something")
		}
		for _, n := range []int{3, 60, 100} {
			bad := mem.Clone()
			at := damageRecord(t, bad, n)
			r := mustCheck(t, bad, "/log")
			if len(r.Problems) != 1 || r.Problems[0].File != segmentName(at.Segment) || r.Problems[0].Offset != at.Offset {
				t.Errorf("record %d at %v damaged, closed %v: %+v", n, at, closed, r.Problems)
			}
			if _, _, err := Open(Options{FS: bad, Dir: "/log", Streams: 1}, discard{}); !isDamage(err) {
				t.Errorf("record %d damaged: Open gave %v", n, err)
			}
		}
		bad := mem.Clone()
		bad.Remove(segmentPath("/log", 1))
		if r := mustCheck(t, bad, "/log"); len(r.Problems) != 1 || r.Problems[0].Text != "the segment is missing" {
			t.Errorf("a missing segment: %+v", r.Problems)
		}
		bad.Remove("/log/" + manifestName)
		if r := mustCheck(t, bad, "/log"); len(r.Problems) != 1 || r.Problems[0].File != manifestName {
			t.Errorf("a missing manifest: %+v", r.Problems)
		}
	}
	if _, err := Check(ctx, vfs.NewMem("/"), "/log", nil); err == nil {
		t.Error("no directory, no error")
	}
}

// lostBy returns which of the first 120 numbers are missing.
func lostBy(list []int) (lost []int) {
	have := make(map[int]bool)
	for _, n := range list {
		have[n] = true
	}
	for n := range 120 {
		if !have[n] {
			lost = append(lost, n)
		}
	}
	return lost
}

// TestRepair: cutting leaves the records before the damage, skipping all but
// the damaged one; what was left out is kept, and the damaged bytes with it.
func TestRepair(t *testing.T) {
	for _, closed := range []bool{true, false} {
		mem, o := oldLog(t, closed)
		for _, n := range []int{0, 3, 60, 79, 100} {
			what := fmt.Sprintf("record %d, closed %v", n, closed)
			o.FS = mem.Clone()
			at := damageRecord(t, o.FS.(*vfs.Mem), n)
			image := o.FS.(*vfs.Mem).Clone()
			told := int64(0)
			report, err := Repair(ctx, o.FS, "/log", RepairCut, func(done, total int64) {
				if told = done; done > total {
					t.Errorf("%d of %d bytes", done, total)
				}
			})
			if told == 0 {
				t.Error("no progress was told of")
			}
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if len(report.Lost) == 0 && n < 119 || report.Aside == "" || report.LastRound != mustCheck(t, o.FS, "/log").LastRound {
				t.Errorf("%s: %+v", what, report)
			}
			if lost := lostBy(numbers(t, o)); len(lost) != 120-n || lost[0] != n {
				t.Errorf("%s: cutting lost %v", what, lost)
			}
			o.FS = image
			report, err = Repair(ctx, o.FS, "/log", RepairSkip, nil)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if lost := lostBy(numbers(t, o)); len(lost) != 1 || lost[0] != n {
				t.Errorf("%s: skipping lost %v", what, lost)
			}
			kept := readAll(t, o.FS, fmt.Sprintf("%s/%s.%d", report.Aside, segmentName(at.Segment), at.Offset))
			if int64(len(kept)) > report.LostBytes || !strings.Contains(string(kept), "xxx") {
				t.Errorf("%s: kept %q", what, kept)
			}
		}
	}
}

// TestRepairManifest: a lost manifest is made anew, and nothing else lost.
func TestRepairManifest(t *testing.T) {
	for _, closed := range []bool{true, false} {
		for _, mode := range []RepairMode{RepairCut, RepairSkip} {
			mem, o := oldLog(t, closed)
			b := readAll(t, mem, "/log/"+manifestName)
			overwrite(t, mem, "/log/"+manifestName, b[:len(b)-3])
			report, err := Repair(ctx, mem, "/log", mode, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !report.Rebuilt || report.LastRound != 120 {
				t.Errorf("%+v", report)
			}
			if lost := lostBy(numbers(t, o)); len(lost) != 0 {
				t.Errorf("closed %v, mode %d: lost %v", closed, mode, lost)
			}
		}
	}
}

// TestRepairMissing: so is a lost segment.
func TestRepairMissing(t *testing.T) {
	mem, o := oldLog(t, true)
	at := damageRecord(t, mem, 60)
	mem.Remove(segmentPath("/log", at.Segment))
	cut := mem.Clone()
	if _, err := Repair(ctx, mem, "/log", RepairSkip, nil); err != nil {
		t.Fatal(err)
	}
	for _, n := range lostBy(numbers(t, o)) {
		if n%2 != 0 || n < 40 || n >= 80 {
			t.Errorf("record %d is lost", n)
		}
	}
	if _, err := Repair(ctx, cut, "/log", RepairCut, nil); err != nil {
		t.Fatal(err)
	}
	o.FS = cut
	if lost := lostBy(numbers(t, o)); lost[0] <= 39 || lost[0] > 60 || len(lost) != 120-lost[0] {
		t.Errorf("cutting lost %v", lost)
	}
}

// TestRepairInterrupted cuts a repair off after every operation and repeats it.
func TestRepairInterrupted(t *testing.T) {
	for _, mode := range []RepairMode{RepairCut, RepairSkip} {
		mem, o := oldLog(t, false)
		damageRecord(t, mem, 50)
		mem = mem.Clone()
		if _, err := Repair(ctx, mem, "/log", mode, nil); err != nil {
			t.Fatal(err)
		}
		for after := range mem.Ops() + 1 {
			left := mem.Crash(after, rand.New(rand.NewPCG(1, uint64(after))))
			if _, err := Repair(ctx, left, "/log", mode, nil); err != nil {
				t.Fatalf("mode %d, after operation %d: %v", mode, after, err)
			}
			o.FS = left
			if lost := lostBy(numbers(t, o)); lost[0] != 50 || mode == RepairSkip && len(lost) != 1 {
				t.Errorf("mode %d, after operation %d: lost %v", mode, after, lost)
			}
		}
	}
}

// TestRepairFailure: a repair that fails before it has changed the log, most likely
// because the disk is full, leaves nothing behind, and can be repeated.
func TestRepairFailure(t *testing.T) {
	full := errors.New("full")
	for _, mode := range []RepairMode{RepairCut, RepairSkip} {
		for what, fault := range map[string]func(op, path string) error{
			"directory": failing(full, "damaged-1", "mkdir"),
			"create":    failing(full, "damaged-1/", "create"),
			"copy":      failing(full, "damaged-1/", "writeat"),
			"sync":      failing(full, "damaged-1/", "sync"),
			"segment":   failing(full, repairTemp, "writeat"),
			"rename":    failing(full, ".seg", "rename"),
			"manifest":  failing(full, manifestTemp, "writeat"),
		} {
			mem, o := oldLog(t, true)
			at := damageRecord(t, mem, 50)
			before := readAll(t, mem, segmentPath("/log", at.Segment))
			names, _ := mem.List("/log")
			faulty := vfs.NewFaulty(mem)
			faulty.Set(fault)
			r, err := Repair(ctx, faulty, "/log", mode, nil)
			if mode == RepairCut && (what == "segment" || what == "rename") { // it writes none anew
				if err != nil {
					t.Errorf("mode %d, %s: %v", mode, what, err)
				}
				continue
			}
			if !errors.Is(err, full) {
				t.Fatalf("mode %d, %s: %v", mode, what, err)
			}
			left, _ := mem.List("/log")
			if what == "manifest" || what == "rename" {
				if r.Aside != "/log/damaged-1" {
					t.Errorf("mode %d, %s: what was left out is in %q", mode, what, r.Aside)
				}
				left = slices.DeleteFunc(left, func(name string) bool { return name == "damaged-1" || name == manifestTemp })
			} else if r.Aside != "" || !bytes.Equal(readAll(t, mem, segmentPath("/log", at.Segment)), before) {
				t.Errorf("mode %d, %s: the log has changed; left out: %q", mode, what, r.Aside)
			}
			if !slices.Equal(left, names) {
				t.Errorf("mode %d, %s: there is %v, before %v", mode, what, left, names)
			}
			if _, err := Repair(ctx, mem, "/log", mode, nil); err != nil {
				t.Fatal(err)
			}
			if lost := lostBy(numbers(t, o)); lost[0] != 50 || mode == RepairSkip && len(lost) != 1 {
				t.Errorf("mode %d, %s: lost %v", mode, what, lost)
			}
		}
	}
}

// TestToolsInterrupted: each tool ends when it is told to, also where it looks for
// the end of a log that was not closed, and leaves things as they were.
func TestToolsInterrupted(t *testing.T) {
	mem, _ := oldLog(t, false)
	damageRecord(t, mem, 50)
	ops := mem.Ops()
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	sound, _ := oldLog(t, false)
	_, check := Check(stopped, mem, "/log", nil)
	_, cut := Repair(stopped, mem, "/log", RepairCut, nil)
	_, skip := Repair(stopped, mem, "/log", RepairSkip, nil)
	_, restored := Restore(stopped, sound, "/log", "/to", Target{}, nil)
	man, _ := readManifest(sound, "/log")
	_, _, settled := settle(stopped, sound, "/log", man, false)
	for what, err := range map[string]error{"Check": check, "Repair, cut": cut, "Repair, skip": skip, "Restore": restored, "settle": settled} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if mem.Ops() != ops {
		t.Error("something was changed")
	}
	if _, err := sound.Stat("/to"); err == nil {
		t.Error("Restore has made something")
	}
}

// TestRestore: to the end, to any round, to any time; the source stays as it is.
func TestRestore(t *testing.T) {
	mem, o := oldLog(t, false)
	type point struct {
		round uint64
		ms    int64
	}
	var points []point
	Walk(ctx, mem, "/log", func(it *Item) error {
		if it.Kind == ItemMark {
			points = append(points, point{it.Round, it.Ms})
		}
		return nil
	})
	for i, p := range points {
		for _, to := range []Target{{Round: p.round}, {Ms: p.ms + 1}} {
			o.FS, o.Dir = mem, fmt.Sprintf("/restored%d.%d", i, to.Round)
			ops := 0
			report, err := Restore(ctx, mem, "/log", o.Dir, to, func(done, total int64) { ops++ })
			if err != nil {
				t.Fatalf("%+v: %v", to, err)
			}
			if report.Round != p.round || report.Ms != p.ms || ops == 0 {
				t.Errorf("%+v: %+v, progress %d", to, report, ops)
			}
			if got := len(numbers(t, o)); got != int(p.round) { // a record a round
				t.Errorf("%+v: %d records, want %d", to, got, p.round)
			}
		}
	}
	if r := mustCheck(t, mem, "/log"); len(r.Problems) != 0 || r.LastRound != 120 {
		t.Errorf("the source: %+v", r)
	}
	var target *TargetError
	if _, err := Restore(ctx, mem, "/log", "/later", Target{Round: 121}, nil); !errors.As(err, &target) {
		t.Errorf("a round to come: %v", err)
	}
	if _, err := Restore(ctx, mem, "/log", o.Dir, Target{}, nil); err == nil {
		t.Error("a directory that is not empty, no error")
	}
	if r, err := Restore(ctx, mem, "/log", "/end", Target{}, nil); err != nil || r.Round != 120 {
		t.Errorf("the end: %+v, %v", r, err)
	}
}

// TestRestoreCompacted: what compaction dropped cannot come back, and the
// message says from where on all is there.
func TestRestoreCompacted(t *testing.T) {
	mem, o := oldLog(t, true)
	l, _, _ := mustOpen(t, o)
	c, err := l.BeginCompaction()
	if err != nil {
		t.Fatal(err)
	}
	l.WaitDurable(ctx, put(l, 0, "record 0")) // round 121
	put(l, 0, "record 1")
	if err := c.Finish(ctx); err != nil { // 122
		t.Fatal(err)
	}
	put(l, 0, "record 2")
	mustClose(t, l)
	var target *TargetError
	for _, to := range []Target{{Round: 5}, {Round: 121}, {Ms: 1}} {
		if _, err := Restore(ctx, mem, "/log", "/no", to, nil); !errors.As(err, &target) || !strings.Contains(err.Error(), "from round 122,") {
			t.Errorf("%+v: %v", to, err)
		}
	}
	for round, want := range map[uint64]int{122: 2, 123: 3} {
		o.Dir = fmt.Sprint("/yes", round)
		if _, err := Restore(ctx, mem, "/log", o.Dir, Target{Round: round}, nil); err != nil {
			t.Errorf("round %d: %v", round, err)
		} else if got := len(numbers(t, o)); got != want {
			t.Errorf("round %d: %d records", round, got)
		}
	}
}

// TestToolsAndServer: no tool touches a log in use.
func TestToolsAndServer(t *testing.T) {
	o := Options{FS: vfs.NewMem("/"), Dir: "/log", Streams: 1}
	l, _, _ := mustOpen(t, o)
	defer l.Close()
	var locked *LockedError
	_, err := Check(ctx, o.FS, "/log", nil)
	if !errors.As(err, &locked) {
		t.Errorf("Check: %v", err)
	}
	if _, err = Repair(ctx, o.FS, "/log", RepairCut, nil); !errors.As(err, &locked) {
		t.Errorf("Repair: %v", err)
	}
	if _, err = Restore(ctx, o.FS, "/log", "/x", Target{}, nil); !errors.As(err, &locked) {
		t.Errorf("Restore: %v", err)
	}
}
