package main

import (
	"context"
	"fmt"

	"hpkv/cmd/internal/cli"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

const repairAbout = `Makes a log that hpkv-server refuses one that it accepts, in one of two ways.

  --cut   The log ends before the first damage. What is left is a state that
          once was; all later changes are lost.
  --skip  Only what cannot be read is left out. The newest changes are kept,
          but the state may be one that never was: a transaction may be there
          in part, a key may have an old value.

What is left out is kept in files in DIR/damaged-N. A lost or damaged manifest
is made anew from the segments. A copy of DIR, made before, allows to try both.`

func repair(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "repair", "DIR --cut | --skip", repairAbout)
	cut := fs.Bool("cut", false, "end the log before the first damage")
	skip := fs.Bool("skip", false, "leave out only what cannot be read")
	args, err := parse(fs, args, 1)
	if err != nil {
		return err
	}
	mode := persist.RepairCut
	switch {
	case *cut == *skip:
		return misuse(fs, "one of --cut and --skip is needed")
	case *skip:
		mode = persist.RepairSkip
	}
	dir, err := logIn(e, args[0])
	if err != nil {
		return err
	}
	r, err := persist.Repair(ctx, vfs.OS(), dir, mode, show(e, "read"))
	e.Progress.Clear()
	if err != nil {
		if r.Aside != "" {
			fmt.Fprintf(e.Err, "the log has changed already; %s kept in %s\n", plural(r.LostBytes, "byte"), r.Aside)
		}
		return err
	}
	if r.Rebuilt {
		fmt.Fprintln(e.Out, "the manifest was made anew from the segments")
	}
	if len(r.Lost) == 0 && !r.Rebuilt {
		fmt.Fprintln(e.Out, "nothing was damaged")
	}
	for _, l := range r.Lost {
		fmt.Fprintln(e.Out, "left out:", l)
	}
	if r.Aside != "" {
		fmt.Fprintf(e.Out, "%s kept in %s\n", plural(r.LostBytes, "byte"), r.Aside)
	}
	fmt.Fprintf(e.Out, "the log ends at round %s\n", moment(r.LastRound, r.LastMs))
	return nil
}
