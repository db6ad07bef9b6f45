package compat

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// replyTimeout is how long a server may take for one reply. It is far above
// what any case needs, since the machine may be busy with other tests.
const replyTimeout = time.Minute

// Conn is a raw connection: it writes commands or arbitrary bytes and returns
// replies as the bytes that came. Not safe for concurrent use.
type Conn struct {
	net.Conn
	r *bufio.Reader
}

// Dial connects to a server; proto 3 says HELLO 3 first.
func Dial(network, addr string, proto int) (*Conn, error) {
	nc, err := net.DialTimeout(network, addr, replyTimeout)
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: nc, r: bufio.NewReaderSize(nc, 16<<10)}
	if proto == 3 {
		raw, err := c.Do("HELLO", "3")
		if err != nil {
			nc.Close()
			return nil, fmt.Errorf("HELLO 3: %w", err)
		}
		// A server that wants a password says so here; the case goes on in
		// RESP2 until it has authenticated.
		if raw[0] != '%' && !bytes.HasPrefix(raw, []byte("-NOAUTH")) {
			nc.Close()
			return nil, fmt.Errorf("HELLO 3 answered %s", Show(raw))
		}
	}
	return c, nil
}

// AppendCommand appends the RESP array of one command.
func AppendCommand(dst []byte, args ...string) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(args)), 10)
	dst = append(dst, "\r\n"...)
	for _, a := range args {
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(len(a)), 10)
		dst = append(dst, "\r\n"...)
		dst = append(dst, a...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// Send writes bytes as they are.
func (c *Conn) Send(b []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	_, err := c.Write(b)
	return err
}

// Receive reads one reply.
func (c *Conn) Receive() ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(replyTimeout)); err != nil {
		return nil, err
	}
	return ReadFrame(c.r)
}

// CloseWrite ends our side of the connection; the server's replies can still
// be read.
func (c *Conn) CloseWrite() error {
	h, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("%T cannot be closed by halves", c.Conn)
	}
	return h.CloseWrite()
}

// Drain reads until the server closes the connection and returns what came. A
// reset counts as closed: a server that closes with unread input causes one.
func (c *Conn) Drain() ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(replyTimeout)); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(c.r)
	if isReset(err) {
		err = nil
	}
	return b, err
}

// Do sends one command and reads its reply.
func (c *Conn) Do(args ...string) ([]byte, error) {
	if err := c.Send(AppendCommand(nil, args...)); err != nil {
		return nil, err
	}
	return c.Receive()
}

// Node is Do with the reply parsed.
func (c *Conn) Node(args ...string) (Node, error) {
	raw, err := c.Do(args...)
	if err != nil {
		return Node{}, err
	}
	return ParseReply(raw)
}
