package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"hpkv/cmd/internal/cli"
)

// try runs the command line with the given words and returns what it printed.
func try(args ...string) (out, errOut string, err error) {
	var o, e bytes.Buffer
	err = program.Run(context.Background(), cli.Env{Out: &o, Err: &e}, args)
	return o.String(), e.String(), err
}

func TestWrongUse(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, errOut, err := try(args...)
		if !errors.Is(err, cli.ErrUsage) || !strings.Contains(errOut, want) {
			t.Errorf("%q: error %v, printed %q; want %q", args, err, errOut, want)
		}
	}
	f("Usage")
	f(`no subcommand "fly"`, "fly")
	f("flag provided but not defined", "compare", "--nosuch")
	f(`unexpected argument "x"`, "memory", "x")
	f("no workload", "compare", "--workloads", "nosuch")
	f("from 1 up", "compare", "--pipelines", "1,0")
	f("no server has that name", "compare", "--base", "other")
	f("--keys zipf", "compare", "--keys", "zipf")
	f("two servers are called", "compare", "--server", "a=x", "--server", "a=y")
	f("--generator x", "compare", "--generator", "x")
	f("above 0", "compare", "--rounds", "0", "--generator", "builtin")
	f("above 0", "memory", "--keys", "0")
	f("no shape", "memory", "--shapes", "cubes")
	f("no phase", "latency", "--phases", "nosuch")
	f("above 0", "latency", "--rounds", "0")
	f("no policy", "log", "--policies", "off,hourly")
	f("no server has that name", "log", "--base", "other")
	f("empty or 0", "log", "--rounds", "0")
	f("5 or more", "recover", "--keys", "4")
	f("no server has that name", "recover", "--base", "other")
	f("above 0", "compaction", "--overwrite-rate", "0")
	f("negative", "compaction", "--seconds", "-1")
	f("19 or more", "pubsub", "--size", "18")
	f("from 1 up", "pubsub", "--subscribers", "0")
	f("above 0", "ws", "--seconds", "0")
	f("no workload", "load", "--mix", "nosuch=1")
	f("--keys x", "load", "--keys", "x")
	f("no store", "embedded", "--stores", "nosuch")
	f("list of processors", "load", "--load-cpus", "3-1")
}

func TestHelp(t *testing.T) {
	out, _, err := try("--help")
	for _, c := range program.Commands {
		if !strings.Contains(out, "  "+c.Name+" ") {
			t.Errorf("%s is missing in %q", c.Name, out)
		}
		_, help, err := try(c.Name, "--help")
		if !errors.Is(err, flag.ErrHelp) || !strings.Contains(help, "Usage: hpkv-bench "+c.Name) {
			t.Errorf("%s --help: %v, %q", c.Name, err, help)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func TestListFlags(t *testing.T) {
	var cpus cpuList
	if err := cpus.Set("0-2,5"); err != nil || !slices.Equal(cpus, cpuList{0, 1, 2, 5}) || cpus.String() != "0,1,2,5" {
		t.Errorf("got %v, %v", cpus, err)
	}
	ints := intList{least: 1}
	if err := ints.Set("1, 16,64"); err != nil || ints.String() != "1,16,64" {
		t.Errorf("got %v, %v", ints, err)
	}
	var w words
	if w.Set("a, b,,c"); w.String() != "a,b,c" {
		t.Errorf("got %q", w.String())
	}
}

func TestPickOther(t *testing.T) {
	if got := pickOther([]int{2, 3}, []int{2}); !slices.Equal(got, cpuList{3}) {
		t.Errorf("got %v", got)
	}
	if got := pickOther([]int{2}, []int{2}); !slices.Equal(got, cpuList{2}) {
		t.Errorf("with one processor: got %v", got)
	}
}

func TestQuickKeepsWhatIsGiven(t *testing.T) {
	fs, o := compareFlags(cli.Env{Err: new(bytes.Buffer)})
	if err := parse(fs, []string{"--quick", "--pipelines", "64", "--generator", "builtin"}, func() error { return o.check(fs) }); err != nil {
		t.Fatal(err)
	}
	if o.pipelines.String() != "64" || o.sizes.String() != "16" || o.base != "redis" {
		t.Errorf("pipelines %s, sizes %s, base %s", o.pipelines.String(), o.sizes.String(), o.base)
	}
}

func TestEstimate(t *testing.T) {
	if d := estimate(36, 1.5); d != 54*time.Second {
		t.Errorf("36 runs of 1.5 s: %s", d)
	}
	if d := estimate(100, 2.5); d != 4*time.Minute {
		t.Errorf("100 runs of 2.5 s: %s", d)
	}
}
