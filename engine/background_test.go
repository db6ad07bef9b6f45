package engine

import (
	"runtime"
	"testing"
	"time"

	"hpkv/numa"
)

// TestBackgroundHomes: work that is there for several homes at once, more than a
// round's, is done for all of them, again and again, and the end does not wait for
// it.
func TestBackgroundHomes(t *testing.T) {
	plan := &numa.Plan{Workers: make([]numa.Worker, 4), Shards: 16, ShardHome: make([]int, 16)}
	for i := range plan.ShardHome {
		plan.ShardHome[i] = i / 4
	}
	e, _ := openTest(t, Options{Databases: 1, Clock: SystemClock{}, Plan: plan, Background: true})
	if e.Homes() != 4 {
		t.Fatalf("%d homes", e.Homes())
	}
	l := e.NewLane()
	defer l.Close()
	var key []byte
	fill := func() {
		for i := range uint64(20_000) {
			key = key16(key[:0], i)
			if _, err := l.Begin(0).Set(key, b("value"), SetOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 3 {
		fill()
		l.Begin(0).FlushDB(true)
		limit := time.Now().Add(60 * time.Second)
		for _, s := range e.shards {
			for left := 1; left > 0; runtime.Gosched() {
				s.mu.lock()
				left = len(s.dropped)
				s.mu.unlock()
				if time.Now().After(limit) {
					t.Fatalf("shard %d of home %d: a flushed database was not freed", s.id, s.home)
				}
			}
		}
	}
	fill()
	l.Begin(0).FlushDB(true) // and leave it to Close
}

// TestBackgroundPrepares: memory of huge pages is touched in the background before
// writers come to it.
func TestBackgroundPrepares(t *testing.T) {
	e, _ := openTest(t, Options{Databases: 1, Clock: SystemClock{}, Background: true})
	l := e.NewLane()
	defer l.Close()
	var key []byte
	value := make([]byte, 16<<10)
	limit := time.Now().Add(60 * time.Second)
	for i := uint64(0); e.arena.Stats().Prepared == 0; i++ {
		if _, err := l.Begin(0).Set(key16(key[:0], i%8192), value, SetOptions{}); err != nil {
			t.Fatal(err)
		}
		if i == 8191 {
			l.Begin(0).FlushDB(false)
			i = 0
		}
		for e.arena.Stats().Wanting > 0 { // the background's turn
			runtime.Gosched()
			if time.Now().After(limit) {
				t.Fatal("nobody prepares memory")
			}
		}
		if time.Now().After(limit) {
			t.Fatalf("no chunk was prepared, %d came too fast", e.arena.Stats().Unprepared)
		}
	}
}

// TestFreedDoNotPileUp: however little of its budget a round of background work has
// for what was freed, it gives back large values, of which each counts, and of many
// pages that are retired a part.
func TestFreedDoNotPileUp(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1})
	l := e.NewLane()
	defer l.Close()
	large := make([]byte, 1<<20)
	for range 50 {
		for i := range 32 { // of two sizes: the same one would be overwritten where it is
			if _, err := l.Begin(0).Set(b("large"), large[i%2<<19:], SetOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		e.Maintain(l, 0, 0)
		if most, n := int64(leavingBytes+len(large)), e.arena.Leaving(); n > most {
			t.Fatalf("%d bytes of large values wait to go back, want at most %d", n, most)
		}
	}
	rounds, gone := 0, 0
	for range 100 * retireShare {
		e.readers.Retire(func() { gone++ })
	}
	for ; gone < 95*retireShare; rounds++ {
		e.Maintain(l, 0, 0)
	}
	if most := 4 * retireShare; rounds > most {
		t.Errorf("19 of 20 retired pages went back in %d rounds, want at most %d", rounds, most)
	}
}
