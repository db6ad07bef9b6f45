package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"hpkv/engine"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

// TestCompactionOfEndedJournal: the engine stops journalling while a compaction
// begins. What that could not copy any more is not dropped.
func TestCompactionOfEndedJournal(t *testing.T) {
	disk, clock := vfs.NewMem("/"), engine.NewManualClock(1_700_000_000_000)
	var e *engine.Engine
	var armed atomic.Bool
	// With this policy nothing is written before the compaction has it written.
	y := layout{shards: 4, homes: 2, segment: 16 << 10, policy: persist.Always, onStep: func(s persist.Step, _ time.Duration) {
		if s == persist.StepWrite && armed.Swap(false) {
			e.SetJournal(nil) // as Close does
		}
	}}
	e, j := y.open(t, disk, clock)
	l := e.NewLane()
	armed.Store(true)
	txn := l.Begin(0)
	for i := range 300 {
		key := fmt.Appendf(nil, "key%d", i)
		if _, err := txn.Set(key, key, engine.SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	txn.End()
	l.Close()
	want := contents(t, e, clock.NowMs())
	if err := j.Compact(context.Background()); !errors.Is(err, engine.ErrNoCapture) {
		t.Errorf("the compaction ended with %v", err)
	}
	if armed.Load() {
		t.Fatal("nothing was written: nothing is tested")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, j = y.open(t, disk, clock)
	defer e.Close()
	defer j.Close()
	if found := contents(t, e, clock.NowMs()); !maps.Equal(found, want) {
		t.Errorf("%d keys, or other ones, of %d after a restart", len(found), len(want))
	}
}
