package server

import (
	"runtime"
	"slices"
	"time"
)

// procs decides how many threads of the Go scheduler run goroutines at once.
//
// A worker takes one such place while it runs and, being locked to its thread,
// cannot be moved. One place more lets the collector, deferred commands and
// background work run beside busy workers, and another is for the log, whose syncs
// take one, too: with none to spare the scheduler's monitor keeps looking for one
// to take away (appendfsync always, 50 connections, no pipeline: 0.45 instead of
// 0.55 thread switches a SET).
//
// When goroutines do the work, as for HTTP, that is more threads than there are
// cores, and the kernel has them take turns of milliseconds, each with the
// connections it happens to hold: 50 connections of wrk and the server on a core
// each, p90 4 ms and p99 14 ms instead of 0.9 and 1.3. So what is more than cores
// goes while workers are idle and HTTP is not.
type procs struct {
	workers int // 0: the driver has none, and Go's choice stands
	less    bool
	streak  int             // looks in a row that spoke for less
	busy    []time.Duration // at the last look
	asked   int64           // likewise
	at      time.Time       // of it
}

const (
	spareProcs    = 2    // places beside those of the workers
	idleWorker    = 0.02 // share of the time that an idle worker may be busy at most
	busyRequests  = 500  // requests a second that HTTP is busy with at least
	procsPatience = 2    // looks after which the places go; they come back at once
)

// begin is called before anything is served.
func (p *procs) begin(workers int) {
	if p.workers = workers; workers > 0 {
		runtime.GOMAXPROCS(workers + spareProcs)
	}
}

// look changes the number if it does not fit what was done since the last look:
// busy is how long each worker was, asked the number of requests and messages
// over HTTP, both since the start. Called by cron.
func (p *procs) look(busy []time.Duration, asked int64, now time.Time) {
	most, least := p.workers+spareProcs, max(p.workers, runtime.NumCPU())
	if p.workers == 0 || most <= least { // nobody decides, or there are cores to spare
		return
	}
	if less := p.decide(busy, asked, now); less != p.less {
		p.less = less
		if less {
			most = least
		}
		runtime.GOMAXPROCS(most)
	}
}

func (p *procs) decide(busy []time.Duration, asked int64, now time.Time) (less bool) {
	took := now.Sub(p.at)
	fits := len(p.busy) == len(busy) && float64(asked-p.asked) >= busyRequests*took.Seconds()
	for i := range busy {
		fits = fits && busy[i]-p.busy[i] <= time.Duration(idleWorker*float64(took))
	}
	p.busy, p.asked, p.at = slices.Clone(busy), asked, now
	if !fits {
		p.streak = 0
		return false
	}
	p.streak++
	return p.less || p.streak >= procsPatience
}
