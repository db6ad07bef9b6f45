package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"hpkv/cmd/hpkv-bench/internal/disk"
	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// policyOff is the run without a log that the others are set against.
const policyOff = "off"

// policyArgs are the arguments for each policy. The log is never compacted
// meanwhile: what that costs is measured by itself.
var policyArgs = map[string][]string{
	policyOff:  {"--appendonly", "no"},
	"everysec": logged("everysec"),
	"always":   logged("always"),
	"no":       logged("no"),
}

func logged(policy string) []string {
	return []string{"--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0"}
}

// logOptions are the flags of log.
type logOptions struct {
	servers            serverList
	base               string
	policies           words
	clients, pipelines intList
	rounds, size       int
	keys               uint64
	seconds            float64
	dir, json          string
	place              placement
}

// logRow is one server under one policy in one cell.
type logRow struct {
	Server   string      `json:"server"`
	Policy   string      `json:"policy"`
	Clients  int         `json:"clients"`
	Pipeline int         `json:"pipeline"`
	Median   logSample   `json:"median"`
	Rounds   []logSample `json:"rounds"`
}

// logSample is one measured run. What a server or the platform does not tell
// is 0.
type logSample struct {
	report.Sample
	Writes  float64 `json:"commits_per_sec"` // of what was gathered, to the files
	Syncs   float64 `json:"fsyncs_per_sec"`  // by the server's own count
	Flushes float64 `json:"flushes_per_sec"` // by the disk's
}

// perSync is how many commands were made safe by one sync: by the server's
// count, else by the disk's.
func (s logSample) perSync() float64 {
	if s.Syncs > 0 {
		return s.OpsPerSec / s.Syncs
	}
	return report.Quotient(s.OpsPerSec, s.Flushes)
}

// logReport is what the subcommand measured.
type logReport struct {
	report.Head
	Base      string   `json:"base"`
	Dir       string   `json:"dir"`
	Keys      uint64   `json:"keys"`
	Size      int      `json:"value_bytes"`
	RoundsRun int      `json:"rounds"`
	Disk      diskTime `json:"fdatasync"`
	Rows      []logRow `json:"rows"`
}

// logCommand is the subcommand.
func logCommand(ctx context.Context, e cli.Env, args []string) error {
	o := &logOptions{
		policies: words{policyOff, "everysec", "always"},
		clients:  intList{[]int{1, 50, 500}, 1}, pipelines: intList{[]int{1, 16}, 1},
	}
	fs := newFlags(e, "log", "Measures SET with the log off and under each policy of syncing, and the disk's own fdatasync.")
	fs.Var(&o.servers, "server", serverHelp)
	fs.StringVar(&o.base, "base", "", "`name` of the server that ratios refer to (default: the second one)")
	fs.Var(&o.policies, "policies", "comma-separated `names`, of: off, everysec, always, no")
	fs.Var(&o.clients, "clients", "connections, `list`")
	fs.Var(&o.pipelines, "pipelines", "commands sent before replies are awaited, `list`")
	fs.IntVar(&o.rounds, "rounds", 3, "how often everything is measured; medians are shown")
	fs.IntVar(&o.size, "size", 16, "value size in bytes")
	fs.Uint64Var(&o.keys, "keyspace", 1_000_000, "number of distinct keys, all loaded beforehand")
	fs.Float64Var(&o.seconds, "seconds", 2, "duration of each measured run")
	fs.StringVar(&o.dir, "dir", "", dirHelp)
	fs.StringVar(&o.json, "json", "", "also write everything measured to this `file`")
	o.place.flags(fs)
	if err := parse(fs, args, o.check); err != nil {
		return err
	}
	r, err := o.measure(ctx, e)
	e.Progress.Clear()
	if err != nil {
		return err
	}
	if err := r.writeText(e.Out); err != nil {
		return err
	}
	return writeFile(o.json, func(w io.Writer) error { return report.JSON(w, r) })
}

func (o *logOptions) check() (err error) {
	for _, p := range o.policies {
		if policyArgs[p] == nil {
			return fmt.Errorf("--policies: no policy %q", p)
		}
	}
	if o.rounds < 1 || o.size < 1 || o.keys < 1 || o.seconds <= 0 || len(o.policies) == 0 {
		return errors.New("--rounds, --size, --keyspace, --seconds and --policies must not be empty or 0")
	}
	o.base, err = o.servers.base(o.base)
	return err
}

// measure runs everything.
func (o *logOptions) measure(ctx context.Context, e cli.Env) (*logReport, error) {
	servers := o.servers.orDefault()
	r := &logReport{Head: head(ctx, servers, o.place.settle()), Base: o.base, Keys: o.keys, Size: o.size, RoundsRun: o.rounds}
	var err error
	if r.Dir, r.Disk, err = timeDisk(o.dir); err != nil {
		return nil, err
	}
	var specs []proc.Spec
	for _, s := range servers {
		s.Parent = o.dir
		for _, policy := range o.policies {
			specs = append(specs, s.With(s.Name+" "+policy, policyArgs[policy]...))
		}
	}
	for _, clients := range o.clients.values {
		for _, pipeline := range o.pipelines.values {
			for _, s := range servers {
				for _, policy := range o.policies {
					r.Rows = append(r.Rows, logRow{Server: s.Name, Policy: policy, Clients: clients, Pipeline: pipeline})
				}
			}
		}
	}
	pace := newPace(e, len(r.Rows)*o.rounds, o.seconds+1)
	for round := range o.rounds {
		if err := o.round(ctx, e, round, specs, r.Rows, pace); err != nil {
			return nil, err
		}
	}
	for i := range r.Rows {
		r.Rows[i].settle()
	}
	return r, nil
}

// round measures every row once, on fresh servers. Rows come in as many as
// there are specs for each cell, in their order.
func (o *logOptions) round(ctx context.Context, e cli.Env, round int, specs []proc.Spec, rows []logRow, pace *pace) error {
	f, err := startFleet(ctx, specs, o.place.server)
	if err != nil {
		return err
	}
	defer f.stop()
	set := workload.Expand([]string{"SET", workload.KeyName, workload.Data}, workload.Value(o.size))
	for s := range specs {
		p, err := f.only(s)
		if err != nil {
			return err
		}
		err = pace.setUp((o.rounds-round)*len(specs)-1-s, func() error {
			return fill(ctx, p, o.place.load, set, o.keys, func(done int64) {
				e.Progress.Printf("%s: loading %s of %s keys", p.Name, report.Count(float64(done)), report.Count(float64(o.keys)))
			})
		})
		if err != nil {
			return err
		}
	}
	for cell := range slices.Chunk(rows, len(specs)) {
		for k := range specs {
			s := (round + k) % len(specs)
			p, err := f.only(s)
			if err != nil {
				return err
			}
			row := &cell[s]
			pace.next("round %d/%d  %s  %d connections, pipeline %d", round+1, o.rounds, p.Name, row.Clients, row.Pipeline)
			sample, err := o.run(ctx, p, row, uint64(round))
			if err != nil {
				return explain(p, "set", err)
			}
			row.Rounds = append(row.Rounds, sample)
		}
	}
	return nil
}

// run measures one row once.
func (o *logOptions) run(ctx context.Context, p *proc.Process, row *logRow, seed uint64) (s logSample, err error) {
	disk.Settle()
	before, err := figures(p, "persistence")
	if err != nil {
		return s, err
	}
	flushes, flushErr := disk.Flushes(p.Dir())
	source, kinds := loadgen.Mix([]workload.Share{share("set", 1, "SET", workload.KeyName, workload.Data)}, o.size, workload.Uniform, o.keys, seed)
	start := time.Now()
	b, err := observe(p, func() (burst, error) {
		return send(ctx, loadgen.Config{
			Addr: p.Addr, Clients: row.Clients, Pipeline: row.Pipeline, CPUs: o.place.load, Threads: max(1, len(o.place.load)),
			Duration: time.Duration(o.seconds * float64(time.Second)), Kinds: kinds, NewSource: source,
		})
	})
	if err != nil {
		return s, err
	}
	seconds := time.Since(start).Seconds()
	after, err := figures(p, "persistence")
	if err != nil {
		return s, err
	}
	s.Sample = b.Sample
	s.Writes = float64(after["log_rounds"]-before["log_rounds"]) / seconds
	s.Syncs = float64(after["log_syncs"]-before["log_syncs"]) / seconds
	if now, err := disk.Flushes(p.Dir()); err == nil && flushErr == nil {
		s.Flushes = float64(now-flushes) / seconds
	}
	return s, nil
}

// settle works out the medians.
func (r *logRow) settle() {
	pick := func(f func(logSample) float64) float64 { return report.MedianOf(r.Rounds, f) }
	samples := make([]report.Sample, len(r.Rounds))
	for i, s := range r.Rounds {
		samples[i] = s.Sample
	}
	r.Median = logSample{
		Sample:  report.MedianSample(samples),
		Writes:  pick(func(s logSample) float64 { return s.Writes }),
		Syncs:   pick(func(s logSample) float64 { return s.Syncs }),
		Flushes: pick(func(s logSample) float64 { return s.Flushes }),
	}
}

// find returns the row of a server under a policy in the same cell as row; an
// empty one if it was not measured.
func (r *logReport) find(row *logRow, server, policy string) *logRow {
	i := slices.IndexFunc(r.Rows, func(o logRow) bool {
		return o.Server == server && o.Policy == policy && o.Clients == row.Clients && o.Pipeline == row.Pipeline
	})
	if i < 0 {
		return &logRow{}
	}
	return &r.Rows[i]
}

// loss is the part of the throughput that is missing against the run without a
// log in the same round, the median of the rounds; NaN if there is none.
func (r *logRow) loss(off *logRow) float64 {
	var parts []float64
	for i := range min(len(r.Rounds), len(off.Rounds)) {
		parts = append(parts, 1-report.Quotient(r.Rounds[i].OpsPerSec, off.Rounds[i].OpsPerSec))
	}
	return report.Median(parts)
}

func (r *logReport) writeText(w io.Writer) error {
	if err := r.Head.Write(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "load       SET of %s random keys of %d bytes with values of %d; the log is not compacted meanwhile\n",
		report.Count(float64(r.Keys)), len(workload.KeyName), r.Size)
	fmt.Fprintf(w, "figures    medians of %d interleaved rounds; loss: throughput against the same server without a log; ratio: to %s with the same policy;\n", r.RoundsRun, r.Base)
	fmt.Fprint(w, "           commits: writes of gathered commands to the files, syncs: both by the server's count (redis-server has none);\n")
	fmt.Fprint(w, "           flushes: of the disk, by the kernel's count, of all processes; SETs/sync: by the server's count, else by the disk's\n")
	r.Disk.write(w, r.Dir)
	fmt.Fprintln(w)
	t := &report.Table{Columns: report.Columns("conns", "pipe", "<log", "<server", "ops/s", "loss", "ratio", "CPU us/op", "ratio", "p99 ms", "commits/s", "syncs/s", "flushes/s", "SETs/sync")}
	for i := range r.Rows {
		row := &r.Rows[i]
		m, off, base := row.Median, r.find(row, row.Server, policyOff), r.find(row, r.Base, row.Policy).Median
		syncs := []string{"-", "-", "-", "-"} // whatever the disk does, a server without a log is not why
		if row.Policy != policyOff {
			syncs = []string{report.Count(report.Known(m.Writes)), report.Count(report.Known(m.Syncs)),
				report.Count(report.Known(m.Flushes)), report.Fixed(m.perSync(), 1)}
		}
		t.Add(append([]string{fmt.Sprint(row.Clients), fmt.Sprint(row.Pipeline), row.Policy, row.Server, report.Count(m.OpsPerSec),
			report.Percent(row.loss(off)), report.Ratio(report.Quotient(m.OpsPerSec, base.OpsPerSec)),
			report.Fixed(report.Known(m.CPUMicros), 3), report.Ratio(report.Quotient(m.CPUMicros, base.CPUMicros)), report.Fixed(m.P99, 3)}, syncs...)...)
	}
	return t.Write(w)
}
