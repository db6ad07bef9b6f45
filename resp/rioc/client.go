package rioc

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// Client is a synchronous client. It is not for concurrent use.
type Client struct {
	conn   net.Conn
	r      *bufio.Reader
	out    []byte
	single [1]Op
	answer [1]Answer
	failed error // the stream is broken: nothing more can be asked
}

// Entry is a key with its value in the answer to a Range.
type Entry struct{ Key, Value []byte }

// Answer is the outcome of one operation. Its bytes are the caller's.
type Answer struct {
	Status  Status
	Value   []byte  // of a Get
	Number  int64   // of an Add
	Entries []Entry // of a Range
}

// Dial connects to addr, "host:port". tlsConfig is nil for a plain connection.
func Dial(addr string, tlsConfig *tls.Config) (*Client, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if tlsConfig == nil {
		conn, err := d.Dial("tcp", addr)
		if err != nil {
			return nil, err
		}
		return NewClient(conn), nil
	}
	conn, err := tls.DialWithDialer(&d, "tcp", addr, tlsConfig)
	if err != nil {
		return nil, err
	}
	return NewClient(conn), nil
}

// NewClient speaks over a connection that exists already, and owns it.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// SetDeadline bounds all reading and writing; the zero time lifts the bound.
func (c *Client) SetDeadline(t time.Time) error { return c.conn.SetDeadline(t) }

// Do sends ops, 1 to MaxOps, as one batch and stores their outcomes in answers,
// which must be as long; byte slices in them are reused. That an operation
// failed is in its Status; an error means that the connection is of no use any
// more.
func (c *Client) Do(ops []Op, answers []Answer) error {
	if len(ops) < 1 || len(ops) > MaxOps || len(answers) != len(ops) {
		return fmt.Errorf("rioc: a batch of %d operations with room for %d answers", len(ops), len(answers))
	}
	for i := range ops {
		if len(ops[i].Key) > MaxKey || len(ops[i].Value) > MaxValue {
			return fmt.Errorf("rioc: operation %d: a key of %d or value of %d bytes is too large", i, len(ops[i].Key), len(ops[i].Value))
		}
	}
	if c.failed != nil {
		return c.failed
	}
	c.out = AppendBatch(c.out[:0], ops)
	if _, err := c.conn.Write(c.out); err != nil {
		return c.fail(err)
	}
	for i := range ops {
		if err := c.receive(ops[i].Command, &answers[i]); err != nil {
			return c.fail(err)
		}
	}
	return nil
}

func (c *Client) fail(err error) error {
	c.failed = fmt.Errorf("rioc: connection lost: %w", err)
	c.conn.Close()
	return c.failed
}

func (c *Client) receive(cmd Command, a *Answer) error {
	var head [AnswerBytes]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return err
	}
	a.Status = Status(binary.LittleEndian.Uint32(head[:]))
	n := int64(binary.LittleEndian.Uint32(head[4:]))
	a.Value, a.Number, a.Entries = a.Value[:0], 0, a.Entries[:0]
	switch {
	case n == 0:
		return nil
	case a.Status != OK:
		return fmt.Errorf("a failed operation announces %d bytes", n)
	}
	switch cmd {
	case Get:
		return c.take(&a.Value, n, MaxValue)
	case Add:
		var b [8]byte
		if n != 8 {
			return fmt.Errorf("a sum of %d bytes", n)
		}
		if _, err := io.ReadFull(c.r, b[:]); err != nil {
			return err
		}
		a.Number = int64(binary.LittleEndian.Uint64(b[:]))
		return nil
	case Range:
		return c.entries(a, n)
	}
	return fmt.Errorf("command %d answered with %d bytes", cmd, n)
}

// take reads n bytes into *dst, at most limit.
func (c *Client) take(dst *[]byte, n, limit int64) error {
	if n > limit {
		return fmt.Errorf("an answer of %d bytes, at most %d are allowed", n, limit)
	}
	if int64(cap(*dst)) < n {
		*dst = make([]byte, n)
	}
	*dst = (*dst)[:n]
	_, err := io.ReadFull(c.r, *dst)
	return err
}

func (c *Client) entries(a *Answer, n int64) error {
	total := int64(0)
	for range n {
		var b [8]byte
		var e Entry
		if _, err := io.ReadFull(c.r, b[:2]); err != nil {
			return err
		}
		k := int64(binary.LittleEndian.Uint16(b[:]))
		if err := c.take(&e.Key, k, MaxRangeBytes-total); err != nil {
			return err
		}
		if _, err := io.ReadFull(c.r, b[:]); err != nil {
			return err
		}
		v := binary.LittleEndian.Uint64(b[:])
		if v > MaxRangeBytes {
			return fmt.Errorf("an entry of %d bytes", v)
		}
		if err := c.take(&e.Value, int64(v), MaxRangeBytes-total); err != nil {
			return err
		}
		if total += 2 + k + 8 + int64(v); total >= MaxRangeBytes {
			return fmt.Errorf("a range of more than %d bytes", MaxRangeBytes)
		}
		a.Entries = append(a.Entries, e)
	}
	return nil
}

// one carries out a single operation.
func (c *Client) one(op Op) (*Answer, error) {
	c.single[0] = op
	if err := c.Do(c.single[:], c.answer[:]); err != nil {
		return nil, err
	}
	if s := c.answer[0].Status; s != OK {
		return nil, s
	}
	return &c.answer[0], nil
}

// Get returns key's value, valid until the next call; ErrNotFound if there is
// none.
func (c *Client) Get(key []byte) ([]byte, error) {
	a, err := c.one(Op{Command: Get, Key: key})
	if err != nil {
		return nil, err
	}
	return a.Value, nil
}

// Put stores val under key.
func (c *Client) Put(key, val []byte) error {
	_, err := c.one(Op{Command: Put, Key: key, Value: val, Timestamp: now()})
	return err
}

// Delete removes key; ErrNotFound if it does not exist.
func (c *Client) Delete(key []byte) error {
	_, err := c.one(Op{Command: Delete, Key: key, Timestamp: now()})
	return err
}

// Update merges patch, a JSON object, into the one under key, or appends it to
// what is there.
func (c *Client) Update(key, patch []byte) error {
	_, err := c.one(Op{Command: Update, Key: key, Value: patch, Timestamp: now()})
	return err
}

// Add adds delta to the number under key, 0 if there is none, and returns the
// sum.
func (c *Client) Add(key []byte, delta int64) (int64, error) {
	a, err := c.one(Op{Command: Add, Key: key, Delta: delta, Timestamp: now()})
	if err != nil {
		return 0, err
	}
	return a.Number, nil
}

// Range returns the keys from start to end, both inclusive, in byte order with
// their values, valid until the next call; ErrOverflow if they do not fit into
// one answer.
func (c *Client) Range(start, end []byte) ([]Entry, error) {
	a, err := c.one(Op{Command: Range, Key: start, Value: end})
	if err != nil {
		return nil, err
	}
	return a.Entries, nil
}

// now is a write's timestamp, in nanoseconds.
func now() uint64 { return uint64(time.Now().UnixNano()) }
