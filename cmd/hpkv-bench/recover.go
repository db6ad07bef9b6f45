package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"hpkv/cmd/hpkv-bench/internal/disk"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// The states a log is loaded from: as the writes left it, rewritten
// (redis-server's then begins with an RDB preamble), and the same after
// SIGKILL.
const (
	stateWritten   = "written"
	stateRewritten = "rewritten"
	stateKilled    = "killed"
)

var logStates = []string{stateWritten, stateRewritten, stateKilled}

// recoverLimit bounds one end and one start.
const recoverLimit = 5 * time.Minute

// recovery is how one server loaded one log.
type recovery struct {
	Server  string    `json:"server"`
	State   string    `json:"state"`
	Keys    uint64    `json:"keys"`
	Bytes   int64     `json:"log_bytes"`
	Seconds []float64 `json:"seconds"`     // from the start of the process until it answered PING
	CPU     []float64 `json:"cpu_seconds"` // it had used by then
}

func (r *recovery) rate() float64 { return report.Quotient(float64(r.Keys), report.Median(r.Seconds)) }

// recoverReport is what the subcommand measured.
type recoverReport struct {
	report.Head
	Base  string     `json:"base"`
	Value int        `json:"value_bytes"`
	Rows  []recovery `json:"rows"`
}

// recoverCommand is the subcommand.
func recoverCommand(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "recover", "Loads keys, ends the server and times how long it takes to start again: from the log as it was written,\n"+
		"from the rewritten log, and after SIGKILL; with a fifth of the keys and with all of them.")
	var servers serverList
	var place placement
	fs.Var(&servers, "server", serverHelp)
	base := fs.String("base", "", "`name` of the server whose rewritten log ratios refer to (default: the second one)")
	keys := fs.Uint64("keys", 5_000_000, "number of 16-byte keys")
	value := fs.Int("value", 64, "value size in bytes")
	rounds := fs.Int("rounds", 3, "restarts from each state; medians are shown")
	dir := fs.String("dir", "", dirHelp)
	jsonFile := fs.String("json", "", "also write the figures to this `file`")
	fs.Var(&place.server, "server-cpus", "`processors` for the servers, such as 0 or 0-3 (default: all)")
	err := parse(fs, args, func() (err error) {
		if *keys < 5 || *value < 1 || *rounds < 1 {
			return errors.New("--keys must be 5 or more, --value and --rounds above 0")
		}
		*base, err = servers.base(*base)
		return err
	})
	if err != nil {
		return err
	}
	placed := "servers on all processors"
	if len(place.server) > 0 {
		placed = "servers on processor " + cpuNames(place.server)
	}
	specs := servers.orDefault()
	r := &recoverReport{Head: head(ctx, specs, placed), Base: *base, Value: *value}
	sizes := []uint64{*keys / 5, *keys}
	restarts := len(specs) * len(logStates) * *rounds // of a size
	pace := newPace(e, len(sizes)*restarts, float64(*keys)/1e6*0.6+0.5)
	for _, n := range sizes {
		pace.sizes = append(pace.sizes, slices.Repeat([]float64{float64(n)}, restarts)...)
	}
	for _, n := range sizes {
		for _, s := range specs {
			s.Parent = *dir
			rows, err := recoverServer(ctx, s.With(s.Name, keepLog...), place.server, n, *value, *rounds, pace)
			if err != nil {
				return err
			}
			r.Rows = append(r.Rows, rows...)
		}
	}
	e.Progress.Clear()
	if err := r.writeText(e.Out); err != nil {
		return err
	}
	return writeFile(*jsonFile, func(w io.Writer) error { return report.JSON(w, r) })
}

// recoverServer takes one server through all states.
func recoverServer(ctx context.Context, spec proc.Spec, cpus []int, keys uint64, value, rounds int, pace *pace) ([]recovery, error) {
	p, err := proc.Start(ctx, spec, cpus)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	err = fillNoise(ctx, p, nil, keys, value, func(done int64) {
		pace.line.Printf("%s: loading %s of %s keys", p.Name, report.Count(float64(done)), report.Count(float64(keys)))
	})
	if err != nil {
		return nil, err
	}
	var rows []recovery
	for _, state := range logStates {
		if state == stateRewritten {
			if err := rewriting(ctx, p, func(map[string]int64) {}); err != nil {
				return nil, err
			}
		}
		row := recovery{Server: p.Name, State: state, Keys: keys}
		for range rounds {
			pace.next("%s: restart with %s keys, log %s", p.Name, report.Count(float64(keys)), state)
			if err := row.restart(ctx, p); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// restart times one restart and sees to it that nothing is missing.
func (r *recovery) restart(ctx context.Context, p *proc.Process) error {
	numbers, err := figures(p, "persistence")
	if err != nil {
		return err
	}
	r.Bytes = numbers["aof_current_size"]
	disk.Settle()
	took, err := p.Restart(ctx, r.State == stateKilled, recoverLimit)
	if err != nil {
		return err
	}
	cpu, _ := proc.CPU(p.Pid()) // 0 where the platform does not tell
	r.Seconds, r.CPU = append(r.Seconds, took.Seconds()), append(r.CPU, cpu.Seconds())
	size, err := do(p, "DBSIZE")
	if err != nil {
		return explain(p, "DBSIZE", err)
	}
	if size.Int != int64(r.Keys) {
		return fmt.Errorf("server %s has %s keys after its restart, not %d", p.Name, size.Text(), r.Keys)
	}
	return nil
}

func (r *recoverReport) writeText(w io.Writer) error {
	if err := r.Head.Write(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "loaded     keys of %d bytes with values of %d that do not compress, each written once\n", len(workload.KeyName), r.Value)
	fmt.Fprintf(w, "figures    from the start of the process until it answers PING, medians; the files are in the page cache; MB: of the log;\n")
	fmt.Fprintf(w, "           CPU: that the process had used by then; ratio: keys/s to %s loading as many keys from its rewritten log\n\n", r.Base)
	t := &report.Table{Columns: report.Columns("keys", "<log", "<server", "MB", "seconds", "CPU s", "keys/s", "MB/s", "ratio")}
	for i := range r.Rows {
		row := &r.Rows[i]
		mb := float64(row.Bytes) / 1e6
		t.Add(report.Count(float64(row.Keys)), row.State, row.Server, report.Fixed(mb, 1), report.Fixed(report.Median(row.Seconds), 3),
			report.Fixed(report.Known(report.Median(row.CPU)), 2), report.Count(row.rate()), report.Fixed(mb/report.Median(row.Seconds), 1),
			report.Ratio(report.Quotient(row.rate(), r.baseRate(row.Keys))))
	}
	return t.Write(w)
}

// baseRate is the rate that ratios refer to, 0 if it was not measured.
func (r *recoverReport) baseRate(keys uint64) float64 {
	i := slices.IndexFunc(r.Rows, func(o recovery) bool { return o.Server == r.Base && o.State == stateRewritten && o.Keys == keys })
	if i < 0 {
		return 0
	}
	return r.Rows[i].rate()
}
