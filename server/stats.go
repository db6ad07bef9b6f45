package server

import (
	"sync"
	"sync/atomic"
)

// counters are what one executor did, as plain integers of its thread.
type counters struct {
	commands, errors int64
	netIn, netOut    int64 // bytes
	reads, writes    int64 // system calls that moved bytes
}

// stats is what other threads may see of an executor's counters.
type stats struct {
	commands, errors atomic.Int64
	netIn, netOut    atomic.Int64
	reads, writes    atomic.Int64
	rioc             riocCounts

	_ [64]byte // the next executor's fields are on another cache line
}

// publish makes the executor's counters visible; once a batch. The number of commands
// comes last: who knows it finds what they have done.
func (x *executor) publish() {
	x.lane.Publish()
	n, p := &x.counts, &x.stats
	store64(&p.errors, n.errors)
	store64(&p.netIn, n.netIn)
	store64(&p.netOut, n.netOut)
	store64(&p.reads, n.reads)
	store64(&p.writes, n.writes)
	store64(&p.commands, n.commands)
}

// totals are counters of rare events, shared by all threads.
type totals struct {
	connections atomic.Int64
	rejected    atomic.Int64
	panics      atomic.Int64
	outputLimit atomic.Int64 // clients closed for unsent output
	inputLimit  atomic.Int64 // clients closed for unexecuted input
	authFailed  atomic.Int64
	handshakes  atomic.Int64 // of TLS that failed
	evicted     atomic.Int64 // clients closed by maxmemory-clients
}

// reset is CONFIG RESETSTAT's part here; panics are not forgotten.
func (t *totals) reset() {
	for _, n := range []*atomic.Int64{&t.connections, &t.rejected, &t.outputLimit, &t.inputLimit, &t.authFailed, &t.handshakes, &t.evicted} {
		n.Store(0)
	}
}

// statsBook sums the executors' counters since the last CONFIG RESETSTAT.
type statsBook struct {
	mu    sync.Mutex
	lanes []*stats
	base  counters // subtracted from the sum
}

func (b *statsBook) add(s *stats) {
	b.mu.Lock()
	b.lanes = append(b.lanes, s)
	b.mu.Unlock()
}

func (b *statsBook) rawLocked() (n counters) {
	for _, s := range b.lanes {
		n.commands += s.commands.Load()
		n.errors += s.errors.Load()
		n.netIn += s.netIn.Load()
		n.netOut += s.netOut.Load()
		n.reads += s.reads.Load()
		n.writes += s.writes.Load()
	}
	return n
}

// sum is the total since reset.
func (b *statsBook) sum() counters {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.rawLocked()
	return counters{
		commands: n.commands - b.base.commands,
		errors:   n.errors - b.base.errors,
		netIn:    n.netIn - b.base.netIn,
		netOut:   n.netOut - b.base.netOut,
		reads:    n.reads - b.base.reads,
		writes:   n.writes - b.base.writes,
	}
}

func (b *statsBook) reset() {
	b.mu.Lock()
	b.base = b.rawLocked()
	b.mu.Unlock()
}

// spells adds up the times when something was so, as seen by samples.
type spells struct {
	mu               sync.Mutex
	sinceMs, totalMs int64 // since: 0 while it is not so; total: of the spells before
}

func (p *spells) sample(on bool, nowMs int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.sinceMs == 0:
		p.sinceMs = nowMs
	case !on && p.sinceMs != 0:
		p.totalMs += max(nowMs-p.sinceMs, 0)
		p.sinceMs = 0
	}
}

// times returns how long it has been so in all, and how long it has been so now: 0
// if it is not. In ms.
func (p *spells) times(nowMs int64) (total, current int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sinceMs != 0 {
		current = max(nowMs-p.sinceMs, 0)
	}
	return p.totalMs + current, current
}

// reset forgets the time so far; what is so begins anew with the next sample.
func (p *spells) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sinceMs, p.totalMs = 0, 0
}

// rate turns samples of a growing counter, taken each cron period, into events
// a second over the last 16 samples, as INFO's instantaneous_* do.
type rate struct {
	samples [16]float64
	next    int
	last    int64
	lastMs  int64
	perSec  atomic.Int64
	forget  atomic.Bool // begin anew with the next sample
}

// reset forgets what was sampled. Any goroutine.
func (r *rate) reset() {
	r.forget.Store(true)
	r.perSec.Store(0)
}

func (r *rate) sample(total, nowMs int64) {
	if r.forget.Swap(false) {
		r.samples, r.lastMs = [16]float64{}, 0
	}
	if dt := nowMs - r.lastMs; r.lastMs != 0 && dt > 0 {
		r.samples[r.next%len(r.samples)] = float64(max(total-r.last, 0)) * 1000 / float64(dt)
		r.next++
		sum := 0.0
		for _, v := range r.samples {
			sum += v
		}
		r.perSec.Store(int64(sum / float64(len(r.samples))))
	}
	r.last, r.lastMs = total, nowMs
}
