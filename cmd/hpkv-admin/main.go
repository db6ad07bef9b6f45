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
	{"check", "verify a log or a backup", check},
	{"repair", "make a damaged log usable", repair},
	{"dump", "print what is in a log", dump},
	{"backup", "copy a log, also of a running server", backup},
	{"restore", "copy a log up to its end, a time or a round", restore},
}

// env is what a subcommand talks to.
type env struct {
	out      io.Writer // results
	err      io.Writer // usage and warnings
	progress *progress.Line
}

var (
	// errUsage says that a message about wrong use was already printed.
	errUsage = errors.New("usage")
	// errFound says that what is wrong was already printed.
	errFound = errors.New("found")
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	e := env{os.Stdout, os.Stderr, progress.New(os.Stderr)}
	err := run(ctx, e, os.Args[1:])
	stop()
	e.progress.Clear()
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case errors.Is(err, errFound):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "hpkv-admin:", err)
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
	fmt.Fprintf(e.err, "hpkv-admin: no subcommand %q\n\n", args[0])
	usage(e.err)
	return errUsage
}

func usage(w io.Writer) {
	var b strings.Builder
	b.WriteString("hpkv-admin looks after the log of hpkv-server.\n\nUsage: hpkv-admin SUBCOMMAND [options] ...\n\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-8s %s\n", c.name, c.summary)
	}
	b.WriteString("\nhpkv-admin SUBCOMMAND --help says more.\n")
	io.WriteString(w, b.String())
}
