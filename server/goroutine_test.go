package server

import (
	"net"
	"testing"
)

// gatedConn is a connection whose writes wait for a gate.
type gatedConn struct {
	net.Conn
	begun chan struct{} // closed by the first write
	gate  chan struct{}
}

func (c *gatedConn) Write(p []byte) (int, error) {
	close(c.begun)
	<-c.gate
	return len(p), nil
}

// TestEndWhileWriting: a connection ends while its flusher is in the middle of a
// write, and the write succeeds all the same.
func TestEndWhileWriting(t *testing.T) {
	b := newBench(t)
	end, peer := net.Pipe()
	defer peer.Close()
	gated := &gatedConn{end, make(chan struct{}), make(chan struct{})}
	c := &goConn{Conn: gated, wake: make(chan struct{}, 1)}
	b.initClient(&c.client, c, &endpoint{}, b.x.nowMs)
	c.send([]byte("a reply"))
	<-gated.begun
	c.bury()
	close(gated.gate)
	for flushing := true; flushing; {
		c.mu.Lock()
		flushing = c.mu.flushing
		c.mu.Unlock()
	}
	if n := b.backlogged.Load(); n != 0 {
		t.Errorf("%d connections have a backlog", n)
	}
}
