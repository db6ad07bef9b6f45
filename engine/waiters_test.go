package engine

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// atPush lets a rival begin when an element has been pushed, and has the push wait,
// with the shard locked, until it stands at the lock.
type atPush struct {
	rival chan<- struct{}
	waits *atomic.Uint64
}

func (a *atPush) KeyEvent(_ int, ev Event, key []byte, _ Commit) {
	if ev == EventLPush && string(key) == "src" {
		before := a.waits.Load()
		a.rival <- struct{}{}
		for a.waits.Load() == before {
			runtime.Gosched()
		}
	}
}

// TestMoveNotOvertaken: who waits to move an element between lists of two shards
// gets it before anybody else sees it.
func TestMoveNotOvertaken(t *testing.T) {
	const rounds = 3000
	rival, over := make(chan struct{}), make(chan struct{})
	at := &atPush{rival: rival}
	e, _ := openTest(t, Options{Shards: 4, Databases: 1, Events: at})
	l := e.NewLane()
	defer l.Close()
	src := b("src")
	home := e.shardOf(hashKey(src))
	at.waits = &home.mu.waits
	var dsts [][]byte // in other shards, before and after that of src
	for i := 0; len(dsts) < 12; i++ {
		if key := fmt.Appendf(nil, "dst%d", i); e.shardOf(hashKey(key)) != home {
			dsts = append(dsts, key)
		}
	}
	var stolen atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		l := e.NewLane()
		defer l.Close()
		for range rival {
			_, _ = l.Begin(0).ListPop(src, ListLeft, 1, nil, func(ListValue) { stolen.Add(1) })
			over <- struct{}{}
		}
	})
	served := 0
	for i := range rounds {
		dst := dsts[i%len(dsts)]
		w := &Waiter{Keys: [][]byte{src}, Also: dst}
		w.Serve = func(t *Txn) bool {
			_, ok, err := t.ListMove(nil, src, dst, ListLeft, ListRight)
			return ok && err == nil
		}
		w.Done = func(uint64) { served++ }
		txn := l.Begin(0)
		txn.LockKeys([][]byte{src, dst}, 0, 1, 1)
		txn.Wait(w)
		txn.End()
		if _, err := l.Begin(0).ListPush(src, ListLeft, [][]byte{b("e")}, false); err != nil {
			t.Fatal(err)
		}
		<-over
		if !w.Cancel() {
			w.Leave()
			continue
		}
		w.Leave()
		t.Errorf("round %d: nobody was served", i)
	}
	close(rival)
	wg.Wait()
	if n := stolen.Load(); n != 0 || served != rounds {
		t.Errorf("%d elements were taken by others, %d of %d moves served", n, served, rounds)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
}
