package main

import (
	"context"
	"fmt"
	"time"

	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/internal/cli"
	"hpkv/cmd/internal/progress"
)

// pace tells how far a measurement of many runs is.
type pace struct {
	line        *progress.Line
	began       time.Time
	done, total int
	sizes       []float64     // of the runs, relative to each other; nil: all alike
	apart       time.Duration // what the set-ups so far took
	ahead       time.Duration // what those that are to come take
}

// newPace announces a measurement of total runs, each about so many seconds
// long.
func newPace(e cli.Env, total int, seconds float64) *pace {
	fmt.Fprintf(e.Err, "%d runs, about %s\n", total, estimate(total, seconds))
	return &pace{line: e.Progress, began: time.Now(), total: total}
}

// estimate is how long total runs take: to the minute, if minutes, as it is
// only a guess.
func estimate(total int, seconds float64) time.Duration {
	d := time.Duration(float64(total) * seconds * float64(time.Second))
	if d < 2*time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(time.Minute)
}

// next says what the next run is.
func (p *pace) next(format string, args ...any) {
	p.line.Printf("%s  (%d/%d%s)", fmt.Sprintf(format, args...), p.done+1, p.total, p.eta(time.Since(p.began)))
	p.done++
}

// eta guesses the time that is left after elapsed. Nothing is said before the first
// run has ended.
func (p *pace) eta(elapsed time.Duration) string {
	const unit = 1e6
	done, total := float64(p.done), float64(p.total)
	if p.sizes != nil {
		done, total = 0, 0
		for i, size := range p.sizes {
			if total += size; i < p.done {
				done += size
			}
		}
	}
	return progress.Eta(int(done*unit), int(total*unit), elapsed-p.apart, p.ahead)
}

// setUp prepares for runs; more times of the same kind are to follow. It is no part
// of what a run takes.
func (p *pace) setUp(more int, call func() error) error {
	began := time.Now()
	err := call()
	took := time.Since(began)
	p.apart += took
	p.ahead = time.Duration(more) * took
	return err
}

// burst is one load on one server and what it showed.
type burst struct {
	report.Sample
	requests int64
	cpu      time.Duration // that the generator used
}

// observe runs a load on p and fills in what the server used meanwhile. Where
// the platform does not tell, that stays 0.
func observe(p *proc.Process, load func() (burst, error)) (burst, error) {
	before, err := proc.CPU(p.Pid())
	if err != nil && err != proc.ErrNoAccounting {
		return burst{}, err
	}
	delayed, _ := proc.RunDelay(p.Pid())
	start := time.Now()
	b, err := load()
	if err != nil {
		return b, err
	}
	wall := time.Since(start)
	// The server answers this after it closed the load's connections: their
	// cost belongs to this run.
	if _, err := do(p, "PING"); err != nil {
		return b, err
	}
	if after, err := proc.CPU(p.Pid()); err == nil {
		b.CPUMicros = float64(after-before) / float64(time.Microsecond) / float64(max(b.requests, 1))
		b.ServerBusy = (after - before).Seconds() / wall.Seconds()
	}
	if after, err := proc.RunDelay(p.Pid()); err == nil {
		b.Waited = (after - delayed).Seconds() / wall.Seconds()
	}
	b.LoadBusy = b.cpu.Seconds() / wall.Seconds()
	return b, nil
}

// send runs a load of the builtin generator. Error replies fail.
func send(ctx context.Context, c loadgen.Config) (burst, error) {
	own, _ := proc.CPU(selfPid)
	r, err := loadgen.Run(ctx, c)
	if err == nil && r.Errors > 0 {
		err = fmt.Errorf("%d error replies, first: %s", r.Errors, r.FirstError)
	}
	after, _ := proc.CPU(selfPid)
	h := r.All()
	ms := func(percent float64) float64 {
		return report.Millis(time.Duration(h.ValueAtPercentile(percent)))
	}
	sample := report.Sample{OpsPerSec: r.OpsPerSec(), P50: ms(50), P99: ms(99), P999: ms(99.9)}
	return burst{sample, r.Requests, after - own}, err
}
