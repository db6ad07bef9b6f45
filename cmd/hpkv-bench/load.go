package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// selfPid is the benchmark's own process, for the CPU time of the builtin
// generator.
var selfPid = os.Getpid()

// load is the subcommand.
func load(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "load", "Loads one server that is already running and prints latency percentiles.")
	var cpus cpuList
	var (
		host     = fs.String("host", "127.0.0.1", "server `address`")
		port     = fs.String("port", "6379", "server `port`")
		clients  = fs.Int("clients", 50, "connections")
		pipeline = fs.Int("pipeline", 1, "commands sent before replies are awaited")
		threads  = fs.Int("threads", 1, "threads that share the connections")
		mixFlag  = fs.String("mix", "get=90,set=10", "`workloads` and their weights; workloads as in compare")
		size     = fs.Int("size", 16, "value size in bytes")
		keys     = fs.String("keys", "uniform", "uniform, hot (one key) or zipf")
		keyspace = fs.Uint64("keyspace", 1_000_000, "number of distinct keys")
		prefill  = fs.Bool("prefill", false, "first set every key of the key space once")
		seconds  = fs.Float64("seconds", 10, "duration")
		requests = fs.Int64("requests", 0, "end after so many requests (0: by time only)")
		rate     = fs.Float64("rate", 0, "fixed rate in requests per second; latency then counts from when a request was due (0: as fast as replies come)")
		gap      = fs.Duration("gap", 5*time.Millisecond, "list times longer than this in which no reply came")
		seed     = fs.Uint64("seed", 1, "of the random keys")
	)
	fs.Var(&cpus, "load-cpus", "`processors` for the load (default: any)")
	var mix []workload.Share
	err := parse(fs, args, func() (err error) {
		if mix, err = workload.ParseMix(*mixFlag); err != nil {
			return err
		}
		switch {
		case !workload.Spread(*keys).Valid():
			return fmt.Errorf("--keys %s: want uniform, hot or zipf", *keys)
		case *clients < 1 || *pipeline < 1 || *threads < 1 || *size < 1 || *keyspace < 1 || *seconds <= 0:
			return errors.New("--clients, --pipeline, --threads, --size, --keyspace and --seconds must be above 0")
		case *requests < 0 || *rate < 0 || *gap < 0:
			return errors.New("--requests, --rate and --gap cannot be negative")
		}
		return nil
	})
	if err != nil {
		return err
	}

	addr := net.JoinHostPort(*host, *port)
	config := loadgen.Config{Addr: addr, Clients: fillClients, Pipeline: fillPipeline, CPUs: cpus,
		Progress: func(done int64, elapsed time.Duration) {
			e.Progress.Printf("%s requests, %s/s", report.Count(float64(done)), report.Count(float64(done)/elapsed.Seconds()))
		}}
	if *prefill {
		config.NewSource = loadgen.Sequence(workload.Expand([]string{"SET", workload.KeyName, workload.Data}, workload.Value(*size)), *keyspace)
		if _, err := loadgen.Run(ctx, config); err != nil {
			return err
		}
	}
	config.Clients, config.Pipeline, config.Threads = *clients, *pipeline, *threads
	config.Requests, config.Duration = *requests, time.Duration(*seconds*float64(time.Second))
	config.Rate, config.Gap = *rate, *gap
	config.NewSource, config.Kinds = loadgen.Mix(mix, *size, workload.Spread(*keys), *keyspace, *seed)
	result, err := loadgen.Run(ctx, config)
	e.Progress.Clear()
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return writeLoad(e.Out, result)
}

// writeLoad prints what a load measured.
func writeLoad(w io.Writer, r loadgen.Result) error {
	fmt.Fprintf(w, "%s requests in %s, %s/s, %d error replies", report.Count(float64(r.Requests)),
		r.Elapsed.Round(time.Millisecond), report.Count(r.OpsPerSec()), r.Errors)
	if r.FirstError != "" {
		fmt.Fprintf(w, ", first: %s", r.FirstError)
	}
	fmt.Fprint(w, "\n\n")
	t := &report.Table{Columns: report.Columns("<command", "requests", "mean ms", "p50", "p90", "p99", "p99.9", "p99.99", "max")}
	for _, k := range r.Kinds {
		t.Add(append([]string{k.Name, report.Count(float64(k.Hist.TotalCount()))}, percentiles(k.Hist)...)...)
	}
	if len(r.Kinds) > 1 {
		all := r.All()
		t.Add(append([]string{"all", report.Count(float64(all.TotalCount()))}, percentiles(all)...)...)
	}
	if err := t.Write(w); err != nil {
		return err
	}
	for i, g := range r.Gaps {
		const shown = 10
		if i == shown {
			fmt.Fprintf(w, "and %d shorter gaps\n", len(r.Gaps)-shown)
			break
		}
		fmt.Fprintf(w, "no reply for %.1f ms at %.3f s%s\n", report.Millis(g.Length), g.At.Seconds(), blame(g))
	}
	return nil
}

// blame says what of a gap the machine's other work explains.
func blame(g loadgen.Gap) string {
	if !g.Foreign() {
		return ""
	}
	return fmt.Sprintf(" (machine busy: generator waited %.1f ms for a processor, server %.1f ms)",
		report.Millis(g.GeneratorDelay), report.Millis(g.ServerDelay))
}

// percentiles prints a distribution in milliseconds, mean first.
func percentiles(h *hdrhistogram.Histogram) []string {
	if h.TotalCount() == 0 {
		return []string{"-", "-", "-", "-", "-", "-", "-"}
	}
	out := []string{report.Fixed(h.Mean()/1e6, 3)}
	for _, p := range []float64{50, 90, 99, 99.9, 99.99, 100} {
		out = append(out, report.Fixed(report.Millis(time.Duration(h.ValueAtPercentile(p))), 3))
	}
	return out
}
