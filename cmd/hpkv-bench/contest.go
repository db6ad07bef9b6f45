package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/redisbench"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// The generators of compare.
const (
	generatorRedis   = "redis-benchmark"
	generatorBuiltin = "builtin"
)

// contest runs one comparison.
type contest struct {
	env    cli.Env
	o      *compareOptions
	specs  []proc.Spec
	groups []group
	result *report.Comparison

	pace *pace
}

// group is the part of the matrix that runs on servers loaded with values of
// one size.
type group struct {
	size  int
	keys  uint64 // that are loaded
	cells []*cell
}

// cell is a point of the matrix under measurement.
type cell struct {
	workload.Workload
	row      *report.Row
	keys     workload.Spread
	requests int64 // 0 until calibrated
}

func newContest(e cli.Env, o *compareOptions) *contest {
	c := &contest{env: e, o: o, specs: o.servers.orDefault(), result: &report.Comparison{
		Head: report.Head{Placement: o.place.settle()}, Base: o.base, Rounds: o.rounds,
	}}
	c.plan()
	return c
}

// plan lays out the matrix. A workload without values runs with the first size
// only, and hot keys only where the loaded keys matter.
func (c *contest) plan() {
	rows, _ := workload.Find(c.o.workloads) // checked with the flags
	for i, size := range c.o.sizes.values {
		g := group{size: size, keys: min(c.o.keyspace, max(1, uint64(c.o.dataLimit)<<20/uint64(size)))}
		if g.keys < c.o.keyspace {
			c.result.Notes = append(c.result.Notes, fmt.Sprintf("%d keys, not %d, with values of %d bytes (--data-limit %d MiB)",
				g.keys, c.o.keyspace, size, c.o.dataLimit))
		}
		for _, w := range rows {
			if i > 0 && !w.Sized() {
				continue
			}
			for n, spread := range c.o.keys {
				if n > 0 && !w.Skewed() {
					continue
				}
				for _, clients := range c.o.clients.values {
					for _, pipeline := range c.o.pipelines.values {
						g.cells = append(g.cells, c.newCell(w, pipeline, clients, size, workload.Spread(spread)))
					}
				}
			}
		}
		c.groups = append(c.groups, g)
	}
	runs := 0
	for _, g := range c.groups {
		runs += len(g.cells) * len(c.specs) * c.o.rounds
	}
	// Preparing and starting cost about as much again as a short run.
	c.pace = newPace(c.env, runs, c.o.seconds+0.5)
}

func (c *contest) newCell(w workload.Workload, pipeline, clients, size int, spread workload.Spread) *cell {
	shown := report.Cell{Workload: w.Name, Pipeline: pipeline, Clients: clients}
	if w.Sized() {
		shown.ValueSize = size
	}
	if w.Skewed() {
		shown.Keys = string(spread)
	} else {
		spread = workload.Uniform
	}
	row := &report.Row{Cell: shown}
	for _, s := range c.specs {
		row.Entries = append(row.Entries, report.Entry{Server: s.Name})
	}
	return &cell{Workload: w, row: row, keys: spread, requests: c.o.requests}
}

// run measures everything. What was measured is in c.result also when it
// returns an error.
func (c *contest) run(ctx context.Context) error {
	c.result.Head = head(ctx, c.specs, c.result.Placement)
	c.result.Generator = c.generatorName(ctx)
	memory := map[[2]int][]report.Memory{} // by group and server
	err := func() error {
		for round := range c.o.rounds {
			for n := range c.groups {
				if err := c.runGroup(ctx, round, n, memory); err != nil {
					return err
				}
			}
		}
		return nil
	}()
	for n, g := range c.groups {
		for _, cell := range g.cells {
			c.result.Rows = append(c.result.Rows, *cell.row)
		}
		for s := range c.specs {
			if samples := memory[[2]int{n, s}]; len(samples) > 0 {
				c.result.Memory = append(c.result.Memory, medianMemory(samples))
			}
		}
	}
	return err
}

func (c *contest) generatorName(ctx context.Context) string {
	if c.o.generator == generatorBuiltin {
		return "builtin generator"
	}
	out, err := exec.CommandContext(ctx, redisbench.Program, "--version").Output()
	if err != nil {
		return redisbench.Program
	}
	return strings.TrimSpace(string(out))
}

// measured tells whether there is anything to show.
func (c *contest) measured() bool { return c.pace.done > 0 }

// runGroup starts fresh servers, loads them and measures each cell once on
// each of them.
func (c *contest) runGroup(ctx context.Context, round, n int, memory map[[2]int][]report.Memory) error {
	g := &c.groups[n]
	f, err := startFleet(ctx, c.specs, c.o.place.server)
	if err != nil {
		return err
	}
	defer f.stop()
	for s := range c.specs {
		p, err := f.only(s)
		if err != nil {
			return err
		}
		m, err := c.loadStrings(ctx, p, g)
		if err != nil {
			return err
		}
		memory[[2]int{n, s}] = append(memory[[2]int{n, s}], m)
		if round > 0 {
			continue
		}
		for _, cell := range g.cells {
			reason, err := refusal(p, cell.Workload)
			if err != nil {
				return explain(p, cell.Name, err)
			}
			cell.row.Entries[s].Skipped = reason
		}
	}
	for _, cell := range g.cells {
		for k := range c.specs {
			// The order rotates so that no server always follows the same one.
			s := (round + k) % len(c.specs)
			if err := c.runCell(ctx, f, s, round, g, cell); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadStrings loads the group's keys and measures the memory they take.
func (c *contest) loadStrings(ctx context.Context, p *proc.Process, g *group) (report.Memory, error) {
	m := report.Memory{
		Server: p.Name, Keys: int64(g.keys), ValueBytes: g.size,
		KeyBytes: len(workload.KeyName), // RandInt is as long as its digits
	}
	m.EmptyBytes, _ = proc.RSS(p.Pid()) // 0 where the platform does not tell
	args := workload.Expand([]string{"SET", workload.KeyName, workload.Data}, workload.Value(g.size))
	err := fill(ctx, p, c.o.place.load, args, g.keys, func(done int64) {
		c.env.Progress.Printf("%s: loading %s of %s keys with %d bytes", p.Name, report.Count(float64(done)), report.Count(float64(g.keys)), g.size)
	})
	if err != nil {
		return m, err
	}
	m.LoadedBytes, _ = proc.RSS(p.Pid())
	m.PerKey = float64(m.LoadedBytes-m.EmptyBytes) / float64(g.keys)
	return m, nil
}

func medianMemory(samples []report.Memory) report.Memory {
	m := samples[0]
	pick := func(f func(report.Memory) float64) float64 { return report.MedianOf(samples, f) }
	m.EmptyBytes = int64(pick(func(m report.Memory) float64 { return float64(m.EmptyBytes) }))
	m.LoadedBytes = int64(pick(func(m report.Memory) float64 { return float64(m.LoadedBytes) }))
	m.PerKey = pick(func(m report.Memory) float64 { return m.PerKey })
	return m
}

// runCell measures one cell once on server s.
func (c *contest) runCell(ctx context.Context, f *fleet, s, round int, g *group, cell *cell) error {
	entry := &cell.row.Entries[s]
	if entry.Skipped != "" {
		c.pace.done++
		return nil
	}
	p, err := f.only(s)
	if err != nil {
		return err
	}
	c.pace.next("round %d/%d  %s  %s", round+1, c.o.rounds, cell.row.Cell, p.Name)
	if cell.requests == 0 {
		if err := c.calibrate(ctx, p, g, cell); err != nil {
			return explain(p, cell.row.Cell.String(), err)
		}
	}
	sample, err := c.measure(ctx, p, g, cell, cell.requests)
	if err != nil {
		return explain(p, cell.row.Cell.String(), err)
	}
	cell.row.Requests = cell.requests
	entry.Rounds = append(entry.Rounds, sample)
	return nil
}

// calibrate finds how many requests take the wanted time. All servers then get
// the same number.
func (c *contest) calibrate(ctx context.Context, p *proc.Process, g *group, cell *cell) error {
	// Each connection should send a batch even in the shortest run, and a few
	// where that takes no longer than it should.
	const certain = 5000 // requests, unless each is a long one
	batch := int64(cell.row.Clients * cell.row.Pipeline)
	first := max(batch, certain/10)
	sample, err := c.measure(ctx, p, g, cell, first)
	if err != nil {
		return err
	}
	least := min(max(certain, 4*batch), max(first, int64(sample.OpsPerSec*c.o.seconds)))
	if least > first {
		if sample, err = c.measure(ctx, p, g, cell, least); err != nil {
			return err
		}
	}
	cell.requests = max(least, int64(sample.OpsPerSec*c.o.seconds)/1000*1000)
	return nil
}

// measure prepares the data and runs the load.
func (c *contest) measure(ctx context.Context, p *proc.Process, g *group, cell *cell, requests int64) (report.Sample, error) {
	if err := c.prepare(ctx, p, g, cell, requests); err != nil {
		return report.Sample{}, err
	}
	b, err := observe(p, func() (burst, error) {
		if c.o.generator == generatorBuiltin {
			return c.sendBuiltin(ctx, p, g, cell, requests)
		}
		return c.sendRedis(ctx, p, g, cell, requests)
	})
	return b.Sample, err
}

// prepare gives rows with data of their own fresh ones.
func (c *contest) prepare(ctx context.Context, p *proc.Process, g *group, cell *cell, requests int64) error {
	for _, key := range cell.Collections() {
		if v, err := do(p, "DEL", key); err != nil || v.IsError() {
			return fmt.Errorf("DEL %s: %s %w", key, v.Text(), err)
		}
	}
	n := uint64(cell.FillTimes)
	if n == 0 {
		n = uint64(requests)
	}
	for _, args := range cell.Fill {
		if err := fill(ctx, p, c.o.place.load, workload.Expand(args, workload.Value(g.size)), n, func(int64) {}); err != nil {
			return err
		}
	}
	return nil
}

func (c *contest) sendRedis(ctx context.Context, p *proc.Process, g *group, cell *cell, requests int64) (burst, error) {
	space := g.keys
	if cell.keys == workload.Hot {
		space = 1
	}
	r, cpu, err := redisbench.Run{
		Addr: p.Addr, Args: workload.Expand(cell.Args, workload.Value(g.size)), Requests: requests,
		Clients: cell.row.Clients, Pipeline: cell.row.Pipeline, KeySpace: space, CPUs: c.o.place.load,
	}.Do(ctx)
	sample := report.Sample{OpsPerSec: r.OpsPerSec, P50: report.Millis(r.P50), P99: report.Millis(r.P99), P999: report.Millis(r.P999)}
	return burst{sample, requests, cpu}, err
}

func (c *contest) sendBuiltin(ctx context.Context, p *proc.Process, g *group, cell *cell, requests int64) (burst, error) {
	source, kinds := loadgen.Mix([]workload.Share{{Workload: cell.Workload, Weight: 1}}, g.size, cell.keys, g.keys, uint64(time.Now().UnixNano()))
	return send(ctx, loadgen.Config{
		Addr: p.Addr, Clients: cell.row.Clients, Pipeline: cell.row.Pipeline, CPUs: c.o.place.load,
		Threads: max(1, len(c.o.place.load)), Requests: requests, Kinds: kinds, NewSource: source,
	})
}
