package journal

import (
	"context"
	"fmt"
	"testing"

	"hpkv/engine"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

// TestCompactionKeepsUp: in each pause of a compaction clients write several times
// what it writes in a burst. They do not get ahead of it, as it makes no pauses then.
func TestCompactionKeepsUp(t *testing.T) {
	const keys, size, perPause = 30_000, 1000, 1 << 20
	e, err := engine.Open(engine.Options{Databases: 1, Clock: engine.SystemClock{}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx := t.Context()
	j, _, err := Open(ctx, e, Options{Options: persist.Options{FS: nowhere{vfs.OS()}, Dir: t.TempDir() + "/log"}})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	l := e.NewLane()
	defer l.Close()
	// write sets n of the keys and has the log write that.
	write := func(n int) {
		for i := range n {
			txn := l.Begin(0)
			if _, err := txn.Set(fmt.Appendf(nil, "key%d", i), make([]byte, size), engine.SetOptions{}); err != nil {
				t.Error(err)
			}
			txn.End()
		}
		if err := j.WaitDurable(ctx, j.Appended()); err != nil {
			t.Error(err)
		}
	}
	write(keys)
	live := j.log.Size()
	for shard := range e.Shards() {
		e.BeginCapture(shard)
	}
	var pauses int64
	if err := j.capture(ctx, func(context.Context) { pauses++; write(perPause / size) }); err != nil {
		t.Fatal(err)
	}
	if err := j.WaitDurable(ctx, j.Appended()); err != nil {
		t.Fatal(err)
	}
	grown := j.log.Size() - live
	if captured := grown - pauses*perPause; captured < live*9/10 || grown > 2*live+2*perPause {
		t.Errorf("%d bytes live; the log grew by %d in a compaction with %d pauses", live, grown, pauses)
	}
	if pauses < 10 {
		t.Errorf("%d pauses: nothing is tested", pauses)
	}
}
