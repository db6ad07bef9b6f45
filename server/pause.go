package server

import (
	"sync"
	"sync/atomic"
	"time"

	"hpkv/resp"
	"hpkv/server/command"
)

// pauseMode says which commands CLIENT PAUSE holds back.
type pauseMode int32

const (
	pauseNone pauseMode = iota
	pauseWrites
	pauseAll
)

// pauseBook is the state of CLIENT PAUSE. Commands look at mode only; the rest
// is for those who change it and for the clients that are held.
type pauseBook struct {
	mode atomic.Int32 // pauseMode

	mu    sync.Mutex
	endMs int64 // by the server's clock
	timer *time.Timer
	held  map[*client]struct{}
	over  chan struct{} // closed when the pause ends; made by wait
}

// pause holds commands back until endMs. As in Redis, a pause that lasts
// longer or holds more is never made shorter or weaker by another one.
func (s *Server) pause(mode pauseMode, endMs int64) {
	b := &s.pauses
	b.mu.Lock()
	defer b.mu.Unlock()
	mode = max(mode, pauseMode(b.mode.Load()))
	b.endMs = max(b.endMs, endMs)
	b.mode.Store(int32(mode))
	if b.timer != nil {
		b.timer.Stop()
	}
	// The timer is of this machine, the end by the server's clock: look again
	// when it fires.
	b.timer = time.AfterFunc(pauseDelay(b.endMs-s.clock.NowMs()), s.pauseOver)
}

// pauseDelay bounds a wait, so that a pause of years does not overflow.
func pauseDelay(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), time.Hour.Milliseconds())) * time.Millisecond
}

// pauseOver ends the pause if its time has come. Called by its timer.
func (s *Server) pauseOver() {
	b := &s.pauses
	b.mu.Lock()
	if left := b.endMs - s.clock.NowMs(); pauseMode(b.mode.Load()) != pauseNone && left > 0 {
		b.timer = time.AfterFunc(pauseDelay(left), s.pauseOver)
		b.mu.Unlock()
		return
	}
	s.unpauseAndUnlock()
}

// unpause lets everything go on.
func (s *Server) unpause() {
	s.pauses.mu.Lock()
	s.unpauseAndUnlock()
}

// unpauseAndUnlock is unpause for who holds the lock of s.pauses, which it unlocks: a
// pause that begins after the look at this one must not end with it.
func (s *Server) unpauseAndUnlock() {
	b := &s.pauses
	b.mode.Store(int32(pauseNone))
	b.endMs = 0
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	held := b.held
	b.held = nil
	if b.over != nil {
		close(b.over)
		b.over = nil
	}
	b.mu.Unlock()
	for c := range held {
		c.link.post(func() { c.held = false })
	}
}

// hold says whether a pause keeps the client from running the row now. If so,
// the client is not runnable until the pause is over. Owner.
func (s *Server) hold(c *client, row *command.Row) bool {
	b := &s.pauses
	b.mu.Lock()
	defer b.mu.Unlock()
	switch pauseMode(b.mode.Load()) {
	case pauseNone:
		return false
	case pauseWrites:
		if !mayWrite(row) && !(row.Is(command.RunsQueue) && c.tx != nil && c.tx.writes) {
			return false
		}
	}
	if b.held == nil {
		b.held = make(map[*client]struct{})
	}
	b.held[c] = struct{}{}
	c.held = true
	return true
}

// wait returns when no pause holds an operation back that comes from no client,
// and that writes or does not.
func (b *pauseBook) wait(write bool) {
	for pauseMode(b.mode.Load()) != pauseNone {
		b.mu.Lock()
		mode := pauseMode(b.mode.Load())
		if mode == pauseNone || mode == pauseWrites && !write {
			b.mu.Unlock()
			return
		}
		if b.over == nil {
			b.over = make(chan struct{})
		}
		over := b.over
		b.mu.Unlock()
		<-over
	}
}

// mayWrite says whether a command is one of those that CLIENT PAUSE WRITE
// holds back.
func mayWrite(row *command.Row) bool { return row.Is(command.Write | command.MayReplicate) }

// forget drops a client that has gone.
func (b *pauseBook) forget(c *client) {
	b.mu.Lock()
	delete(b.held, c)
	b.mu.Unlock()
}

func clientPause(ctx *command.Ctx) {
	mode := pauseAll
	switch {
	case len(ctx.Args) > 4:
		ctx.W.Error(resp.BadSubcommand("client", ctx.Args[1]))
		return
	case len(ctx.Args) == 3:
	case resp.EqualFold(ctx.Args[3], "WRITE"):
		mode = pauseWrites
	case !resp.EqualFold(ctx.Args[3], "ALL"):
		ctx.W.Error(resp.ErrPauseMode)
		return
	}
	ms, ok := resp.ParseInt64(ctx.Args[2])
	switch now := ctx.Txn.Now(); {
	case !ok:
		ctx.W.Error(resp.ErrTimeout)
	case ms < 0:
		ctx.W.Error(resp.ErrTimeoutSign)
	case now+ms < now:
		ctx.W.Error(resp.ErrTimeoutLong)
	default:
		owner(ctx).srv.pause(mode, now+ms)
		ctx.W.OK()
	}
}

func clientUnpause(ctx *command.Ctx) {
	owner(ctx).srv.unpause()
	ctx.W.OK()
}
