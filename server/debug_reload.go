package server

import (
	"context"
	"errors"
	"fmt"
	"os"

	"hpkv/persist"
	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/journal"
)

// debugReload answers DEBUG RELOAD. The log has every change at any time, so
// that it does not matter whether a save comes first, and keys that the log does
// not have, which NOFLUSH would keep, there are none.
func debugReload(ctx *command.Ctx) {
	noSave := false
	for _, a := range ctx.Args[2:] {
		switch {
		case resp.EqualFold(a, "NOSAVE"):
			noSave = true
		case resp.EqualFold(a, "MERGE"), resp.EqualFold(a, "NOFLUSH"):
		default:
			ctx.W.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
			return
		}
	}
	s := owner(ctx).srv
	if noSave && s.durability.journal.Load() == nil {
		ctx.W.Error("ERR Error trying to load the RDB dump") // there is none, nor anything like it
		return
	}
	reload(ctx, "DB reloaded by DEBUG RELOAD")
}

// debugLoadAOF answers DEBUG LOADAOF.
func debugLoadAOF(ctx *command.Ctx) {
	if owner(ctx).srv.durability.journal.Load() == nil {
		ctx.W.Error("ERR " + errNoLog.Error())
		return
	}
	reload(ctx, "Append Only File loaded by DEBUG LOADAOF")
}

// reload empties the server and loads the data from the disk, while everybody
// waits. done is what the log says then.
func reload(ctx *command.Ctx, done string) {
	if ctx.Host == nil {
		ctx.W.Error("ERR the data cannot be loaded inside a transaction")
		return
	}
	s := owner(ctx).srv
	ctx.Defer(func(ctx *command.Ctx) {
		run, cancel := s.untilStopped(context.Background(), 0)
		defer cancel()
		s.stands.turn.Lock()
		settle, goOn := s.standStill()
		defer goOn()
		err := settle(run)
		if err == nil {
			err = s.reload(run, func() { ctx.Txn.FlushAll(false) })
		}
		if err != nil {
			s.log.Error().Err(err).Msg("DEBUG RELOAD or LOADAOF failed")
			ctx.W.Error("ERR " + logText(err))
			return
		}
		s.log.Warn().Msg(done)
		ctx.W.OK()
	})
}

// reload writes everything to the disk, empties the engine with flush, which is
// not logged, and loads it again: from the log, or without one from a log that
// exists only meanwhile. Nobody may be served while it runs.
func (s *Server) reload(ctx context.Context, flush func()) error {
	d := &s.durability
	if d.obstacle.Load()&obstacleLoading != 0 { // what is not there yet cannot be loaded again
		return errors.New("the data are being loaded")
	}
	j := d.journal.Load()
	if j == nil {
		return s.reloadOnce(ctx, flush)
	}
	if state, err := j.Log().State(); state != persist.StateOK {
		return fmt.Errorf("the log cannot be written: %w", err)
	}
	if err := d.complete(ctx); err != nil {
		return fmt.Errorf("the log is not complete: %w", err)
	}
	if err := d.detach(); err != nil {
		d.set(obstacleDisk) // what is in memory may not be in the log, and shall not grow
		return fmt.Errorf("the log cannot be written: %w", err)
	}
	flush()
	d.set(obstacleLoading)
	err := d.recover(ctx)
	if err != nil && ctx.Err() == nil { // going on would answer with no data
		s.abort("the data cannot be loaded again: " + err.Error())
	}
	return err
}

// reloadOnce is reload without a log.
func (s *Server) reloadOnce(ctx context.Context, flush func()) (err error) {
	d := &s.durability
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, err := os.MkdirTemp(s.cfg.Dir.Load(), "hpkv-reload-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	options := func() journal.Options {
		o := d.options()
		o.Dir, o.Policy, o.OnDurable, o.OnState, o.OnProgress = dir, persist.No, nil, nil, nil
		return o
	}
	end := func(j *journal.Journal) error {
		err := j.Close()
		d.rounds = j.Appended()
		return err
	}
	j, err := journal.Start(s.engine, options())
	if err != nil {
		return err
	}
	if err := errors.Join(j.Compact(ctx), end(j)); err != nil {
		return err
	}
	flush()
	j, _, err = journal.Open(ctx, s.engine, options())
	if err == nil {
		err = end(j)
	}
	if err != nil && ctx.Err() == nil {
		s.abort("the data cannot be loaded again: " + err.Error())
	}
	d.noteSaved()
	d.noteLoaded()
	return err
}
