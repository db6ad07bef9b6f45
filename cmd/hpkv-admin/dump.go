package main

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"hpkv/cmd/internal/cli"
	"hpkv/engine"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

const dumpAbout = `Prints what is in a log or a backup, one line for each record, segment by
segment. Damage is printed as such and does not end it. No server may have the
log open.`

// describe turns a record's payload into readable text.
func describe(payload []byte) string {
	var ef engine.Effect
	if err := engine.DecodeEffect(&ef, payload); err != nil {
		return fmt.Sprintf("%x (%v)", payload, err)
	}
	return ef.String()
}

func dump(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "dump", "DIR", dumpAbout)
	args, err := parse(fs, args, 1)
	if err != nil {
		return err
	}
	dir, err := logIn(e, args[0])
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(e.Out, 64<<10)
	damaged := false
	err = persist.Walk(ctx, vfs.OS(), dir, func(it *persist.Item) error {
		damaged = damaged || it.Kind == persist.ItemDamage
		return printItem(out, it)
	})
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	if err == nil && damaged {
		return cli.ErrFound
	}
	return err
}

func printItem(w io.Writer, it *persist.Item) (err error) {
	switch it.Kind {
	case persist.ItemSegment:
		_, err = fmt.Fprintf(w, "segment %v generation %d stream %d\n", it.Addr, it.Generation, it.Stream)
	case persist.ItemRecord, persist.ItemBarrier:
		kind := "record "
		if it.Kind == persist.ItemBarrier {
			kind = "barrier"
		}
		r := &it.Record
		_, err = fmt.Fprintf(w, "%8d %s shard %d seq %d txn %d: %s\n", it.Offset, kind, r.Shard, r.Seq, r.Txn, describe(r.Payload))
	case persist.ItemEcho:
		_, err = fmt.Fprintf(w, "%8d echo    of a barrier\n", it.Offset)
	case persist.ItemMark:
		_, err = fmt.Fprintf(w, "%8d round   %s, synced up to %d\n", it.Offset, moment(it.Round, it.Ms), it.SyncedRound)
	case persist.ItemDamage:
		_, err = fmt.Fprintf(w, "%8d damage  %s: %s\n", it.Offset, plural(it.Bytes, "byte"), it.Problem)
	}
	return err
}
