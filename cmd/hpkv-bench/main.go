package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"hpkv/cmd/internal/progress"
)

// command is one subcommand.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, e env, args []string) error
}

var commands = []command{
	{"compare", "speed, CPU per operation and memory of servers, side by side", compare},
	{"memory", "resident memory of keys and collections, and after overwrites and deletes", memory},
	{"latency", "p99.9 of GET under full load, and stalls", latency},
	{"log", "what the log costs: throughput, syncs, and the disk's own", logCommand},
	{"recover", "how fast a server is back with its data", recoverCommand},
	{"compaction", "latency and memory while the log is compacted, and bytes written", compactionCommand},
	{"pubsub", "messages to many subscribers", pubsub},
	{"load", "load one server that is already running", load},
	{"rioc", "batches over HPKV's binary protocol", rioc},
	{"ws", "requests over WebSockets", ws},
	{"embedded", "the Go library beside Go maps and a Go cache", embedded},
}

// env is what a subcommand talks to.
type env struct {
	out      io.Writer // results
	err      io.Writer // usage and warnings
	progress *progress.Line
}

// errUsage says that a message about wrong use was already printed.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	e := env{os.Stdout, os.Stderr, progress.New(os.Stderr)}
	err := run(ctx, e, os.Args[1:])
	stop()
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		e.progress.Clear()
		fmt.Fprintln(os.Stderr, "hpkv-bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, e env, args []string) error {
	if len(args) == 0 {
		usage(e.err)
		return errUsage
	}
	switch args[0] {
	case "-h", "--help", "help":
		usage(e.out)
		return nil
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(ctx, e, args[1:])
		}
	}
	fmt.Fprintf(e.err, "hpkv-bench: no subcommand %q\n\n", args[0])
	usage(e.err)
	return errUsage
}

func usage(w io.Writer) {
	var b strings.Builder
	b.WriteString("hpkv-bench measures hpkv beside its peers.\n\nUsage: hpkv-bench SUBCOMMAND [options]\n\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-10s %s\n", c.name, c.summary)
	}
	b.WriteString("\nhpkv-bench SUBCOMMAND --help lists its options.\n")
	io.WriteString(w, b.String())
}
