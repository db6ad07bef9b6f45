package persist

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

// TestShared: writers that wait at the same time share syncs. The first sync is
// held until all have appended, so they must share the second.
func TestShared(t *testing.T) {
	const writers = 50
	faulty := vfs.NewFaulty(vfs.NewMem("/"))
	l, _, _ := mustOpen(t, Options{FS: faulty, Dir: "/log", Streams: 1, Policy: Always, SegmentBytes: 1 << 20})
	defer l.Close()
	l.WaitDurable(ctx, put(l, 0, "begun")) // its segment too
	var first sync.Once
	held, release := make(chan struct{}), make(chan struct{})
	faulty.Set(func(op, path string) error {
		if op == "sync" {
			first.Do(func() { close(held); <-release })
		}
		return nil
	})
	before := l.Stats().Syncs
	round := put(l, 0, "first")
	l.Hurry()
	<-held
	var waiting sync.WaitGroup
	for i := range writers {
		r := put(l, 0, fmt.Sprint(i))
		if r == round {
			t.Fatal("the round is open while it is being synced")
		}
		waiting.Go(func() {
			if err := l.WaitDurable(ctx, r); err != nil {
				t.Error(err)
			}
		})
	}
	if l.Durable() >= round {
		t.Error("durable before the sync is over")
	}
	close(release)
	waiting.Wait()
	if n := l.Stats().Syncs - before; n != 2 {
		t.Errorf("%d syncs, want 2", n)
	}
}

// TestAsked: under Always what nobody asks for is gathered, and what is asked for is
// written together with all that was gathered.
func TestAsked(t *testing.T) {
	durable := make(chan uint64, 2)
	l, _, _ := mustOpen(t, Options{
		FS: vfs.NewMem("/"), Dir: "/log", Streams: 2, Policy: Always, SegmentBytes: 1 << 20, SyncEvery: time.Hour,
		OnDurable: func(round uint64) { durable <- round },
	})
	defer l.Close()
	var last uint64
	for i := range 1000 {
		round := put(l, i%2, fmt.Sprint(i))
		if i > 0 && round != last {
			t.Fatalf("record %d is in round %d, the one before in %d", i, round, last)
		}
		last = round
	}
	l.Hurry()
	if round := <-durable; round != last {
		t.Errorf("durable up to %d, want %d", round, last)
	}
	if n := l.Stats().Rounds; n != 1 {
		t.Errorf("%d rounds", n)
	}
}

// TestUnasked: what nobody asks for is written by and by.
func TestUnasked(t *testing.T) {
	durable := make(chan uint64, 1)
	l, _, _ := mustOpen(t, Options{
		FS: vfs.NewMem("/"), Dir: "/log", Streams: 1, Policy: Always, SegmentBytes: 1 << 20, SyncEvery: time.Millisecond,
		OnDurable: func(round uint64) { durable <- round },
	})
	defer l.Close()
	if round, got := put(l, 0, "x"), <-durable; got != round {
		t.Errorf("round %d is durable, not %d", got, round)
	}
}

// TestEverySec: a round counts once written, and is synced by itself later.
func TestEverySec(t *testing.T) {
	faulty := vfs.NewFaulty(vfs.NewMem("/"))
	var syncs atomic.Int64
	faulty.Set(func(op, path string) error {
		if op == "sync" {
			syncs.Add(1)
		}
		return nil
	})
	l, _, _ := mustOpen(t, Options{FS: faulty, Dir: "/log", Streams: 2, SegmentBytes: 1 << 20, SyncEvery: 20 * time.Millisecond})
	defer l.Close()
	before := syncs.Load()
	round := put(l, 1, "x")
	if err := l.WaitDurable(ctx, round); err != nil {
		t.Fatal(err)
	}
	if err := l.WaitSynced(ctx, round); err != nil {
		t.Fatal(err)
	}
	if syncs.Load() == before {
		t.Error("synced without a sync")
	}
	if l.Synced() != round || l.Written() != round {
		t.Errorf("written %d, synced %d, want %d", l.Written(), l.Synced(), round)
	}
}

// TestPolicy: no is never synced by itself; always, once set, syncs what came
// before too.
func TestPolicy(t *testing.T) {
	var durable []uint64
	l, _, _ := mustOpen(t, Options{
		FS: vfs.NewMem("/"), Dir: "/log", Streams: 2, SegmentBytes: 4096, Policy: No, SyncEvery: time.Millisecond,
		OnDurable: func(round uint64) { durable = append(durable, round) },
	})
	for range 3 {
		l.WaitDurable(ctx, put(l, 0, "x"))
	}
	if l.Synced() != 0 || l.Durable() != 3 {
		t.Errorf("synced %d, durable %d", l.Synced(), l.Durable())
	}
	l.SetPolicy(Always)
	if err := l.WaitSynced(ctx, 3); err != nil { // within SyncEvery
		t.Error(err)
	}
	if l.Policy() != Always || l.Durable() != 3 {
		t.Errorf("policy %v, durable %d", l.Policy(), l.Durable())
	}
	l.WaitDurable(ctx, put(l, 1, "x"))
	if l.Synced() != 4 {
		t.Errorf("synced %d", l.Synced())
	}
	mustClose(t, l)
	if fmt.Sprint(durable) != "[1 2 3 4]" {
		t.Errorf("told durable: %v", durable)
	}
}

// TestWaitEnds: a wait ends with its context, and with the log.
func TestWaitEnds(t *testing.T) {
	l, _, _ := mustOpen(t, Options{FS: vfs.NewMem("/"), Dir: "/log", Streams: 1, SegmentBytes: 4096})
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := l.WaitDurable(canceled, 99); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ended := make(chan error)
	go func() { ended <- l.WaitDurable(ctx, 99) }()
	mustClose(t, l)
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := l.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("a second Close: %v", err)
	}
	for what, err := range map[string]error{
		"Backup":  l.Backup(ctx, "/b", nil),
		"ReadAt":  func() error { _, err := l.ReadAt(Addr{1, 64}); return err }(),
		"compact": func() error { _, err := l.BeginCompaction(); return err }(),
	} {
		if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrGone) {
			t.Errorf("%s of a closed log: %v", what, err)
		}
	}
}

// TestLargeRecord: one larger than a segment gets a larger segment.
func TestLargeRecord(t *testing.T) {
	o := Options{Dir: t.TempDir() + "/log", Streams: 1, SegmentBytes: 4096}
	l, _, _ := mustOpen(t, o)
	large := string(make([]byte, 3<<20))
	put(l, 0, "before")
	mustSync(t, l)
	put(l, 0, large)
	mustSync(t, l)
	put(l, 0, "after")
	mustClose(t, l)
	l, c, _ := mustOpen(t, o)
	defer l.Close()
	if len(c.all) != 3 || c.all[1].payload != large || c.all[2].payload != "after" {
		t.Errorf("%d records came back", len(c.all))
	}
}

// TestPressure: callers that heed Pressure never have much in memory.
func TestPressure(t *testing.T) {
	const limit = 1 << 20
	l, _, _ := mustOpen(t, Options{Dir: t.TempDir() + "/log", Streams: 2, MaxPending: limit, Policy: Always})
	defer l.Close()
	payload := string(make([]byte, 100<<10))
	waits := 0
	for i := range 500 {
		if l.Pressure() {
			waits++
			if err := l.WaitRoom(ctx); err != nil {
				t.Fatal(err)
			}
		}
		put(l, i%2, payload)
		if n := l.Stats().Pending; n > 5*limit { // two streams, each with a round in the making and one being written
			t.Fatalf("%d bytes are waiting", n)
		}
	}
	if waits == 0 {
		t.Skip("the disk was never slower")
	}
}

// TestBackupWhileBusy takes backups while writers append and compactions drop
// what is old: each holds a moment, and stays readable.
func TestBackupWhileBusy(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir + "/log", Streams: 2, SegmentBytes: 32 << 10, Gather: time.Microsecond}
	l, _, _ := mustOpen(t, o)
	var appended [2]atomic.Int64 // how many records each stream was given
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for stream := range 2 {
		busy.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				l.WaitRoom(ctx)
				round := put(l, stream, fmt.Sprint(n))
				appended[stream].Store(int64(n + 1))
				if n%100 == 0 {
					l.WaitDurable(ctx, round)
				}
			}
		})
	}
	const backups = 5
	var least [backups][2]int64 // the number of a record that each must have
	for n := range backups {
		c, err := l.BeginCompaction()
		if err != nil {
			t.Fatal(err)
		}
		// What was appended before the compaction may be gone with it, so the
		// backup begins when each stream has a record that came later: the one
		// under way may be from before.
		for stream := range 2 {
			least[n][stream] = appended[stream].Load() + 1
			for appended[stream].Load() <= least[n][stream] {
				runtime.Gosched()
			}
		}
		finished := make(chan error)
		go func() { finished <- c.Finish(ctx) }()
		dest := fmt.Sprintf("%s/backup%d", dir, n)
		if err := l.Backup(ctx, dest, nil); err != nil {
			t.Fatal(err)
		}
		if err := <-finished; err != nil {
			t.Fatal(err)
		}
		if r := mustCheck(t, vfs.OS(), dest); len(r.Problems) != 0 {
			t.Fatalf("backup %d: %v", n, r.Problems)
		}
	}
	close(stop)
	busy.Wait()
	mustClose(t, l)
	for n := range backups {
		o.Dir = fmt.Sprintf("%s/backup%d", dir, n)
		l, c, report := mustOpen(t, o)
		l.Close()
		if len(report.Cuts) > 0 {
			t.Errorf("backup %d: %v", n, report.Cuts)
		}
		for stream := range 2 {
			last := -1
			for _, k := range c.streams[stream] {
				var i int
				fmt.Sscan(k.payload, &i)
				if last >= 0 && i != last+1 {
					t.Fatalf("backup %d: record %d follows %d", n, i, last)
				}
				last = i
			}
			if int64(last) < least[n][stream] {
				t.Errorf("backup %d ends with record %d of stream %d, but %d was there before", n, last, stream, least[n][stream])
			}
		}
	}
}

// TestAppendAllocations: handing over a record makes no garbage.
func TestAppendAllocations(t *testing.T) {
	l, _, _ := mustOpen(t, Options{FS: vfs.NewMem("/"), Dir: "/log", Streams: 1, Gather: time.Hour})
	defer l.Close()
	payload := make([]byte, 64)
	if n := testing.AllocsPerRun(1000, func() { l.Append(0, Record{Shard: 1, Payload: payload}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestNoKeepsFewOpen: under No, full segments do not stay open for ever.
func TestNoKeepsFewOpen(t *testing.T) {
	l, _, _ := mustOpen(t, Options{FS: vfs.NewMem("/"), Dir: "/log", Streams: 1, SegmentBytes: 4096, Policy: No, SyncEvery: time.Millisecond})
	defer l.Close()
	payload := string(make([]byte, 3000))
	for range 3 * keepDirty {
		l.WaitDurable(ctx, put(l, 0, payload))
	}
	if err := l.WaitSynced(ctx, 1); err != nil {
		t.Error(err)
	}
}

// tight is a file system that has no room for large files.
type tight struct {
	vfs.FS
	room int64
}

type tightFile struct {
	vfs.File
	room int64
}

func (f tight) Create(path string) (vfs.File, error) {
	file, err := f.FS.Create(path)
	return tightFile{file, f.room}, err
}

func (f tightFile) Allocate(size int64) error {
	if size > f.room {
		f.File.Allocate(f.room) // as a real one may
		return syscall.ENOSPC
	}
	return f.File.Allocate(size)
}

// TestTightDisk: a log begins on a disk without room for a whole segment.
func TestTightDisk(t *testing.T) {
	o := Options{FS: tight{vfs.OS(), 300 << 10}, Dir: t.TempDir() + "/log", Streams: 2}
	l, _, _ := mustOpen(t, o)
	payload := string(make([]byte, 10<<10))
	for range 100 {
		l.WaitDurable(ctx, put(l, 0, payload))
	}
	if s, err := l.State(); s != StateOK {
		t.Error(s, err)
	}
	mustClose(t, l)
	l, c, _ := mustOpen(t, o)
	defer l.Close()
	if len(c.all) != 100 {
		t.Errorf("%d records came back", len(c.all))
	}
	o.FS, o.Dir = tight{vfs.OS(), 1000}, t.TempDir()+"/log"
	if _, _, err := Open(o, discard{}); !vfs.IsFull(err) {
		t.Errorf("a full disk: %v", err)
	}
}

// TestProgress: replay tells how far it is, up to all of it.
func TestProgress(t *testing.T) {
	o := Options{FS: vfs.NewMem("/"), Dir: "/log", Streams: 3, SegmentBytes: 1 << 20}
	l, _, _ := mustOpen(t, o)
	payload := string(make([]byte, 10<<10))
	for i := range 1000 {
		put(l, i%3, payload)
		if i%50 == 0 {
			mustSync(t, l)
		}
	}
	mustClose(t, l)
	var last, all int64
	calls := 0
	o.OnProgress = func(done, total int64) {
		if done < last || all != 0 && total != all {
			t.Errorf("%d of %d after %d of %d", done, total, last, all)
		}
		last, all = done, total
		calls++
	}
	l, _, report := mustOpen(t, o)
	defer l.Close()
	if last != all || all != report.Bytes || calls < 10 || all < 1000*10<<10 {
		t.Errorf("%d calls, %d of %d, report %+v", calls, last, all, report)
	}
}

// TestPressureEnds: whoever sees a record sees the pressure that it makes. So the
// round that takes the record ends the pressure, and no later one has to come.
func TestPressureEnds(t *testing.T) {
	l, _, _ := mustOpen(t, Options{FS: vfs.NewMem("/"), Dir: "/log", Streams: 1, MaxPending: 1, Policy: Always, SyncEvery: time.Hour})
	defer l.Close()
	s := &l.streams[0]
	const times = 10_000
	for range times {
		s.mu.Lock()
		l.crowded.Store(false)
		size := s.buf.size()
		s.mu.Unlock()
		begin := make(chan struct{})
		var watcher sync.WaitGroup
		watcher.Go(func() { // looks as the committer does, as soon as it can
			close(begin)
			for seen, tries := false, 1; !seen; tries++ {
				if tries%1000 == 0 {
					runtime.Gosched()
				}
				if !s.mu.TryLock() {
					continue
				}
				seen = s.buf.size() > size
				if seen && !l.crowded.Load() {
					t.Error("a record without its pressure")
				}
				s.mu.Unlock()
			}
		})
		<-begin
		put(l, 0, "x")
		if watcher.Wait(); t.Failed() {
			return
		}
	}
}
