package server

import (
	"sync/atomic"
	"syscall"
	"time"
)

const (
	baseEvents = syscall.EPOLLIN | syscall.EPOLLRDHUP | epollET

	// joinBytes: input that is kept and not longer than this is copied in
	// front of the next read in the worker's buffer; longer input has the next
	// read appended where it is.
	joinBytes = 16 << 10

	// directBytes is the least room such an append gets.
	directBytes = 16 << 10
)

// conn is a connection of the epoll driver. Its worker's thread owns it.
type conn struct {
	client
	w *worker

	slot, generation int32

	readable   bool // there may be something to read: no short read since the last event
	peerClosed bool // the end of the stream is on its way behind what is to be read
	eof        bool // the end of the stream was read
	queued     bool // in w.turns
	polling    bool // EPOLLOUT is asked for
	awaiting   bool // in w.awaiting

	lingering linger // begun: only waiting for the peer to close

	backlog   backlog
	unsentNow atomic.Int64 // backlog.len(), for any goroutine
}

// accept takes waiting connections and deals them to the workers.
func (w *worker) accept(l *listener) {
	listening := l.fd()
	for range acceptBatch {
		fd, sa, err := syscall.Accept4(listening, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch err {
		case nil:
			w.deal(l, fd, sa)
		case syscall.EINTR, syscall.ECONNABORTED:
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
			w.restListener(l, err)
			return
		default: // EAGAIN
			return
		}
	}
}

// restListener stops accepting for a moment: the waiting connections would
// raise an event at every wait.
func (w *worker) restListener(l *listener, cause error) {
	w.srv.log.Warn().Err(cause).Str("listener", l.addr).Msg("cannot accept a connection")
	_ = syscall.EpollCtl(w.epfd, syscall.EPOLL_CTL_DEL, l.fd(), nil)
	time.AfterFunc(cronPeriod, func() {
		w.post(func() {
			if !w.draining {
				_ = w.watchListener(l)
			}
		})
	})
}

func (w *worker) deal(l *listener, fd int, sa syscall.Sockaddr) {
	e := endpoint{fd: fd, unix: l.unix, rioc: l.rioc, addr: l.addr + ":0", laddr: l.addr + ":0"}
	if !l.unix {
		remote := addrPort(sa)
		e.addr, e.remote = remote.String(), remote.Addr()
		if local, err := syscall.Getsockname(fd); err == nil {
			e.laddr = addrPort(local).String()
		}
		tuneSocket(fd, w.srv.cfg.TCPKeepalive.Load())
	}
	if refusal := w.srv.admit(&e); refusal != nil {
		sendNow(fd, refusal)
		syscall.Close(fd)
		return
	}
	to := w.d.leastLoaded()
	to.load.Add(1)
	c := &conn{w: to, slot: -1}
	c.outlet = to.outlet
	if !l.rioc {
		c.sateAt = sateBytes
	}
	w.srv.initClient(&c.client, c, &e, w.x.nowMs)
	if to == w {
		w.adopt(c)
		return
	}
	to.post(func() { to.adopt(c) })
}

// adopt makes the connection the worker's.
func (w *worker) adopt(c *conn) {
	if c.dead { // killed before it got here
		return
	}
	if n := len(w.freeSlots); n > 0 {
		c.slot = w.freeSlots[n-1]
		w.freeSlots = w.freeSlots[:n-1]
	} else {
		c.slot = int32(len(w.conns))
		w.conns = append(w.conns, nil)
	}
	w.conns[c.slot] = c
	c.generation = int32(c.id)
	ev := syscall.EpollEvent{Events: baseEvents, Fd: c.slot, Pad: c.generation}
	if err := syscall.EpollCtl(w.epfd, syscall.EPOLL_CTL_ADD, c.fd, &ev); err != nil {
		w.srv.log.Error().Err(err).Msg("cannot watch a connection")
		c.close()
		return
	}
	if w.draining { // it came too late
		c.finished = true
		c.serve()
	}
}

// event notes what the kernel says and serves the connection.
func (c *conn) event(events uint32) {
	if events&(syscall.EPOLLIN|syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		c.readable = true
	}
	if events&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		// What was sent before is still to be read and executed, also before a
		// reset: reading tells of the error when that is through.
		c.peerClosed = true
	}
	if c.polling && events&(syscall.EPOLLOUT|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		c.drain()
	}
	c.serve()
}

// serve does what can be done for the connection now: executes input that
// waits, reads once, executes that. What remains gets another turn.
func (c *conn) serve() {
	if c.dead {
		return
	}
	if c.killed.Load() {
		c.close()
		return
	}
	w := c.w
	if len(c.in) > 0 && !c.incomplete() && c.runnable() {
		// Input that had to wait, not just a command whose end is missing.
		used := w.x.run(&c.client, c.in)
		w.x.keep(&c.client, c.in[used:], true)
	}
	if c.readable && (c.listening() || c.waits()) {
		c.read()
	}
	c.settle()
}

// read takes one buffer of input and executes what is complete in it, unless the
// client waits.
func (c *conn) read() {
	w := c.w
	var buf []byte
	at := len(c.in)
	own := at > joinBytes || c.need() > len(w.readBuf)
	if own {
		need := min(c.need(), max(2*at, growLimit))
		c.in = w.x.buffers.grow(c.in, max(directBytes, need-at))
		buf = c.in[:cap(c.in)]
	} else {
		buf = w.readBuf
		copy(buf, c.in)
	}
	buf = buf[:min(len(buf), at+c.room())]
	n, errno := recvNow(c.fd, buf[at:])
	switch {
	case errno == syscall.EAGAIN:
		c.readable = false
		return
	case errno != 0:
		c.close()
		return
	case n == 0:
		c.readable, c.eof = false, true
		return
	}
	// A short read has emptied the socket, and what comes later raises a new
	// event, the end of the stream included, unless that was announced with
	// these bytes.
	c.readable = n == len(buf)-at || c.peerClosed
	w.x.counts.reads++
	w.x.counts.netIn += int64(n)
	c.touch(w.x.nowMs)
	data := buf[:at+n]
	if own {
		c.in = data
	}
	if at > 0 {
		w.srv.recentIn.note(int64(len(data)), w.x.nowMs)
	}
	used := 0
	if c.waits() {
		c.forgetParsed()
	} else {
		used = w.x.run(&c.client, data)
	}
	if !own && c.in != nil {
		w.x.buffers.put(c.in)
		c.in = nil
	}
	w.x.keep(&c.client, data[used:], own)
	if c.overfull() {
		c.close()
	}
}

// settle decides what happens to the connection after it was served.
func (c *conn) settle() {
	if c.dead {
		return
	}
	if c.killed.Load() {
		c.close()
		return
	}
	if c.eof && !c.suspended && (len(c.in) == 0 || c.incomplete()) {
		c.finished = true // all that came is executed, or will never be complete
	}
	if (c.awaited() || c.held) && (c.peerClosed || c.finished) {
		c.close() // nobody waits for the reply any more; as in Redis, what a pause holds back is dropped
		return
	}
	c.publish()
	switch {
	case c.finished && !c.suspended && c.backlog.len() == 0 && c.withheld.len() == 0:
		c.linger()
	case c.readable && c.waits(), c.listening() && (c.readable || !c.sated && len(c.in) > 0 && !c.incomplete()):
		c.queueTurn()
	}
}

func (c *conn) queueTurn() {
	if !c.queued {
		c.queued = true
		c.w.turns = append(c.w.turns, c)
	}
}

// linger ends the connection so that the peer gets the last replies: closing a
// socket with unread input resets it and throws away what the kernel has still
// to send. So our side is shut first, input is discarded, and the socket closed
// when the peer closes or does nothing any more.
func (c *conn) linger() {
	if c.eof {
		c.close()
		return
	}
	if !c.lingering.begun {
		c.srv.forget(&c.client) // not a client any more, for who sees the end either
		c.stopListening()
		_ = syscall.Shutdown(c.fd, syscall.SHUT_WR)
		c.readable = true
		c.lingerOn()
	}
	for range lingerReads {
		if !c.readable {
			return
		}
		n, errno := recvNow(c.fd, c.w.readBuf)
		if errno == syscall.EAGAIN {
			c.readable = false
		} else if errno != 0 || n == 0 {
			c.close()
			return
		}
	}
	c.queueTurn()
}

// lingerReads is how often input is discarded before others have their turn.
const lingerReads = 16

// lingerOn waits for lingerLimit, again and again while the peer has not got
// all replies.
func (c *conn) lingerOn() {
	if c.lingering.over(kernelUnsent(c.fd)) {
		c.close()
		return
	}
	time.AfterFunc(lingerLimit, func() {
		c.w.post(func() {
			if !c.dead {
				c.lingerOn()
			}
		})
	})
}

// close ends the connection now. It may be called again.
func (c *conn) close() {
	if c.dead {
		return
	}
	c.dead = true
	w := c.w
	syscall.Close(c.fd) // also takes it out of the epoll set
	if c.slot >= 0 {
		w.conns[c.slot] = nil
		w.freeSlots = append(w.freeSlots, c.slot)
	}
	w.load.Add(-1)
	c.setUnsent(0)
	c.backlog = backlog{}
	c.release(w.x)
	w.srv.forget(&c.client)
}

// send implements link.
func (c *conn) send(p []byte) {
	if c.dead {
		return
	}
	if c.backlog.len() == 0 {
		n, errno := sendNow(c.fd, p)
		if errno != 0 && errno != syscall.EAGAIN {
			c.killed.Store(true) // serve closes it; the caller is still using it
			return
		}
		if errno == 0 {
			c.w.x.counts.writes++
			if n == len(p) {
				return
			}
			p = p[n:]
		}
	}
	c.backlog.add(p, &c.w.x.buffers)
	c.setUnsent(c.backlog.len())
	c.poll(true)
}

// drain writes of the backlog what the socket takes.
func (c *conn) drain() {
	for c.backlog.len() > 0 {
		n, errno := sendNow(c.fd, c.backlog.pending())
		if errno == syscall.EAGAIN {
			break
		}
		if errno != 0 {
			c.close()
			return
		}
		c.w.x.counts.writes++
		c.public.sent.Add(int64(n))
		c.backlog.sent(n, &c.w.x.buffers)
		c.touch(c.w.x.nowMs)
	}
	c.setUnsent(c.backlog.len())
	c.poll(c.backlog.len() > 0)
	c.w.x.checkBacklog(&c.client)
}

// poll asks for EPOLLOUT, or not any more.
func (c *conn) poll(out bool) {
	if c.polling == out {
		return
	}
	c.polling = out
	ev := syscall.EpollEvent{Events: baseEvents, Fd: c.slot, Pad: c.generation}
	if out {
		ev.Events |= syscall.EPOLLOUT
	}
	if syscall.EpollCtl(c.w.epfd, syscall.EPOLL_CTL_MOD, c.fd, &ev) != nil {
		c.killed.Store(true)
	}
}

func (c *conn) setUnsent(n int) {
	c.srv.noteUnsent(c.unsentNow.Swap(int64(n)), int64(n))
}

// unsent implements link.
func (c *conn) unsent() int { return int(c.unsentNow.Load()) }

// await implements link.
func (c *conn) await() {
	if !c.awaiting {
		c.awaiting = true
		c.w.awaiting = append(c.w.awaiting, c)
	}
	c.w.hasAwaiting.Store(true)
}

// post implements link.
func (c *conn) post(fn func()) {
	c.w.post(func() {
		if c.dead {
			return
		}
		fn()
		c.serve()
	})
}

// kill implements link.
func (c *conn) kill() {
	c.w.post(func() { c.close() })
}
