package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"hpkv/cmd/internal/cli"
)

// newFlags makes the flag set of a subcommand with the given arguments; about
// says what it does.
func newFlags(e cli.Env, name, arguments, about string) *flag.FlagSet {
	fs := flag.NewFlagSet("hpkv-admin "+name, flag.ContinueOnError)
	fs.SetOutput(e.Err)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "Usage: %s %s\n\n%s\n", fs.Name(), arguments, about)
		heading := "\nOptions:\n"
		fs.VisitAll(func(f *flag.Flag) {
			value, usage := flag.UnquoteUsage(f)
			fmt.Fprintf(fs.Output(), "%s  %-19s %s\n", heading, "--"+strings.TrimSpace(f.Name+" "+strings.ToUpper(value)), usage)
			heading = ""
		})
	}
	return fs
}

// parse reads options, before, between or behind arguments, and returns the
// arguments, of which there must be want. Whatever is wrong has been printed
// when it returns cli.ErrUsage.
func parse(fs *flag.FlagSet, args []string, want int) ([]string, error) {
	var found []string
	for {
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, cli.ErrUsage
		}
		if fs.NArg() == 0 {
			break
		}
		found = append(found, fs.Arg(0))
		args = fs.Args()[1:]
	}
	if len(found) != want {
		fmt.Fprintf(fs.Output(), "%s: %s needed, %d given\n\n", fs.Name(), plural(want, "argument"), len(found))
		fs.Usage()
		return nil, cli.ErrUsage
	}
	return found, nil
}

// misuse prints what is wrong with the options.
func misuse(fs *flag.FlagSet, problem string) error {
	fmt.Fprintf(fs.Output(), "%s: %s\n\n", fs.Name(), problem)
	fs.Usage()
	return cli.ErrUsage
}

// show returns a function that shows progress in bytes behind a word.
func show(e cli.Env, word string) func(done, total int64) {
	began := time.Now()
	return func(done, total int64) {
		e.Progress.Bytes(word, done, total, time.Since(began))
	}
}

// moment writes the number of a round and when it was; ms is Unix time in
// milliseconds, 0 if nothing in the log tells.
func moment(round uint64, ms int64) string {
	if ms == 0 {
		return fmt.Sprint(round)
	}
	return fmt.Sprintf("%d of %s", round, time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z"))
}

// plural writes a count of things.
func plural[T int | int64](n T, thing string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", thing)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
