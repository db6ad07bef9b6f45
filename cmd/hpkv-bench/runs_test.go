package main

import (
	"io"
	"runtime"
	"testing"
	"time"
)

// TestPace: the time that is left follows the sizes of the runs, and set-ups count
// for themselves.
func TestPace(t *testing.T) {
	p := &pace{total: 4}
	eta := func(elapsed time.Duration, want string) {
		t.Helper()
		if got := p.eta(elapsed); got != want {
			t.Errorf("%d of %d after %v: %q, want %q", p.done, p.total, elapsed, got, want)
		}
	}
	eta(0, "")
	p.done = 1
	eta(10*time.Second, ", 30s left")
	p.sizes = []float64{1, 1, 4, 4}
	eta(10*time.Second, ", 1m30s left")
	p.done = 3
	eta(time.Minute, ", 40s left")
	p.apart, p.ahead = 30*time.Second, 7*time.Second
	eta(time.Minute, ", 27s left")

	p = &pace{total: 1}
	began := time.Now()
	err := p.setUp(3, func() error {
		for time.Since(began) == 0 { // a coarse clock
			runtime.Gosched()
		}
		return io.EOF
	})
	if err != io.EOF || p.apart <= 0 || p.apart > time.Since(began) || p.ahead != 3*p.apart {
		t.Errorf("a set-up took %v, those ahead take %v; %v", p.apart, p.ahead, err)
	}
}
