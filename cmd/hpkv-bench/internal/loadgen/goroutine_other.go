//go:build !linux

package loadgen

import (
	"fmt"
	"io"
	"net"
	"time"
)

// link is the connection of a conn.
type link struct{ net.Conn }

// connect opens the connections; each is a worker.
func (l *load) connect() ([]*worker, error) {
	l.Threads = l.Clients
	workers := make([]*worker, 0, l.Clients)
	for i := range l.Clients {
		nc, err := net.DialTimeout("tcp", l.Addr, 5*time.Second)
		if err != nil {
			closeAll(workers)
			return nil, fmt.Errorf("connection %d of %d: %w", i+1, l.Clients, err)
		}
		workers = append(workers, newWorker(l, i, l.Clients, []*conn{{link: link{nc}}}))
	}
	return workers, nil
}

func closeAll(workers []*worker) {
	for _, w := range workers {
		w.conns[0].Close()
	}
}

// run sends batch after batch on the worker's one connection.
func (w *worker) run() error {
	c := w.conns[0]
	for {
		from := w.now()
		if w.interval > 0 {
			time.Sleep(w.due - from)
			from = w.due
			w.due += w.interval
		}
		if !w.fill(c, from) {
			return nil
		}
		w.noteSend(from)
		if err := w.batch(c); err != nil {
			return err
		}
	}
}

// batch writes c's batch and reads its replies. The writing runs beside the
// reading: a server that stops reading until its replies are taken must not
// block both sides.
func (w *worker) batch(c *conn) error {
	written := make(chan error, 1)
	go func() {
		_, err := c.Write(c.out)
		written <- err
	}()
	c.SetReadDeadline(time.Now().Add(30 * time.Second)) // a server that hangs ends the run
	for done := false; !done; {
		n, err := c.Read(c.room())
		if n == 0 {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read from server: %w", err)
		}
		c.in = c.in[:len(c.in)+n]
		if done, err = w.received(c, w.now()); err != nil {
			return err
		}
	}
	return <-written
}
