package loadgen

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept from 1 us to 60 s with three significant digits.
const (
	lowestLatency  = int64(time.Microsecond)
	highestLatency = int64(time.Minute)
	latencyDigits  = 3
)

// Config describes a load.
type Config struct {
	Addr     string
	Clients  int
	Pipeline int
	Threads  int   // 1 if 0; ignored where a connection is a goroutine
	CPUs     []int // where the workers run; none: anywhere

	// The run ends when Requests were answered (0: no such limit), Duration
	// has passed (0: no such limit) or the sources are exhausted.
	Requests int64
	Duration time.Duration

	Rate float64       // batches follow a schedule of Rate requests per second; 0: as fast as replies come
	Gap  time.Duration // record gaps longer than this; 0: none
	Pid  int           // the server, for the run-queue delay around gaps; 0: unknown

	Kinds     []string // names of the kinds the sources produce
	NewSource func(worker, workers int) Source

	// Progress, if set, is called about ten times a second with the requests
	// answered so far, from a goroutine of Run.
	Progress func(answered int64, elapsed time.Duration)
}

// Gap is a time without any reply.
type Gap struct {
	At     time.Duration `json:"at_ns"` // since the start of the run
	Length time.Duration `json:"length_ns"`
	// GeneratorDelay and ServerDelay tell how long the generator's thread and
	// the server's threads waited for a processor around the gap.
	GeneratorDelay time.Duration `json:"generator_delay_ns"`
	ServerDelay    time.Duration `json:"server_delay_ns"`
}

// Foreign tells whether waiting for a processor explains most of the gap: the
// machine was doing something else. The two delays add up, as a reply needs
// first the server and then the generator.
func (g Gap) Foreign() bool { return 2*(g.GeneratorDelay+g.ServerDelay) >= g.Length }

// Result is what a load measured.
type Result struct {
	Requests   int64
	Errors     int64  // error replies
	FirstError string // text of the first one
	Elapsed    time.Duration
	Kinds      []Kind
	Gaps       []Gap // longest first
}

// Kind is the latency distribution of one kind of command, in nanoseconds.
type Kind struct {
	Name string
	Hist *hdrhistogram.Histogram
}

// OpsPerSec is the answered requests per second.
func (r Result) OpsPerSec() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Requests) / r.Elapsed.Seconds()
}

// Find returns the distribution of the named kind.
func (r Result) Find(name string) *hdrhistogram.Histogram {
	for _, k := range r.Kinds {
		if k.Name == name {
			return k.Hist
		}
	}
	return newHistogram()
}

// All returns the distribution of all kinds together.
func (r Result) All() *hdrhistogram.Histogram {
	all := newHistogram()
	for _, k := range r.Kinds {
		all.Merge(k.Hist)
	}
	return all
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(lowestLatency, highestLatency, latencyDigits)
}

// load is what the workers of one Run share.
type load struct {
	Config
	start    time.Time
	issued   atomic.Int64 // requests handed out; used with a limit only
	answered atomic.Int64
	stop     atomic.Bool
}

// Run sends the load and waits for its end. When ctx ends it returns what was
// measured so far together with ctx's error.
func Run(ctx context.Context, c Config) (Result, error) {
	if c.Clients < 1 || c.Pipeline < 1 || c.NewSource == nil {
		return Result{}, errors.New("a load needs clients, a pipeline of 1 or more, and a source")
	}
	c.Threads = min(max(c.Threads, 1), c.Clients)
	if len(c.Kinds) == 0 {
		c.Kinds = []string{"all"}
	}
	l := &load{Config: c}
	workers, err := l.connect()
	if err != nil {
		return Result{}, err
	}
	defer closeAll(workers)

	l.start = time.Now()
	errs := make([]error, len(workers))
	var running sync.WaitGroup
	for i, w := range workers {
		running.Go(func() { errs[i] = w.run() })
	}
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	l.watch(ctx, done)

	result := l.merge(workers)
	if err := errors.Join(errs...); err != nil {
		return result, err
	}
	return result, ctx.Err()
}

// watch reports progress until the workers are done and stops them when the
// time is up or ctx ends.
func (l *load) watch(ctx context.Context, done <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var limit <-chan time.Time
	if l.Duration > 0 {
		timer := time.NewTimer(l.Duration)
		defer timer.Stop()
		limit = timer.C
	}
	cancelled := ctx.Done()
	for {
		select {
		case <-done:
			return
		case <-limit:
			l.stop.Store(true)
		case <-cancelled:
			cancelled = nil
			l.stop.Store(true)
		case <-tick.C:
			if l.Progress != nil {
				l.Progress(l.answered.Load(), time.Since(l.start))
			}
		}
	}
}

func (l *load) merge(workers []*worker) Result {
	var result Result
	for _, name := range l.Kinds {
		result.Kinds = append(result.Kinds, Kind{name, newHistogram()})
	}
	for _, w := range workers {
		result.Requests += w.requests
		result.Errors += w.errors
		if result.FirstError == "" {
			result.FirstError = w.firstError
		}
		result.Elapsed = max(result.Elapsed, w.end)
		for i, h := range w.hists {
			result.Kinds[i].Hist.Merge(h)
		}
		result.Gaps = append(result.Gaps, w.gaps...)
	}
	slices.SortFunc(result.Gaps, func(a, b Gap) int { return cmp.Compare(b.Length, a.Length) })
	return result
}

// quota takes up to n requests from what is left of the run and returns how
// many it got; 0 means that the run is over.
func (l *load) quota(n int) int {
	if l.stop.Load() {
		return 0
	}
	if l.Requests == 0 {
		return n
	}
	left := l.Requests - l.issued.Add(int64(n)) + int64(n)
	return int(min(max(left, 0), int64(n)))
}
