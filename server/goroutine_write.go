package server

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// send implements link. It writes what the socket takes at once. The rest goes
// to a flusher goroutine, so that the owner can go on reading as the event
// loop does: a peer that sends a long pipeline before it reads would otherwise
// wait for the server while the server waits for it.
func (c *goConn) send(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.failed || c.mu.closed {
		return
	}
	if !c.mu.flushing {
		n, err := c.attempt(p)
		if err != nil {
			c.mu.failed = true
			return
		}
		if n == len(p) {
			return
		}
		p = p[n:]
	}
	c.mu.backlog.add(p, nil)
	c.setUnsentLocked()
	if !c.mu.flushing {
		c.mu.flushing = true
		go c.flusher() // stopped by an empty backlog or a closed connection
	}
}

// attempt writes without waiting.
func (c *goConn) attempt(p []byte) (int, error) {
	if c.raw == nil {
		return 0, nil
	}
	c.trying, c.tried, c.tryErr = p, 0, nil
	err := c.raw.Write(c.tryWrite)
	c.trying = nil
	return c.tried, errors.Join(err, c.tryErr)
}

// writeNow is called with the descriptor, which does not block.
func (c *goConn) writeNow(fd uintptr) bool {
	for c.tried < len(c.trying) {
		n, err := syscall.Write(int(fd), c.trying[c.tried:])
		switch err {
		case nil:
			c.tried += n
			continue
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
		default:
			c.tryErr = err
		}
		break
	}
	return true // never wait here
}

// flushChunk is what the flusher copies out of the backlog for one write.
const flushChunk = 64 << 10

// flusher writes the backlog until it is gone. The owner may append to the
// backlog meanwhile, hence the copy.
func (c *goConn) flusher() {
	chunk := make([]byte, 0, flushChunk)
	for {
		c.mu.Lock()
		pending := c.mu.backlog.pending()
		if len(pending) == 0 || c.mu.failed || c.mu.closed {
			c.mu.flushing = false
			c.setUnsentLocked()
			c.mu.Unlock()
			c.post(c.afterFlush)
			return
		}
		chunk = append(chunk[:0], pending[:min(len(pending), flushChunk)]...)
		c.mu.Unlock()

		n, err := c.Conn.Write(chunk)

		c.mu.Lock()
		if !c.mu.closed { // else the backlog is gone
			c.mu.backlog.sent(n, nil)
		}
		c.public.sent.Add(int64(n))
		if n > 0 {
			c.touch(c.srv.clock.NowMs())
		}
		c.setUnsentLocked()
		if err != nil {
			c.mu.failed = true
		}
		c.mu.Unlock()
		if c.public.flags.Load()&uint32(flagPaused) != 0 && int64(c.unsent()) < c.public.pauseAt.Load()/2 {
			c.post(c.afterFlush)
		}
	}
}

// afterFlush lets a paused client go on. Owner.
func (c *goConn) afterFlush() {
	if n := int64(c.unsent() + c.withheld.len()); n < c.public.pauseAt.Load()/2 {
		c.paused = false
	}
}

func (c *goConn) setUnsentLocked() {
	n := int64(c.mu.backlog.len())
	if c.mu.closed || c.mu.failed {
		n = 0
	}
	c.srv.noteUnsent(c.unsentNow.Swap(n), n)
}

// unsent implements link.
func (c *goConn) unsent() int { return int(c.unsentNow.Load()) }

func (c *goConn) writeFailed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.failed
}

// linger ends the connection, whose backlog is gone, so that the peer gets the last
// replies: first the end of our side, then the peer's.
func (c *goConn) linger() {
	c.srv.forget(&c.client) // not a client any more
	c.stopListening()
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	for wait := new(linger); !wait.over(c.kernelUnsent()); {
		_ = c.Conn.SetReadDeadline(time.Now().Add(lingerLimit))
		if _, err := io.Copy(io.Discard, c.Conn); !errors.Is(err, os.ErrDeadlineExceeded) {
			return // the peer has closed
		}
	}
}

func (c *goConn) kernelUnsent() (n int) {
	if c.raw != nil {
		_ = c.raw.Control(func(fd uintptr) { n = kernelUnsent(int(fd)) })
	}
	return n
}

// bury releases everything. redcon closes the socket afterwards.
func (c *goConn) bury() {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.mail = nil
	c.mu.backlog = backlog{}
	c.setUnsentLocked()
	c.mu.Unlock()
	c.dead = true
	c.Conn.Close()
	x := c.srv.borrowExecutor()
	c.release(x)
	x.outlet = c.outlet // who waits for room in it goes on
	c.srv.returnExecutor(x)
	c.srv.forget(&c.client)
}
