package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
)

// caller is one connection, with one request under way at most.
type caller interface {
	prepare()    // the next request; not timed
	call() error // sends it and waits for the answer
	Close() error
}

// roundTrips has some connections call without a pause.
type roundTrips struct {
	pid      int   // of the server
	cpus     []int // for the callers
	clients  int
	duration time.Duration
	per      int // operations of a call
}

// trips is what they measured.
type trips struct {
	ops     float64 // a second
	cpu     float64 // microseconds of the server for an operation
	latency *hdrhistogram.Histogram
}

// newTrips is a histogram of nanoseconds; a call of more than a minute is lost.
func newTrips() *hdrhistogram.Histogram { return hdrhistogram.New(100, int64(time.Minute), 3) }

// measure runs the callers that dial makes, numbered from 0, each on a thread
// of its own. Each calls once at least.
func (r *roundTrips) measure(ctx context.Context, dial func(i int) (caller, error)) (t trips, err error) {
	callers := make([]caller, r.clients)
	for i := range callers {
		if callers[i], err = dial(i); err != nil {
			return t, err
		}
		defer callers[i].Close()
	}
	before, err := proc.CPU(r.pid)
	if err != nil && err != proc.ErrNoAccounting {
		return t, err
	}
	var group sync.WaitGroup
	began := time.Now()
	hists, errs := make([]*hdrhistogram.Histogram, r.clients), make([]error, r.clients)
	for i, c := range callers {
		group.Go(func() {
			errs[i] = proc.OnCPUs(r.cpus, func() (err error) {
				hists[i], err = drive(ctx, c, began.Add(r.duration))
				return err
			})
		})
	}
	group.Wait()
	elapsed := time.Since(began)
	if err = errors.Join(append(errs, ctx.Err())...); err != nil {
		return t, err
	}
	t.latency = newTrips()
	for _, h := range hists {
		t.latency.Merge(h)
	}
	total := float64(t.latency.TotalCount() * int64(r.per))
	t.ops = total / elapsed.Seconds()
	if after, err := proc.CPU(r.pid); err == nil {
		t.cpu = float64((after - before).Microseconds()) / total
	}
	return t, nil
}

func drive(ctx context.Context, c caller, end time.Time) (*hdrhistogram.Histogram, error) {
	h := newTrips()
	for {
		c.prepare()
		sent := time.Now()
		if err := c.call(); err != nil {
			return nil, err
		}
		now := time.Now()
		_ = h.RecordValue(int64(now.Sub(sent))) // beyond a minute the connection is dead anyway
		if now.After(end) || ctx.Err() != nil {
			return h, nil
		}
	}
}

// cells are the figures for a table: rate, CPU and the given percentiles in
// microseconds.
func (t *trips) cells(percents ...float64) []string {
	cells := []string{report.Count(t.ops), report.Fixed(report.Known(t.cpu), 3)}
	for _, p := range percents {
		cells = append(cells, report.Fixed(float64(t.latency.ValueAtQuantile(p))/1e3, 1))
	}
	return cells
}
