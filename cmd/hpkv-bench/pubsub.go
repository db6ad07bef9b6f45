package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"hpkv/cmd/hpkv-bench/internal/fanout"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/internal/cli"
)

// pubsubRow is one server with one number of subscribers.
type pubsubRow struct {
	Server      string         `json:"server"`
	Subscribers int            `json:"subscribers"`
	Pipeline    int            `json:"pipeline"` // messages published at once
	Median      pubsubSample   `json:"median"`
	Rounds      []pubsubSample `json:"rounds"`
}

// pubsubSample is one measured run; latencies are in milliseconds.
type pubsubSample struct {
	Deliveries float64 `json:"deliveries_per_sec"`
	CPUMicros  float64 `json:"cpu_us_per_delivery"` // 0 where the platform does not tell
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
}

// pubsubReport is what the subcommand measured.
type pubsubReport struct {
	report.Head
	Base string      `json:"base"`
	Rows []pubsubRow `json:"rows"`
}

// pubsub is the subcommand.
func pubsub(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "pubsub", "Publishes to subscribers of one channel: deliveries per second, CPU for each, and the time from\n"+
		"publishing to receipt.")
	var servers serverList
	var place placement
	subscribers, pipelines := intList{[]int{1, 100, 10_000}, 1}, intList{[]int{1, 16}, 1}
	fs.Var(&servers, "server", serverHelp)
	base := fs.String("base", "", "`name` of the server that ratios refer to (default: the second one)")
	fs.Var(&subscribers, "subscribers", "connections that listen, `list`")
	fs.Var(&pipelines, "pipelines", "messages published at once; the next follow when everybody has them, `list`")
	size := fs.Int("size", 64, "message size in bytes")
	rounds := fs.Int("rounds", 3, "how often everything is measured; medians are shown")
	seconds := fs.Float64("seconds", 2, "duration of each measured run")
	jsonFile := fs.String("json", "", "also write everything measured to this `file`")
	place.flags(fs)
	err := parse(fs, args, func() (err error) {
		if *size < fanout.LeastBytes || *rounds < 1 || *seconds <= 0 {
			return fmt.Errorf("--rounds and --seconds must be above 0, --size %d or more", fanout.LeastBytes)
		}
		*base, err = servers.base(*base)
		return err
	})
	if err != nil {
		return err
	}
	placed := place.settle()
	specs := servers.orDefault()
	r := &pubsubReport{Head: head(ctx, specs, placed), Base: *base}
	most := 0
	for _, n := range subscribers.values {
		most = max(most, n)
		for _, pipeline := range pipelines.values {
			for _, s := range specs {
				r.Rows = append(r.Rows, pubsubRow{Server: s.Name, Subscribers: n, Pipeline: pipeline})
			}
		}
	}
	var roomy []proc.Spec
	for _, s := range specs {
		roomy = append(roomy, s.With(s.Name, "--maxclients", strconv.Itoa(most+100)))
	}
	f, err := startFleet(ctx, roomy, place.server)
	if err != nil {
		return err
	}
	defer f.stop()
	pace := newPace(e, len(r.Rows)**rounds, *seconds+1)
	for round := range *rounds {
		for k := range r.Rows {
			// Rows come in as many as there are servers; those rotate.
			s := (k + round) % len(specs)
			row := &r.Rows[k-k%len(specs)+s]
			p, err := f.only(s)
			if err != nil {
				return err
			}
			pace.next("round %d/%d  %s  %d subscribers, pipeline %d", round+1, *rounds, p.Name, row.Subscribers, row.Pipeline)
			sample, err := publish(ctx, p, fanout.Config{
				Addr: p.Addr, Subscribers: row.Subscribers, Pipeline: row.Pipeline, Size: *size, CPUs: place.load,
				Duration: time.Duration(*seconds * float64(time.Second)),
			})
			if err != nil {
				return explain(p, "pubsub", err)
			}
			row.Rounds = append(row.Rounds, sample)
		}
	}
	e.Progress.Clear()
	for i := range r.Rows {
		r.Rows[i].settle()
	}
	if err := r.writeText(e.Out, *size, *rounds); err != nil {
		return err
	}
	return writeFile(*jsonFile, func(w io.Writer) error { return report.JSON(w, r) })
}

// publish runs one load. The CPU is that of publishing alone: connecting and
// subscribing come before.
func publish(ctx context.Context, p *proc.Process, c fanout.Config) (s pubsubSample, err error) {
	var before, after time.Duration
	c.Begin = func() (err error) {
		if before, err = proc.CPU(p.Pid()); errors.Is(err, proc.ErrNoAccounting) {
			return nil
		}
		return err
	}
	c.End = func() { after, _ = proc.CPU(p.Pid()) }
	r, err := fanout.Run(ctx, c)
	if err != nil {
		return s, err
	}
	ms := func(percent float64) float64 {
		return report.Millis(time.Duration(r.Latency.ValueAtPercentile(percent)))
	}
	deliveries := float64(max(r.Deliveries, 1))
	return pubsubSample{
		Deliveries: deliveries / r.Elapsed.Seconds(), CPUMicros: float64(after-before) / float64(time.Microsecond) / deliveries,
		P50: ms(50), P99: ms(99),
	}, nil
}

func (r *pubsubRow) settle() {
	pick := func(f func(pubsubSample) float64) float64 { return report.MedianOf(r.Rounds, f) }
	r.Median = pubsubSample{
		Deliveries: pick(func(s pubsubSample) float64 { return s.Deliveries }),
		CPUMicros:  pick(func(s pubsubSample) float64 { return s.CPUMicros }),
		P50:        pick(func(s pubsubSample) float64 { return s.P50 }),
		P99:        pick(func(s pubsubSample) float64 { return s.P99 }),
	}
}

// find returns the medians of a server in the same cell as row.
func (r *pubsubReport) find(row *pubsubRow, server string) pubsubSample {
	for i := range r.Rows {
		if o := &r.Rows[i]; o.Server == server && o.Subscribers == row.Subscribers && o.Pipeline == row.Pipeline {
			return o.Median
		}
	}
	return pubsubSample{}
}

func (r *pubsubReport) writeText(w io.Writer, size, rounds int) error {
	if err := r.Head.Write(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "load       one publisher, one channel, messages of %d bytes; the next ones follow when every subscriber has the last\n", size)
	fmt.Fprintf(w, "figures    medians of %d interleaved rounds; ratio: to %s; percentiles: from publishing to receipt, which with many\n", rounds, r.Base)
	fmt.Fprint(w, "           subscribers is mostly the time the load's own processor takes to read them all\n\n")
	t := &report.Table{Columns: report.Columns("subscribers", "pipe", "<server", "deliveries/s", "ratio", "CPU us/delivery", "ratio", "p50 ms", "p99 ms", "ratio")}
	for i := range r.Rows {
		row := &r.Rows[i]
		m, peer := row.Median, r.find(row, r.Base)
		t.Add(report.Count(float64(row.Subscribers)), fmt.Sprint(row.Pipeline), row.Server, report.Count(m.Deliveries), report.Ratio(report.Quotient(m.Deliveries, peer.Deliveries)),
			report.Fixed(report.Known(m.CPUMicros), 3), report.Ratio(report.Quotient(m.CPUMicros, peer.CPUMicros)),
			report.Fixed(m.P50, 3), report.Fixed(m.P99, 3), report.Ratio(report.Quotient(m.P99, peer.P99)))
	}
	return t.Write(w)
}
