package main

import (
	"fmt"
	"time"

	"hpkv/cmd/internal/progress"
)

// pace tells how far a measurement of many runs is.
type pace struct {
	line        *progress.Line
	began       time.Time
	done, total int
}

// newPace announces a measurement of total runs, each about so many seconds
// long.
func newPace(e env, total int, seconds float64) *pace {
	fmt.Fprintf(e.err, "%d runs, about %s\n", total, estimate(total, seconds))
	return &pace{line: e.progress, began: time.Now(), total: total}
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
	p.line.Printf("%s  (%d/%d%s)", fmt.Sprintf(format, args...), p.done+1, p.total, progress.Eta(p.done, p.total, time.Since(p.began)))
	p.done++
}
