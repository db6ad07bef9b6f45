package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"

	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
	rioclient "hpkv/resp/rioc"
)

// riocRun is one measurement of the subcommand.
type riocRun struct {
	name    string
	command rioclient.Command
	batch   int
}

// rioc is the subcommand.
func rioc(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "rioc", "Starts a server with a RIOC port and measures batches of reads and writes: operations per second,\n"+
		"CPU per operation and the round trip of a batch.")
	batches := intList{values: []int{1, 16, 128}, least: 1}
	fs.Var(&batches, "batches", "comma-separated operations in a batch")
	clients := fs.Int("clients", 10, "connections, each with one batch under way")
	var g gateway
	g.flags(fs, 1_000_000)
	err := parse(fs, args, func() error {
		for _, n := range batches.values {
			if n > rioclient.MaxOps {
				return fmt.Errorf("--batches: %d is more than the protocol's %d", n, rioclient.MaxOps)
			}
		}
		switch {
		case *clients < 1:
			return errors.New("--clients must be above 0")
		case g.size > rioclient.MaxValue:
			return fmt.Errorf("--size: %d is more than the protocol's %d", g.size, rioclient.MaxValue)
		}
		return g.check()
	})
	if err != nil {
		return err
	}
	port, err := g.start(ctx, e, "--rioc-port")
	if err != nil {
		return err
	}
	defer g.process.Stop()
	addr, data := net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), workload.Value(g.size)
	t := &report.Table{Columns: report.Columns("<operation", "batch", "ops/s", "CPU us/op", "p50 us", "p99 us", "p99.9 us")}
	for _, n := range batches.values {
		for _, run := range []riocRun{{"get", rioclient.Get, n}, {"put", rioclient.Put, n}} {
			e.Progress.Printf("%s in batches of %d", run.name, run.batch)
			r, err := g.trips(*clients, n).measure(ctx, func(i int) (caller, error) { return newRiocCaller(addr, run, g.keys, data, uint64(i)) })
			if err != nil {
				return explain(g.process, "rioc "+run.name, err)
			}
			t.Add(append([]string{run.name, strconv.Itoa(n)}, r.cells(50, 99, 99.9)...)...)
		}
	}
	return g.report(ctx, e, fmt.Sprintf("%d connections, one batch under way on each", *clients), t)
}

// riocCaller is one connection that sends batches.
type riocCaller struct {
	*rioclient.Client
	ops     []rioclient.Op
	answers []rioclient.Answer
	rng     *rand.Rand
	keys    uint64
}

func newRiocCaller(addr string, run riocRun, keys uint64, value string, seed uint64) (*riocCaller, error) {
	client, err := rioclient.Dial(addr, nil)
	if err != nil {
		return nil, err
	}
	c := &riocCaller{client, make([]rioclient.Op, run.batch), make([]rioclient.Answer, run.batch), rand.New(rand.NewPCG(seed, 1)), keys}
	for i := range c.ops {
		c.ops[i] = rioclient.Op{Command: run.command, Key: make([]byte, 0, 16)}
		if run.command == rioclient.Put {
			c.ops[i].Value = []byte(value)
		}
	}
	return c, nil
}

func (c *riocCaller) prepare() {
	for i := range c.ops {
		c.ops[i].Key = fmt.Appendf(c.ops[i].Key[:0], "key:%012d", c.rng.Uint64N(c.keys))
	}
}

func (c *riocCaller) call() error {
	if err := c.Do(c.ops, c.answers); err != nil {
		return err
	}
	if i := slices.IndexFunc(c.answers, func(a rioclient.Answer) bool { return a.Status != rioclient.OK }); i >= 0 {
		return c.answers[i].Status
	}
	return nil
}
