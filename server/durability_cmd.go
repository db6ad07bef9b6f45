package server

import (
	"context"
	"errors"
	"math"
	"time"

	"hpkv/persist"
	"hpkv/resp"
	"hpkv/server/command"
)

func durabilityRows() []command.Row {
	const admin = command.Admin | command.NoScript | command.NoAsyncLoading
	return []command.Row{
		{Name: "bgrewriteaof", Arity: 1, Flags: admin, Run: bgRewriteAOF},
		{Name: "bgsave", Arity: -1, Flags: admin, Run: bgSave},
		{Name: "hpkv.backup", Arity: 2, Flags: admin | command.NoMulti, Run: backup},
		{Name: "lastsave", Arity: 1, Flags: command.Loading | command.Stale | command.Fast, Cats: command.CatAdmin | command.CatDangerous,
			Tips: []string{"nondeterministic_output"}, Run: lastSave},
		{Name: "save", Arity: 1, Flags: admin | command.NoMulti, Run: save},
		{Name: "waitaof", Arity: 4, Flags: command.NoScript | command.Blocking | command.OfConnection, Cats: command.CatConnection,
			Tips: []string{"request_policy:all_shards", "response_policy:agg_min"}, Run: waitAOF},
	}
}

// bgRewriteAOF compacts the log.
func bgRewriteAOF(ctx *command.Ctx) {
	d := &owner(ctx).srv.durability
	switch {
	case d.journal.Load() == nil:
		ctx.W.Error("ERR " + errNoLog.Error())
	case d.compact():
		ctx.W.Status("Background append only file rewriting started")
	default:
		ctx.W.Error("ERR Background append only file rewriting already in progress")
	}
}

// save answers when everything is on the disk. There is nothing else to save:
// the log has it all.
func save(ctx *command.Ctx) {
	s := owner(ctx).srv
	if s.durability.journal.Load() == nil { // not a save that failed
		ctx.W.Error("ERR " + errNoLog.Error())
		return
	}
	ctx.Defer(func(ctx *command.Ctx) {
		run, cancel := s.untilStopped(context.Background(), 0)
		defer cancel()
		if !s.durability.save.begin(cancel) {
			ctx.W.Error("ERR Background save already in progress")
			return
		}
		err := s.durability.sync(run)
		s.durability.save.endAwaited(err)
		if err != nil {
			ctx.W.Error("ERR " + logText(err))
			return
		}
		ctx.W.OK()
	})
}

func bgSave(ctx *command.Ctx) {
	s := owner(ctx).srv
	if len(ctx.Args) > 2 || len(ctx.Args) == 2 && !resp.EqualFold(ctx.Args[1], "SCHEDULE") {
		ctx.W.Error(resp.ErrSyntax)
		return
	}
	if s.durability.journal.Load() == nil {
		ctx.W.Error("ERR " + errNoLog.Error())
		return
	}
	run, cancel := s.untilStopped(context.Background(), 0)
	if !s.durability.save.begin(cancel) {
		cancel()
		ctx.W.Error("ERR Background save already in progress")
		return
	}
	go func() { // ends with the disk's answer or the server
		defer cancel()
		err := s.durability.sync(run)
		s.durability.save.end(err)
		if err != nil {
			s.log.Error().Err(err).Msg("background save failed")
		}
	}()
	ctx.W.Status("Background saving started")
}

func lastSave(ctx *command.Ctx) {
	unix, _ := owner(ctx).srv.durability.lastSave()
	ctx.W.Int(unix)
}

// backup copies the log, as it is now, to a directory on the server's machine. Without
// its client it stops, and takes away what it has made: nobody would know how it ended.
func backup(ctx *command.Ctx) {
	c := owner(ctx)
	s, gone := c.srv, c.untilGone()
	ctx.Defer(func(ctx *command.Ctx) {
		j := s.durability.journal.Load()
		if j == nil {
			ctx.W.Error("ERR " + errNoLog.Error())
			return
		}
		run, cancel := s.untilStopped(gone, 0)
		defer cancel()
		dir := string(ctx.Args[1])
		s.durability.tellBackup(1, 0, 0)
		defer s.durability.tellBackup(-1, 0, 0)
		err := j.Log().Backup(run, dir, func(done, total int64) { s.durability.tellBackup(0, done, total) })
		if err != nil {
			s.log.Error().Err(err).Str("dir", dir).Msg("backup failed")
			ctx.W.Error("ERR backup: " + logText(err))
			return
		}
		s.log.Info().Str("dir", dir).Msg("backup written")
		ctx.W.OK()
	})
}

// tellBackup notes that backups have begun or ended, and how many bytes of how many one
// has copied.
func (d *durability) tellBackup(begun int64, done, total int64) {
	d.backup.Lock()
	defer d.backup.Unlock()
	d.backup.running += begun
	d.backup.done, d.backup.total = done, total
}

// logText says in a reply why the log could not do what a client asked for.
func logText(err error) string {
	switch {
	case errors.Is(err, persist.ErrDraft):
		return "the log does not hold all data yet"
	case errors.Is(err, persist.ErrClosed), errors.Is(err, context.Canceled):
		return "the log is being turned off, or the server is stopping"
	}
	return err.Error()
}

// waitAOF waits until the client's last change is on the disk. There are no
// replicas: to wait for one is to wait until the timeout.
func waitAOF(ctx *command.Ctx) {
	a := resp.NewArgs(ctx.Args[1:])
	local := a.Int64()
	if a.Err() == "" && (local < 0 || local > 1) {
		ctx.W.Error("ERR value is out of range, value must between 0 and 1")
		return
	}
	replicas := a.Int64()
	if a.Err() == "" && replicas < 0 {
		ctx.W.Error(resp.ErrNotPositive)
		return
	}
	timeout := a.Int64Else(resp.ErrTimeout)
	switch {
	case a.Err() != "":
		ctx.W.Error(a.Err())
		return
	case timeout < 0:
		ctx.W.Error(resp.ErrTimeoutSign)
		return
	}
	c := owner(ctx)
	d := &c.srv.durability
	j := d.journal.Load()
	if j == nil && local > 0 {
		ctx.W.Error(errWaitAOFOff)
		return
	}
	if c.x != nil { // changes of this batch of commands
		c.round = max(c.round, c.x.lane.Round())
	}
	round := c.round
	answer := func(ctx *command.Ctx) {
		synced := int64(0)
		if j := d.journal.Load(); j != nil && j.Synced(round) {
			synced = 1
		}
		ctx.W.Array(2)
		ctx.W.Int(synced)
		ctx.W.Int(0)
	}
	if replicas == 0 && (local == 0 || j.Synced(round)) || ctx.Host == nil {
		answer(ctx)
		return
	}
	gone := c.untilGone()
	ctx.Defer(func(ctx *command.Ctx) {
		run, cancel := c.srv.untilStopped(gone, time.Duration(timeout)*time.Millisecond)
		defer cancel()
		if local > 0 && !d.awaitSynced(run, round) {
			ctx.W.Error(errWaitAOFOff)
			return
		}
		if replicas > 0 {
			<-run.Done()
		}
		answer(ctx)
	})
}

const errWaitAOFOff = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."

// awaitSynced returns true when round is on the disk or ctx ends, and false when
// there is no log any more. One that has failed may be turned off, and on again.
func (d *durability) awaitSynced(ctx context.Context, round uint64) bool {
	tick := time.NewTicker(cronPeriod)
	defer tick.Stop()
	for {
		j := d.journal.Load()
		if j == nil {
			return false
		}
		if j.WaitSynced(ctx, round) == nil {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return true
		}
	}
}

// untilStopped returns a context that ends with parent, when the server stops, and
// after timeout unless that is 0.
func (s *Server) untilStopped(parent context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		timeout = math.MaxInt64
	}
	ctx, cancel := context.WithTimeout(parent, timeout)
	go func() { // ends with ctx
		select {
		case <-s.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
