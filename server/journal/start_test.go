package journal

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"hpkv/engine"
	"hpkv/numa"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

// TestStartCrash begins to journal an engine that is in use, over the log of
// another one, and cuts that off at every few operations of the disk: what comes
// back is the older data, or all of the new ones.
func TestStartCrash(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	y := layout{shards: 4, homes: 2, segment: 16 << 10, policy: persist.Always}
	disk := vfs.NewMem("/")
	o := &operations{r: r, clock: engine.NewManualClock(1_700_000_000_000)}
	e, j := y.open(t, disk, o.clock)
	l := e.NewLane()
	for range 300 {
		o.step(l)
	}
	l.Close()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	disk = disk.Clone()
	e, err := engine.Open(engine.Options{Shards: 8, Databases: 3, Clock: o.clock, ReserveBytes: 4 << 30, Plan: &numa.Plan{Workers: make([]numa.Worker, 3)}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	l = e.NewLane()
	defer l.Close()
	for range 600 {
		o.step(l)
	}
	now := o.clock.NowMs() // from here on nothing expires
	l.SetNow(now)
	older, j := y.open(t, disk.Clone(), o.clock)
	old := contents(t, older, now)
	j.Close()
	older.Close()
	txn := l.Begin(0)
	defer txn.End()
	states := []map[string]string{contents(t, e, now)}
	step := func() {
		key := fmt.Appendf(nil, "step%d", len(states))
		if _, err := txn.Set(key, key, engine.SetOptions{}); err != nil {
			t.Fatal(err)
		}
		states = append(states, contents(t, e, now))
		if _, err := txn.ListPush([]byte("steps"), ends[len(states)%2], [][]byte{key}, false); err != nil {
			t.Fatal(err)
		}
		states = append(states, contents(t, e, now))
	}
	j, err = Start(e, Options{Options: persist.Options{FS: disk, Dir: "/log", SegmentBytes: 16 << 10, Policy: persist.Always}})
	if err != nil {
		t.Fatal(err)
	}
	if got := j.Durable(); got < j.Appended() {
		t.Errorf("somebody has to wait for round %d", got)
	}
	compacted := make(chan error, 1)
	go func() { compacted <- j.Compact(context.Background()) }()
	for range 20 {
		step()
	}
	if err := <-compacted; err != nil {
		t.Fatal(err)
	}
	ended := disk.Ops()
	acked := map[int]int{ended: 0} // operations: states
	for range 5 {
		step()
		if err := j.WaitSynced(context.Background(), l.Round()); err != nil {
			t.Fatal(err)
		}
		acked[disk.Ops()] = len(states) - 1
	}
	ops := disk.Ops()
	kept := disk.Clone()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if len(old) < 10 || len(states[0]) < 10 {
		t.Fatalf("%d and %d keys: nothing is tested", len(old), len(states[0]))
	}

	recovered := func(disk vfs.FS, what string) int {
		t.Helper()
		back, j := y.open(t, disk, o.clock)
		defer back.Close()
		defer j.Close()
		got := contents(t, back, now)
		for i, s := range states {
			if maps.Equal(got, s) {
				return i
			}
		}
		if !maps.Equal(got, old) {
			t.Fatalf("%s: %d keys, neither the older nor the newer ones", what, len(got))
		}
		return -1
	}
	stride := max(1, ops/25)
	seen := map[bool]int{}
	for after := 0; after <= ops; after += stride {
		what := fmt.Sprintf("crash after operation %d of %d", after, ops)
		n := recovered(disk.Crash(after, rand.New(rand.NewPCG(seed, uint64(after)))), what)
		atLeast := -1
		for at, i := range acked {
			if at <= after {
				atLeast = max(atLeast, i)
			}
		}
		if n < atLeast {
			t.Errorf("%s: state %d is back, %d was durable", what, n, atLeast)
		}
		seen[n < 0]++
	}
	if seen[true] < 5 {
		t.Errorf("%d crashes with the older data: nothing is tested", seen[true])
	}
	if n := recovered(kept, "the whole of it"); n != len(states)-1 {
		t.Errorf("state %d of %d is back", n, len(states)-1)
	}
}
