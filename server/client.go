package server

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hpkv/resp"
	"hpkv/server/command"
)

// replyMode is what CLIENT REPLY asked for.
type replyMode uint8

const (
	replyOn replyMode = iota
	replyOff
	replySkipNext // SKIP was the last command: the next one is silent
	replySkip     // this command is silent
)

// client is one connection as the dispatcher and the CLIENT commands see it.
type client struct {
	// Immutable after prepareClient.
	id          int64
	srv         *Server
	link        link
	fd          int
	addr, laddr string // "ip:port", or the socket's path with ":0"
	unix        bool
	createdMs   int64

	// Owner.
	session       command.Session
	authenticated bool
	replies       replyMode
	noEvict       bool
	noTouch       bool

	// suspended: a deferred command has the client, or one that waits for keys;
	// input waits.
	suspended bool
	// leave has the deferred command that has the client stop, because the connection
	// has closed; nil: there is none, or none that cares. See untilGone.
	leave context.CancelFunc
	// held: a pause of all clients keeps the command at the head of the input
	// from running. See pause.go.
	held bool
	// paused: the peer takes replies too slowly; input waits. See buffers.go.
	paused bool
	// sated: its replies wait to be sent, and commands wait with its input, which is
	// still read. See buffers.go.
	sated  bool
	sateAt int // unsent bytes from which it is; 0: never, the driver cannot do it
	// crowded: what the client publishes is more than another thread can deliver, or
	// what it changes more than the disk takes; input waits. See await.
	crowded bool
	// finished: no further command is executed; the connection ends when its
	// replies are delivered.
	finished bool
	// dead: the connection is closed; what still refers to it must let go.
	dead bool

	withheld withheld // replies that wait for the disk
	round    uint64   // of the log that took the last change

	in      []byte       // input that could not be executed yet; nil when there is none
	parser  *resp.Parser // holds the progress in `in` while that is an incomplete command
	rioc    *riocState   // of a client that speaks RIOC, else nil
	tx      *transaction // open MULTI, or nil
	watches []watched
	row     *command.Row  // last command that was found
	outlet  *outlet       // mailbox of its thread; see mailbox
	listens *listenSets   // subscriptions, or nil; changed under ears
	monitor *subscription // under MONITOR, or nil
	pushes  [][]byte      // messages about to be sent: see flushPushes
	x       *executor     // runs a command of the client right now; nil while it is deferred

	// Written by the owner, read by anybody.
	public struct {
		lastMs  atomic.Int64 // last interaction, unix ms
		row     atomic.Pointer[command.Row]
		db      atomic.Int32
		multi   atomic.Int32 // queued commands, -1 outside MULTI
		watch   atomic.Int32
		qbuf    atomic.Int64 // bytes of input kept
		argv    atomic.Int64 // bytes of arguments of queued commands
		proto   atomic.Int32
		flags   atomic.Uint32 // publicFlags
		sent    atomic.Int64  // bytes of backlog the socket took
		pauseAt atomic.Int64  // backlog at which reading stops

		channels, patterns, shards atomic.Int32 // subscriptions
	}

	// ears lets others end the subscriptions of a client that is killed: see
	// silence.
	ears struct {
		sync.Mutex
		deaf bool
	}

	// blocked is the call that waits for keys, or nil. Written by the owner.
	blocked atomic.Pointer[blockedCall]

	// killed: set once by whoever ends the connection; nothing is executed
	// after it was seen.
	killed atomic.Bool

	mu struct {
		sync.Mutex
		name, libName, libVer string
		user                  string
		softSinceMs           int64 // cron: unsent output is above the soft limit since; 0: it is not
		sentBefore            int64 // cron: public.sent at the last look
	}
}

// publicFlags are the states CLIENT LIST and KILL look at.
type publicFlags uint32

const (
	flagNoEvict publicFlags = 1 << iota
	flagNoTouch
	flagSuspended
	flagFinished
	flagPaused
	flagPubsub
	flagMonitor
)

// userName is who the client is logged in as. Any goroutine.
func (c *client) userName() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.user
}

// runnable says whether the client's next command may be executed now.
func (c *client) runnable() bool { return c.listening() && !c.sated }

// listening says whether the client's input is read.
func (c *client) listening() bool {
	return !c.suspended && !c.held && !c.paused && !c.crowded && !c.finished && !c.killed.Load()
}

// awaited says whether the client waits for what is of no use to anybody else, and
// ends with the connection. What a deferred command does gets its reply also when the
// server stops.
func (c *client) awaited() bool { return c.blocked.Load() != nil || c.leave != nil && !c.finished }

// untilGone returns a context that ends with the client's connection, for the deferred
// command that is about to have the client. Owner.
func (c *client) untilGone() (ctx context.Context) {
	ctx, c.leave = context.WithCancel(context.Background())
	return ctx
}

// resume lets the client go on after a deferred command. Owner.
func (c *client) resume() {
	c.suspended = false
	if c.leave != nil {
		c.leave()
		c.leave = nil
	}
}

// waits says whether the client's input is read ahead although nothing of it can be
// executed: it waits for keys or the like, or a pause keeps its next command. As in
// Redis a client may send as much as client-query-buffer-limit allows meanwhile; one
// that sends all before it does what ends the wait would else stand still.
func (c *client) waits() bool {
	return (c.awaited() || c.held && !c.suspended) && c.rioc == nil && !c.finished && !c.killed.Load()
}

// forgetParsed has the input that is kept be parsed from its beginning, since more
// has come that the parser has not seen.
func (c *client) forgetParsed() {
	if c.parser != nil {
		c.parser.Reset()
		c.parser = nil
	}
}

// incomplete says whether the input that is kept is a command whose end is
// missing.
func (c *client) incomplete() bool { return c.parser != nil || c.rioc != nil && c.rioc.need > 0 }

// need is the least input that may complete the command of which a part is
// kept, in bytes; 0 if that is not known.
func (c *client) need() int {
	switch {
	case c.parser != nil:
		return c.parser.Need()
	case c.rioc != nil:
		return c.rioc.need
	}
	return 0
}

// room is how many bytes more may be read of the client before it has as much
// input as client-query-buffer-limit allows, at least 1. As in Redis the arguments
// that have come whole do not count, so one command may be longer.
func (c *client) room() int {
	return int(max(c.srv.cfg.ClientQueryBufferLimit.Load()-c.unparsed(), 1))
}

// overfull says whether the client has that much input. What is under way would be
// complete else.
func (c *client) overfull() bool {
	if c.unparsed() < c.srv.cfg.ClientQueryBufferLimit.Load() {
		return false
	}
	c.srv.totals.inputLimit.Add(1)
	c.srv.log.Warn().Int64("client", c.id).Str("addr", c.addr).Msg("client closed: it exceeded client-query-buffer-limit")
	return true
}

// unparsed is what is kept of the client's input, in bytes, but for arguments that
// have come whole.
func (c *client) unparsed() int64 {
	n := len(c.in)
	if c.parser != nil {
		n -= c.parser.Taken()
	}
	return int64(n)
}

// touch notes the time of an interaction.
func (c *client) touch(nowMs int64) {
	if c.public.lastMs.Load() != nowMs {
		c.public.lastMs.Store(nowMs)
	}
}

// publish makes the owner's view visible to CLIENT LIST. Atomic stores are
// fences, so only what changed is stored: usually nothing.
func (c *client) publish() {
	p := &c.public
	if p.row.Load() != c.row {
		p.row.Store(c.row)
	}
	store32(&p.db, int32(c.session.DB))
	store32(&p.proto, int32(c.proto()))
	queued, bytes := int32(-1), int64(0)
	if c.tx != nil {
		queued, bytes = int32(len(c.tx.queued)), c.tx.bytes
	}
	store32(&p.multi, queued)
	store64(&p.argv, bytes)
	store32(&p.watch, int32(len(c.watches)))
	store64(&p.qbuf, int64(len(c.in)))
	var f publicFlags
	if c.noEvict {
		f |= flagNoEvict
	}
	if c.noTouch {
		f |= flagNoTouch
	}
	if c.suspended || c.held {
		f |= flagSuspended
	}
	if c.finished {
		f |= flagFinished
	}
	if c.paused {
		f |= flagPaused
	}
	if c.session.Listens {
		f |= flagPubsub
	}
	if c.monitor != nil {
		f |= flagMonitor
	}
	if p.flags.Load() != uint32(f) {
		p.flags.Store(uint32(f))
	}
}

func store32(v *atomic.Int32, n int32) {
	if v.Load() != n {
		v.Store(n)
	}
}

func store64(v *atomic.Int64, n int64) {
	if v.Load() != n {
		v.Store(n)
	}
}

// proto is the RESP version the client speaks.
func (c *client) proto() int {
	if c.session.Proto == 3 {
		return 3
	}
	return 2
}

// A connection that ends waits for lingerLimit, again and again until its peer
// has got the replies that the kernel still has for it, or has closed in turn,
// or has taken nothing for stallLimits of them. A peer that reads slowly but
// steadily seems to take nothing for a while: TCP opens a window that was shut only
// when a good part of the receiver's buffer is free, which may be megabytes. Looks
// are counted, not time, in which the whole machine may have stood still.
const (
	lingerLimit = time.Second
	stallLimits = 10
)

// linger is the state of such a wait.
type linger struct {
	begun bool
	left  int // bytes that the kernel had when that last became less
	looks int // since then
}

// over begins the wait or, after each lingerLimit, says whether it is over.
// left is what the kernel has.
func (l *linger) over(left int) bool {
	switch {
	case l.begun && left == 0:
		return true
	case !l.begun || left < l.left:
		*l = linger{begun: true, left: left}
		return false
	}
	l.looks++
	return l.looks >= stallLimits
}

// settled says that the peer has long had every reply, so that the connection
// may be closed without lingering. Owner.
func (c *client) settled(nowMs int64) bool {
	return !c.suspended && c.link.unsent() == 0 && c.withheld.len() == 0 && nowMs-c.public.lastMs.Load() > lingerLimit.Milliseconds()
}

// kill ends the connection from any goroutine: at once when called by another,
// after the reply of the current command when a client ends itself.
// It returns false if somebody else was first.
func (c *client) kill() bool {
	if !c.killed.CompareAndSwap(false, true) {
		return false
	}
	// It is gone for everybody, although its owner has yet to hear of it.
	c.srv.forget(c)
	if b := c.blocked.Load(); b != nil {
		c.srv.blocked.remove(b)
	}
	c.link.kill()
	return true
}

// release lets go of what the client holds in the engine and of its buffers.
// Owner, once, when the connection has closed.
func (c *client) release(x *executor) {
	if b := c.blocked.Swap(nil); b != nil {
		b.abandon()
	}
	if c.leave != nil {
		c.leave()
		c.leave = nil
	}
	for _, w := range c.watches {
		w.watch.Release()
	}
	c.watches = nil
	c.tx = nil
	c.stopListening()
	c.withheld = withheld{}
	if c.held {
		c.srv.pauses.forget(c)
	}
	x.buffers.put(c.in)
	c.in = nil
	if c.parser != nil {
		c.parser.Reset()
		x.recycle(c.parser)
		c.parser = nil
	}
}

// registry knows every open connection.
type registry struct {
	nextID atomic.Int64
	count  atomic.Int64
	rioc   atomic.Int64 // of count, those that speak RIOC

	mu struct {
		sync.Mutex
		byID map[int64]*client
	}
}

func (r *registry) add(c *client) {
	r.mu.Lock()
	if r.mu.byID == nil {
		r.mu.byID = make(map[int64]*client)
	}
	r.mu.byID[c.id] = c
	r.mu.Unlock()
	if c.rioc != nil {
		r.rioc.Add(1)
	}
}

// everyClient lists the connections and, behind them, the subscribers over HTTP.
func (s *Server) everyClient() []*client { return append(s.clients.all(), s.feeds.all()...) }

// clientOf returns the one of everyClient with the id, nil if it has gone.
func (s *Server) clientOf(id int64) *client {
	if c := s.clients.get(id); c != nil {
		return c
	}
	return s.feeds.get(id)
}

// remove returns false if c was removed before.
func (r *registry) remove(c *client) (known bool) {
	r.mu.Lock()
	_, known = r.mu.byID[c.id]
	delete(r.mu.byID, c.id)
	r.mu.Unlock()
	if known {
		r.count.Add(-1)
		if c.rioc != nil {
			r.rioc.Add(-1)
		}
	}
	return known
}

func (r *registry) get(id int64) *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.byID[id]
}

// all returns the open connections in the order they came.
func (r *registry) all() []*client {
	r.mu.Lock()
	list := make([]*client, 0, len(r.mu.byID))
	for _, c := range r.mu.byID {
		list = append(list, c)
	}
	r.mu.Unlock()
	slices.SortFunc(list, func(a, b *client) int { return int(a.id - b.id) })
	return list
}
