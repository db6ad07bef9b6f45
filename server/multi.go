package server

import (
	"hpkv/engine"
	"hpkv/resp"
	"hpkv/server/command"
)

// transaction is the commands queued between MULTI and EXEC.
type transaction struct {
	queued  []call
	bytes   int64 // of their arguments
	failed  bool  // a command was refused: EXEC discards
	denyOOM bool  // a command must not run while memory is above the limit
	writes  bool  // a command may write
}

func (t *transaction) queue(k *call) {
	args := cloneArgs(k.args)
	for _, a := range args {
		t.bytes += int64(len(a))
	}
	t.queued = append(t.queued, call{args: args, row: k.row})
	t.writes = t.writes || mayWrite(k.row)
	t.denyOOM = t.denyOOM || k.row.Is(command.DenyOOM)
}

// watched is a key under WATCH.
type watched struct {
	db    int
	key   []byte
	watch *engine.Watch
}

func transactionRows() []command.Row {
	const (
		base = command.NoScript | command.Loading | command.Stale | command.OfConnection
		open = base | command.Fast | command.AllowBusy
		ends = command.Immediate | command.EndsMulti
	)
	watchKeys := []command.KeySpec{{Flags: command.KeyRO, Pos: 1, Last: -1, Step: 1}}
	return []command.Row{
		{Name: "multi", Arity: 1, Flags: open | command.Immediate, Cats: command.CatTransaction, Run: multi},
		{Name: "exec", Arity: 1, Flags: base | ends | command.RunsQueue | command.SkipSlowlog, Cats: command.CatTransaction, Run: exec},
		{Name: "discard", Arity: 1, Flags: open | ends, Cats: command.CatTransaction, Run: discard},
		{Name: "watch", Arity: -2, Flags: open | command.Immediate | command.Optimistic, Keys: watchKeys, Cats: command.CatTransaction, Run: watch},
		{Name: "unwatch", Arity: 1, Flags: open, Cats: command.CatTransaction, Run: unwatch},
	}
}

func multi(ctx *command.Ctx) {
	c := owner(ctx)
	if c.tx != nil {
		ctx.W.Error(resp.ErrNestedMulti)
		return
	}
	c.tx = new(transaction)
	ctx.W.OK()
}

func discard(ctx *command.Ctx) {
	c := owner(ctx)
	if c.tx == nil {
		ctx.W.Error(resp.ErrDiscardNoMulti)
		return
	}
	c.tx = nil
	c.unwatch()
	ctx.W.OK()
}

func watch(ctx *command.Ctx) {
	c := owner(ctx)
	if c.tx != nil {
		ctx.W.Error(resp.ErrWatchInMulti)
		return
	}
	for _, key := range ctx.Args[1:] {
		if !c.watching(ctx.S.DB, key) {
			c.watches = append(c.watches, watched{db: ctx.S.DB, key: append([]byte(nil), key...), watch: ctx.Txn.Watch(key)})
		}
	}
	ctx.W.OK()
}

func unwatch(ctx *command.Ctx) {
	owner(ctx).unwatch()
	ctx.W.OK()
}

func (c *client) watching(db int, key []byte) bool {
	for i := range c.watches {
		if c.watches[i].db == db && string(c.watches[i].key) == string(key) {
			return true
		}
	}
	return false
}

// unwatch gives the watches up. They are released when the transaction has
// ended, which may hold the shards of their keys.
func (c *client) unwatch() {
	c.x.dropped = append(c.x.dropped, c.watches...)
	c.watches = nil
}

func (x *executor) releaseWatches() {
	for i := range x.dropped {
		x.dropped[i].watch.Release()
		x.dropped[i] = watched{}
	}
	x.dropped = x.dropped[:0]
}

// watchFailed says whether a watched key has changed. Its shard is locked.
func (c *client) watchFailed(nowMs int64) bool {
	for _, w := range c.watches {
		if w.watch.Changed(nowMs) {
			return true
		}
	}
	return false
}

// exec locks the shards of all keys of all queued commands, so that nothing
// comes between them, and runs them. The watched keys are locked as well: two
// transactions that each watch what the other writes must not both pass.
func exec(ctx *command.Ctx) {
	c := owner(ctx)
	tx := c.tx
	if tx == nil {
		ctx.W.Error(resp.ErrExecNoMulti)
		return
	}
	defer func() { // only now: CLIENT LIST shows the transaction while it runs
		c.tx = nil
		c.unwatch()
	}()
	if tx.failed {
		ctx.W.Error(resp.ErrExecAbort)
		return
	}
	c.x.lockTransaction(ctx.Txn, c, tx)
	if c.watchFailed(ctx.Txn.Now()) {
		ctx.W.NullArray()
		return
	}
	saved := *ctx
	ctx.W.Array(len(tx.queued))
	ctx.Host = nil // everything runs here and now
	startNs := monotonicNs()
	for i := range tx.queued {
		ctx.Args, ctx.Row = tx.queued[i].args, tx.queued[i].row
		ctx.Row.Run(ctx)
		startNs = c.x.countCall(c, ctx.Row, ctx.Args, startNs)
		if c.x.meter.monitored {
			c.awaitRoom(c.x.tellMonitors(c.origin(), ctx.Row, ctx.Args))
		}
	}
	c.x.counts.commands += int64(len(tx.queued))
	*ctx = saved
}

func (x *executor) lockTransaction(txn *engine.Txn, c *client, tx *transaction) {
	for i := range tx.queued {
		q := &tx.queued[i]
		pos, ok := q.row.AppendKeys(x.keyPos[:0], q.args)
		x.keyPos = pos[:0]
		if !ok || q.row.Is(command.AllShards) {
			txn.LockAll()
			return
		}
		for _, p := range pos {
			txn.Want(q.args[p.Pos])
		}
	}
	for i := range c.watches {
		txn.Want(c.watches[i].key)
	}
	txn.LockWanted()
}
