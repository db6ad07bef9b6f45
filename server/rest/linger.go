package rest

import (
	"crypto/tls"
	"io"
	"net"
	"time"
)

// linger has a connection closed gently that is broken off while its peer may still
// be sending, as after the head of a request whose body is too long. Closing with
// input unread would reset it, and take from the peer the answer that says why.
func linger(c net.Conn) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	if l, ok := c.(*lazyConn); ok {
		l.gently.Store(true)
	}
}

// Close implements net.Conn. A connection that lingers is closed for writing at
// once, and entirely when the peer has nothing more to say: after closeWait or
// discardBytes at the latest.
func (c *lazyConn) Close() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !c.gently.Swap(false) || !ok || half.CloseWrite() != nil {
		return c.Conn.Close()
	}
	go func() {
		_ = c.Conn.SetReadDeadline(time.Now().Add(closeWait))
		_, _ = io.CopyN(io.Discard, c.Conn, discardBytes)
		c.Conn.Close()
	}()
	return nil
}
