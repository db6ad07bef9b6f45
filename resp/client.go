package resp

import "time"

// Client is a small synchronous client, for tests and tools.
type Client struct{}

// Dial connects; network is "tcp" or "unix".
func Dial(network, addr string) (*Client, error) { panic("unfinished") }
func (c *Client) Do(args ...any) (Value, error)  { panic("unfinished") }
func (c *Client) Send(args ...any) error         { panic("unfinished") }
func (c *Client) Flush() error                   { panic("unfinished") }
func (c *Client) Receive() (Value, error)        { panic("unfinished") }
func (c *Client) Hello(proto int) (Value, error) { panic("unfinished") }
func (c *Client) SetDeadline(t time.Time) error  { panic("unfinished") }
func (c *Client) Close() error                   { panic("unfinished") }
