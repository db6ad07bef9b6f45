package server

import (
	"bytes"
	"runtime/debug"
	"strings"

	"hpkv/resp"
	"hpkv/server/command"
)

const textNoMulti = "ERR Command not allowed inside a transaction"

// runWindow executes the first n commands of the window. It stops early, after
// at least one, when the client cannot go on, and returns how many it executed.
func (x *executor) runWindow(c *client, n int) (done int) {
	for done < n {
		done = x.runGuarded(c, done, n)
		if done < n && !c.runnable() {
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
		}
	}()
	for next < n {
		k := &x.window[next]
		next++
		mark = x.w.Len()
		x.dispatch(c, k)
		if c.replies != replyOn {
			x.mute(c, mark)
		}
		if !c.runnable() {
			break
		}
	}
	return next
}

// dispatch is the way of every command: known, well-formed and allowed; queued
// or run.
func (x *executor) dispatch(c *client, k *call) {
	x.counts.commands++
	if text := x.refusal(c, k); text != "" {
		x.refuse(c, k, text)
		return
	}
	c.row = k.row
	if c.tx != nil && !x.srv.immediate[k.row] {
		c.tx.queue(k)
		x.w.Status("QUEUED")
		return
	}
	x.execute(c, k.row, k.args)
}

// refusal is why a command may not run, as the wire text; "" if it may.
func (x *executor) refusal(c *client, k *call) string {
	row := k.row
	switch {
	case row == nil:
		return x.srv.table.UnknownText(k.args)
	case !row.ArityOK(len(k.args)):
		return row.ArityText()
	case !c.authenticated && !row.Is(command.NoAuth):
		return resp.ErrNoAuth
	case c.tx != nil && row.Is(command.NoMulti):
		return textNoMulti
	}
	return ""
}

// refuse answers for a command that may not run. It spoils the transaction that
// is open; an EXEC that is itself refused ends it.
func (x *executor) refuse(c *client, k *call, text string) {
	if k.row == x.srv.execRow {
		c.tx = nil
		c.unwatch()
		x.releaseWatches()
		text = "EXECABORT Transaction discarded because of: " + strings.TrimPrefix(text, "ERR ")
	} else if c.tx != nil {
		c.tx.failed = true
	}
	x.w.Error(text)
}

// execute runs one command in a transaction of its own.
func (x *executor) execute(c *client, row *command.Row, args [][]byte) {
	ctx := &x.ctx
	ctx.Args, ctx.Row, ctx.S = args, row, &c.session
	txn := x.lane.Begin(c.session.DB)
	ctx.Txn = txn
	if first, last, step, ok := row.LockRange(len(args)); ok {
		txn.LockKeys(args, first, last, step)
	}
	row.Run(ctx)
	txn.End()
	if len(x.dropped) > 0 {
		x.releaseWatches()
	}
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
	x.w.Truncate(mark)
}

// panicked answers for a command that panicked. If the engine was in the middle
// of something, nobody can say what state its data is in: the server stops.
func (x *executor) panicked(c *client, k *call, mark int, cause any) {
	stack := debug.Stack()
	name := "?"
	if k.row != nil {
		name = k.row.FullName()
	}
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
		x.waiting = nil
		x.srv.deferred.Done()
		c.suspended = false
	}
	x.w.Truncate(mark)
	x.w.Error("ERR internal error in command '" + name + "'; the server's log has the details")
}

// deferredCall is a command that runs on a goroutine of its own while its
// client waits.
type deferredCall struct {
	c    *client
	call call
	work func(*command.Ctx)
	mute bool // the client does not want the reply
}

// Defer implements command.Host. The arguments lie in a read buffer that the
// loop is about to reuse, so they are copied.
func (x *executor) Defer(ctx *command.Ctx, work func(*command.Ctx)) {
	x.c.suspended = true
	x.waiting = &deferredCall{
		c:    x.c,
		call: call{args: cloneArgs(ctx.Args), row: ctx.Row},
		work: work,
		mute: x.c.replies != replyOn,
	}
	x.srv.deferred.Add(1)
}

// run executes the call on an executor of its own and hands the reply to the
// client's owner. Started by executor.run; Server.Run waits for it.
func (d *deferredCall) run() {
	s := d.c.srv
	defer s.deferred.Done()
	x := s.borrowExecutor()
	x.w.Reset(x.w.Buffer(), d.c.proto())
	x.runDeferred(d)
	if d.mute {
		x.w.Truncate(0)
	}
	reply := bytes.Clone(x.w.Buffer())
	x.counts.errors += int64(x.w.Errors())
	x.counts.netOut += int64(len(reply))
	s.returnExecutor(x)
	c := d.c
	c.link.post(func() {
		c.suspended = false
		if len(reply) > 0 {
			c.link.send(reply)
		}
	})
}

func (x *executor) runDeferred(d *deferredCall) {
	c := d.c
	defer func() {
		if cause := recover(); cause != nil {
			x.panicked(c, &d.call, 0, cause)
		}
	}()
	ctx := &x.ctx
	ctx.Host = nil // work that defers again runs here
	defer func() { ctx.Host = x }()
	ctx.Args, ctx.Row, ctx.S = d.call.args, d.call.row, &c.session
	txn := x.lane.Begin(c.session.DB)
	ctx.Txn = txn
	if first, last, step, ok := d.call.row.LockRange(len(d.call.args)); ok {
		txn.LockKeys(d.call.args, first, last, step)
	}
	d.work(ctx)
	txn.End()
}

// cloneArgs copies arguments into one allocation of their own.
func cloneArgs(args [][]byte) [][]byte {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	buf := make([]byte, 0, size)
	list := make([][]byte, len(args))
	for i, a := range args {
		at := len(buf)
		buf = append(buf, a...)
		list[i] = buf[at:len(buf):len(buf)]
	}
	return list
}
