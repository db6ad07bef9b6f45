// Package cli is what programs with subcommands have in common: choosing one, help,
// and how the process ends.
package cli

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

// Env is what a subcommand talks to.
type Env struct {
	Out      io.Writer // results
	Err      io.Writer // usage and warnings
	Progress *progress.Line
}

// Command is one subcommand. The context of Run ends with the first SIGINT or
// SIGTERM; a second one ends the process.
type Command struct {
	Name    string
	Summary string
	Run     func(ctx context.Context, e Env, args []string) error
}

// Program is a program of subcommands.
type Program struct {
	Name     string
	About    string // a sentence
	Usage    string // what follows a subcommand
	Commands []Command
}

var (
	// ErrUsage says that a message about wrong use was already printed.
	ErrUsage = errors.New("usage")
	// ErrFound says that what is wrong was already printed.
	ErrFound = errors.New("found")
)

// Main runs the program and ends the process: with 2 after wrong use, with 1 after
// another error, which is printed.
func (p *Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	e := Env{os.Stdout, os.Stderr, progress.New(os.Stderr)}
	err := p.Run(ctx, e, os.Args[1:])
	stop()
	e.Progress.Clear()
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, ErrUsage):
		os.Exit(2)
	case errors.Is(err, ErrFound):
		os.Exit(1)
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(os.Stderr, "%s: interrupted\n", p.Name)
		os.Exit(1)
	default:
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
		os.Exit(1)
	}
}

// Run runs the subcommand that args begin with.
func (p *Program) Run(ctx context.Context, e Env, args []string) error {
	if len(args) == 0 {
		p.help(e.Err)
		return ErrUsage
	}
	switch args[0] {
	case "-h", "--help", "help":
		p.help(e.Out)
		return nil
	}
	for _, c := range p.Commands {
		if c.Name == args[0] {
			return c.Run(ctx, e, args[1:])
		}
	}
	fmt.Fprintf(e.Err, "%s: no subcommand %q\n\n", p.Name, args[0])
	p.help(e.Err)
	return ErrUsage
}

func (p *Program) help(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: %s SUBCOMMAND %s\n\n", p.About, p.Name, p.Usage)
	for _, c := range p.Commands {
		fmt.Fprintf(&b, "  %-11s %s\n", c.Name, c.Summary)
	}
	fmt.Fprintf(&b, "\n%s SUBCOMMAND --help says more.\n", p.Name)
	_, _ = io.WriteString(w, b.String()) // nobody is left to be told
}
