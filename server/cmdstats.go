package server

import (
	"sync"
	"sync/atomic"
	"time"

	"hpkv/server/command"
	"hpkv/server/config"
	"hpkv/server/latency"
)

// commandStat is what was counted of one command since CONFIG RESETSTAT.
type commandStat struct {
	Calls    int64 // executions
	Ns       int64 // time they took, in nanoseconds
	Rejected int64 // refused before execution: arity, permission, memory, ...
	Failed   int64 // executions that answered with an error

	// Latency is the distribution of Ns; nil when latency-tracking was off, or
	// nothing ran, all the time.
	Latency *latency.Counts
}

// commandStats returns what all executors counted, by Row.ID; rows that were
// never called have zeros. Any goroutine. It adds up a few hundred rows of
// each executor: for INFO and LATENCY, not for the hot path.
func (s *Server) commandStats() []commandStat {
	b := &s.commands
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := b.rawLocked(s.table.RowCount())
	for i := range b.base {
		sum[i].sub(&b.base[i])
	}
	return sum
}

// commandBook knows every executor's counts.
type commandBook struct {
	mu    sync.Mutex
	lanes [][]rowStat
	base  []commandStat // counts at the last CONFIG RESETSTAT, nil before
}

// open returns the counts of one more executor.
func (b *commandBook) open(rows int) []rowStat {
	lane := make([]rowStat, rows)
	b.mu.Lock()
	b.lanes = append(b.lanes, lane)
	b.mu.Unlock()
	return lane
}

func (b *commandBook) rawLocked(rows int) []commandStat {
	sum := make([]commandStat, rows)
	for _, lane := range b.lanes {
		for i := range lane {
			lane[i].addTo(&sum[i])
		}
	}
	return sum
}

func (b *commandBook) reset(rows int) {
	b.mu.Lock()
	b.base = b.rawLocked(rows)
	b.mu.Unlock()
}

func (c *commandStat) sub(base *commandStat) {
	c.Calls -= base.Calls
	c.Ns -= base.Ns
	c.Rejected -= base.Rejected
	c.Failed -= base.Failed
	if c.Latency != nil && base.Latency != nil {
		c.Latency.Sub(base.Latency)
	}
}

// rowStat counts one command on one executor, which alone writes it.
type rowStat struct {
	calls, ns        atomic.Int64
	rejected, failed atomic.Int64
	latency          atomic.Pointer[latency.Histogram] // nil until something is counted
}

func (r *rowStat) addTo(sum *commandStat) {
	sum.Calls += r.calls.Load()
	sum.Ns += r.ns.Load()
	sum.Rejected += r.rejected.Load()
	sum.Failed += r.failed.Load()
	if h := r.latency.Load(); h != nil {
		if sum.Latency == nil {
			sum.Latency = new(latency.Counts)
		}
		sum.Latency.Add(h)
	}
}

// add counts n executions that took ns nanoseconds altogether, each of them
// about ns/n.
func (r *rowStat) add(n, ns int64, distribution bool) {
	r.calls.Add(n)
	r.ns.Add(ns)
	if !distribution {
		return
	}
	h := r.latency.Load()
	if h == nil {
		h = new(latency.Histogram)
		r.latency.Store(h)
	}
	h.AddTo(latency.Bucket(ns/n), n)
}

// epoch is where the meters' clock begins: a difference to it reads the
// monotonic clock alone, at half the price of time.Now.
var epoch = time.Now()

func monotonicNs() int64 { return int64(time.Since(epoch)) }

// meter measures how long commands take.
//
// Reading the clock takes 26 ns (AMD EPYC, virtual machine), a GET in a deep
// pipeline less than 400. So of the commands of a window those that are Fast or
// Steady and follow each other are measured together, and the time is shared out
// by the bytes they moved; commands that may take long are measured one by one, and
// all are when somebody asks for durations below a millisecond. Calls and the
// sum of the time are exact.
type meter struct {
	from    int   // the first command of the window that is not settled
	startNs int64 // when it began
	single  bool  // measure each command by itself
	track   bool  // latency-tracking

	monitored bool // somebody monitors

	errors int // of the replies, before the command that runs

	slowNs int64 // from which duration on a command is told of; max: never
}

// finestSharedNs is the shortest threshold in nanoseconds for which a share of a
// measurement is good enough.
const finestSharedNs = 1_000_000

const never = 1<<63 - 1

// slowFrom is the duration in nanoseconds from which on the slow log or the
// latency monitor wants to hear of a command.
func slowFrom(cfg *config.Config) (ns int64) {
	ns = never
	if us := cfg.SlowlogLogSlowerThan.Load(); us >= 0 {
		ns = min(us, never/1000) * 1000
	}
	if ms := cfg.LatencyMonitorThreshold.Load(); ms > 0 {
		ns = min(ns, min(ms, never/1_000_000)*1_000_000)
	}
	return ns
}

// startMeter begins to measure at the at-th command of the window. Once a
// window.
func (x *executor) startMeter(at int) {
	cfg, m := x.srv.cfg, &x.meter
	m.slowNs = slowFrom(cfg)
	m.single = m.slowNs < finestSharedNs || cfg.LatencyMonitorThreshold.Load() > 0
	m.track = cfg.LatencyTracking.Load()
	m.monitored = x.srv.monitored.Load() > 0
	m.from, m.errors, m.startNs = at, x.w.Errors(), monotonicNs()
}

// alone says whether a command is measured by itself.
func (m *meter) alone(row *command.Row) bool {
	return m.single || row == nil || !row.Is(command.Fast|command.Steady)
}

// callBytes is the share of the time that a command gets for being executed at
// all, in bytes: what can be copied meanwhile.
const callBytes = 4096

// settleMeter counts the commands of the window up to the end-th, exclusive, which
// have been executed since startMeter or the last settleMeter.
func (x *executor) settleMeter(c *client, end int) {
	m := &x.meter
	if m.from == end {
		return
	}
	now := monotonicNs()
	calls := x.window[m.from:end]
	took := now - m.startNs
	m.from, m.startNs = end, now
	weight := int64(0)
	for i := range calls {
		if calls[i].ran {
			weight += calls[i].moved + callBytes
		}
	}
	if weight == 0 {
		return
	}
	perByte := float64(took) / float64(weight)
	var row *command.Row // the commands that are about to be counted
	var n, sum, ns int64
	bucket, at, moved := 0, 0, int64(-1)
	for i := range calls {
		k := &calls[i]
		if !k.ran {
			continue
		}
		if k.moved != moved { // those of a pipeline are often alike
			moved = k.moved
			ns = int64(perByte * float64(moved+callBytes))
			at = latency.Bucket(ns)
		}
		if ns >= m.slowNs {
			x.srv.tellSlow(c.origin(), k.row, k.args, ns)
		}
		if k.row != row || at != bucket {
			if n > 0 {
				x.rows[row.ID()].add(n, sum, m.track)
			}
			row, bucket, n, sum = k.row, at, 0, 0
		}
		n++
		sum += ns
	}
	x.rows[row.ID()].add(n, sum, m.track)
}

// countCall counts one command that was measured by itself and began at
// startNs: one of a transaction, or a deferred one. It returns when it ended.
func (x *executor) countCall(c *client, row *command.Row, args [][]byte, startNs int64) (endNs int64) {
	endNs = monotonicNs()
	took := endNs - startNs
	x.rows[row.ID()].add(1, took, x.meter.track)
	x.countFailure(row)
	if took >= x.meter.slowNs {
		x.srv.tellSlow(c.origin(), row, args, took)
	}
	return endNs
}

// countFailure counts the command that has just run as failed if it wrote an
// error. What commands within it wrote (EXEC) has been counted as theirs.
func (x *executor) countFailure(row *command.Row) {
	if n := x.w.Errors(); n != x.meter.errors {
		x.meter.errors = n
		x.rows[row.ID()].failed.Add(1)
	}
}
