package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"time"

	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// gateway is a server that a subcommand starts for itself, with keys in it and,
// beside Redis' protocol, a port for another one, which the subcommand measures.
type gateway struct {
	program string
	keys    uint64 // 16 bytes each
	size    int    // of a value, in bytes
	seconds float64
	place   placement

	// Set by start.
	process *proc.Process
	spec    proc.Spec
	placed  string
}

func (g *gateway) flags(fs *flag.FlagSet, keys uint64) {
	fs.StringVar(&g.program, "server", "bin/hpkv-server", "`program` to start")
	fs.Uint64Var(&g.keys, "keys", keys, "keys loaded beforehand, 16 bytes with values of --size")
	fs.IntVar(&g.size, "size", 64, "value size in bytes")
	fs.Float64Var(&g.seconds, "seconds", 3, "duration of each measurement")
	g.place.flags(fs)
}

func (g *gateway) check() error {
	if g.keys < 1 || g.size < 1 || g.seconds <= 0 {
		return errors.New("--keys, --size and --seconds must be above 0")
	}
	return nil
}

// start starts the server with options of its own, among them portOption with a
// free port, which it returns, and loads the keys. The caller stops g.process,
// unless there is an error.
func (g *gateway) start(ctx context.Context, e cli.Env, portOption string, options ...string) (port int, err error) {
	g.placed = g.place.settle()
	if port, err = proc.FreePort(); err != nil {
		return 0, err
	}
	g.spec = proc.Spec{Name: "hpkv", Command: append([]string{g.program, portOption, strconv.Itoa(port)}, options...)}
	if g.process, err = proc.Start(ctx, g.spec, g.place.server); err != nil {
		return 0, err
	}
	set := workload.Expand([]string{"SET", workload.KeyName, workload.Data}, workload.Value(g.size))
	err = fill(ctx, g.process, g.place.load, set, g.keys, func(done int64) {
		e.Progress.Printf("loading %s of %s keys", report.Count(float64(done)), report.Count(float64(g.keys)))
	})
	if err != nil {
		g.process.Stop()
	}
	return port, err
}

// trips are round trips of clients whose calls are of per operations each.
func (g *gateway) trips(clients, per int) *roundTrips {
	return &roundTrips{
		pid: g.process.Pid(), cpus: g.place.load, clients: clients, per: per,
		duration: time.Duration(g.seconds * float64(time.Second)),
	}
}

// report writes the figures behind a description of the machine, the server and
// the load.
func (g *gateway) report(ctx context.Context, e cli.Env, load string, t *report.Table) error {
	e.Progress.Clear()
	top := head(ctx, []proc.Spec{g.spec}, g.placed)
	if err := top.Write(e.Out); err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "load       %s, %s random keys of 16 bytes, values of %d\n", load, report.Count(float64(g.keys)), g.size)
	fmt.Fprint(e.Out, "figures    percentiles are of a round trip\n\n")
	return t.Write(e.Out)
}
