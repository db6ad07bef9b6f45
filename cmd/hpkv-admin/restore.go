package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"hpkv/cmd/internal/cli"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

const restoreAbout = `Copies the log or backup in SRC to the directory DIR, which must not exist or be
empty. A server whose log is in DIR (see its settings dir and appenddirname) then
has the data as they were at the chosen point: a time, a sequence number, or, when
neither is given, the end.

The sequence number is that of a round. The server writes its log in rounds, each
with what has changed since the one before, numbered from 1 for the whole life of
the log. A round is restored entirely or not at all. "hpkv-admin dump SRC" ends
each with a line "round N of TIME", with the number for --to-seq and the time, in
UTC, for --to-time; "hpkv-admin check SRC" prints those of the last round.

Any round can be chosen from the one in which the last compaction (BGREWRITEAOF)
ended, or from the first if there was none, to the last. Another one, or a time
before them, is refused with a message that says which there are. A time after the
last round means the end.`

// timeForms are what --to-time accepts; without a zone it is local time.
var timeForms = []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}

func restore(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "restore", "SRC DIR [--to-time T | --to-seq N]", restoreAbout)
	var to persist.Target
	fs.Func("to-time", "end with the last round written up to `time`, such as 2025-11-30T17:45:00Z or \"2025-11-30 17:45\"", func(s string) error {
		for _, form := range timeForms {
			if t, err := time.ParseInLocation(form, s, time.Local); err == nil {
				if to.Ms = t.UnixMilli(); to.Ms == 0 {
					to.Ms = -1 // 0 would be the log's end, which the epoch is not
				}
				return nil
			}
		}
		return fmt.Errorf("no time of the form 2025-11-30T17:45:00Z")
	})
	fs.Func("to-seq", "end with the round of number `N`, as dump and check print it", func(s string) (err error) {
		if to.Round, err = strconv.ParseUint(s, 10, 64); err != nil || to.Round == 0 {
			return errors.New("no number of a round; they are numbered from 1")
		}
		return nil
	})
	args, err := parse(fs, args, 2)
	if err != nil {
		return err
	}
	if to.Round != 0 && to.Ms != 0 {
		return misuse(fs, "--to-time and --to-seq exclude each other")
	}
	dir, err := logIn(e, args[0])
	if err != nil {
		return err
	}
	r, err := persist.Restore(ctx, vfs.OS(), dir, args[1], to, show(e, "copied"))
	e.Progress.Clear()
	if err != nil {
		return err
	}
	report(e, args[1], r)
	fmt.Fprintf(e.Out, "a server has these data when started as: %s\n", started(args[1]))
	return nil
}

// report says what was copied.
func report(e cli.Env, dest string, r persist.RestoreReport) {
	for _, c := range r.Cuts {
		fmt.Fprintf(e.Err, "an unfinished end was left out: %v\n", c)
	}
	fmt.Fprintf(e.Out, "%s: %s, up to round %s\n", dest, plural(r.Bytes, "byte"), moment(r.Round, r.Ms))
}
