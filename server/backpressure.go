package server

import (
	"context"
	"sync"

	"hpkv/persist"
)

// congested reports whether changes of data have to wait: for a mailbox that is full
// of events, or for a disk that does not come after with the log.
func (s *Server) congested() bool {
	return s.notifier.full.Load() != nil || s.durability.stalled()
}

// awaitTurn has the client's commands wait while changes have to. Owner.
func (c *client) awaitTurn() {
	c.awaitRoom(c.srv.notifier.crowded())
	c.await(c.srv.durability.whenCaughtUp)
}

// awaitRoom has the client's further commands wait until the outlet, to which it
// has sent something, is not full any more; nil never is. Owner.
func (c *client) awaitRoom(full *outlet) {
	if full != nil {
		c.await(full.WhenRoom)
	}
}

// await has the client's further commands wait until when, which returns false if
// nobody need wait, calls the function it is given. Owner.
func (c *client) await(when func(fn func()) bool) {
	if c.crowded {
		return
	}
	c.crowded = when(func() {
		c.link.post(func() { c.crowded = false })
	})
}

// awaitTurn waits while changes have to, or until the server stops. For goroutines
// that are no client's owner and have nothing locked.
func (s *Server) awaitTurn() {
	if !s.congested() {
		return
	}
	s.awaitRoom(s.notifier.crowded())
	s.await(s.durability.whenCaughtUp)
}

// awaitRoom waits until the outlet is not full any more, or the server stops; nil
// never is. For those who may call awaitTurn.
func (s *Server) awaitRoom(full *outlet) {
	if full != nil {
		s.await(full.WhenRoom)
	}
}

func (s *Server) await(when func(fn func()) bool) {
	over := make(chan struct{})
	if !when(func() { close(over) }) {
		return
	}
	select {
	case <-over:
	case <-s.stopping:
	}
}

// stall is who waits for the disk to come after with the log.
type stall struct {
	sync.Mutex
	waiting []func()
}

// stalled reports whether so much of the log waits for the disk that changes have to
// wait, too: what clients wrote would take all memory.
func (d *durability) stalled() bool {
	j := d.journal.Load()
	return j != nil && j.Log().Stalled()
}

// whenCaughtUp has fn called, once, on a goroutine of its own, when the log is not
// stalled any more, cannot be written, or has ended. It returns false, and does
// nothing, if the log is not stalled.
func (d *durability) whenCaughtUp(fn func()) bool {
	j := d.journal.Load()
	if j == nil {
		return false
	}
	d.stall.Lock()
	defer d.stall.Unlock()
	if !j.Log().Stalled() {
		return false
	}
	d.stall.waiting = append(d.stall.waiting, fn)
	if len(d.stall.waiting) == 1 {
		go d.catchUp(j.Log()) // until the log is closed at the latest
	}
	return true
}

// catchUp waits for the log and calls those who wait with it.
func (d *durability) catchUp(l *persist.Log) {
	_ = l.WaitStalled(context.Background()) // why does not matter: those who wait look again
	d.stall.Lock()
	waiting := d.stall.waiting
	d.stall.waiting = nil
	d.stall.Unlock()
	for _, fn := range waiting {
		fn()
	}
}
