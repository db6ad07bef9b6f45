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
