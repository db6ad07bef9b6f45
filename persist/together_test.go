package persist

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

// counter is what one writer of TestTogether counts, in one stream or, as a
// transaction, in two.
type counter struct {
	mu      sync.Mutex // held while a record is appended
	streams []int
	n       uint64 // of the last record
}

func (c *counter) append(l *Log, id int) (n, round uint64) {
	parts := make([]Part, len(c.streams))
	for i, s := range c.streams {
		parts[i] = Part{s, Record{Shard: uint16(2*id + i), Seq: c.n, Txn: 1, Payload: make([]byte, c.n*7%300)}}
	}
	return c.n, l.AppendTxn(parts)
}

// counts is a Replayer that reads what counters count.
type counts struct {
	mu  sync.Mutex
	n   map[int]uint64 // by shard
	bad error
}

func (c *counts) Apply(_ int, batch []Placed) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range batch {
		id := int(batch[i].Shard)
		if batch[i].Seq < c.n[id] {
			c.bad = fmt.Errorf("counter %d goes back from %d to %d", id, c.n[id], batch[i].Seq)
		}
		c.n[id] = batch[i].Seq
	}
	return nil
}

// TestTogether has everything happen at once to a log, in several runs: appending and
// waiting, changes of the policy, compactions, backups, and a disk that is full now
// and then. Nobody waits for ever, and what is left by a crash at any time has each
// counter at least where it was synced, and transactions as a whole.
func TestTogether(t *testing.T) {
	seed := crashSeed(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	mem := vfs.NewMem("/")
	counters := make([]*counter, 6)
	for i := range counters {
		counters[i] = new(counter)
	}
	for run := range 4 {
		mem = together(t, mem, rng, counters, run)
		if t.Failed() {
			return
		}
	}
}

// synced says that a counter was at n on the disk after some operations.
type synced struct {
	ops, id int
	n       uint64
}

// together is one run, and returns what it leaves.
func together(t *testing.T, mem *vfs.Mem, rng *rand.Rand, counters []*counter, run int) *vfs.Mem {
	changes, crashes := 300, 60
	if testing.Short() {
		changes, crashes = 100, 10
	}
	streams := 1 + rng.IntN(4)
	for _, c := range counters {
		c.streams = []int{rng.IntN(streams)}
		if rng.IntN(2) == 0 {
			c.streams = append(c.streams, rng.IntN(streams))
		}
	}
	faulty := vfs.NewFaulty(mem)
	o := Options{
		FS: faulty, Dir: "/log", Streams: streams, SegmentBytes: 4096, Policy: Always, MaxPending: 8 << 10,
		Gather: 100 * time.Microsecond, SyncEvery: time.Millisecond, RetryEvery: 100 * time.Microsecond,
	}
	began := counts{n: make(map[int]uint64)}
	o.Draft = run == 2
	if o.Draft { // it replays nothing
		l, _, err := Open(o.again(mem.Clone()), &began)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	l, _, err := Open(o, &began)
	if err != nil || began.bad != nil {
		t.Fatal(err, began.bad)
	}
	var mu sync.Mutex
	var acks []synced
	var stop atomic.Bool
	var work, others sync.WaitGroup
	for id, c := range counters {
		r := rand.New(rand.NewPCG(rng.Uint64(), 1))
		work.Go(func() {
			for range changes {
				c.mu.Lock()
				c.n++
				n, round := c.append(l, id)
				c.mu.Unlock()
				short, cancel := context.WithTimeout(ctx, 2*time.Millisecond)
				switch r.IntN(6) {
				case 0, 1:
					if l.WaitSynced(short, round) == nil {
						at := mem.Ops()
						mu.Lock()
						acks = append(acks, synced{at, id, n})
						mu.Unlock()
					}
				case 2:
					if err := l.WaitDurable(ctx, round); err != nil {
						t.Error(err)
					}
				case 3:
					l.Hurry()
				case 4:
					if l.Pressure() {
						if err := l.WaitRoom(ctx); err != nil {
							t.Error(err)
						}
					}
				}
				cancel()
			}
		})
	}
	during := func(pause time.Duration, do func(r *rand.Rand)) {
		r := rand.New(rand.NewPCG(rng.Uint64(), 2))
		others.Go(func() {
			for !stop.Load() {
				do(r)
				time.Sleep(time.Duration(r.Int64N(int64(pause))))
			}
		})
	}
	during(2*time.Millisecond, func(r *rand.Rand) { l.SetPolicy(Policy(1 + r.IntN(3))) })
	during(10*time.Millisecond, func(r *rand.Rand) {
		op := []string{"writeat", "allocate", "create", "rename"}[r.IntN(4)]
		faulty.Set(failing(syscall.ENOSPC, "", op))
		time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
		faulty.Set(nil)
	})
	compactions, backups := 0, 0
	during(3*time.Millisecond, func(r *rand.Rand) {
		c, err := l.BeginCompaction()
		if err == nil {
			for id, c := range counters {
				c.mu.Lock()
				c.append(l, id)
				c.mu.Unlock()
			}
			err = c.Finish(ctx)
		}
		if err == nil {
			compactions++
		} else if !vfs.IsFull(err) {
			t.Error(err)
		}
	})
	var copies []string
	during(6*time.Millisecond, func(r *rand.Rand) {
		dest := fmt.Sprintf("/backup%d.%d", run, backups)
		if err := l.Backup(ctx, dest, nil); err == nil {
			backups++
			copies = append(copies, dest)
		} else if !vfs.IsFull(err) && err != ErrDraft {
			t.Error(err)
		}
	})
	done := make(chan struct{})
	go func() {
		work.Wait()
		stop.Store(true)
		others.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		panic("somebody waits for ever")
	}
	faulty.Set(nil)
	t.Logf("run %d: %d streams, %d compactions, %d backups, %d acks, %d operations", run, streams, compactions, backups, len(acks), mem.Ops())
	check := func(left vfs.FS, dir string, ops int, what string) {
		t.Helper()
		got := counts{n: make(map[int]uint64)}
		o := o.again(left)
		o.Dir, o.Streams = dir, 1+rng.IntN(4)
		l, _, err := Open(o, &got)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		l.Close()
		if got.bad != nil {
			t.Fatalf("%s: %v", what, got.bad)
		}
		for _, a := range acks {
			if a.ops <= ops && got.n[2*a.id] < a.n {
				t.Fatalf("%s: counter %d is at %d, and was synced at %d", what, a.id, got.n[2*a.id], a.n)
			}
		}
		for id, c := range counters {
			if len(c.streams) == 2 && got.n[2*id] != got.n[2*id+1] && got.n[2*id] > began.n[2*id] {
				t.Fatalf("%s: counter %d is at %d and at %d", what, id, got.n[2*id], got.n[2*id+1])
			}
		}
	}
	ops := mem.Ops()
	for range crashes {
		after := rng.IntN(ops + 1)
		what := fmt.Sprintf("crash after operation %d of %d", after, ops)
		left := mem.Crash(after, rng)
		if _, err := left.Stat("/log"); err == nil {
			check(left, "/log", after, what)
		}
	}
	for _, dir := range copies {
		check(mem.Clone(), dir, 0, dir)
	}
	if run%2 == 0 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		check(mem.Clone(), "/log", ops, "closed")
		return mem.Clone()
	}
	left := mem.Crash(mem.Ops(), rng)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return left
}

// again returns the options for opening what is left of a log.
func (o Options) again(fsys vfs.FS) Options {
	o.FS, o.Draft = fsys, false
	return o
}
