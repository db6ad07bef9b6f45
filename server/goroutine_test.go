package server

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"
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

// A driver that is told to stop before its listeners are accepted from stops.
func TestShutdownBeforeAccept(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the accept loops come late
	for range 20 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		d := newGoroutineDriver(new(Server))
		if err := d.serve([]listening{{Listener: ln}}); err != nil {
			t.Fatal(err)
		}
		stopped := make(chan struct{})
		go func() {
			d.shutdown(context.Background())
			close(stopped)
		}()
		select {
		case <-stopped:
		case <-time.After(patience):
			t.Fatal("it does not stop")
		}
	}
}
