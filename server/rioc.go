package server

import (
	"errors"
	"runtime/debug"
	"strings"

	"hpkv/engine"
	"hpkv/resp"
	"hpkv/resp/rioc"
	"hpkv/server/command"
	"hpkv/server/config"
	"hpkv/server/rest"
)

// riocState makes a client one that speaks RIOC (see package rioc) and holds
// its progress in the batch it is sending. Operations are executed as they
// arrive, in order: a batch is no transaction.
type riocState struct {
	left int // operations of the batch still to come
	need int // bytes the input must have to go on; 0: it may have enough
}

// riocRow returns the command whose rights, limits and statistics an operation
// shares, nil if there is no such operation.
func riocRow(r *rest.Rows, c rioc.Command) *command.Row {
	switch c {
	case rioc.Get:
		return r.Get
	case rioc.Put, rioc.Update:
		return r.Set
	case rioc.Delete:
		return r.Delete
	case rioc.Add:
		return r.Add
	case rioc.Range:
		return r.Range
	}
	return nil
}

// opWindow is what an executor has in hand of a batch.
type opWindow struct {
	ops  [windowSize]rioc.Op
	ends [windowSize]int // offsets behind the operations in the input
	gets engine.Batch    // scratch

	failures int64 // operations that failed, but for those that found nothing
}

// runBatches is run for clients that speak RIOC.
func (x *executor) runBatches(c *client, buf []byte) (used int) {
	x.c, c.x = c, x
	x.w.Reset(x.w.Buffer(), 2)
	c.rioc.need = 0
	for c.runnable() {
		at, n := x.takeOps(c, buf, used)
		used = at
		if n == 0 {
			break
		}
		done := x.runOps(c, n)
		c.rioc.left -= done
		if done > 0 {
			used = x.batch.ends[done-1]
		}
		if done < n {
			break
		}
		if x.w.Len() >= flushBytes {
			x.flush(c)
		}
	}
	return x.endRun(c, used, len(buf))
}

// takeOps fills the window with the complete operations at buf[from:], all of
// one batch, and returns where they begin. What cannot be a request ends the
// connection: nobody can say where the next one begins.
func (x *executor) takeOps(c *client, buf []byte, from int) (at, n int) {
	s := c.rioc
	if s.left == 0 {
		ops, ok := rioc.ParseHeader(buf[from:])
		switch {
		case !ok:
			c.finished = true
			return from, 0
		case ops == 0:
			s.need = rioc.HeaderBytes
			return from, 0
		}
		s.left = ops
		x.stats.rioc.batches.Add(1)
		from += rioc.HeaderBytes
	}
	end := from
	for n < min(s.left, windowSize) {
		need := rioc.ParseOp(buf[end:], &x.batch.ops[n])
		if need == rioc.Oversized {
			if n == 0 {
				x.answer(rioc.ErrInvalid)
				c.finished = true
			}
			break
		}
		if need > len(buf)-end {
			if n == 0 {
				s.need = need
			}
			break
		}
		end += need
		x.batch.ends[n] = end
		n++
	}
	return from, n
}

// runOps executes the first n operations of the window until one has to wait,
// and returns how many it executed. A panic in one ends the connection.
func (x *executor) runOps(c *client, n int) (done int) {
	defer func() {
		if cause := recover(); cause != nil {
			x.crashed(c, "rioc", cause, debug.Stack())
			c.killed.Store(true)
		}
	}()
	if n > 1 {
		x.keys = x.keys[:0]
		for i := range x.batch.ops[:n] {
			x.keys = append(x.keys, x.batch.ops[i].Key)
		}
		txn := x.beginOp()
		txn.Prefetch(x.keys)
		txn.End()
	}
	since := monotonicNs()
	for done < n && c.runnable() {
		op := &x.batch.ops[done]
		row := riocRow(&x.srv.records, op.Command)
		x.batch.failures = 0
		status := rioc.ErrProtocol
		if row != nil {
			status = refusedStatus(x.denied(c, row))
			if status == rioc.OK && x.srv.pauses.mode.Load() != 0 && x.srv.hold(c, row) {
				return done
			}
			if row.Is(command.Write) && x.srv.congested() {
				if c.awaitTurn(); c.crowded {
					return done
				}
			}
			c.row = row
		}
		k := 1
		switch {
		case status != rioc.OK:
			x.answer(status)
		case op.Command == rioc.Get:
			k = x.getMany(x.batch.ops[done:n])
		case op.Command == rioc.Range:
			x.rangeOp(op)
		default:
			x.writeOp(op)
		}
		x.counts.commands += int64(k)
		x.stats.rioc.op(op.Command).Add(int64(k))
		now := monotonicNs()
		switch {
		case row == nil:
		case status != rioc.OK:
			x.rows[row.ID()].rejected.Add(1)
		case x.waiting == nil: // what was deferred is counted where it runs
			x.countOps(c, row, x.batch.ops[done:done+k], since, now, x.batch.failures)
		}
		since = now
		done += k
	}
	return done
}

// refusedStatus turns the text of a refusal, "" for none, into a status.
func refusedStatus(text string) rioc.Status {
	switch {
	case text == "":
		return rioc.OK
	case strings.HasPrefix(text, "OOM"):
		return rioc.ErrNoMemory
	case strings.HasPrefix(text, "MISCONF"):
		return rioc.ErrIO
	}
	return rioc.ErrBusy
}

// answer answers an operation without a body.
func (x *executor) answer(s rioc.Status) {
	x.countFailed(s)
	x.w.SetBuffer(rioc.AppendAnswer(x.w.Buffer(), s, 0))
}

func (x *executor) countFailed(s rioc.Status) {
	if s == rioc.OK {
		return
	}
	x.stats.rioc.failed(s)
	if s != rioc.ErrNotFound {
		x.batch.failures++
	}
}

// getMany answers the gets at the start of ops, all of them as one vectored
// read, and returns their number.
func (x *executor) getMany(ops []rioc.Op) (n int) {
	x.keys = x.keys[:0]
	for ; n < len(ops) && ops[n].Command == rioc.Get; n++ {
		x.keys = append(x.keys, ops[n].Key)
	}
	b := &x.batch.gets
	txn := x.beginOp()
	txn.ReadMany(x.keys, b)
	txn.End()
	for i := range n {
		val, ok := b.Value(i)
		switch {
		case !validKey(x.keys[i]):
			x.answer(rioc.ErrInvalid)
		case !ok || len(val) == 0: // an empty value cannot be told from none
			x.answer(rioc.ErrNotFound)
		case len(val) > rioc.MaxValue: // clients have no room for it
			x.answer(rioc.ErrOverflow)
		default:
			x.w.SetBuffer(append(rioc.AppendAnswer(x.w.Buffer(), rioc.OK, len(val)), val...))
		}
	}
	return n
}

// beginOp opens the transaction of one operation.
func (x *executor) beginOp() *engine.Txn {
	x.ctx.Txn = x.lane.Begin(0)
	return x.ctx.Txn
}

func validKey(key []byte) bool { return len(key) > 0 && len(key) <= rioc.MaxKey }

// writeOp executes and answers an operation that changes one record.
func (x *executor) writeOp(op *rioc.Op) {
	if !validKey(op.Key) {
		x.answer(rioc.ErrInvalid)
		return
	}
	var err error
	switch op.Command {
	case rioc.Put:
		if len(op.Value) == 0 {
			x.answer(rioc.ErrInvalid)
			return
		}
		err = x.change(op, func(txn *engine.Txn) error {
			_, err := txn.Set(op.Key, op.Value, engine.SetOptions{SameType: true})
			return err
		})
	case rioc.Update:
		if len(op.Value) == 0 {
			x.answer(rioc.ErrInvalid)
			return
		}
		err = x.update(op)
	case rioc.Delete:
		err = x.change(op, func(txn *engine.Txn) error {
			_, found, err := txn.GetDel(x.scratch[:0], op.Key, nil) // unlike Delete it spares other types
			if err == nil && !found {
				err = engine.ErrNoSuchKey
			}
			return err
		})
	case rioc.Add:
		delta, ok := rioc.AddDelta(op.Value)
		if !ok {
			x.answer(rioc.ErrInvalid)
			return
		}
		var sum int64
		err = x.change(op, func(txn *engine.Txn) (err error) {
			sum, err = txn.IncrBy(op.Key, delta)
			return err
		})
		if err == nil {
			x.w.SetBuffer(rioc.AppendNumber(x.w.Buffer(), sum))
			return
		}
	}
	x.answer(riocStatus(err))
}

// errStale is the error of a write that is older than the record.
var errStale = errors.New("the record was written under a later timestamp")

// change runs f, which changes op's record, unless the record is newer than op and
// timestamps count.
func (x *executor) change(op *rioc.Op, f func(txn *engine.Txn) error) error {
	txn, times := x.beginOp(), x.srv.writeTimes
	if times == nil {
		err := f(txn)
		txn.End()
		return err
	}
	x.keys = append(x.keys[:0], op.Key)
	txn.LockKeys(x.keys, 0, 0, 1)
	err := errStale
	if !times.stale(op.Key, op.Timestamp) {
		err = f(txn)
		if err == nil && op.Command != rioc.Delete {
			times.note(op.Key, op.Timestamp)
		}
	}
	txn.End()
	return err
}

// update is change for a partial update.
func (x *executor) update(op *rioc.Op) error {
	o := rest.PatchOptions{
		MaxBytes:     rioc.MaxValue,
		EmptyRemoves: x.srv.cfg.RestMerge.Load() == config.MergeEmptyRemoves,
		Announce:     x.srv.cfg.RestNotifyPatch.Load() == config.PatchAsSent,
	}
	if times := x.srv.writeTimes; times != nil {
		o.Guard = func() error {
			if times.stale(op.Key, op.Timestamp) {
				return errStale
			}
			return nil
		}
		o.Done = func() { times.note(op.Key, op.Timestamp) }
	}
	return rest.Patch(x.lane, op.Key, op.Value, o)
}

func riocStatus(err error) rioc.Status {
	switch {
	case err == nil:
		return rioc.OK
	case errors.Is(err, engine.ErrNoSuchKey):
		return rioc.ErrNotFound
	case errors.Is(err, engine.ErrNoMemory):
		return rioc.ErrNoMemory
	case errors.Is(err, errStale):
		return rioc.ErrStaleTime
	}
	return rioc.ErrInvalid
}

// riocInline is how many entries of a range are read on the event loop: some
// 100 us of work.
const riocInline = 200

// rangeOp answers a range here if it is short, else on a goroutine.
func (x *executor) rangeOp(op *rioc.Op) {
	if !validKey(op.Key) || !validKey(op.Value) {
		x.answer(rioc.ErrInvalid)
		return
	}
	mark := x.w.Len()
	if x.srv.engine.RangeReady(0) {
		txn := x.beginOp()
		status, whole := writeRiocRange(&x.w, txn.Range(op.Key, op.Value), riocInline)
		txn.End()
		if whole {
			x.countFailed(status)
			return
		}
		x.w.Truncate(mark)
	}
	ctx := &x.ctx
	ctx.Row, ctx.Args = x.srv.records.Range, append(x.argv[:0], nil, op.Key, op.Value)
	x.Defer(ctx, func(ctx *command.Ctx) {
		if status, _ := writeRiocRange(ctx.W, ctx.Txn.Range(ctx.Args[1], ctx.Args[2]), 0); status != rioc.OK {
			x.stats.rioc.failed(status)
		}
	})
}

// writeRiocRange writes the answer to a range, and closes it. It gives up and
// reports false if the range has more than limit entries, 0 for any number. One
// that would overrun a client's buffer is refused. Other types than strings are
// left out.
func writeRiocRange(w *resp.Writer, r *engine.Range, limit int) (status rioc.Status, whole bool) {
	defer r.Close()
	out := w.Buffer()
	mark, n, size := len(out), 0, 0
	out = rioc.AppendAnswer(out, rioc.OK, 0)
	for r.Next() {
		key, val := r.Key(), r.Value()
		if r.Type() != engine.TypeString || len(val) == 0 || len(key) > rioc.MaxKey {
			continue
		}
		if size += rioc.EntryBytes(key, val); size >= rioc.MaxRangeBytes {
			w.SetBuffer(rioc.AppendAnswer(out[:mark], rioc.ErrOverflow, 0))
			return rioc.ErrOverflow, true
		}
		if n++; limit > 0 && n > limit {
			return rioc.OK, false
		}
		out = rioc.AppendEntry(out, key, val)
	}
	rioc.SetAnswer(out[mark:], rioc.OK, n)
	w.SetBuffer(out)
	return rioc.OK, true
}
