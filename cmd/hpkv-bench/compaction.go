package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// compactionValue is the size of all values.
const compactionValue = 64

// compactionOptions are the flags of compaction.
type compactionOptions struct {
	servers           serverList
	keys, steady      uint64
	clients, pipeline int
	rounds            int
	idle, seconds     float64
	rate, steadyRate  float64
	dir, json         string
	place             placement
}

// compactionReport is what the subcommand measured.
type compactionReport struct {
	report.Head
	Keys      uint64          `json:"keys"`
	Beside    []beside        `json:"latency"`
	Overwrite []amplification `json:"overwriting"`
}

// beside is what one server's clients saw, idle and while the log was
// compacted, by round.
type beside struct {
	Server     string      `json:"server"`
	Idle       []quantiles `json:"idle"`
	Compacting []quantiles `json:"compacting"`
	Seconds    []float64   `json:"compaction_seconds"`
	Before     []int64     `json:"rss_before"`
	Growth     []int64     `json:"rss_growth"` // at most, with what a forked process had of its own
}

// quantiles are latencies in milliseconds.
type quantiles struct {
	OpsPerSec float64 `json:"ops_per_sec"`
	GetP99    float64 `json:"get_p99_ms"`
	GetP999   float64 `json:"get_p999_ms"`
	SetP99    float64 `json:"set_p99_ms"`
	SetP999   float64 `json:"set_p999_ms"`
}

// compactionCommand is the subcommand.
func compactionCommand(ctx context.Context, e cli.Env, args []string) error {
	o := &compactionOptions{}
	fs := newFlags(e, "compaction", "Times GET and SET while the log is compacted, beside the same load without, and watches memory.\n"+
		"Then overwrites random keys at a fixed rate and measures the bytes written for each byte of payload.")
	fs.Var(&o.servers, "server", serverHelp)
	fs.Uint64Var(&o.keys, "keys", 5_000_000, "keys that are compacted, 16 bytes with values of 64")
	fs.IntVar(&o.clients, "clients", 50, "connections")
	fs.IntVar(&o.pipeline, "pipeline", 1, "commands sent before replies are awaited")
	fs.IntVar(&o.rounds, "rounds", 3, "compactions of each server; medians are shown; 0: none")
	fs.Float64Var(&o.idle, "idle", 5, "seconds of the same load without a compaction, before each")
	fs.Float64Var(&o.rate, "rate", 0, "fixed rate in requests per second instead of full load; latency then counts from when a request was due")
	fs.Float64Var(&o.seconds, "seconds", 600, "duration of the overwriting; 0: none")
	fs.Uint64Var(&o.steady, "overwrite-keys", 1_000_000, "keys that are overwritten, 16 bytes with values of 64")
	fs.Float64Var(&o.steadyRate, "overwrite-rate", 40_000, "overwrites per second, of each server; all servers run at once")
	fs.StringVar(&o.dir, "dir", "", dirHelp)
	fs.StringVar(&o.json, "json", "", "also write everything measured to this `file`")
	o.place.flags(fs)
	err := parse(fs, args, func() error {
		if o.keys < 1 || o.clients < 1 || o.pipeline < 1 || o.idle <= 0 || o.steady < 1 || o.steadyRate <= 0 {
			return errors.New("--keys, --clients, --pipeline, --idle, --overwrite-keys and --overwrite-rate must be above 0")
		}
		if o.rounds < 0 || o.seconds < 0 || o.rate < 0 {
			return errors.New("--rounds, --seconds and --rate cannot be negative")
		}
		return nil
	})
	if err != nil {
		return err
	}
	specs := o.servers.orDefault()
	for i := range specs {
		specs[i].Parent = o.dir
	}
	r := &compactionReport{Head: head(ctx, specs, o.place.settle()), Keys: o.keys}
	if o.rounds > 0 {
		err = o.latency(ctx, e, specs, r)
	}
	if err == nil && o.seconds > 0 {
		r.Overwrite, err = o.overwrite(ctx, e, specs)
	}
	e.Progress.Clear()
	if err != nil {
		return err
	}
	if err := r.writeText(e.Out, o); err != nil {
		return err
	}
	return writeFile(o.json, func(w io.Writer) error { return report.JSON(w, r) })
}

// latency measures every server's clients beside compactions.
func (o *compactionOptions) latency(ctx context.Context, e cli.Env, specs []proc.Spec, r *compactionReport) error {
	var running []proc.Spec
	for _, s := range specs {
		running = append(running, s.With(s.Name, keepLog...))
		r.Beside = append(r.Beside, beside{Server: s.Name})
	}
	f, err := startFleet(ctx, running, o.place.server)
	if err != nil {
		return err
	}
	defer f.stop()
	pace := newPace(e, o.rounds*len(specs), 2*o.idle+float64(o.keys)/1e6)
	for round := range o.rounds {
		for k := range specs {
			s := (round + k) % len(specs)
			p, err := f.only(s)
			if err != nil {
				return err
			}
			if round == 0 {
				err := pace.setUp(len(specs)-1-k, func() error {
					return fillNoise(ctx, p, o.place.load, o.keys, compactionValue, func(done int64) {
						e.Progress.Printf("%s: loading %s of %s keys", p.Name, report.Count(float64(done)), report.Count(float64(o.keys)))
					})
				})
				if err != nil {
					return err
				}
			}
			pace.next("round %d/%d  compaction of %s", round+1, o.rounds, p.Name)
			if err := o.one(ctx, p, uint64(round), &r.Beside[s]); err != nil {
				return explain(p, "compaction", err)
			}
		}
	}
	return nil
}

// one measures one compaction of one server.
func (o *compactionOptions) one(ctx context.Context, p *proc.Process, seed uint64, b *beside) error {
	idle, err := o.load(ctx, p, time.Duration(o.idle*float64(time.Second)), seed)
	if err != nil {
		return err
	}
	before, err := proc.RoughRSS(p.Pid())
	if err != nil && err != proc.ErrNoAccounting {
		return err
	}
	// The load ends with the compaction, the watch with the load if that fails.
	loading, stopLoad := context.WithCancel(ctx)
	defer stopLoad()
	watching, stopWatch := context.WithCancel(ctx)
	defer stopWatch()
	peak, own := before, int64(0)
	start := time.Now()
	ended := make(chan error, 1)
	var seconds float64
	go func() {
		defer stopLoad()
		err := rewriting(watching, p, func(numbers map[string]int64) {
			if now, err := proc.RoughRSS(p.Pid()); err == nil {
				peak = max(peak, now)
			}
			own = numbers["aof_last_cow_size"]
		})
		seconds = time.Since(start).Seconds()
		ended <- err
	}()
	busy, loadErr := o.load(loading, p, 0, seed+1)
	if errors.Is(loadErr, context.Canceled) && ctx.Err() == nil {
		loadErr = nil
	}
	if loadErr != nil {
		stopWatch()
	}
	if err := errors.Join(loadErr, <-ended); err != nil {
		return err
	}
	b.Idle, b.Compacting = append(b.Idle, idle), append(b.Compacting, busy)
	b.Seconds, b.Before, b.Growth = append(b.Seconds, seconds), append(b.Before, before), append(b.Growth, peak-before+own)
	return nil
}

// load runs half GET, half SET; without a duration until ctx ends.
func (o *compactionOptions) load(ctx context.Context, p *proc.Process, duration time.Duration, seed uint64) (quantiles, error) {
	mix := []workload.Share{share("get", 1, "GET", workload.KeyName), share("set", 1, "SET", workload.KeyName, workload.Data)}
	source, kinds := loadgen.Mix(mix, compactionValue, workload.Uniform, o.keys, seed)
	r, err := loadgen.Run(ctx, loadgen.Config{
		Addr: p.Addr, Clients: o.clients, Pipeline: o.pipeline, CPUs: o.place.load, Threads: max(1, len(o.place.load)),
		Duration: duration, Rate: o.rate, Kinds: kinds, NewSource: source,
	})
	if r.Errors > 0 {
		err = fmt.Errorf("%d error replies, first: %s", r.Errors, r.FirstError)
	}
	at := func(kind string, percent float64) float64 {
		return report.Millis(time.Duration(r.Find(kind).ValueAtPercentile(percent)))
	}
	return quantiles{r.OpsPerSec(), at("get", 99), at("get", 99.9), at("set", 99), at("set", 99.9)}, err
}

// medianQuantiles takes the median of each figure by itself.
func medianQuantiles(rounds []quantiles) quantiles {
	m := func(f func(quantiles) float64) float64 { return report.MedianOf(rounds, f) }
	return quantiles{
		m(func(q quantiles) float64 { return q.OpsPerSec }),
		m(func(q quantiles) float64 { return q.GetP99 }), m(func(q quantiles) float64 { return q.GetP999 }),
		m(func(q quantiles) float64 { return q.SetP99 }), m(func(q quantiles) float64 { return q.SetP999 }),
	}
}

// growth is how much memory grew at most, as a part of what it was; the median
// of the rounds.
func (b *beside) growth() float64 {
	var parts []float64
	for i, before := range b.Before {
		parts = append(parts, report.Quotient(float64(b.Growth[i]), float64(before)))
	}
	return report.Median(parts)
}

func (r *compactionReport) writeText(w io.Writer, o *compactionOptions) error {
	if err := r.Head.Write(w); err != nil {
		return err
	}
	if len(r.Beside) > 0 {
		fmt.Fprintf(w, "load       half GET, half SET, %d connections, pipeline %d, %s keys of 16+%d bytes\n",
			o.clients, o.pipeline, report.Count(float64(r.Keys)), compactionValue)
		fmt.Fprintf(w, "figures    ms, medians of %d compactions; ratio: to the same load without one; growth: of resident memory at most,\n", o.rounds)
		fmt.Fprint(w, "           for redis-server with the pages its child had to copy\n\n")
		t := &report.Table{Columns: report.Columns("<server", "<log", "seconds", "ops/s", "GET p99", "ratio", "p99.9", "ratio", "SET p99", "ratio", "p99.9", "ratio", "RSS", "growth")}
		for i := range r.Beside {
			b := &r.Beside[i]
			idle, busy := medianQuantiles(b.Idle), medianQuantiles(b.Compacting)
			t.Add(append([]string{b.Server, "idle", ""}, idle.cells(idle)...)...)
			rss := report.MedianOf(b.Before, func(n int64) float64 { return float64(n) })
			t.Add(append(append([]string{"", "compacting", report.Fixed(report.Median(b.Seconds), 1)}, busy.cells(idle)...),
				report.Bytes(int64(rss)), report.Percent(b.growth()))...)
		}
		if err := t.Write(w); err != nil {
			return err
		}
	}
	if len(r.Overwrite) == 0 {
		return nil
	}
	return writeAmplification(w, r.Overwrite, o)
}

// cells are the figures with their ratios to others.
func (q quantiles) cells(to quantiles) []string {
	pair := func(a, b float64) []string {
		return []string{report.Fixed(a, 3), report.Ratio(report.Quotient(a, b))}
	}
	cells := []string{report.Count(q.OpsPerSec)}
	for _, p := range [][]string{pair(q.GetP99, to.GetP99), pair(q.GetP999, to.GetP999), pair(q.SetP99, to.SetP99), pair(q.SetP999, to.SetP999)} {
		cells = append(cells, p...)
	}
	return cells
}
