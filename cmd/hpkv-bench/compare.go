package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"hpkv/cmd/hpkv-bench/internal/redisbench"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// compareOptions are the flags of compare.
type compareOptions struct {
	servers   serverList
	base      string
	rounds    int
	workloads words
	pipelines intList
	clients   intList
	sizes     intList
	keys      words
	keyspace  uint64
	dataLimit int64 // MiB
	requests  int64
	seconds   float64
	generator string
	json, svg string
	quick     bool
	place     placement
}

// quickOptions is what --quick changes where the user says nothing else.
var quickOptions = map[string]string{
	"pipelines": "1,16", "clients": "50", "sizes": "16", "keys": "uniform", "seconds": "0.3", "keyspace": "100000",
}

func compareFlags(e cli.Env) (*flag.FlagSet, *compareOptions) {
	o := &compareOptions{
		workloads: words{"ping", "set", "get", "incr", "mset", "mget"},
		pipelines: intList{[]int{1, 16, 64}, 1},
		clients:   intList{[]int{50, 500}, 1},
		sizes:     intList{[]int{16, 512, 4096}, 1},
		keys:      words{"uniform", "hot"},
	}
	fs := newFlags(e, "compare", "Runs redis-benchmark's workloads on several servers in turn and compares them.")
	fs.Var(&o.servers, "server", serverHelp)
	fs.StringVar(&o.base, "base", "", "`name` of the server that ratios refer to (default: the second one)")
	fs.IntVar(&o.rounds, "rounds", 3, "how often everything is measured; medians are shown")
	fs.Var(&o.workloads, "workloads", "comma-separated `names`, of: "+fmt.Sprint(workload.Names())+"\n")
	fs.Var(&o.pipelines, "pipelines", "commands sent before replies are awaited, `list`")
	fs.Var(&o.clients, "clients", "connections, `list`")
	fs.Var(&o.sizes, "sizes", "value sizes in bytes, `list`")
	fs.Var(&o.keys, "keys", "`list` of uniform (all keys alike), hot (one key) and, with the builtin generator, zipf")
	fs.Uint64Var(&o.keyspace, "keyspace", 1_000_000, "number of distinct keys, all loaded beforehand")
	fs.Int64Var(&o.dataLimit, "data-limit", 1024, "most `MiB` of values loaded in each server; fewer keys are used for large values")
	fs.Int64Var(&o.requests, "requests", 0, "requests of each measured run (default: as many as take --seconds)")
	fs.Float64Var(&o.seconds, "seconds", 1, "duration of each measured run")
	fs.StringVar(&o.generator, "generator", "redis-benchmark", "who sends the load: redis-benchmark or builtin")
	fs.StringVar(&o.json, "json", "", "also write everything measured to this `file`")
	fs.StringVar(&o.svg, "svg", "", "also draw a chart to this `file`")
	fs.BoolVar(&o.quick, "quick", false, "a small matrix that takes about a minute, for a first look")
	o.place.flags(fs)
	return fs, o
}

func (o *compareOptions) check(fs *flag.FlagSet) error {
	if o.quick {
		given := map[string]bool{}
		fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
		for name, value := range quickOptions {
			if !given[name] {
				fs.Set(name, value)
			}
		}
	}
	var err error
	if o.base, err = o.servers.base(o.base); err != nil {
		return err
	}
	if _, err := workload.Find(o.workloads); err != nil {
		return err
	}
	for _, k := range o.keys {
		if s := workload.Spread(k); !s.Valid() || s == workload.Zipf && o.generator != generatorBuiltin {
			return fmt.Errorf("--keys %s: want uniform or hot, or zipf with --generator builtin", k)
		}
	}
	switch {
	case len(o.workloads) == 0 || len(o.keys) == 0:
		return errors.New("--workloads and --keys must name something")
	case o.rounds < 1 || o.requests < 0 || o.seconds <= 0 || o.keyspace < 1 || o.dataLimit < 1:
		return errors.New("--rounds, --requests, --seconds, --keyspace and --data-limit must be above 0")
	case o.generator == generatorRedis:
		return redisbench.Available()
	case o.generator != generatorBuiltin:
		return fmt.Errorf("--generator %s: want %s or %s", o.generator, generatorRedis, generatorBuiltin)
	}
	return nil
}

// compare is the subcommand.
func compare(ctx context.Context, e cli.Env, args []string) error {
	fs, o := compareFlags(e)
	if err := parse(fs, args, func() error { return o.check(fs) }); err != nil {
		return err
	}
	c := newContest(e, o)
	err := c.run(ctx)
	e.Progress.Clear()
	if err != nil && !c.measured() {
		return err
	}
	// An interrupted comparison still shows what it has, marked as such.
	if err != nil {
		c.result.Notes = append(c.result.Notes, "ended early: "+err.Error())
	}
	c.result.Settle()
	if printErr := c.result.WriteText(e.Out); printErr != nil {
		return printErr
	}
	return errors.Join(err, writeFile(o.json, c.result.WriteJSON), writeFile(o.svg, c.result.WriteSVG))
}

// writeFile creates the named file, if there is a name, and lets f write it.
func writeFile(name string, f func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := f(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
