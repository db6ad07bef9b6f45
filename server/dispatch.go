package server

import (
	"runtime/debug"

	"hpkv/resp"
	"hpkv/server/command"
)

// runWindow executes the first n commands of the window. It stops early when the
// client cannot go on, and returns how many it executed: none, too, if the first
// is held back.
func (x *executor) runWindow(c *client, n int) (done int) {
	for done < n {
		done = x.runGuarded(c, done, n)
		if !c.runnable() {
			break
		}
	}
	return done
}

// runGuarded executes commands from the at-th on. A panic ends it after the
// command that caused it; one deferred function a window costs nothing, one a
// command would show.
func (x *executor) runGuarded(c *client, at, n int) (next int) {
	next = at
	mark := 0
	defer func() {
		if cause := recover(); cause != nil {
			x.panicked(c, &x.window[next-1], mark, cause)
			x.settleMeter(c, next)
		}
	}()
	x.startMeter(at)
	for next < n {
		k := &x.window[next]
		alone := x.meter.alone(k.row)
		if alone {
			x.settleMeter(c, next)
		}
		next++
		mark = x.w.Len()
		if more := x.runTogether(c, next-1, n); more > 0 {
			next += more
		} else {
			if !x.dispatch(c, k) {
				x.settleMeter(c, next-1)
				return next - 1
			}
			k.moved += int64(x.w.Len() - mark)
		}
		if alone {
			x.settleMeter(c, next)
		}
		if c.replies != replyOn {
			x.mute(c, mark)
		}
		if x.w.Len() >= flushBytes {
			x.flush(c)
		}
		if c.session.Listens || len(x.ended) > 0 {
			x.deliverEvents()
			x.deliver()
		}
		if !c.runnable() {
			break
		}
	}
	x.settleMeter(c, next)
	return next
}

// dispatch is the way of every command: known, well-formed and allowed; queued
// or run. It returns false if the command is held back and must come again.
func (x *executor) dispatch(c *client, k *call) bool {
	if text := x.refusal(c, k); text != "" {
		x.refuse(c, k, text)
		return true
	}
	if x.srv.pauses.mode.Load() != 0 && x.srv.hold(c, k.row) {
		return false
	}
	if k.row.Is(command.Write|command.RunsQueue) && x.srv.congested() {
		if c.awaitTurn(); c.crowded {
			return false
		}
	}
	c.row = k.row
	if c.tx != nil && !k.row.Is(command.Immediate) {
		c.tx.queue(k)
		x.w.Status("QUEUED")
		return true
	}
	x.meter.errors = x.w.Errors()
	x.execute(c, k.row, k.args)
	x.counts.commands++
	x.countFailure(k.row)
	if x.meter.monitored {
		c.awaitRoom(x.tellMonitors(c.origin(), k.row, k.args))
	}
	k.ran = x.waiting == nil // what was deferred is counted where it runs
	return true
}

// refusal is why a command may not run, as the wire text; "" if it may.
func (x *executor) refusal(c *client, k *call) string {
	row := k.row
	switch {
	case row == nil:
		return x.srv.table.UnknownText(k.args)
	case !row.ArityOK(len(k.args)):
		return row.ArityText()
	}
	return x.denied(c, row)
}

// denied is why the client may not run a command now, whatever its arguments;
// "" if it may.
func (x *executor) denied(c *client, row *command.Row) string {
	switch {
	case !c.authenticated && !row.Is(command.NoAuth):
		return resp.ErrNoAuth
	case c.session.Listens && c.session.Proto != 3 && !row.Is(command.WhileSubscribed):
		return resp.SubscribedOnly(row.FullName())
	case c.monitor != nil && row.Is(command.Write|command.ReadOnly|command.MayReplicate):
		return resp.ErrMonitorKeys
	case c.tx != nil && row.Is(command.NoMulti):
		return resp.ErrNotInMulti
	case x.srv.engine.Over() && x.full(row) && x.needsMemory(c, row):
		return resp.ErrOOM
	case x.srv.durability.obstacle.Load() != 0:
		return x.srv.durability.refusal(row, row.Is(command.RunsQueue) && c.tx != nil && c.tx.writes)
	}
	return ""
}

// full says whether memory that is above the limit stays so. A command that may
// write makes room first, if there is a policy.
func (x *executor) full(row *command.Row) bool {
	if x.srv.engine.Evicting() && row.Is(command.Write|command.RunsQueue) {
		return !x.evict()
	}
	return x.srv.engine.Full()
}

// needsMemory says whether a command must be refused while memory is above the
// limit: one that may add data, one that would be queued, and the EXEC of a
// transaction with a command that may add data.
func (x *executor) needsMemory(c *client, row *command.Row) bool {
	switch {
	case c.tx == nil:
		return row.Is(command.DenyOOM)
	case row.Is(command.RunsQueue):
		return c.tx.denyOOM
	}
	return !row.Is(command.EndsMulti)
}

// refuse answers for a command that may not run. It spoils the transaction that
// is open; an EXEC that is itself refused ends it.
func (x *executor) refuse(c *client, k *call, text string) {
	if k.row != nil && k.row.Is(command.RunsQueue) {
		c.tx = nil
		c.unwatch()
		x.releaseWatches()
		text = resp.ExecAborted(text)
	} else if c.tx != nil {
		c.tx.failed = true
	}
	if k.row != nil {
		x.rows[k.row.ID()].rejected.Add(1)
	}
	x.w.Error(text)
}

// execute runs one command in a transaction of its own.
func (x *executor) execute(c *client, row *command.Row, args [][]byte) {
	ctx := x.begin(c, row, args)
	row.Run(ctx)
	ctx.Txn.End()
	if len(x.dropped) > 0 {
		x.releaseWatches()
	}
}

// begin opens the transaction of one command, with the shards it names locked.
func (x *executor) begin(c *client, row *command.Row, args [][]byte) *command.Ctx {
	ctx := &x.ctx
	ctx.Args, ctx.Row, ctx.S = args, row, &c.session
	ctx.Txn = x.lane.Begin(c.session.DB)
	if c.noTouch {
		ctx.Txn.KeepStamps(true)
	}
	ctx.LockKeys()
	return ctx
}

// mute drops the reply, which begins at mark, of a client that has turned
// replies off.
func (x *executor) mute(c *client, mark int) {
	switch c.replies {
	case replySkipNext: // this was CLIENT REPLY SKIP itself
		c.replies = replySkip
	case replySkip:
		c.replies = replyOn
	}
	if c.row == nil || !c.row.Is(command.Pushes) {
		x.w.Truncate(mark)
	}
}

// panicked answers for a command that panicked. If the engine was in the middle
// of something, nobody can say what state its data is in: the server stops.
func (x *executor) panicked(c *client, k *call, mark int, cause any) {
	name := "?"
	if k.row != nil {
		name = k.row.FullName()
	}
	x.crashed(c, name, cause, debug.Stack())
	if k.row != nil {
		k.ran = true
		x.rows[k.row.ID()].failed.Add(1)
	}
	x.w.Truncate(mark)
	x.w.Error("ERR internal error in command '" + name + "'; the server's log has the details")
}

// crashed cleans up after a command that panicked.
func (x *executor) crashed(c *client, name string, cause any, stack []byte) {
	x.srv.totals.panics.Add(1)
	x.srv.log.Error().Str("command", name).Int64("client", c.id).Interface("panic", cause).
		Bytes("stack", stack).Msg("a command panicked")
	if x.ctx.Txn != nil && x.ctx.Txn.Inside() {
		x.srv.abort("command " + name + " panicked inside the engine: its data may be damaged")
	}
	// The lane may still announce a read; a new one does not.
	x.lane.Close()
	x.lane = x.srv.engine.NewLane()
	x.lane.SetNow(x.nowMs)
	x.ctx = command.Ctx{W: &x.w, Table: x.srv.table, Host: x}
	if x.waiting != nil {
		x.srv.deferred.remove(x.waiting)
		x.waiting = nil
		c.resume()
	}
}
