package server

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"hpkv/engine"
	"hpkv/persist"
)

// TestClockSetBack: when the clock is set back, while the server runs and between two
// runs, nothing is lost and keys expire by the clock as it is. The times of rounds
// stand still until the clock has caught up: a restore to a time has all that was
// acknowledged before the clock passed it.
func TestClockSetBack(t *testing.T) {
	const began = 1_700_000_000_000
	clock, d, dir := engine.NewManualClock(began), newDisk(), t.TempDir()
	run := func(log string, play func(w *wire)) {
		t.Helper()
		in := start(t, setup{driver: drivers()[0], clock: clock, tuneLog: d.tune,
			settings: []string{"--appendonly", "yes", "--dir", dir, "--appenddirname", log, "--appendfsync", "always"}})
		in.loaded()
		w := in.dial()
		play(w)
		w.Close()
		in.stop()
	}
	restore := func(to string, ms int64) persist.RestoreReport {
		t.Helper()
		report, err := persist.Restore(context.Background(), d, filepath.Join(dir, "log"), filepath.Join(dir, to), persist.Target{Ms: ms}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	run("log", func(w *wire) {
		w.do("SET a 1", "+OK\r\n")
		w.do(fmt.Sprintf("SET later x PXAT %d", began+30_000), "+OK\r\n")
		clock.Advance(-time.Hour)
		w.do("PTTL later", ":3630000\r\n")
		w.do("SET b 2", "+OK\r\n")
		w.do("SET soon x PX 1000", "+OK\r\n")
		w.do("PTTL soon", ":1000\r\n")
		clock.Advance(time.Second)
		w.do("GET soon", "$-1\r\n")
	})
	clock.Advance(-time.Minute)
	run("log", func(w *wire) {
		w.do("MGET a b later soon", "*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\nx\r\n$-1\r\n")
		w.do("PEXPIRETIME later", fmt.Sprintf(":%d\r\n", began+30_000))
		w.do("SET c 3", "+OK\r\n")
	})
	if report := restore("whole", 0); report.Ms != began {
		t.Errorf("the last round is of %d, want %d", report.Ms, began)
	}
	clock.Advance(time.Hour + time.Minute + 30*time.Second)
	run("log", func(w *wire) {
		w.do("MGET a b c later", "*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$-1\r\n")
		w.do("SET d 4", "+OK\r\n")
	})
	if report := restore("then", began+29_999); report.Ms != began {
		t.Errorf("restored up to %d, want %d", report.Ms, began)
	}
	run("then", func(w *wire) { w.do("MGET a b c d", "*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$-1\r\n") })
	if report := restore("now", clock.NowMs()); report.Ms != clock.NowMs() {
		t.Errorf("restored up to %d, want %d", report.Ms, clock.NowMs())
	}
	run("now", func(w *wire) { w.do("MGET a b c d", "*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n") })
}
