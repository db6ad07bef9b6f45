package server

import (
	"bytes"
	"context"
	"sync"
	"time"

	"hpkv/server/command"
)

// deferredCall is a command that runs on a goroutine of its own while its
// client waits.
type deferredCall struct {
	c     *client
	call  call
	work  func(*command.Ctx)
	mute  bool // the client does not want the reply
	since time.Time
}

// Defer implements command.Host. The arguments lie in a read buffer that the
// loop is about to reuse, so they are copied.
func (x *executor) Defer(ctx *command.Ctx, work func(*command.Ctx)) {
	x.c.suspended = true
	x.waiting = &deferredCall{
		c:     x.c,
		call:  call{args: cloneArgs(ctx.Args), row: ctx.Row},
		work:  work,
		mute:  x.c.replies != replyOn,
		since: time.Now(),
	}
	x.srv.deferred.add(x.waiting)
}

// run executes the call on an executor of its own and hands the reply to the
// client's owner. Started by executor.run; Server.close waits for it, up to
// shutdown-timeout.
func (d *deferredCall) run() {
	s := d.c.srv
	defer s.deferred.remove(d)
	x := s.lendExecutor(d.patient())
	x.w.Reset(x.w.Buffer(), d.c.proto())
	x.runDeferred(d)
	x.deliverEvents()
	if d.mute {
		x.w.Truncate(0)
	}
	reply := bytes.Clone(x.w.Buffer())
	x.counts.errors += int64(x.w.Errors())
	x.counts.netOut += int64(len(reply))
	round := x.lane.TakeRound()
	s.returnExecutor(x)
	c := d.c
	c.link.post(func() {
		c.resume()
		c.touch(s.clock.NowMs())
		c.round = max(c.round, round)
		c.deliver(reply, round)
	})
}

// patient says whether the call may wait, for others or to stop them.
func (d *deferredCall) patient() bool {
	return d.call.row.Is(command.Blocking | command.Patient)
}

func (x *executor) runDeferred(d *deferredCall) {
	c := d.c
	defer func() {
		if cause := recover(); cause != nil {
			x.panicked(c, &d.call, 0, cause)
		}
	}()
	x.ctx.Host = nil // work that defers again runs here
	defer func() { x.ctx.Host = x }()
	ctx := x.begin(c, d.call.row, d.call.args)
	x.startMeter(0)
	d.work(ctx)
	ctx.Txn.End()
	x.countCall(c, d.call.row, d.call.args, x.meter.startNs)
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

// deferredBook knows the deferred calls that have not finished.
type deferredBook struct {
	mu      sync.Mutex
	running map[*deferredCall]struct{}
	idle    chan struct{} // made by wait, closed when nothing runs
}

func (b *deferredBook) add(d *deferredCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running == nil {
		b.running = make(map[*deferredCall]struct{})
	}
	b.running[d] = struct{}{}
}

func (b *deferredBook) remove(d *deferredCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, d)
	if len(b.running) == 0 && b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
}

// wait returns when every call has finished or ctx ends, with those that have
// not. No call may be added any more; it may be called once.
func (b *deferredBook) wait(ctx context.Context) (left []*deferredCall) {
	b.mu.Lock()
	if len(b.running) == 0 {
		b.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	b.idle = idle
	b.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for d := range b.running {
		left = append(left, d)
	}
	return left
}
