package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// phase is a load under which GET is timed. The writes beside the GETs make
// the server do its background work.
type phase struct {
	name string
	why  string
	mix  []workload.Share
}

func phases() []phase {
	get := share("get", 50, "GET", workload.KeyName)
	return []phase{
		{"get", "nothing else", []workload.Share{get}},
		{"overwrite", "writes of the same size", []workload.Share{get, share("set", 50, "SET", workload.KeyName, workload.Value(64))}},
		{"resize", "writes of other sizes: memory fragments and is compacted", []workload.Share{get,
			share("set16", 10, "SET", workload.KeyName, workload.Value(16)), share("set40", 10, "SET", workload.KeyName, workload.Value(40)),
			share("set100", 10, "SET", workload.KeyName, workload.Value(100)), share("set180", 10, "SET", workload.KeyName, workload.Value(180)),
			share("set256", 10, "SET", workload.KeyName, workload.Value(256))}},
		{"grow", "new keys: the index grows", []workload.Share{get, share("new", 50, "SET", "new:"+workload.RandInt, workload.Value(64))}},
		{"expire", "keys that live half a second", []workload.Share{get, share("volatile", 50, "SET", "tmp:"+workload.RandInt, workload.Value(64), "PX", "500")}},
		{"delete", "deletes and writes", []workload.Share{get, share("del", 25, "DEL", workload.KeyName), share("set", 25, "SET", workload.KeyName, workload.Value(64))}},
	}
}

func share(name string, weight int, args ...string) workload.Share {
	return workload.Share{Workload: workload.Workload{Name: name, Args: args}, Weight: weight}
}

// timing is what one phase did to one server over all rounds.
type timing struct {
	ops, p50, p99, p999, longest []float64 // by round
	gaps                         []loadgen.Gap
	errors                       int64
}

// latency is the subcommand.
func latency(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "latency", "Times GET under full load, alone and beside writes that cause background work, and lists stalls:\n"+
		"times in which no connection got a reply.")
	var servers serverList
	var place placement
	names := words{}
	for _, p := range phases() {
		names = append(names, p.name)
	}
	fs.Var(&servers, "server", serverHelp)
	fs.Var(&names, "phases", "comma-separated `names` of what goes on beside the GETs")
	keys := fs.Uint64("keys", 5_000_000, "keys loaded beforehand, 16 bytes with values of 64")
	clients := fs.Int("clients", 50, "connections")
	pipeline := fs.Int("pipeline", 1, "commands sent before replies are awaited")
	seconds := fs.Float64("seconds", 5, "duration of each phase")
	rounds := fs.Int("rounds", 3, "how often everything is measured, on fresh servers")
	rate := fs.Float64("rate", 0, "fixed rate in requests per second instead of full load; latency then counts from when a request was due")
	stall := fs.Duration("stall", 5*time.Millisecond, "shortest stall that counts")
	place.flags(fs)
	var chosen []phase
	err := parse(fs, args, func() error {
		for _, name := range names {
			i := slices.IndexFunc(phases(), func(p phase) bool { return p.name == name })
			if i < 0 {
				return fmt.Errorf("--phases: no phase %q", name)
			}
			chosen = append(chosen, phases()[i])
		}
		if *keys < 1 || *clients < 1 || *pipeline < 1 || *seconds <= 0 || *rounds < 1 || *stall <= 0 || *rate < 0 || len(chosen) == 0 {
			return errors.New("all numbers must be above 0")
		}
		return nil
	})
	if err != nil {
		return err
	}
	placed := place.settle()
	specs := servers.orDefault()
	top := head(ctx, specs, placed)
	results := make([][]timing, len(chosen)) // by phase and server
	for i := range results {
		results[i] = make([]timing, len(specs))
	}
	pace := newPace(e, *rounds*len(chosen)*len(specs), *seconds)
	round := func(n int) error {
		f, err := startFleet(ctx, specs, place.server)
		if err != nil {
			return err
		}
		defer f.stop()
		set := workload.Expand([]string{"SET", workload.KeyName, workload.Data}, workload.Value(64))
		for s := range specs {
			p, err := f.only(s)
			if err != nil {
				return err
			}
			err = fill(ctx, p, place.load, set, *keys, func(done int64) {
				e.Progress.Printf("%s: loading %s of %s keys", p.Name, report.Count(float64(done)), report.Count(float64(*keys)))
			})
			if err != nil {
				return err
			}
		}
		for i, ph := range chosen {
			for k := range specs {
				s := (n + k) % len(specs)
				p, err := f.only(s)
				if err != nil {
					return err
				}
				pace.next("round %d/%d  %s  %s", n+1, *rounds, ph.name, p.Name)
				source, kinds := loadgen.Mix(ph.mix, 64, workload.Uniform, *keys, uint64(n*len(chosen)+i))
				r, err := loadgen.Run(ctx, loadgen.Config{
					Addr: p.Addr, Clients: *clients, Pipeline: *pipeline, CPUs: place.load, Rate: *rate,
					Duration: time.Duration(*seconds * float64(time.Second)), Gap: *stall, Pid: p.Pid(),
					Kinds: kinds, NewSource: source,
				})
				if err != nil {
					return explain(p, ph.name, err)
				}
				results[i][s].add(r)
			}
		}
		return nil
	}
	for n := range *rounds {
		if err := round(n); err != nil {
			return err
		}
	}
	e.Progress.Clear()

	if err := top.Write(e.Out); err != nil {
		return err
	}
	load := "full load"
	if *rate > 0 {
		load = report.Count(*rate) + " requests/s"
	}
	fmt.Fprintf(e.Out, "load       %s, %d connections, pipeline %d, %s keys of 16+64 bytes, %d rounds of %gs\n",
		load, *clients, *pipeline, report.Count(float64(*keys)), *rounds, *seconds)
	fmt.Fprintf(e.Out, "figures    of GET in ms, medians of the rounds; max and stalls (> %s without any reply) over all rounds;\n", *stall)
	fmt.Fprintf(e.Out, "           busy: stalls in which generator or server mostly waited for a processor, so not counted\n\n")
	return writeLatency(e.Out, chosen, top.Servers, results)
}

func (t *timing) add(r loadgen.Result) {
	h := r.Find("get")
	ms := func(percent float64) float64 {
		return report.Millis(time.Duration(h.ValueAtPercentile(percent)))
	}
	t.ops = append(t.ops, r.OpsPerSec())
	t.p50 = append(t.p50, ms(50))
	t.p99 = append(t.p99, ms(99))
	t.p999 = append(t.p999, ms(99.9))
	t.longest = append(t.longest, ms(100))
	t.gaps = append(t.gaps, r.Gaps...)
	t.errors += r.Errors
}

// stalls splits the gaps into the server's own and those of a busy machine.
func (t *timing) stalls() (own, busy []loadgen.Gap) {
	for _, g := range t.gaps {
		if g.Foreign() {
			busy = append(busy, g)
		} else {
			own = append(own, g)
		}
	}
	return own, busy
}

func longest(gaps []loadgen.Gap) string {
	if len(gaps) == 0 {
		return "-"
	}
	g := slices.MaxFunc(gaps, func(a, b loadgen.Gap) int { return cmp.Compare(a.Length, b.Length) })
	return report.Fixed(report.Millis(g.Length), 1)
}

func writeLatency(w io.Writer, chosen []phase, servers []report.Server, results [][]timing) error {
	t := &report.Table{Columns: report.Columns("<beside GET", "<server", "ops/s", "p50", "p99", "p99.9", "max", "stalls", "longest", "busy", "errors")}
	for i, ph := range chosen {
		name := ph.name
		for s, server := range servers {
			r := &results[i][s]
			own, busy := r.stalls()
			t.Add(name, server.Name, report.Count(report.Median(r.ops)), report.Fixed(report.Median(r.p50), 3), report.Fixed(report.Median(r.p99), 3),
				report.Fixed(report.Median(r.p999), 3), report.Fixed(slices.Max(r.longest), 1), fmt.Sprint(len(own)), longest(own), fmt.Sprint(len(busy)),
				fmt.Sprint(r.errors))
			name = ""
		}
	}
	if err := t.Write(w); err != nil {
		return err
	}
	for _, ph := range chosen {
		fmt.Fprintf(w, "\n%-10s %s", ph.name, ph.why)
	}
	_, err := fmt.Fprintln(w)
	return err
}
