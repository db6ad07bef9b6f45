package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hpkv/cmd/hpkv-bench/internal/machine"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	rioclient "hpkv/resp/rioc"
)

// riocRun is one measurement of the subcommand.
type riocRun struct {
	name    string
	command rioclient.Command
	batch   int
}

// riocResult is what it measured.
type riocResult struct {
	ops     float64 // a second
	cpu     float64 // microseconds of the server for an operation
	latency *hdrhistogram.Histogram
}

// rioc is the subcommand.
func rioc(ctx context.Context, e env, args []string) error {
	fs := newFlags(e, "rioc", "Starts a server with a RIOC port and measures batches of reads and writes: operations per second,\n"+
		"CPU per operation and the round trip of a batch.")
	program := fs.String("server", "bin/hpkv-server", "`program` to start")
	batches := intList{values: []int{1, 16, 128}, least: 1}
	fs.Var(&batches, "batches", "comma-separated operations in a batch")
	clients := fs.Int("clients", 10, "connections, each with one batch under way")
	keys := fs.Uint64("keys", 1_000_000, "keys loaded beforehand, 16 bytes with values of --size")
	size := fs.Int("size", 64, "value size in bytes")
	seconds := fs.Float64("seconds", 3, "duration of each measurement")
	var place placement
	place.flags(fs)
	err := parse(fs, args, func() error {
		for _, n := range batches.values {
			if n > rioclient.MaxOps {
				return fmt.Errorf("--batches: %d is more than the protocol's %d", n, rioclient.MaxOps)
			}
		}
		if *clients < 1 || *keys < 1 || *size < 1 || *size > rioclient.MaxValue || *seconds <= 0 {
			return errors.New("--clients, --keys, --size and --seconds must be above 0")
		}
		return nil
	})
	if err != nil {
		return err
	}
	placed := place.settle()
	port, err := proc.FreePort()
	if err != nil {
		return err
	}
	spec := proc.Spec{Name: "hpkv", Command: []string{*program, "--rioc-port", strconv.Itoa(port)}}
	p, err := proc.Start(ctx, spec, place.server)
	if err != nil {
		return err
	}
	defer p.Stop()
	set := workload.Expand([]string{"SET", workload.KeyName, workload.Data}, workload.Value(*size))
	err = fill(ctx, p, place.load, set, *keys, func(done int64) {
		e.progress.Printf("loading %s of %s keys", report.Count(float64(done)), report.Count(float64(*keys)))
	})
	if err != nil {
		return err
	}
	l := riocLoad{
		addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), pid: p.Pid(), cpus: place.load,
		clients: *clients, keys: *keys, value: workload.Value(*size), duration: time.Duration(*seconds * float64(time.Second)),
	}
	t := &report.Table{Columns: report.Columns("<operation", "batch", "ops/s", "CPU us/op", "p50 us", "p99 us", "p99.9 us")}
	for _, n := range batches.values {
		for _, run := range []riocRun{{"get", rioclient.Get, n}, {"put", rioclient.Put, n}} {
			e.progress.Printf("%s in batches of %d", run.name, run.batch)
			r, err := l.measure(ctx, run)
			if err != nil {
				return explain(p, "rioc "+run.name, err)
			}
			micros := func(q float64) string { return report.Fixed(float64(r.latency.ValueAtQuantile(q))/1e3, 1) }
			t.Add(run.name, strconv.Itoa(n), report.Count(r.ops), report.Fixed(r.cpu, 3), micros(50), micros(99), micros(99.9))
		}
	}
	e.progress.Clear()
	writeRiocHeader(e.out, spec.Version(ctx), placed, &l)
	return t.Write(e.out)
}

func writeRiocHeader(w io.Writer, version, placed string, l *riocLoad) {
	fmt.Fprintf(w, "machine    %s\nserver     %s\nplacement  %s\n", machine.Read(), version, placed)
	fmt.Fprintf(w, "load       %d connections, one batch under way on each, %s random keys of 16 bytes, values of %d\n",
		l.clients, report.Count(float64(l.keys)), len(l.value))
	fmt.Fprint(w, "figures    percentiles are of the round trip of a batch\n\n")
}

// riocLoad is the load of all measurements.
type riocLoad struct {
	addr     string
	pid      int
	cpus     []int
	clients  int
	keys     uint64
	value    string
	duration time.Duration
}

// measure keeps one batch under way on each connection for the duration.
func (l *riocLoad) measure(ctx context.Context, run riocRun) (r riocResult, err error) {
	before, err := proc.CPU(l.pid)
	if err != nil {
		return r, err
	}
	var group sync.WaitGroup
	began := time.Now()
	hists, errs := make([]*hdrhistogram.Histogram, l.clients), make([]error, l.clients)
	for i := range l.clients {
		group.Go(func() {
			errs[i] = proc.OnCPUs(l.cpus, func() (err error) {
				hists[i], err = l.drive(ctx, run, uint64(i), began.Add(l.duration))
				return err
			})
		})
	}
	group.Wait()
	elapsed := time.Since(began)
	after, err := proc.CPU(l.pid)
	if err = errors.Join(append(errs, err, ctx.Err())...); err != nil {
		return r, err
	}
	r.latency = hdrhistogram.New(100, int64(time.Minute), 3)
	for _, h := range hists {
		r.latency.Merge(h)
	}
	total := float64(r.latency.TotalCount() * int64(run.batch))
	r.ops, r.cpu = total/elapsed.Seconds(), float64((after-before).Microseconds())/total
	return r, nil
}

func (l *riocLoad) drive(ctx context.Context, run riocRun, seed uint64, end time.Time) (*hdrhistogram.Histogram, error) {
	c, err := rioclient.Dial(l.addr, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	h := hdrhistogram.New(100, int64(time.Minute), 3)
	r := rand.New(rand.NewPCG(seed, 1))
	ops, answers := make([]rioclient.Op, run.batch), make([]rioclient.Answer, run.batch)
	for i := range ops {
		ops[i] = rioclient.Op{Command: run.command, Key: make([]byte, 0, 16)}
		if run.command == rioclient.Put {
			ops[i].Value = []byte(l.value)
		}
	}
	for {
		for i := range ops {
			ops[i].Key = fmt.Appendf(ops[i].Key[:0], "key:%012d", r.Uint64N(l.keys))
		}
		sent := time.Now()
		if sent.After(end) || ctx.Err() != nil {
			return h, nil
		}
		if err := c.Do(ops, answers); err != nil {
			return nil, err
		}
		_ = h.RecordValue(int64(time.Since(sent))) // beyond a minute the connection is dead anyway
		if i := slices.IndexFunc(answers, func(a rioclient.Answer) bool { return a.Status != rioclient.OK }); i >= 0 {
			return nil, answers[i].Status
		}
	}
}
