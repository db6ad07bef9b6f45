package persist

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hpkv/persist/vfs"
)

// collector is a Replayer that keeps everything.
type collector struct {
	mu      sync.Mutex
	streams map[int][]kept
	all     []kept // in the order of arrival
}

type kept struct {
	stream  int
	shard   uint16
	seq     uint64
	txn     uint64
	payload string
	at      Addr
}

func (c *collector) add(k kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams == nil {
		c.streams = make(map[int][]kept)
	}
	c.streams[k.stream] = append(c.streams[k.stream], k)
	c.all = append(c.all, k)
}

func (c *collector) Apply(stream int, batch []Placed) error {
	if len(batch) == 0 || len(batch) > MaxBatch {
		return fmt.Errorf("a batch of %d records", len(batch))
	}
	for _, r := range batch {
		c.add(kept{stream, r.Shard, r.Seq, r.Txn, string(r.Payload), r.At})
	}
	return nil
}

func mustOpen(t testing.TB, o Options) (*Log, *collector, RecoveryReport) {
	t.Helper()
	var c collector
	l, report, err := Open(o, &c)
	if err != nil {
		t.Fatal(err)
	}
	return l, &c, report
}

func mustSync(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRestart: what was appended comes back in order, over several runs with
// different numbers of streams.
func TestRestart(t *testing.T) {
	dir := t.TempDir() + "/log"
	var want []string
	for run, streams := range []int{1, 3, 2, 4} {
		l, c, report := mustOpen(t, Options{Dir: dir, Streams: streams, SegmentBytes: 4096, Policy: Always})
		if len(report.Cuts) > 0 {
			t.Errorf("run %d: %v", run, report.Cuts)
		}
		if got := len(c.all); got != len(want) {
			t.Fatalf("run %d: %d records, want %d", run, got, len(want))
		}
		next := map[string]int{}
		for _, k := range c.all {
			var r, s, n int
			fmt.Sscanf(k.payload, "%d/%d/%d", &r, &s, &n)
			if at := fmt.Sprint(r, s); next[at] != n {
				t.Fatalf("run %d: %q out of order", run, k.payload)
			} else {
				next[at]++
			}
			if got, err := l.ReadAt(k.at); err != nil || string(got.Payload) != k.payload {
				t.Fatalf("ReadAt(%v) = %q, %v; want %q", k.at, got.Payload, err, k.payload)
			}
		}
		for n := range 500 {
			for s := range streams {
				p := fmt.Sprintf("%d/%d/%d", run, s, n)
				round := l.Append(s, Record{Shard: uint16(s), Seq: uint64(n), Payload: []byte(p)})
				if n%50 == 0 {
					if err := l.WaitDurable(context.Background(), round); err != nil {
						t.Fatal(err)
					}
				}
				want = append(want, p)
			}
		}
		mustClose(t, l)
	}
}

// TestReadAt reads records of more segments than are kept open, while they are
// dropped under it.
func TestReadAt(t *testing.T) {
	o := Options{FS: vfs.NewMem("/"), Dir: "/log", Streams: 1, SegmentBytes: 4096}
	l, _, _ := mustOpen(t, o)
	payload := strings.Repeat("x", 1800)
	for n := range 4 * keepOpen {
		put(l, 0, fmt.Sprint(n, payload))
		mustSync(t, l)
	}
	mustClose(t, l)
	l, c, _ := mustOpen(t, o)
	defer l.Close()
	var readers sync.WaitGroup
	var read atomic.Int64
	enough := make(chan struct{})
	for r := range 4 {
		readers.Go(func() {
			gone := 0
			for n := r; gone < 100; n += 7 {
				k := c.all[n%len(c.all)]
				got, err := l.ReadAt(k.at)
				switch {
				case errors.Is(err, ErrGone):
					gone++
				case err != nil || string(got.Payload) != k.payload:
					t.Errorf("ReadAt(%v) = %.10q, %v; want %.10q", k.at, got.Payload, err, k.payload)
					return
				}
				if read.Add(1) == 2000 {
					close(enough)
				}
			}
		})
	}
	<-enough
	l.readers.mu.Lock()
	n := len(l.readers.files)
	l.readers.mu.Unlock()
	if n > keepOpen+4 {
		t.Errorf("%d segments are open", n)
	}
	compaction, err := l.BeginCompaction()
	if err != nil {
		t.Fatal(err)
	}
	if err := compaction.Finish(ctx); err != nil {
		t.Fatal(err)
	}
	readers.Wait()
	at := c.all[0].at
	for _, wrong := range []Addr{{at.Segment, at.Offset}, {1 << 40, 64}} {
		if _, err := l.ReadAt(wrong); !errors.Is(err, ErrGone) {
			t.Errorf("ReadAt(%v): %v", wrong, err)
		}
	}
	round := put(l, 0, "new")
	l.WaitDurable(ctx, round)
	seg := l.streams[0].cur
	for offset := range seg.end.Load() + 10 {
		got, err := l.ReadAt(Addr{seg.number, offset})
		if offset == segmentHead {
			if err != nil || string(got.Payload) != "new" {
				t.Errorf("%q, %v", got.Payload, err)
			}
		} else if !isDamage(err) {
			t.Errorf("ReadAt where no record begins, at %d: %q, %v", offset, got.Payload, err)
		}
	}
}
