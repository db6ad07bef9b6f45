package resp

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/tidwall/redcon"
)

// Client is a small synchronous client for tests and tools. Error replies are
// values, not errors: an error means the connection cannot be used any more.
// A Client is not for concurrent use.
type Client struct {
	// OnPush is called with out-of-band messages that arrive while Do waits for
	// a reply. nil: they are dropped. Receive returns them like replies.
	OnPush func(Value)

	conn net.Conn
	r    *bufio.Reader
	out  []byte
}

// Dial connects; network is "tcp" or "unix".
func Dial(network, addr string) (*Client, error) {
	conn, err := net.DialTimeout(network, addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return NewClient(conn), nil
}

// NewClient speaks over a connection that exists already, and owns it.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, r: bufio.NewReaderSize(conn, 16<<10)}
}

// Do sends one command and returns its reply. Arguments may be strings, byte
// slices, integers, floats and bools (1 or 0). All replies to commands sent
// before must have been received.
func (c *Client) Do(args ...any) (Value, error) {
	if err := c.Send(args...); err != nil {
		return Value{}, err
	}
	if err := c.Flush(); err != nil {
		return Value{}, err
	}
	for {
		v, err := c.Receive()
		if err != nil || v.Kind != KindPush {
			return v, err
		}
		if c.OnPush != nil {
			c.OnPush(v)
		}
	}
}

// Send adds a command to the pipeline.
func (c *Client) Send(args ...any) error {
	if len(args) == 0 {
		return errors.New("resp: a command without a name")
	}
	out := redcon.AppendArray(c.out, len(args))
	for _, arg := range args {
		switch a := arg.(type) {
		case string:
			out = appendBulk(out, a)
		case []byte:
			out = appendBulk(out, a)
		case int:
			out = appendBulk(out, strconv.Itoa(a))
		case int64:
			out = appendBulk(out, strconv.FormatInt(a, 10))
		case uint64:
			out = appendBulk(out, strconv.FormatUint(a, 10))
		case float64:
			out = appendBulk(out, AppendDouble(nil, a))
		case bool:
			n := "0"
			if a {
				n = "1"
			}
			out = appendBulk(out, n)
		default:
			return fmt.Errorf("resp: cannot send an argument of type %T", arg)
		}
	}
	c.out = out
	return nil
}

// SendRaw adds bytes that are protocol already to the pipeline.
func (c *Client) SendRaw(b []byte) { c.out = append(c.out, b...) }

// Flush writes the pipeline to the connection.
func (c *Client) Flush() error {
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}

// Receive reads the next reply or push message.
func (c *Client) Receive() (Value, error) { return ReadValue(c.r) }

// Hello switches the protocol (2 or 3) and returns the server's properties.
func (c *Client) Hello(proto int) (Value, error) {
	v, err := c.Do("HELLO", proto)
	if err == nil && v.IsError() {
		err = fmt.Errorf("HELLO %d: %s", proto, v.Str)
	}
	return v, err
}

// SetDeadline bounds all reading and writing; the zero time lifts the bound.
func (c *Client) SetDeadline(t time.Time) error { return c.conn.SetDeadline(t) }

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }
