package server

import (
	"runtime"
	"testing"
	"time"
)

// The places in the Go scheduler that workers need beside them go only while they
// are idle and HTTP is busy, not at once, and come back at once.
func TestProcs(t *testing.T) {
	p := procs{workers: 2}
	at, busy, asked := time.Unix(1000, 0), []time.Duration{0, 0}, int64(0)
	look := func(first, second time.Duration, requests int64) bool {
		at = at.Add(100 * time.Millisecond)
		busy[0] += first
		busy[1] += second
		asked += requests
		p.less = p.decide(busy, asked, at)
		return p.less
	}
	const idle, some = time.Millisecond, 5 * time.Millisecond
	expect := func(what string, want bool, times int, first, second time.Duration, requests int64) {
		t.Helper()
		for i := range times {
			if got := look(first, second, requests); got != want {
				t.Fatalf("%s, look %d: %v", what, i+1, got)
			}
		}
	}
	expect("nothing to do", false, 20, 0, 0, 0)
	expect("HTTP begins", false, procsPatience-1, idle, idle, 1000)
	expect("HTTP alone", true, 20, idle, idle, 1000)
	expect("one worker has something to do", false, 1, idle, some, 1000)
	expect("HTTP again", false, procsPatience-1, idle, idle, 1000)
	expect("HTTP alone", true, 1, 0, 0, 1000)
	expect("HTTP ends", false, 1, 0, 0, 49)
	expect("workers are busy", false, 20, 90*time.Millisecond, 90*time.Millisecond, 0)
	expect("both are busy", false, 20, 90*time.Millisecond, idle, 5000)
}

// look sets what decide says, where workers are as many as cores.
func TestProcsAreSet(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	var p procs
	at := time.Unix(1000, 0)
	run := func(requests int64) int {
		busy := make([]time.Duration, p.workers)
		for i := range int64(2 * procsPatience) {
			at = at.Add(100 * time.Millisecond)
			p.look(busy, p.asked+requests*min(i, 1), at)
		}
		return runtime.GOMAXPROCS(0)
	}
	cores := runtime.NumCPU()
	p.begin(cores)
	if n := run(0); n != cores+spareProcs {
		t.Errorf("%d without HTTP", n)
	}
	if n := run(1000); n != cores {
		t.Errorf("%d with HTTP", n)
	}
	if n := run(0); n != cores+spareProcs {
		t.Errorf("%d after it", n)
	}
	if cores > 1 { // some are left for HTTP
		p = procs{}
		p.begin(cores - 1)
		if n := run(1000); n != cores {
			t.Errorf("%d with a core for HTTP", n)
		}
	}
	if cores > spareProcs {
		p = procs{}
		p.begin(cores - spareProcs)
		if n := run(1000); n != cores {
			t.Errorf("%d with cores to spare", n)
		}
	}
}
