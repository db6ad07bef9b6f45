package server

import (
	"sync/atomic"

	"hpkv/server/rest"
)

// feed is a client without a connection that listens: what is published for it is
// taken by who asked for it. Its owner is a goroutine of its own, which never waits
// for who takes, so that a slow one does not stop those who publish; what is not
// taken counts against client-output-buffer-limit. CLIENT LIST and KILL know feeds; the
// number of connected clients does not count them.
type feed struct {
	virtualClient
	ended func()
	more  chan struct{} // capacity 1: there is something to take
	over  chan struct{} // closed when the client has ended

	awaiting bool // a goroutine waits for the disk on its behalf. Owner.

	// Under virtualClient.mu.
	taken  int // bytes taken last, which are on their way
	closed bool

	unsentNow atomic.Int64
}

// Listen implements rest.Host.
func (h restHost) Listen(addr string, line [][]byte, ended func()) rest.Feed {
	s := h.s
	f := &feed{ended: ended, more: make(chan struct{}, 1), over: make(chan struct{})}
	f.wake = make(chan struct{}, 1)
	s.prepareClient(&f.client, f, &endpoint{fd: -1, addr: addr}, s.clock.NowMs())
	f.authenticated = true // by an API key
	s.feeds.count.Add(1)
	s.feeds.add(&f.client)
	go f.serve(appendLine(nil, line)) // ended by Close, or when the client is killed
	return f
}

// serve executes the commands in input, and delivers what is published until the
// client ends.
func (f *feed) serve(input []byte) {
	s := f.srv
	for {
		if len(input) > 0 && f.runnable() {
			x := s.borrowExecutor()
			input = input[x.run(&f.client, input):]
			s.returnExecutor(x)
		}
		if f.finished || f.killed.Load() {
			break
		}
		<-f.wake
		f.readMail()
	}
	f.mu.Lock()
	f.closed, f.mu.out, f.taken = true, nil, 0
	f.noteUnsentLocked()
	f.mu.Unlock()
	f.dead = true
	x := s.borrowExecutor()
	f.release(x)
	x.outlet = f.outlet // who waits for room in it goes on
	s.returnExecutor(x)
	s.feeds.remove(&f.client)
	close(f.over)
	f.ended()
}

// More implements rest.Feed.
func (f *feed) More() <-chan struct{} { return f.more }

// Take implements rest.Feed.
func (f *feed) Take() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.public.sent.Add(int64(f.taken))
	p := f.mu.out
	f.mu.out, f.taken = nil, len(p)
	f.noteUnsentLocked()
	return p
}

// Close implements rest.Feed.
func (f *feed) Close() {
	f.post(func() { f.finished = true })
	<-f.over
}

// send implements link.
func (f *feed) send(p []byte) {
	f.mu.Lock()
	if !f.closed {
		f.mu.out = append(f.mu.out, p...)
		f.noteUnsentLocked()
	}
	f.mu.Unlock()
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// noteUnsentLocked makes known how much is not taken. REQUIRES: f.mu is held.
func (f *feed) noteUnsentLocked() {
	n := int64(len(f.mu.out) + f.taken)
	f.srv.noteUnsent(f.unsentNow.Swap(n), n)
}

// unsent implements link.
func (f *feed) unsent() int { return int(f.unsentNow.Load()) }

// await implements link. There is no driver that would wake the client.
func (f *feed) await() {
	d := &f.srv.durability
	d.hurry()
	if f.awaiting {
		return
	}
	f.awaiting = true
	round := f.withheld.marks[0].after.Round()
	go func() { // ended by the round, or with the log
		err := d.wait(round)
		f.post(func() {
			f.awaiting = false
			if f.deliverWithheld(); err != nil && !f.withheld.none() {
				f.client.kill()
			}
		})
	}()
}

// kill implements link.
func (f *feed) kill() { f.post(func() {}) }
