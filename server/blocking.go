package server

import (
	"container/heap"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"hpkv/engine"
	"hpkv/resp"
	"hpkv/server/command"
)

// blockedCall is a command that waits for its keys. It costs no thread: whoever
// changes a key tries it again, on their own, and posts the reply to the
// client's owner.
type blockedCall struct {
	engine.Waiter
	c       *client
	row     *command.Row
	args    [][]byte // its own
	session command.Session
	try     func(c *command.Ctx, woken bool) bool
	late    func(w *resp.Writer) // writes the reply after the timeout
	mute    bool                 // the client does not want the reply
	w       resp.Writer          // the reply; owned by whoever ends the wait
	round   uint64               // that took the changes
	ctx     command.Ctx          // of a try; here so that it need not be allocated

	due  time.Time // zero: never
	slot int       // in the heap of timeouts, -1: not in it
}

// Wait implements command.Host. The command's keys are locked and empty.
func (x *executor) Wait(ctx *command.Ctx, w command.Wait) {
	c := x.c
	b := &blockedCall{
		c: c, row: ctx.Row, args: cloneArgs(ctx.Args), session: *ctx.S,
		try: w.Try, mute: c.replies != replyOn, slot: -1,
	}
	if b.late = w.TimedOut; b.late == nil {
		b.late = (*resp.Writer).NullArray
	}
	b.w.Reset(nil, c.proto())
	b.Waiter.DB, b.Waiter.Keys, b.Waiter.Also = ctx.Txn.DB(), cloneArgs(w.Keys), nil
	if w.Also != nil {
		b.Waiter.Also = append([]byte{}, w.Also...)
	}
	b.Waiter.WhenGone = w.WhenGone
	b.Waiter.Serve, b.Waiter.Done = b.serve, b.done
	c.suspended = true
	c.blocked.Store(b)
	x.srv.blocked.add(b, w.TimeoutMs)
	ctx.Txn.Wait(&b.Waiter)
}

// serve tries the command in the transaction of whoever changed a key.
func (b *blockedCall) serve(t *engine.Txn) bool {
	if b.c.killed.Load() {
		return false // nobody would get what it takes
	}
	defer b.c.srv.lasted(eventUnblock, time.Now())
	b.ctx = command.Ctx{Args: b.args, Row: b.row, W: &b.w, Txn: t, S: &b.session, Table: b.c.srv.table}
	return b.try(&b.ctx, true)
}

// done hands the reply to the client's owner, to be delivered when the log's
// round is safe.
func (b *blockedCall) done(round uint64) {
	b.round = round
	b.c.srv.notifier.deliver(nil)
	b.c.srv.blocked.remove(b)
	b.c.link.post(b.deliver)
}

// deliver gives the client its reply and lets it go on. Owner.
func (b *blockedCall) deliver() {
	c := b.c
	if c.blocked.Load() != b {
		return
	}
	c.blocked.Store(nil)
	c.suspended = false
	b.Leave()
	x := c.srv.borrowExecutor()
	c.touch(x.nowMs)
	x.counts.errors += int64(b.w.Errors())
	if b.mute {
		b.w.Truncate(0)
	}
	x.counts.netOut += int64(b.w.Len())
	c.srv.returnExecutor(x)
	if b.w.Len() > 0 {
		c.publish()
		c.round = max(c.round, b.round)
		c.deliver(b.w.Buffer(), b.round)
	}
}

// end ends the wait with a reply unless the command was served, and reports
// whether it did. Any goroutine that holds no shard.
func (b *blockedCall) end(reply func(w *resp.Writer)) bool {
	if !b.Cancel() {
		return false
	}
	reply(&b.w)
	b.done(0)
	return true
}

// expire is what happens when the time is over.
func (b *blockedCall) expire() { b.end(b.late) }

// abandon ends the wait of a client whose connection has closed. Owner.
func (b *blockedCall) abandon() {
	b.Cancel()
	b.c.srv.blocked.remove(b)
	b.Leave()
}

// blockedBook counts the calls that wait, and ends those whose time is over: one
// timer serves them all.
type blockedBook struct {
	count atomic.Int64

	mu     sync.Mutex
	due    dueHeap
	timer  *time.Timer // made with the first timeout
	known  map[*blockedCall]struct{}
	wakeAt time.Time // what the timer is set to
}

func (k *blockedBook) add(b *blockedCall, timeoutMs int64) {
	k.count.Add(1)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = make(map[*blockedCall]struct{})
	}
	k.known[b] = struct{}{}
	if timeoutMs <= 0 || timeoutMs > math.MaxInt64/int64(time.Millisecond) {
		return
	}
	b.due = time.Now().Add(time.Duration(timeoutMs) * time.Millisecond)
	heap.Push(&k.due, b)
	k.setLocked()
}

func (k *blockedBook) remove(b *blockedCall) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.known[b]; !ok {
		return
	}
	delete(k.known, b)
	k.count.Add(-1)
	if b.slot >= 0 {
		heap.Remove(&k.due, b.slot)
	}
}

// timed is the number of calls whose time is limited.
func (k *blockedBook) timed() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return int64(len(k.due))
}

// setLocked sets the timer to the first timeout. A timer that is early does no
// harm, so it is not moved when a call leaves.
func (k *blockedBook) setLocked() {
	if len(k.due) == 0 {
		return
	}
	first := k.due[0].due
	switch {
	case k.timer == nil:
		k.timer = time.AfterFunc(time.Until(first), k.tick)
	case k.wakeAt.IsZero() || first.Before(k.wakeAt):
		k.timer.Reset(time.Until(first))
	default:
		return
	}
	k.wakeAt = first
}

// tick ends the calls whose time is over.
func (k *blockedBook) tick() {
	var over []*blockedCall
	k.mu.Lock()
	k.wakeAt = time.Time{}
	for now := time.Now(); len(k.due) > 0 && !k.due[0].due.After(now); {
		over = append(over, heap.Pop(&k.due).(*blockedCall))
	}
	k.setLocked()
	k.mu.Unlock()
	for _, b := range over {
		b.expire()
	}
}

// dueHeap has the call with the first timeout on top.
type dueHeap []*blockedCall

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot, h[j].slot = i, j
}

func (h *dueHeap) Push(x any) {
	b := x.(*blockedCall)
	b.slot = len(*h)
	*h = append(*h, b)
}

func (h *dueHeap) Pop() any {
	old := *h
	b := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	b.slot = -1
	return b
}

// clientUnblock ends the wait of a client, as a timeout does or with an error.
func clientUnblock(ctx *command.Ctx) {
	if len(ctx.Args) > 4 {
		ctx.W.Error(resp.BadSubcommand("CLIENT", ctx.Args[1]))
		return
	}
	var reply func(w *resp.Writer) // nil: as after the timeout
	if len(ctx.Args) == 4 {
		switch mode := ctx.Args[3]; {
		case resp.EqualFold(mode, "TIMEOUT"):
		case resp.EqualFold(mode, "ERROR"):
			reply = func(w *resp.Writer) { w.Error(resp.ErrUnblocked) }
		default:
			ctx.W.Error(resp.ErrUnblockReason)
			return
		}
	}
	id, ok := resp.ParseInt64(ctx.Args[2])
	if !ok {
		ctx.W.Error(resp.ErrNotInteger)
		return
	}
	ended := int64(0)
	if c := owner(ctx).srv.clients.get(id); c != nil {
		if b := c.blocked.Load(); b != nil {
			if reply == nil {
				reply = b.late
			}
			if b.end(reply) {
				ended = 1
			}
		}
	}
	ctx.W.Int(ended)
}
