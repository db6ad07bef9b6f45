package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hpkv/cmd/hpkv-bench/internal/report"
)

func TestFigures(t *testing.T) {
	f := parseFigures("# Persistence\r\nloading:0\r\nlog_syncs:17\r\nstate:ok\r\nratio:1.5\r\n\r\n")
	if len(f) != 2 || f["log_syncs"] != 17 {
		t.Errorf("got %v", f)
	}
}

func TestLogFigures(t *testing.T) {
	ops := func(values ...float64) (rounds []logSample) {
		for _, v := range values {
			rounds = append(rounds, logSample{Sample: report.Sample{OpsPerSec: v}})
		}
		return rounds
	}
	off, row := logRow{Rounds: ops(100, 1000, 100)}, logRow{Rounds: ops(90, 800, 100)}
	// Of each round by itself: 10%, 20% and nothing.
	if l := row.loss(&off); math.Abs(l-0.1) > 1e-9 {
		t.Errorf("a loss of %v", l)
	}
	if l := row.loss(&logRow{}); !math.IsNaN(l) {
		t.Errorf("without a peer: a loss of %v", l)
	}
	s := logSample{Sample: report.Sample{OpsPerSec: 1000}, Flushes: 10}
	if n := s.perSync(); n != 100 {
		t.Errorf("by the disk's count: %v commands a sync", n)
	}
	if s.Syncs = 50; s.perSync() != 20 {
		t.Errorf("by the server's count: %v commands a sync", s.perSync())
	}
}

func TestLogOfRedis(t *testing.T) {
	needRedis(t)
	file := filepath.Join(t.TempDir(), "out.json")
	out, errOut, err := try("log", "--server", "redis-server", "--policies", "off,always", "--clients", "5", "--pipelines", "1", "--rounds", "1",
		"--seconds", "0.2", "--keyspace", "1000", "--dir", t.TempDir(), "--json", file)
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r logReport
	if err := json.Unmarshal(text, &r); err != nil || len(r.Rows) != 2 {
		t.Fatalf("%v in %s", err, text)
	}
	for _, row := range r.Rows {
		if row.Median.OpsPerSec <= 0 || row.Clients != 5 {
			t.Errorf("%+v", row)
		}
	}
	if r.Disk.GrowP50 <= 0 || r.Disk.GrowP50 > r.Disk.GrowP99 || !strings.Contains(out, "fdatasync") || !strings.Contains(errOut, "2 runs, about") {
		t.Errorf("%+v\n%s%s", r.Disk, out, errOut)
	}
}
