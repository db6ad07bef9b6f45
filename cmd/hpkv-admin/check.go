package main

import (
	"context"
	"fmt"

	"hpkv/cmd/internal/cli"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

const checkAbout = `Reads every byte of a log or a backup that counts, and says what is wrong and
where. Changes nothing. No server may have the log open. DIR holds the log, or is
the setting dir of a server.`

func check(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "check", "DIR", checkAbout)
	args, err := parse(fs, args, 1)
	if err != nil {
		return err
	}
	dir, err := logIn(e, args[0])
	if err != nil {
		return err
	}
	r, err := persist.Check(ctx, vfs.OS(), dir, show(e, "checked"))
	e.Progress.Clear()
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "%s of %s in %s and %s\n", plural(r.Records, "record"), plural(r.Bytes, "byte"),
		plural(r.Segments, "segment"), plural(r.Generations, "generation"))
	for _, c := range r.Cuts {
		fmt.Fprintf(e.Out, "the next start will leave out an unfinished end: %v\n", c)
	}
	if len(r.Problems) == 0 {
		fmt.Fprintf(e.Out, "sound up to its end, round %s\n", moment(r.LastRound, r.LastMs))
		return nil
	}
	for _, p := range r.Problems {
		fmt.Fprintf(e.Out, "%s, offset %d", p.File, p.Offset)
		if p.Bytes > 0 {
			fmt.Fprintf(e.Out, ", %s", plural(p.Bytes, "byte"))
		}
		fmt.Fprintf(e.Out, ": %s\n", p.Text)
	}
	fmt.Fprintf(e.Out, "damaged: hpkv-admin repair --help tells what can be done\n")
	return cli.ErrFound
}
