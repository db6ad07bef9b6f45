package command

import (
	"hpkv/engine"
	"hpkv/resp"
)

var rangeRows = []Row{
	{Name: "hpkv.range", Arity: -3, Flags: ReadOnly | AllShards | NoMulti | NoScript, Cats: CatKeyspace | CatDangerous,
		Tips: []string{"request_policy:all_shards", "response_policy:special"}, Run: hpkvRange},
}

// hpkvRange is HPKV.RANGE start end [LIMIT n] [KEYS|VALUES]: the keys from
// start to end in byte order, as all of them were at one moment, with their
// values.
//
// Both ends are inclusive and need not exist. An empty start is the first key
// (no key sorts before the empty one) and an empty end means no end. "user:" to
// "user:\xff" are the keys with that prefix, as long as no text continues it
// with byte 255.
//
// The reply is an array of a cursor and an array: key, value, key, value...;
// with KEYS or VALUES only those. The value of a key that holds no string is
// null. The cursor is null when the range is exhausted, else the start to give
// the next call to go on: the last key with a zero byte behind it, which is the
// first name that can follow. So a walk by pages returns a key at most once,
// finds every key that exists throughout, and keys written meanwhile ahead of
// the walk; each page is consistent in itself. The last page says so: no empty
// one follows.
//
// Without LIMIT the whole range is returned. The first call builds the ordered
// index of the database.
func hpkvRange(c *Ctx) {
	o, e := parseRange(c.Args[3:])
	switch {
	case e != "":
		c.W.Error(e)
	case c.Host != nil && (o.limit > rangeInline || !c.Txn.Engine().RangeReady(c.Txn.DB())):
		c.Defer(hpkvRange) // there, it has no host
	default:
		readRange(c, o)
	}
}

// rangeInline is how many keys are read on the event loop: some 100 us of work.
const rangeInline = 200

type rangeOptions struct {
	limit        int64
	keys, values bool // what to return
}

func parseRange(args [][]byte) (o rangeOptions, text string) {
	o.limit = 1<<63 - 1
	a := resp.NewArgs(args)
	for a.More() {
		switch {
		case a.TagWith("LIMIT", 1):
			o.limit = a.IntRange(1, 1<<63-1, resp.ErrNotPositive)
		case !o.values && a.Tag("KEYS"):
			o.keys = true
		case !o.keys && a.Tag("VALUES"):
			o.values = true
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
	if !o.keys && !o.values {
		o.keys, o.values = true, true
	}
	return o, a.Err()
}

func readRange(c *Ctx, o rangeOptions) {
	start, end := c.Args[1], c.Args[2]
	if len(end) == 0 {
		end = nil
	}
	r := c.Txn.Range(start, end)
	defer r.Close()
	c.W.Array(2)
	at := c.W.Len()
	last, more := writeRange(c.W, r, o)
	if more {
		c.scratch = append(append(c.scratch[:0], last...), 0)
		c.insertReply(at, func(w *resp.Writer) { w.Bulk(c.scratch) })
	} else {
		c.insertReply(at, (*resp.Writer).Null)
	}
}

// writeRange writes one page as an array, and returns its last key and whether
// the range goes on behind it.
func writeRange(w *resp.Writer, r *engine.Range, o rangeOptions) (last []byte, more bool) {
	mark, items := w.BeginArray(), 0
	more = r.Next()
	for n := int64(0); more && n < o.limit; n++ {
		if o.keys {
			w.Bulk(r.Key())
			items++
		}
		if o.values {
			writeValue(w, r)
			items++
		}
		last = r.Key()
		more = r.Next()
	}
	w.EndArray(mark, items)
	return last, more
}

// writeValue writes the value the range is at, null if it is no string.
func writeValue(w *resp.Writer, r *engine.Range) {
	if r.Type() == engine.TypeString {
		w.Bulk(r.Value())
	} else {
		w.Null()
	}
}
