package rest

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// lazyListener accepts connections whose deadlines cost nothing as long as they
// are kept. An HTTP server sets three for each request, and each moves a timer of
// the runtime under its locks: 5% of a small request's CPU.
type lazyListener struct{ net.Listener }

// Accept implements net.Listener.
func (l lazyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lazyConn{Conn: c}, nil
}

// lazyConn moves the connection's timer only when a deadline comes nearer. When
// the timer fires too early, because the deadline was put off meanwhile, it is
// set to the deadline that counts.
type lazyConn struct {
	net.Conn
	reading, writing lazyDeadline
	gently           atomic.Bool // see linger
}

// lazyDeadline is a deadline and the time for which the timer is set; zero: none.
type lazyDeadline struct {
	mu          sync.Mutex
	want, timer time.Time
}

// put makes t the deadline; set moves the timer.
func (d *lazyDeadline) put(t time.Time, set func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = t
	if !d.timer.IsZero() && (t.IsZero() || !t.Before(d.timer)) {
		return nil
	}
	d.timer = t
	return set(t)
}

// early reports whether the timer has fired before the deadline, and sets it anew
// if so.
func (d *lazyDeadline) early(set func(time.Time) error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.want.IsZero() && !time.Now().Before(d.want) {
		return false
	}
	d.timer = d.want
	return set(d.want) == nil
}

// SetDeadline implements net.Conn.
func (c *lazyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *lazyConn) SetReadDeadline(t time.Time) error {
	return c.reading.put(t, c.Conn.SetReadDeadline)
}

// SetWriteDeadline implements net.Conn.
func (c *lazyConn) SetWriteDeadline(t time.Time) error {
	return c.writing.put(t, c.Conn.SetWriteDeadline)
}

// Read implements net.Conn.
func (c *lazyConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !c.reading.early(c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *lazyConn) Write(p []byte) (n int, err error) {
	for {
		var more int
		more, err = c.Conn.Write(p[n:])
		if n += more; err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !c.writing.early(c.Conn.SetWriteDeadline) {
			return n, err
		}
	}
}
