package persist

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

// states records what OnState is told.
type stateNews struct{ ch chan State }

func newStateNews() stateNews { return stateNews{make(chan State, 100)} }

func (n stateNews) told(s State, _ error) { n.ch <- s }

func (n stateNews) want(t *testing.T, want State) {
	t.Helper()
	select {
	case s := <-n.ch:
		if s != want {
			t.Fatalf("the state became %v, want %v", s, want)
		}
	case <-time.After(time.Minute):
		t.Fatalf("the state did not become %v", want)
	}
}

func faultyLog(t *testing.T, policy Policy) (*vfs.Mem, *vfs.Faulty, stateNews, Options) {
	mem := vfs.NewMem("/")
	faulty := vfs.NewFaulty(mem)
	news := newStateNews()
	return mem, faulty, news, Options{
		FS: faulty, Dir: "/log", Streams: 2, SegmentBytes: 4096, Policy: policy,
		Gather: time.Microsecond, SyncEvery: time.Millisecond, RetryEvery: time.Millisecond, OnState: news.told,
	}
}

// failing fails the named operations on paths that contain part.
func failing(err error, part string, ops ...string) func(op, path string) error {
	return func(op, path string) error {
		for _, o := range ops {
			if o == op && strings.Contains(path, part) {
				return err
			}
		}
		return nil
	}
}

// writtenOrNot waits until a round is written or the log has met an error.
func writtenOrNot(l *Log, round uint64) {
	l.wait(context.Background(), func() bool {
		s, _ := l.State()
		return l.Written() >= round || s != StateOK
	}, true)
}

// TestDiskFull: nothing is lost, and writing resumes once there is room,
// whatever it was that did not fit.
func TestDiskFull(t *testing.T) {
	for name, fault := range map[string]func(op, path string) error{
		"write":    failing(syscall.ENOSPC, ".seg", "writeat"),
		"allocate": failing(syscall.ENOSPC, ".seg", "allocate"),
		"quota":    failing(syscall.EDQUOT, ".seg", "create"),
		"files":    failing(syscall.EMFILE, ".seg", "create"),
		"tables":   failing(syscall.ENFILE, manifestTemp, "create"),
		"manifest": failing(syscall.ENOSPC, manifestTemp, "writeat"),
		"sync":     failing(syscall.ENOSPC, manifestTemp, "sync"),
	} {
		t.Run(name, func(t *testing.T) {
			mem, faulty, news, o := faultyLog(t, Always)
			l, _, _ := mustOpen(t, o)
			put(l, 0, "before")
			mustSync(t, l)
			faulty.Set(fault)
			payload := strings.Repeat("x", 1000)
			var round uint64
			for range 12 {
				round = put(l, 1, payload)
				writtenOrNot(l, round)
			}
			news.want(t, StateDiskFull)
			if !l.Pressure() {
				t.Error("no pressure on a full disk")
			}
			if s, err := l.State(); s != StateDiskFull || !vfs.IsFull(err) {
				t.Errorf("state %v, %v", s, err)
			}
			if l.Durable() >= round {
				t.Error("durable on a full disk")
			}
			faulty.Set(nil)
			if err := l.WaitDurable(context.Background(), round); err != nil {
				t.Fatal(err)
			}
			news.want(t, StateOK)
			if err := l.WaitRoom(context.Background()); err != nil {
				t.Error(err)
			}
			mustClose(t, l)
			o.FS = mem
			l, c, report := mustOpen(t, o)
			defer l.Close()
			if len(c.streams[1]) != 12 || len(c.streams[0]) != 1 || len(report.Cuts) != 0 {
				t.Errorf("%d and %d records came back, cuts %v", len(c.streams[0]), len(c.streams[1]), report.Cuts)
			}
		})
	}
}

// TestStateNews: a failure right behind the end of another trouble is told behind
// it, not overtaken by it.
func TestStateNews(t *testing.T) {
	_, faulty, _, o := faultyLog(t, EverySec)
	var l *Log
	var mu sync.Mutex
	var told []State
	failed := make(chan struct{})
	o.OnState = func(s State, _ error) {
		if s == StateOK {
			go func() { l.fail(syscall.EIO); close(failed) }()
			select {
			case <-failed:
			case <-time.After(20 * time.Millisecond):
			}
		}
		mu.Lock()
		told = append(told, s)
		mu.Unlock()
	}
	l, _, _ = mustOpen(t, o)
	faulty.Set(failing(syscall.ENOSPC, ".seg", "writeat"))
	writtenOrNot(l, put(l, 0, "x"))
	faulty.Set(nil)
	<-failed
	l.Close()
	if got := fmt.Sprint(told); got != fmt.Sprint([]State{StateDiskFull, StateOK, StateFailed}) {
		t.Errorf("told %s", got)
	}
}

// TestFailureIsToldFirst: who waits for a round hears that the log has failed only
// after OnState has, as it is there that further changes are stopped.
func TestFailureIsToldFirst(t *testing.T) {
	_, faulty, _, o := faultyLog(t, Always)
	var waiting sync.WaitGroup
	var heard atomic.Int32
	o.OnState = func(State, error) {
		for range 1000 { // others have every chance to be quicker
			runtime.Gosched()
		}
		if n := heard.Load(); n > 0 {
			t.Errorf("%d have heard before", n)
		}
	}
	l, _, _ := mustOpen(t, o)
	faulty.Set(failing(syscall.EIO, ".seg", "sync"))
	for range 8 {
		waiting.Go(func() {
			if err := l.WaitDurable(context.Background(), put(l, 0, "x")); err == nil {
				t.Error("durable without a sync")
			}
			heard.Add(1)
		})
	}
	waiting.Wait()
	l.Close()
}

// TestClosedWhileFull: Close does not wait for room, and tells of the loss; nor does a
// backup wait.
func TestClosedWhileFull(t *testing.T) {
	_, faulty, news, o := faultyLog(t, EverySec)
	o.RetryEvery = time.Hour
	l, _, _ := mustOpen(t, o)
	faulty.Set(failing(syscall.ENOSPC, ".seg", "writeat"))
	put(l, 0, "lost")
	news.want(t, StateDiskFull)
	if err := l.Backup(context.Background(), "/backup", nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Backup: %v", err)
	}
	if err := l.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v", err)
	}
}

// TestFullOfUnused: a disk that is full of what a killed process had prepared and not
// used has room for a log to begin. A crash at any step of that loses nothing.
func TestFullOfUnused(t *testing.T) {
	mem, _, _, o := faultyLog(t, Always)
	o.SegmentBytes = 1 << 20
	l, _, _ := mustOpen(t, o)
	for i := range 10 {
		put(l, i%2, fmt.Sprint(i))
		mustSync(t, l)
	}
	killed := mem.Clone()
	l.Close()
	whole := func(mem *vfs.Mem, what string) {
		t.Helper()
		o.FS = mem
		l, c, report := mustOpen(t, o)
		defer l.Close()
		if len(c.all) != 10 || len(report.Cuts) != 0 {
			t.Errorf("%s: %d records, cuts %v", what, len(c.all), report.Cuts)
		}
	}
	mem = killed.Clone()
	full := vfs.NewFaulty(mem)
	full.Set(func(op, path string) error {
		names, _ := mem.List("/log")
		var size int64
		for _, name := range names {
			if info, err := mem.Stat("/log/" + name); err == nil {
				size += info.Size
			}
		}
		if op == "allocate" && size >= 2*o.SegmentBytes {
			return syscall.ENOSPC
		}
		return nil
	})
	o.FS = full
	l, c, _ := mustOpen(t, o)
	steps := mem.Ops()
	if len(c.all) != 10 {
		t.Errorf("%d records came back", len(c.all))
	}
	l.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for step := range steps + 1 {
		for range 5 {
			whole(mem.Crash(step, rng), fmt.Sprintf("a crash after step %d of %d", step, steps))
		}
	}
}

// TestStop: after an error of a write or a sync nothing is reported durable any
// more, though it all works again, until the log is opened anew.
func TestStop(t *testing.T) {
	for name, c := range map[string]struct {
		policy Policy
		fault  func(op, path string) error
	}{
		"write":           {EverySec, failing(syscall.EIO, ".seg", "writeat")},
		"sync always":     {Always, failing(syscall.EIO, ".seg", "sync")},
		"sync everysec":   {EverySec, failing(syscall.EIO, ".seg", "sync")},
		"sync full":       {Always, failing(syscall.ENOSPC, ".seg", "sync")},
		"manifest":        {EverySec, failing(syscall.EIO, manifestTemp, "writeat")},
		"directory":       {EverySec, failing(syscall.EIO, "", "syncdir")},
		"full directory":  {EverySec, failing(syscall.ENOSPC, "", "syncdir")},
		"rename manifest": {EverySec, failing(syscall.EIO, manifestName, "rename")},
	} {
		t.Run(name, func(t *testing.T) {
			mem, faulty, news, o := faultyLog(t, c.policy)
			l, _, _ := mustOpen(t, o)
			put(l, 0, "before")
			mustSync(t, l)
			var failed atomic.Int32
			faulty.Set(func(op, path string) error { // once
				if failed.Load() > 0 {
					return nil
				}
				err := c.fault(op, path)
				if err != nil {
					failed.Add(1)
				}
				return err
			})
			var round uint64
			for range 12 {
				round = put(l, 1, strings.Repeat("x", 1000))
				writtenOrNot(l, round)
			}
			news.want(t, StateFailed)
			if failed.Load() == 0 {
				t.Fatal("failed without the fault")
			}
			later := put(l, 0, "later")
			var stopped *StoppedError
			if err := l.WaitSynced(context.Background(), later); !errors.As(err, &stopped) {
				t.Errorf("waiting gave %v", err)
			}
			if err := l.Sync(context.Background()); !errors.As(err, &stopped) {
				t.Errorf("Sync gave %v", err)
			}
			if _, err := l.BeginCompaction(); !errors.As(err, &stopped) {
				t.Errorf("BeginCompaction gave %v", err)
			}
			if err := l.Backup(context.Background(), "/backup", nil); !errors.As(err, &stopped) {
				t.Errorf("Backup gave %v", err)
			}
			if s, err := l.State(); s != StateFailed || err == nil {
				t.Errorf("state %v, %v", s, err)
			}
			if l.Synced() >= round && c.policy == Always {
				t.Errorf("round %d is called synced", l.Synced())
			}
			if err := l.Close(); !errors.As(err, &stopped) {
				t.Errorf("Close gave %v", err)
			}
			o.FS = mem
			l, got, _ := mustOpen(t, o)
			defer l.Close()
			if payloads(got.streams[0]) != "before" {
				t.Errorf("stream 0 came back as %q", payloads(got.streams[0]))
			}
		})
	}
}

// TestDirectoryRemoved: a log notices that it writes to nowhere.
func TestDirectoryRemoved(t *testing.T) {
	news := newStateNews()
	dir := t.TempDir() + "/log"
	l, _, _ := mustOpen(t, Options{Dir: dir, Streams: 1, SyncEvery: time.Millisecond, OnState: news.told})
	defer l.Close()
	if err := l.WaitDurable(context.Background(), put(l, 0, "x")); err != nil { // no file is made from now on
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	news.want(t, StateFailed)
}

// TestTwoServers: the second one is told so.
func TestTwoServers(t *testing.T) {
	o := Options{Dir: t.TempDir() + "/log", Streams: 1}
	l, _, _ := mustOpen(t, o)
	var locked *LockedError
	if _, _, err := Open(o, &collector{}); !errors.As(err, &locked) || !strings.Contains(err.Error(), "in use by another server") {
		t.Errorf("a second Open: %v", err)
	}
	mustClose(t, l)
	l, _, _ = mustOpen(t, o)
	mustClose(t, l)
}

// TestUnusableDirectory: a clear error, and nothing touched.
func TestUnusableDirectory(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(Options{Dir: file, Streams: 1}, discard{}); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file: %v", err)
	}
	if _, _, err := Open(Options{Dir: filepath.Dir(file) + "/no/where", Streams: 1}, discard{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no parent: %v", err)
	}
	mem, faulty, _, o := faultyLog(t, EverySec)
	l, _, _ := mustOpen(t, o)
	put(l, 0, "x")
	mustClose(t, l)
	before := mem.Ops()
	faulty.Set(func(op, path string) error {
		if op == "lock" || op == "create" || op == "rename" || op == "remove" || op == "openwrite" {
			return syscall.EROFS
		}
		return nil
	})
	if _, _, err := Open(o, discard{}); !errors.Is(err, syscall.EROFS) {
		t.Errorf("read-only: %v", err)
	}
	if mem.Ops() != before {
		t.Error("a failed Open changed the directory")
	}
}

// backwards is a clock that goes backwards.
type backwards struct{ ms atomic.Int64 }

func (c *backwards) NowMs() int64 { return c.ms.Add(-1000) }

// TestClockBackwards: the times of rounds never decrease, over restarts too.
func TestClockBackwards(t *testing.T) {
	clock := &backwards{}
	clock.ms.Store(10_000_000)
	o := Options{Dir: t.TempDir() + "/log", Streams: 1, Clock: clock, Policy: Always}
	first := int64(0)
	for range 3 {
		l, _, report := mustOpen(t, o)
		if report.LastMs < first {
			t.Errorf("time went from %d to %d", first, report.LastMs)
		}
		first = report.LastMs
		for range 5 {
			l.WaitDurable(context.Background(), put(l, 0, "x"))
		}
		mustClose(t, l)
	}
	if first != 9_999_000 {
		t.Errorf("the last time is %d", first)
	}
}

// TestCompactionFails: what cannot be dropped is kept, and dropped next time.
func TestCompactionFails(t *testing.T) {
	mem, faulty, _, o := faultyLog(t, EverySec)
	o.SyncEvery = time.Hour
	l, _, _ := mustOpen(t, o)
	put(l, 0, "old")
	mustSync(t, l)
	c, err := l.BeginCompaction()
	if err != nil {
		t.Fatal(err)
	}
	put(l, 0, "state")
	faulty.Set(failing(syscall.ENOSPC, manifestTemp, "writeat"))
	if err := c.Finish(context.Background()); !vfs.IsFull(err) {
		t.Errorf("Finish on a full disk: %v", err)
	}
	if _, err := l.BeginCompaction(); !vfs.IsFull(err) {
		t.Errorf("BeginCompaction on a full disk: %v", err)
	}
	faulty.Set(nil)
	if s, err := l.State(); s != StateOK {
		t.Error(s, err)
	}
	left := mem.Crash(mem.Ops(), nil)
	if c, err = l.BeginCompaction(); err != nil {
		t.Fatal(err)
	}
	put(l, 0, "newer state")
	if err := c.Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	for fsys, want := range map[*vfs.Mem]string{left: "old state", mem: "newer state"} {
		o.FS = fsys
		l, got, _ := mustOpen(t, o)
		l.Close()
		if payloads(got.streams[0]) != want {
			t.Errorf("%q came back, want %q", payloads(got.streams[0]), want)
		}
	}
}

// TestBackupFails: a backup that fails leaves nothing behind, and one without
// hard links is a copy.
func TestBackupFails(t *testing.T) {
	mem, faulty, _, o := faultyLog(t, EverySec)
	l, _, _ := mustOpen(t, o)
	defer l.Close()
	for range 10 {
		put(l, 1, strings.Repeat("x", 1000))
		mustSync(t, l)
	}
	for _, op := range []string{"mkdir", "create", "writeat", "sync", "syncdir", "rename"} {
		faulty.Set(failing(syscall.EIO, "/backup", op))
		if err := l.Backup(context.Background(), "/backup", nil); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s fails: %v", op, err)
		}
		if _, err := mem.Stat("/backup"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s fails: left are %v", op, mem)
		}
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	faulty.Set(nil)
	if err := l.Backup(canceled, "/backup", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	faulty.Set(failing(syscall.EXDEV, "/backup", "link"))
	if err := l.Backup(context.Background(), "/backup", nil); err != nil {
		t.Fatal(err)
	}
	faulty.Set(nil)
	if err := l.Backup(context.Background(), "/backup", nil); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("over another: %v", err)
	}
	if s, err := l.State(); s != StateOK {
		t.Error(s, err)
	}
	o.Dir = "/backup"
	b, c, _ := mustOpen(t, o)
	defer b.Close()
	if len(c.all) != 10 {
		t.Errorf("the backup has %d records", len(c.all))
	}
}
