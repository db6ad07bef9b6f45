package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/machine"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/resp"
)

// fleet is a set of running servers of which at most one is not stopped.
type fleet struct {
	servers []*proc.Process
}

// startFleet starts all servers and leaves them paused.
func startFleet(ctx context.Context, specs []proc.Spec, cpus []int) (*fleet, error) {
	f := &fleet{}
	for _, spec := range specs {
		p, err := proc.Start(ctx, spec, cpus)
		if err != nil {
			f.stop()
			return nil, err
		}
		f.servers = append(f.servers, p)
		if err := p.Pause(); err != nil {
			f.stop()
			return nil, err
		}
	}
	return f, nil
}

// only lets server i run and pauses the others.
func (f *fleet) only(i int) (*proc.Process, error) {
	for n, p := range f.servers {
		if n == i {
			continue
		}
		if err := p.Pause(); err != nil {
			return nil, fmt.Errorf("cannot pause %s: %w", p.Name, err)
		}
	}
	p := f.servers[i]
	if err := p.Resume(); err != nil {
		return nil, fmt.Errorf("cannot resume %s: %w", p.Name, err)
	}
	return p, nil
}

func (f *fleet) stop() {
	for _, p := range f.servers {
		p.Stop()
	}
}

// head describes the machine and the servers for a report.
func head(ctx context.Context, specs []proc.Spec, placed string) report.Head {
	h := report.Head{Machine: machine.Read(), Servers: make([]report.Server, len(specs)), Placement: placed}
	for i, s := range specs {
		h.Servers[i] = report.Server{Name: s.Name, Version: s.Version(ctx), Command: s.Command}
	}
	return h
}

// explain adds to err that the server has ended, if it has.
func explain(p *proc.Process, doing string, err error) error {
	if p.Exited() {
		return fmt.Errorf("server %s ended during %s: %w", p.Name, doing, err)
	}
	return fmt.Errorf("server %s, %s: %w", p.Name, doing, err)
}

// Filling uses few connections with a deep pipeline: the fastest way to load
// any of the servers, and no measured figure depends on it.
const (
	fillClients  = 8
	fillPipeline = 128
)

// fill sends the command once with each number below n. Error replies fail.
func fill(ctx context.Context, p *proc.Process, cpus []int, args []string, n uint64, progress func(done int64)) error {
	return fillFrom(ctx, p, cpus, loadgen.Sequence(args, n), progress)
}

// fillNoise sets each key below n to a value of size bytes of noise.
func fillNoise(ctx context.Context, p *proc.Process, cpus []int, n uint64, size int, progress func(done int64)) error {
	return fillFrom(ctx, p, cpus, loadgen.Each(n, func(dst []byte, n uint64) []byte {
		return append(workload.AppendNoise(appendSet(dst, n, size), n, size), "\r\n"...)
	}), progress)
}

func fillFrom(ctx context.Context, p *proc.Process, cpus []int, source func(worker, workers int) loadgen.Source, progress func(done int64)) error {
	result, err := loadgen.Run(ctx, loadgen.Config{
		Addr: p.Addr, Clients: fillClients, Pipeline: fillPipeline, CPUs: cpus, NewSource: source,
		Progress: func(done int64, _ time.Duration) { progress(done) },
	})
	if err == nil && result.Errors > 0 {
		err = fmt.Errorf("%d of %d commands failed, first: %s", result.Errors, result.Requests, result.FirstError)
	}
	if err != nil {
		return explain(p, "loading", err)
	}
	return nil
}

// do sends one command on a fresh connection.
func do(p *proc.Process, args ...string) (resp.Value, error) {
	c, err := resp.Dial("tcp", p.Addr)
	if err != nil {
		return resp.Value{}, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute)) // FLUSHALL of millions of keys takes seconds
	words := make([]any, len(args))
	for i, arg := range args {
		words[i] = arg
	}
	return c.Do(words...)
}

// refusal sends the row's command once and returns why the server does not
// take it, "" if it does.
func refusal(p *proc.Process, w workload.Workload) (string, error) {
	probe := func(args []string) (string, error) {
		args = workload.Expand(args, "0")
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], workload.RandInt, strings.Repeat("0", len(workload.RandInt)))
		}
		v, err := do(p, args...)
		if err != nil {
			return "", err
		}
		text := v.Text()
		switch {
		case !v.IsError():
			return "", nil
		case strings.HasPrefix(text, "ERR unknown command"):
			return "unknown", nil
		case len(text) > 40:
			text = text[:40]
		}
		return text, nil
	}
	for _, args := range append(w.Fill, w.Args) {
		if reason, err := probe(args); reason != "" || err != nil {
			return reason, err
		}
	}
	return "", nil
}

// figures returns the numbers of a section of INFO.
func figures(p *proc.Process, section string) (map[string]int64, error) {
	v, err := do(p, "INFO", section)
	if err != nil {
		return nil, explain(p, "INFO", err)
	}
	return parseFigures(v.Text()), nil
}

// parseFigures reads "name:number" lines; other lines are left out.
func parseFigures(text string) map[string]int64 {
	numbers := map[string]int64{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			numbers[name] = n
		}
	}
	return numbers
}
