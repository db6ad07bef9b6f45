package loadgen

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hpkv/cmd/hpkv-bench/internal/proc"
)

// worker drives some connections. All fields belong to its own goroutine until
// run returns.
type worker struct {
	*load
	source Source
	conns  []*conn
	hists  []*hdrhistogram.Histogram // by kind

	requests   int64
	errors     int64
	firstError string
	end        time.Duration // since the run's start: when the last reply came
	stopSeen   time.Duration // when the worker noticed that it should stop

	// Schedule of a fixed rate: the next batch is due at due; interval apart.
	due      time.Duration
	interval time.Duration

	lastReply   time.Duration
	outstanding int // connections with a batch under way
	gaps        []Gap
	delays      delaySample
	ownDelay    func() time.Duration // run-queue delay of the worker's thread
}

// conn is one connection with at most one batch under way.
type conn struct {
	link           // the connection itself, by platform
	out     []byte // the batch; written up to sent
	sent    int
	in      []byte // received bytes: in[head:] is not yet consumed
	head    int
	kinds   []uint8       // kinds of the batch's commands
	replied int           // how many of them were answered
	from    time.Duration // since the run's start: latency counts from here
}

func newWorker(l *load, index, of int, conns []*conn) *worker {
	w := &worker{load: l, source: l.NewSource(index, of), conns: conns}
	for range l.Kinds {
		w.hists = append(w.hists, newHistogram())
	}
	if l.Rate > 0 {
		// Each worker keeps its share of the rate; the starts are spread so
		// that the workers' batches do not fall together.
		perSecond := l.Rate / float64(l.Pipeline) / float64(of)
		w.interval = time.Duration(float64(time.Second) / perSecond)
		w.due = w.interval * time.Duration(index) / time.Duration(of)
	}
	return w
}

// now is the time since the start of the run.
func (w *worker) now() time.Duration { return time.Since(w.start) }

// fill builds the next batch of c; false if no command is left.
func (w *worker) fill(c *conn, from time.Duration) bool {
	c.out, c.kinds, c.sent, c.replied = c.out[:0], c.kinds[:0], 0, 0
	n := w.quota(w.Pipeline)
	for range n {
		out, kind, ok := w.source.Append(c.out)
		if !ok {
			break
		}
		c.out = out
		c.kinds = append(c.kinds, uint8(kind))
	}
	if len(c.kinds) == 0 {
		return false
	}
	c.from = from
	w.outstanding++
	return true
}

// received consumes the replies in c.in. done says that the batch is complete.
func (w *worker) received(c *conn, now time.Duration) (done bool, err error) {
	w.noteReply(now)
	for c.head < len(c.in) {
		rest := c.in[c.head:]
		n, err := skipReply(rest)
		if err != nil {
			return false, err
		}
		if n == 0 {
			break
		}
		if c.replied == len(c.kinds) {
			return false, fmt.Errorf("a reply that no command asked for: %.80q", rest[:n])
		}
		if rest[0] == '-' {
			w.errors++
			if w.firstError == "" {
				w.firstError = string(rest[1 : n-2])
			}
		}
		// A latency outside the histogram's range is above a minute: the
		// largest value stands for it.
		w.hists[c.kinds[c.replied]].RecordValue(min(max(int64(now-c.from), lowestLatency), highestLatency))
		c.replied++
		c.head += n
	}
	if c.head == len(c.in) {
		c.in, c.head = c.in[:0], 0
	}
	if c.replied < len(c.kinds) {
		return false, nil
	}
	w.outstanding--
	w.requests += int64(len(c.kinds))
	w.end = now
	w.answered.Add(int64(len(c.kinds)))
	return true, nil
}

// room returns the free end of c.in, at least some kilobytes. The bytes of a
// reply that is not complete are kept.
func (c *conn) room() []byte {
	const least = 16 << 10
	if cap(c.in)-len(c.in) < least {
		if c.head > 0 {
			c.in = append(c.in[:0], c.in[c.head:]...)
			c.head = 0
		}
		if cap(c.in)-len(c.in) < least {
			grown := make([]byte, len(c.in), 2*cap(c.in)+least)
			copy(grown, c.in)
			c.in = grown
		}
	}
	return c.in[len(c.in):cap(c.in)]
}

// delaySample holds the run-queue delays at a recent time, so that the growth
// since then can be laid to a gap.
type delaySample struct {
	at     time.Duration
	own    time.Duration
	server time.Duration
}

// delaySampling is how old a sample may get: reading the delays costs tens of
// microseconds, and delay of normal scheduling in so short a time is far below
// any gap that matters.
const delaySampling = 50 * time.Millisecond

// noteReply records a gap if the last reply is long ago.
func (w *worker) noteReply(now time.Duration) {
	if w.Gap == 0 {
		return
	}
	length := now - w.lastReply
	w.lastReply = now
	if length > w.Gap {
		sample := w.sampleDelays(now)
		w.gaps = append(w.gaps, Gap{
			At: now - length, Length: length,
			GeneratorDelay: sample.own - w.delays.own, ServerDelay: sample.server - w.delays.server,
		})
		w.delays = sample
	} else if now-w.delays.at > delaySampling {
		w.delays = w.sampleDelays(now)
	}
}

// noteSend notes that a worker without outstanding requests starts again: time
// without requests is no gap.
func (w *worker) noteSend(now time.Duration) {
	if w.outstanding == 1 {
		w.lastReply = now
	}
}

func (w *worker) sampleDelays(now time.Duration) delaySample {
	s := delaySample{at: now}
	if w.ownDelay != nil { // a goroutine that is not on a thread of its own has none
		s.own = w.ownDelay()
	}
	if w.Pid != 0 {
		s.server, _ = proc.RunDelay(w.Pid) // without it the gap stays unexplained, which is the careful side
	}
	return s
}
