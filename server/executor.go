package server

import (
	"hpkv/engine"
	"hpkv/resp"
	"hpkv/server/command"
)

const (
	// windowSize commands of a pipeline are looked up together, so that the
	// engine can fetch the memory of their keys while earlier ones execute. More
	// than the processor fetches at a time is worse than fewer: at pipeline 64 on
	// 1M random keys a window of 8, 12, 16, 20, 32 took 0.37, 0.37, 0.36, 0.43 and
	// 0.64 us of CPU a GET.
	windowSize = 16

	// flushBytes of replies are handed to the connection before its pipeline
	// is through: the peer can start on them, and large values do not pile up.
	flushBytes = 128 << 10

	// keepBytes is the largest reply buffer an executor keeps.
	keepBytes = 1 << 20

	// hugeArgs is the number of arguments from which a command ends its window
	// and the argument slice is not kept for the next one.
	hugeArgs = 16 << 10
)

// call is one parsed command.
type call struct {
	args [][]byte
	row  *command.Row // nil: unknown
	end  int          // offset behind the command in the input

	ran   bool  // it was executed, here and to its end
	moved int64 // bytes of the command, and of its reply once it has run
}

// alike says whether a command line means the same command as k, which many of a
// pipeline do. It may say no although they do.
func (k *call) alike(args [][]byte) bool {
	return string(args[0]) == string(k.args[0]) && k.row != nil && k.row.Alone()
}

// executor runs commands on one thread. See the package comment for who owns
// it.
type executor struct {
	srv  *Server
	lane *engine.Lane
	ctx  command.Ctx
	w    resp.Writer // replies of the client being served

	c       *client // being served
	window  [windowSize]call
	argv    [][]byte   // backs the argument slices of the window
	many    [][][]byte // scratch: command lines that run together
	keys    [][]byte   // scratch: keys to prefetch
	elems   [][]byte   // scratch: elements of one collection to prefetch
	batch   opWindow   // of a client that speaks RIOC
	scratch []byte     // of one operation
	keyPos  []command.KeyPos
	waiting *deferredCall // deferred by the command that has just run
	dropped []watched     // to be released when the transaction has ended

	buffers bufferPool
	parser  *resp.Parser // for clients that hold no part of a command
	parsers []*resp.Parser

	outlet *outlet         // mailbox of the thread; nil while it has none
	pushed []*client       // clients with messages to be sent
	joined []byte          // scratch of sendPushes
	ended  []*subscription // by the command that runs

	patient bool // see lendExecutor
	hungry  bool // more input waits than a sated client may have

	nowMs  int64 // set by the driver before each batch
	counts counters
	stats  stats     // counts as published
	rows   []rowStat // by Row.ID
	meter  meter
}

func (s *Server) newExecutor() *executor {
	x := &executor{srv: s, lane: s.engine.NewLane(), parser: new(resp.Parser)}
	x.ctx.W = &x.w
	x.w.OnError = s.errors.note
	x.ctx.Table = s.table
	x.ctx.Host = x
	s.stats.add(&x.stats)
	x.rows = s.commands.open(s.table.RowCount())
	return x
}

// run executes the commands in buf, in order, until one is incomplete or the
// client is not runnable any more, and sends their replies. It returns how many
// bytes are done with; the driver keeps the others and passes them again, with
// more behind them or once the client can go on.
func (x *executor) run(c *client, buf []byte) (used int) {
	if c.rioc != nil {
		return x.runBatches(c, buf)
	}
	x.c, c.x = c, x
	if c.outlet != nil {
		x.outlet = c.outlet
	}
	x.w.Reset(x.w.Buffer(), c.proto())
	x.takePushes(c)
	if c.session.Listens && x.outlet.Pending() {
		x.deliver() // what was published before a command is received before its reply
	}
	p := c.parser
	if p == nil {
		p = x.parser
	}
	if x.hungry = len(buf) >= hungryBytes; x.hungry {
		c.sated = false
	}
	cut := false // stopped although the parser may have seen more
	for !cut && c.runnable() {
		n, end, err := x.parse(c, p, buf, used)
		x.prefetch(c, n)
		done := x.runWindow(c, n)
		if done < n {
			if done > 0 {
				used = x.window[done-1].end
			}
			cut = true
			break
		}
		used = end
		if err != nil {
			if c.runnable() {
				x.w.Error(err.Error())
				c.finished = true
			}
			cut = true
		}
		if n == 0 {
			break
		}
	}
	x.settleParser(c, p, cut)
	return x.endRun(c, used, len(buf))
}

// endRun sends what replies are left, starts what was deferred, and returns how
// much of the input, of n bytes, is done with when used bytes were executed.
func (x *executor) endRun(c *client, used, n int) int {
	x.flush(c)
	x.counts.errors += int64(x.w.Errors())
	if c.finished {
		used = n
	}
	x.c, c.x = nil, nil
	if job := x.waiting; job != nil {
		x.waiting = nil
		c.publish()
		go job.run()
	}
	return used
}

// parse fills the window with the complete commands at buf[from:]. end is the
// offset behind the last of them and behind empty lines. err is a protocol
// error that follows them.
func (x *executor) parse(c *client, p *resp.Parser, buf []byte, from int) (n, end int, err error) {
	room := windowSize
	p.Unauthenticated = !c.authenticated
	if p.Unauthenticated {
		room = 1 // the limits change with the command that logs in
	}
	p.MaxBulk = x.srv.cfg.ProtoMaxBulkLen.Load()
	if cap(x.argv) > hugeArgs {
		x.argv = nil
	}
	x.argv = x.argv[:0]
	table := x.srv.table
	for end = from; n < room && end < len(buf); {
		argv, size, err := p.Next(x.argv, buf[end:])
		if err != nil {
			return n, end, err
		}
		if size == 0 {
			break
		}
		end += size
		args := argv[len(x.argv):len(argv):len(argv)]
		if len(args) == 0 {
			continue
		}
		x.argv = argv
		k := &x.window[n]
		n++
		if n > 1 && x.window[n-2].alike(args) {
			k.row = x.window[n-2].row
		} else {
			k.row = table.Resolve(args)
		}
		k.args = args
		k.end, k.ran, k.moved = end, false, int64(size)
		if len(args) > hugeArgs {
			break
		}
	}
	return n, end, nil
}

// prefetch asks the engine for the memory of the window's keys, or, where all its
// commands are about one collection, for that of the elements they name. A lone command
// would wait for it at once and gains nothing.
func (x *executor) prefetch(c *client, n int) {
	if n < 2 {
		return
	}
	x.keys, x.elems = x.keys[:0], x.elems[:0]
	first, last := 0, 0 // elements at the ends
	for i := range x.window[:n] {
		k := &x.window[i]
		if k.row == nil {
			continue
		}
		at := k.row.FirstKey()
		if at <= 0 || at >= len(k.args) {
			continue
		}
		key := k.args[at]
		switch e := k.row.Elem; {
		case e == command.ElemFirst:
			first++
		case e == command.ElemLast:
			last++
		case e != 0 && e < len(k.args):
			x.elems = append(x.elems, k.args[e])
		}
		if n := len(x.keys); n > 0 && string(x.keys[n-1]) == string(key) {
			continue // many commands on one list or counter: it is fetched already
		}
		x.keys = append(x.keys, key)
	}
	switch {
	case len(x.keys) > 1:
		txn := x.lane.Begin(c.session.DB)
		txn.Prefetch(x.keys)
		txn.End()
	case len(x.elems) > 1:
		x.lane.Begin(c.session.DB).PrefetchElements(x.keys[0], x.elems)
	case first > 1:
		x.lane.Begin(c.session.DB).PrefetchEnds(x.keys[0], first, false)
	case last > 1:
		x.lane.Begin(c.session.DB).PrefetchEnds(x.keys[0], last, true)
	}
}

// flush hands the replies gathered so far to the connection.
func (x *executor) flush(c *client) {
	round := x.lane.TakeRound()
	c.round = max(c.round, round)
	b := x.w.Buffer()
	if len(b) == 0 {
		return
	}
	x.counts.netOut += int64(len(b))
	x.deliverEvents() // who has the reply finds whoever listens told of the change
	c.publish()       // who has the reply must not find the state before it in CLIENT LIST
	c.deliver(b, round)
	if cap(b) > keepBytes {
		x.buffers.dropped += int64(cap(b))
		b = nil
	}
	x.w.SetBuffer(b[:0])
	x.checkBacklog(c)
}

// checkBacklog stops a client whose peer does not take its replies.
func (x *executor) checkBacklog(c *client) {
	n := c.link.unsent() + c.withheld.len()
	if n == 0 {
		c.paused = false
		store64(&c.public.pauseAt, pauseBytes)
		if c.sateAt != 0 {
			c.sated, c.sateAt = false, sateBytes
		}
		return
	}
	if limit := x.srv.cfg.ClientOutputBufferLimit.Load(c.class()).Hard; limit > 0 && int64(n) > limit {
		x.srv.logOutputLimit(c, n)
		c.kill()
		return
	}
	switch at := c.public.pauseAt.Load(); {
	case int64(n) >= at:
		c.paused = true
	case int64(n) < at/2:
		c.paused = false
	}
	switch {
	case c.sateAt == 0:
	case c.session.Listens || c.monitor != nil: // more comes all the time: it must be able to end that
		c.sated = false
	case n >= c.sateAt:
		c.sated = !x.hungry
	case n < c.sateAt/2:
		c.sated = false
	}
}

// letGo forgets what the last commands have left behind, once buffers have been
// dropped that were too large to be kept: arguments would keep them alive. REQUIRES:
// nothing runs.
func (x *executor) letGo() {
	if x.buffers.dropped == 0 {
		return
	}
	x.srv.garbage.Add(x.buffers.dropped)
	x.buffers.dropped = 0
	clear(x.window[:])
	clear(x.many[:cap(x.many)])
	x.argv, x.keys, x.elems, x.batch = nil, nil, nil, opWindow{}
	x.ctx.Forget()
	x.lane.Forget()
}

// settleParser decides where parser p stays: with the client while it holds
// the progress of an incomplete command, else with the executor. When the run
// was cut short that progress is about bytes behind those that come again, and
// is forgotten.
func (x *executor) settleParser(c *client, p *resp.Parser, cut bool) {
	if cut {
		p.Reset()
	}
	switch pending := p.Pending(); {
	case pending && c.parser == nil:
		c.parser = p
		x.parser = x.takeParser()
	case !pending && c.parser != nil:
		c.parser = nil
		x.recycle(p)
	}
}

func (x *executor) takeParser() *resp.Parser {
	if n := len(x.parsers); n > 0 {
		p := x.parsers[n-1]
		x.parsers = x.parsers[:n-1]
		return p
	}
	return new(resp.Parser)
}

// recycle takes a parser that holds no part of a command.
func (x *executor) recycle(p *resp.Parser) {
	if len(x.parsers) < buffersKept {
		x.parsers = append(x.parsers, p)
	}
}

// keep stores the input that run left over, where the driver's next read goes
// behind it. rest may be the tail of c.in or lie in a buffer that is about to
// be reused.
func (x *executor) keep(c *client, rest []byte, own bool) {
	switch {
	case len(rest) == 0:
		if c.in != nil {
			x.buffers.put(c.in)
			c.in = nil
		}
	case own:
		c.in = rest
	default:
		c.in = append(x.buffers.get(len(rest)), rest...)
	}
}
