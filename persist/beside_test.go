package persist

import (
	"syscall"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

// soon returns what comes out of a channel that must not be waited for long.
func soon[T any](t *testing.T, from <-chan T, what string) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(10 * time.Second):
		t.Errorf("%s waits for ever", what)
	}
	return got
}

// TestBesideFullDisk: what needs the committer does not wait for a full disk to have
// room, whether it was full before or becomes so in the middle.
func TestBesideFullDisk(t *testing.T) {
	_, faulty, news, o := faultyLog(t, EverySec)
	gate := &gateFS{FS: faulty, waiting: make(chan struct{}, 1)}
	o.FS, o.SyncEvery, o.Gather = gate, time.Hour, time.Hour
	l, _, _ := mustOpen(t, o)
	put(l, 0, "before")
	mustSync(t, l)
	run := func(call func() error) <-chan error {
		done := make(chan error, 1)
		go func() { done <- call() }()
		return done
	}
	full := failing(syscall.ENOSPC, ".seg", "writeat")
	room := func() {
		t.Helper()
		faulty.Set(nil)
		news.want(t, StateOK)
	}

	c, err := l.BeginCompaction()
	if err != nil {
		t.Fatal(err)
	}
	put(l, 0, "state")
	for len(gate.waiting) > 0 {
		<-gate.waiting
	}
	gate.gate.Lock()
	done := run(func() error { return c.Finish(ctx) })
	<-gate.waiting // it syncs what was appended
	faulty.Set(full)
	put(l, 0, "x")
	l.Hurry()
	news.want(t, StateDiskFull)
	gate.gate.Unlock()
	if err := soon(t, done, "Finish"); !vfs.IsFull(err) {
		t.Errorf("Finish: %v", err)
	}
	if err := soon(t, run(func() error { return l.Backup(ctx, "/backup", nil) }), "Backup"); !vfs.IsFull(err) {
		t.Errorf("Backup: %v", err)
	}
	room()

	// The round that the call itself has written first meets the full disk.
	mustSync(t, l)
	for name, call := range map[string]func() error{
		"Backup":          func() error { return l.Backup(ctx, "/backup", nil) },
		"BeginCompaction": func() error { _, err := l.BeginCompaction(); return err },
	} {
		faulty.Set(full)
		put(l, 0, "y")
		if err := soon(t, run(call), name); !vfs.IsFull(err) {
			t.Errorf("%s: %v", name, err)
		}
		news.want(t, StateDiskFull)
		room()
		mustSync(t, l)
	}
	if c, err = l.BeginCompaction(); err == nil {
		err = c.Finish(ctx)
	}
	if err != nil {
		t.Error(err)
	}
	mustClose(t, l)
}

// TestClosedBeside: Close does not give the directory away while a compaction still
// changes it, even if the log has failed meanwhile.
func TestClosedBeside(t *testing.T) {
	gate := &gateFS{FS: vfs.NewMem("/"), waiting: make(chan struct{}, 100)}
	o := Options{FS: gate, Dir: "/log", Streams: 1, SegmentBytes: 4096, Policy: No, SyncEvery: time.Hour}
	l, _, _ := mustOpen(t, o)
	writtenOrNot(l, put(l, 0, "x"))
	for len(gate.waiting) > 0 {
		<-gate.waiting
	}
	gate.gate.Lock()
	began := make(chan error, 1)
	go func() {
		_, err := l.BeginCompaction()
		began <- err
	}()
	<-gate.waiting // it prepares a segment
	l.fail(syscall.EIO)
	closed := make(chan error, 1)
	go func() { closed <- l.Close() }()
	<-l.done
	select {
	case err := <-closed:
		t.Errorf("closed while a compaction prepares segments: %v", err)
		closed <- err
	case <-time.After(20 * time.Millisecond):
	}
	gate.gate.Unlock()
	if err := <-began; err == nil {
		t.Error("a compaction of a log that has failed")
	}
	<-closed
}
