package command

import (
	"slices"

	"hpkv/resp"
)

// The replies most handlers end with. Each takes what an engine operation
// returned.

// Fail writes the reply for an error of the engine.
func (c *Ctx) Fail(err error) {
	text, _ := ErrorText(err)
	c.W.Error(text)
}

// yesNo writes the integer 1 or 0.
func (c *Ctx) yesNo(yes bool, err error) {
	n := int64(0)
	if yes {
		n = 1
	}
	c.integer(n, err)
}

// integer writes n.
func (c *Ctx) integer(n int64, err error) {
	if err != nil {
		c.Fail(err)
		return
	}
	c.W.Int(n)
}

// ok writes the status OK.
func (c *Ctx) ok(err error) {
	if err != nil {
		c.Fail(err)
		return
	}
	c.W.OK()
}

// value completes a reply that the engine has appended to the Writer's buffer,
// header included: dst is that buffer with the value. A null when there is no
// value.
func (c *Ctx) value(dst []byte, found bool, err error) {
	switch {
	case err != nil:
		c.Fail(err)
	case found:
		c.W.SetBuffer(append(dst, '\r', '\n'))
	default:
		c.W.Null()
	}
}

// insertReply puts what write writes at a place in the reply that was passed
// before it was known, such as the cursor in front of a page.
func (c *Ctx) insertReply(at int, write func(*resp.Writer)) {
	end := c.W.Len()
	write(c.W)
	buf := c.W.Buffer()
	var room [128]byte
	head := append(room[:0], buf[end:]...)
	c.W.SetBuffer(slices.Insert(buf[:end], at, head...))
}
