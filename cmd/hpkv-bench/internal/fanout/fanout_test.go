package fanout

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"hpkv/cmd/hpkv-bench/internal/proc"
)

func TestParse(t *testing.T) {
	l := &load{Config: Config{Size: 21}}
	begins, length := l.frame()
	frame := string(begins) + "0000000000000012345xx\r\n"
	if len(frame) != length {
		t.Fatalf("%d bytes, not %d", len(frame), length)
	}
	if d, err := parse([]byte(frame), begins); err != nil || d != 12345 {
		t.Errorf("got %v, %v", d, err)
	}
	for _, bad := range []string{strings.Replace(frame, "message", "massage", 1), strings.Replace(frame, "12345", "1234x", 1)} {
		if d, err := parse([]byte(bad), begins); err == nil {
			t.Errorf("%q gave %v", bad, d)
		}
	}
}

func TestRun(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server installed")
	}
	p, err := proc.Start(t.Context(), proc.Spec{Name: "redis", Command: []string{"redis-server"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	began, ended := false, false
	c := Config{Addr: p.Addr, Subscribers: 20, Pipeline: 3, Size: 40, Duration: 50 * time.Millisecond,
		Begin: func() error { began = true; return nil }, End: func() { ended = true }}
	start := time.Now()
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !began || !ended || r.Deliveries < 60 || r.Deliveries%60 != 0 || r.Latency.TotalCount() != r.Deliveries || r.Elapsed < c.Duration {
		t.Errorf("%+v", r)
	}
	if low, high := r.Latency.Min(), r.Latency.ValueAtPercentile(99); low <= 0 || time.Duration(high) > 2*time.Since(start) {
		t.Errorf("latencies from %d to %d ns", low, high)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.Begin = func() error { cancel(); return nil }
	c.Duration = time.Minute
	if _, err := Run(ctx, c); err == nil {
		t.Error("an interrupted run succeeded")
	}
	p.Stop()
	if _, err := Run(t.Context(), c); err == nil {
		t.Error("a run without a server succeeded")
	}
}
