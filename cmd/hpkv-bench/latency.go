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
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
	"hpkv/cmd/internal/progress"
)

// phase is a load under which GET is timed. The writes beside the GETs make
// the server do its background work.
type phase struct {
	name string
	why  string
	mix  []workload.Share
	// remove is the command that removes a large hash in the middle of the phase; "": there
	// is none. Such phases are measured if they are asked for.
	remove string
}

func phases() []phase {
	get := share("get", 50, "GET", workload.KeyName)
	return []phase{
		{"get", "nothing else", []workload.Share{get}, ""},
		{"overwrite", "writes of the same size", []workload.Share{get, share("set", 50, "SET", workload.KeyName, workload.Value(64))}, ""},
		{"resize", "writes of other sizes: memory fragments and is defragmented", []workload.Share{get,
			share("set16", 10, "SET", workload.KeyName, workload.Value(16)), share("set40", 10, "SET", workload.KeyName, workload.Value(40)),
			share("set100", 10, "SET", workload.KeyName, workload.Value(100)), share("set180", 10, "SET", workload.KeyName, workload.Value(180)),
			share("set256", 10, "SET", workload.KeyName, workload.Value(256))}, ""},
		{"grow", "new keys: the index grows", []workload.Share{get, share("new", 50, "SET", "new:"+workload.RandInt, workload.Value(64))}, ""},
		{"expire", "keys that live half a second", []workload.Share{get, share("volatile", 50, "SET", "tmp:"+workload.RandInt, workload.Value(64), "PX", "500")}, ""},
		{"delete", "deletes and writes", []workload.Share{get, share("del", 25, "DEL", workload.KeyName), share("set", 25, "SET", workload.KeyName, workload.Value(64))}, ""},
		{"del-large", "DEL of one hash of many fields", []workload.Share{get}, "DEL"},
		{"unlink-large", "UNLINK of one hash of many fields", []workload.Share{get}, "UNLINK"},
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

// latencyRun is what the subcommand is asked for, and what it has measured.
type latencyRun struct {
	specs    []proc.Spec
	place    placement
	phases   []phase
	keys     uint64
	fields   uint64 // of a hash that is removed
	clients  int
	pipeline int // commands sent before replies are awaited
	seconds  float64
	rounds   int
	rate     float64 // requests a second, 0: full load
	stall    time.Duration

	progress *progress.Line
	pace     *pace
	results  [][]timing // by phase and server
}

// latency is the subcommand.
func latency(ctx context.Context, e cli.Env, args []string) error {
	r, err := parseLatency(e, args)
	if err != nil {
		return err
	}
	placed := r.place.settle()
	top := head(ctx, r.specs, placed)
	r.results = make([][]timing, len(r.phases))
	for i := range r.results {
		r.results[i] = make([]timing, len(r.specs))
	}
	r.progress = e.Progress
	r.pace = newPace(e, r.rounds*len(r.phases)*len(r.specs), r.seconds)
	for n := range r.rounds {
		if err := r.round(ctx, n); err != nil {
			return err
		}
	}
	e.Progress.Clear()
	return r.write(e.Out, top)
}

func parseLatency(e cli.Env, args []string) (*latencyRun, error) {
	fs := newFlags(e, "latency", "Times GET under full load, alone and beside writes that cause background work, and lists stalls:\n"+
		"times in which no connection got a reply.")
	r := new(latencyRun)
	var servers serverList
	names := words{}
	for _, p := range phases() {
		if p.remove == "" {
			names = append(names, p.name)
		}
	}
	fs.Var(&servers, "server", serverHelp)
	fs.Var(&names, "phases", "comma-separated `names` of what goes on beside the GETs; also del-large and unlink-large")
	fs.Uint64Var(&r.keys, "keys", 5_000_000, "keys loaded beforehand, 16 bytes with values of 64")
	fs.Uint64Var(&r.fields, "fields", 10_000_000, "fields of a large hash, 16 bytes with values of 16")
	fs.IntVar(&r.clients, "clients", 50, "connections")
	fs.IntVar(&r.pipeline, "pipeline", 1, "commands sent before replies are awaited")
	fs.Float64Var(&r.seconds, "seconds", 5, "duration of each phase")
	fs.IntVar(&r.rounds, "rounds", 3, "how often everything is measured, on fresh servers")
	fs.Float64Var(&r.rate, "rate", 0, "fixed rate in requests per second instead of full load; latency then counts from when a request was due")
	fs.DurationVar(&r.stall, "stall", 5*time.Millisecond, "shortest stall that counts")
	r.place.flags(fs)
	err := parse(fs, args, func() error {
		for _, name := range names {
			i := slices.IndexFunc(phases(), func(p phase) bool { return p.name == name })
			if i < 0 {
				return fmt.Errorf("--phases: no phase %q", name)
			}
			r.phases = append(r.phases, phases()[i])
		}
		if r.keys < 1 || r.fields < 1 || r.clients < 1 || r.pipeline < 1 || r.seconds <= 0 || r.rounds < 1 || r.stall <= 0 || r.rate < 0 || len(r.phases) == 0 {
			return errors.New("all numbers must be above 0")
		}
		return nil
	})
	r.specs = servers.orDefault()
	return r, err
}

// round measures every phase on every server, on fresh servers that hold the keys.
func (r *latencyRun) round(ctx context.Context, n int) error {
	f, err := startFleet(ctx, r.specs, r.place.server)
	if err != nil {
		return err
	}
	defer f.stop()
	set := workload.Expand([]string{"SET", workload.KeyName, workload.Data}, workload.Value(64))
	for s := range r.specs {
		p, err := f.only(s)
		if err != nil {
			return err
		}
		err = fill(ctx, p, r.place.load, set, r.keys, func(done int64) {
			r.progress.Printf("%s: loading %s of %s keys", p.Name, report.Count(float64(done)), report.Count(float64(r.keys)))
		})
		if err != nil {
			return err
		}
	}
	for i, ph := range r.phases {
		for k := range r.specs {
			s := (n + k) % len(r.specs)
			p, err := f.only(s)
			if err != nil {
				return err
			}
			r.pace.next("round %d/%d  %s  %s", n+1, r.rounds, ph.name, p.Name)
			result, err := r.measure(ctx, p, ph, uint64(n*len(r.phases)+i))
			if err != nil {
				return explain(p, ph.name, err)
			}
			r.results[i][s].add(result)
		}
	}
	return nil
}

func (r *latencyRun) measure(ctx context.Context, p *proc.Process, ph phase, seed uint64) (loadgen.Result, error) {
	source, kinds := loadgen.Mix(ph.mix, 64, workload.Uniform, r.keys, seed)
	removed := make(chan error, 1)
	if ph.remove != "" {
		if err := r.fillHash(ctx, p); err != nil {
			return loadgen.Result{}, err
		}
		middle := time.AfterFunc(time.Duration(r.seconds/2*float64(time.Second)), func() { removed <- removeHash(p, ph.remove) })
		defer middle.Stop()
	} else {
		removed <- nil
	}
	result, err := loadgen.Run(ctx, loadgen.Config{
		Addr: p.Addr, Clients: r.clients, Pipeline: r.pipeline, CPUs: r.place.load, Rate: r.rate,
		Duration: time.Duration(r.seconds * float64(time.Second)), Gap: r.stall, Pid: p.Pid(),
		Kinds: kinds, NewSource: source,
	})
	if err == nil {
		err = <-removed
	}
	return result, err
}

// largeHash is the key of a hash that is removed in the middle of a phase.
const largeHash = "large-hash"

// fillHash makes the hash.
func (r *latencyRun) fillHash(ctx context.Context, p *proc.Process) error {
	const each = 10 // fields of a command
	source := loadgen.Each((r.fields+each-1)/each, func(dst []byte, n uint64) []byte {
		args := []string{"HSET", largeHash}
		for i := n * each; i < min((n+1)*each, r.fields); i++ {
			args = append(args, member(i), noise(i))
		}
		return workload.AppendCommand(dst, args...)
	})
	return fillFrom(ctx, p, r.place.load, source, func(done int64) {
		r.progress.Printf("%s: a hash, %s of %s fields", p.Name, report.Count(float64(done*each)), report.Count(float64(r.fields)))
	})
}

func removeHash(p *proc.Process, command string) error {
	v, err := do(p, command, largeHash)
	if err == nil && v.Int != 1 {
		err = fmt.Errorf("%s of the hash: %s", command, v.Text())
	}
	return err
}

func (r *latencyRun) write(w io.Writer, top report.Head) error {
	if err := top.Write(w); err != nil {
		return err
	}
	load := "full load"
	if r.rate > 0 {
		load = report.Count(r.rate) + " requests/s"
	}
	fmt.Fprintf(w, "load       %s, %d connections, pipeline %d, %s keys of 16+64 bytes, %d rounds of %gs\n",
		load, r.clients, r.pipeline, report.Count(float64(r.keys)), r.rounds, r.seconds)
	fmt.Fprintf(w, "figures    of GET in ms, medians of the rounds; max and stalls (> %s without any reply) over all rounds;\n", r.stall)
	fmt.Fprintf(w, "           busy: stalls in which generator or server mostly waited for a processor, so not counted\n\n")
	return writeLatency(w, r.phases, top.Servers, r.results)
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
