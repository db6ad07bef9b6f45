package command

import (
	"math"
	"strconv"

	"hpkv/engine"
	"hpkv/engine/glob"
	"hpkv/resp"
)

// instead replaces the reply written since mark by err, if there is one.
func (c *Ctx) instead(mark int, err error) {
	if err != nil {
		c.W.Truncate(mark)
		c.Fail(err)
	}
}

// randomCount reads how many elements HRANDFIELD and its like are to choose.
func randomCount(a *resp.Args) int64 {
	n := a.Int64()
	if n == math.MinInt64 {
		a.Fail(resp.NotBetween(-math.MaxInt64, math.MaxInt64))
	}
	return n
}

// matches reports whether an element goes into a page.
func (o *scanOptions) matches(elem []byte) bool {
	return o.pattern == nil || glob.Match(o.pattern, elem)
}

// scanElements answers HSCAN and its like, of keys of the type: page writes a page's
// elements from a cursor on and returns the next cursor and how many replies it wrote.
// As in Redis, options are looked at only if there is something to scan.
func scanElements(c *Ctx, typ engine.Type, page func(cursor uint64, o *scanOptions) (next uint64, n int, err error)) {
	a := resp.NewArgs(c.Args[2:])
	cursor := a.Cursor()
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	o := scanOptions{count: 10}
	if c.Txn.Type(c.Args[1]) == typ {
		o.parseElements(&a)
		if e := a.Err(); e != "" {
			c.W.Error(e)
			return
		}
	}
	start := c.W.Len()
	c.W.Array(2)
	at := c.W.Len()
	mark := c.W.BeginArray()
	next, n, err := page(cursor, &o)
	c.W.EndArray(mark, n)
	c.insertReply(at, func(w *resp.Writer) {
		w.Bulk(strconv.AppendUint(c.scratch[:0], next, 10))
	})
	c.instead(start, err)
}
