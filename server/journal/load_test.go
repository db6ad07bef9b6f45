package journal

import (
	"fmt"
	"testing"
	"time"

	"hpkv/engine"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

// TestLoadForecast: a replay lets the engine know how far it is, so that indexes are
// rebuilt far less often than while the keys were written, and end up about as large.
func TestLoadForecast(t *testing.T) {
	clock := engine.NewManualClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli())
	y := layout{shards: 2, homes: 2, segment: 4 << 20, policy: persist.No}
	disk := vfs.NewMem("/")
	e, j := y.open(t, disk, clock)
	l := e.NewLane()
	value := make([]byte, 100)
	for i := range 60_000 {
		if _, err := l.Begin(0).Set(fmt.Appendf(nil, "key %d", i), value, engine.SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	written := e.IndexShape()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	e.Close()
	e, j = y.open(t, disk, clock)
	loaded := e.IndexShape()
	t.Logf("written: %+v, loaded: %+v", written, loaded)
	if loaded.Entries != written.Entries || loaded.Rebuilds*2 > written.Rebuilds || loaded.Bytes > written.Bytes*5/4 {
		t.Errorf("written: %+v, loaded: %+v", written, loaded)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	e.Close()
}
