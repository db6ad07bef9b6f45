package main

import (
	"context"
	"errors"
	"fmt"

	"hpkv/cmd/internal/cli"
	"hpkv/persist"
)

var program = cli.Program{
	Name:  "hpkv-admin",
	About: "hpkv-admin looks after the log of hpkv-server.",
	Usage: "[options] ...",
	Commands: []cli.Command{
		{Name: "check", Summary: "verify a log or a backup", Run: explained(check)},
		{Name: "repair", Summary: "make a damaged log usable", Run: explained(repair)},
		{Name: "dump", Summary: "print what is in a log", Run: explained(dump)},
		{Name: "backup", Summary: "copy a log, also of a running server", Run: explained(backup)},
		{Name: "restore", Summary: "copy a log up to its end, a time or a round", Run: explained(restore)},
	},
}

// explained is run that tells what to do about a server that has the log open.
func explained(run func(context.Context, cli.Env, []string) error) func(context.Context, cli.Env, []string) error {
	return func(ctx context.Context, e cli.Env, args []string) error {
		err := run(ctx, e, args)
		var locked *persist.LockedError
		if errors.As(err, &locked) {
			err = fmt.Errorf("%w: stop that first, or have it write a backup with hpkv-admin backup HOST:PORT DEST", err)
		}
		return err
	}
}

func main() { program.Main() }
