package engine

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"hpkv/engine/record"
	"hpkv/numa"
)

// TestMoreWorkersThanShards: a plan may have more workers than there are shards,
// and as many shards as numa makes of the largest machine.
func TestMoreWorkersThanShards(t *testing.T) {
	for _, c := range []struct{ workers, shards int }{{8, 4}, {3, 1}, {64, 32}, {256, 2048}} {
		plan := &numa.Plan{Workers: make([]numa.Worker, c.workers), Shards: c.shards, ShardHome: make([]int, c.shards)}
		for i := range plan.ShardHome {
			plan.ShardHome[i] = i * c.workers / c.shards
		}
		e, err := Open(Options{Plan: plan, Databases: 1})
		if err != nil {
			t.Errorf("%d workers, %d shards: %v", c.workers, c.shards, err)
			continue
		}
		l, shards := e.NewLane(), 0
		for home := range e.Homes() {
			shards += len(e.homes[home])
			e.Maintain(l, home, 0)
		}
		if e.Homes() != c.workers || shards != c.shards {
			t.Errorf("%d workers, %d shards: %d homes have %d shards", c.workers, c.shards, e.Homes(), shards)
		}
		l.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestMaxValueBytes: no setting allows a value whose length a record could not
// hold.
func TestMaxValueBytes(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1, Databases: 1, MaxValueBytes: math.MaxInt64})
	l := e.NewLane()
	defer l.Close()
	e.SetMaxValueBytes(1 << 40)
	if got := e.MaxValueBytes(); got != record.MaxLen {
		t.Errorf("the bound is %d, want %d", got, record.MaxLen)
	}
	if _, err := l.Begin(0).SetRange([]byte("k"), record.MaxLen, []byte("x")); err != ErrTooLarge {
		t.Errorf("SETRANGE beyond what a record holds: %v", err)
	}
	if _, err := l.Begin(0).SetBit([]byte("k"), (record.MaxLen+1)*8, 1); err != ErrOffset {
		t.Errorf("SETBIT beyond what a record holds: %v", err)
	}
}

// TestMSetNXOnePair: of those who set the same absent key, one succeeds, also
// where the command had no reason to lock shards beforehand.
func TestMSetNXOnePair(t *testing.T) {
	const workers, rounds = 2, 50_000
	e, _ := openTest(t, Options{Shards: 1, Databases: 1})
	var won [rounds]atomic.Int32
	var arrived atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			l := e.NewLane()
			defer l.Close()
			for i := range rounds {
				pair := [][]byte{fmt.Appendf(nil, "k%d", i), []byte("v")}
				for arrived.Add(1); arrived.Load() < int64(i+1)*workers; {
					runtime.Gosched() // all at once
				}
				txn := l.Begin(0)
				set, err := txn.MSetNX(pair)
				txn.End()
				if err != nil {
					t.Error(err)
				}
				if set {
					won[i].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range won {
		if n := won[i].Load(); n != 1 {
			t.Fatalf("key %d was set %d times", i, n)
		}
	}
}
