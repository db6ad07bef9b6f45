package command

import (
	"math"

	"hpkv/engine"
	"hpkv/resp"
)

var hashRows = []Row{
	{Name: "hset", Arity: -4, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyUpdate), Elem: 2, Cats: CatHash, Run: hset},
	{Name: "hsetnx", Arity: 4, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyInsert), Elem: 2, Cats: CatHash, Run: hsetnx},
	{Name: "hmset", Arity: -4, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyUpdate), Elem: 2, Cats: CatHash, Run: hmset},
	{Name: "hget", Arity: 3, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Elem: 2, Cats: CatHash, Run: hget},
	{Name: "hmget", Arity: -3, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Elem: 2, Cats: CatHash, Run: hmget},
	{Name: "hgetall", Arity: 2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatHash, Tips: unordered, Run: hgetall},
	{Name: "hdel", Arity: -3, Flags: Write | Fast, Keys: one(KeyRW | KeyDelete), Elem: 2, Cats: CatHash, Run: hdel},
	{Name: "hexists", Arity: 3, Flags: ReadOnly | Fast, Keys: one(KeyRO), Elem: 2, Cats: CatHash, Run: hexists},
	{Name: "hlen", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO), Cats: CatHash, Run: hlen},
	{Name: "hstrlen", Arity: 3, Flags: ReadOnly | Fast, Keys: one(KeyRO), Elem: 2, Cats: CatHash, Run: hstrlen},
	{Name: "hkeys", Arity: 2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatHash, Tips: unordered, Run: hkeys},
	{Name: "hvals", Arity: 2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatHash, Tips: unordered, Run: hvals},
	{Name: "hincrby", Arity: 4, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Elem: 2, Cats: CatHash, Run: hincrby},
	{Name: "hincrbyfloat", Arity: 4, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Elem: 2, Cats: CatHash, Run: hincrbyfloat},
	{Name: "hrandfield", Arity: -2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatHash, Tips: unstable, Run: hrandfield},
	{Name: "hscan", Arity: -3, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatHash, Tips: unstable, Run: hscan},
}

// unordered are the tips of commands whose answer has no order.
var unordered = []string{"nondeterministic_output_order"}

func hset(c *Ctx) {
	if len(c.Args)%2 != 0 {
		c.W.Error(c.Row.ArityText())
		return
	}
	c.integer(c.Txn.HSet(c.Args[1], c.Args[2:]))
}

func hmset(c *Ctx) {
	if len(c.Args)%2 != 0 {
		c.W.Error(c.Row.ArityText())
		return
	}
	_, err := c.Txn.HSet(c.Args[1], c.Args[2:])
	c.ok(err)
}

func hsetnx(c *Ctx) { c.yesNo(c.Txn.HSetNX(c.Args[1], c.Args[2], c.Args[3])) }

func hget(c *Ctx) {
	dst, found, err := c.Txn.HGet(c.W.Buffer(), c.Args[1], c.Args[2], resp.AppendBulkHeader)
	c.value(dst, found, err)
}

func hmget(c *Ctx) {
	fields := c.Args[2:]
	mark := c.W.Len()
	c.W.Array(len(fields))
	err := c.Txn.HMGet(c.Args[1], fields, func(val []byte, ok bool) {
		if ok {
			c.W.Bulk(val)
		} else {
			c.W.Null()
		}
	})
	c.instead(mark, err)
}

func hgetall(c *Ctx) {
	c.instead(c.W.Len(), c.Txn.HGetAll(c.Args[1], c.W.Map, func(field, val []byte) {
		c.W.Bulk(field)
		c.W.Bulk(val)
	}))
}

func hkeys(c *Ctx) {
	c.instead(c.W.Len(), c.Txn.HGetAll(c.Args[1], c.W.Array, func(field, _ []byte) { c.W.Bulk(field) }))
}

func hvals(c *Ctx) {
	c.instead(c.W.Len(), c.Txn.HGetAll(c.Args[1], c.W.Array, func(_, val []byte) { c.W.Bulk(val) }))
}

func hdel(c *Ctx) { c.integer(c.Txn.HDel(c.Args[1], c.Args[2:])) }
func hlen(c *Ctx) { c.integer(c.Txn.HLen(c.Args[1])) }

func hexists(c *Ctx) {
	_, exists, err := c.Txn.HStrLen(c.Args[1], c.Args[2])
	c.yesNo(exists, err)
}

func hstrlen(c *Ctx) {
	n, _, err := c.Txn.HStrLen(c.Args[1], c.Args[2])
	c.integer(n, err)
}

func hincrby(c *Ctx) {
	delta, ok := resp.ParseInt64(c.Args[3])
	if !ok {
		c.W.Error(resp.ErrNotInteger)
		return
	}
	c.integer(c.Txn.HIncrBy(c.Args[1], c.Args[2], delta))
}

func hincrbyfloat(c *Ctx) {
	by, ok := resp.ParseLongDouble(c.Args[3])
	if !ok {
		c.W.Error(resp.ErrNotFloat)
		return
	}
	if by.IsInf() {
		c.W.Error(resp.ErrInfinite)
		return
	}
	sum, err := c.Txn.HIncrByFloat(c.scratch[:0], c.Args[1], c.Args[2], func(dst, old []byte) ([]byte, error) {
		have, ok := resp.ParseLongDouble(old)
		if !ok {
			return dst, engine.ErrHashNotFloat
		}
		sum, ok := resp.AddLongDouble(have, by)
		if !ok {
			return dst, engine.ErrNotFinite
		}
		return resp.AppendLongDouble(dst, sum), nil
	})
	if err != nil {
		c.Fail(err)
		return
	}
	c.scratch = sum
	c.W.Bulk(sum)
}

func hrandfield(c *Ctx) {
	if len(c.Args) == 2 {
		found := false
		mark := c.W.Len()
		err := c.Txn.HRandField(c.Args[1], 1, func(int) {}, func(field, _ []byte) {
			found = true
			c.W.Bulk(field)
		})
		if !found && err == nil {
			c.W.Null()
		}
		c.instead(mark, err)
		return
	}
	a := resp.NewArgs(c.Args[2:])
	n := randomCount(&a)
	values := a.Tag("WITHVALUES")
	a.End()
	if values && (n < -math.MaxInt64/2 || n > math.MaxInt64/2) {
		a.Fail(resp.ErrValueRange)
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	hrandfields(c, n, values)
}

// hrandfields writes fields and, if asked to, their values: one after the other,
// in RESP3 in pairs.
func hrandfields(c *Ctx, n int64, values bool) {
	pairs := values && c.W.Proto() >= 3
	c.instead(c.W.Len(), c.Txn.HRandField(c.Args[1], n, func(n int) {
		if values && !pairs {
			n *= 2
		}
		c.W.Array(n)
	}, func(field, val []byte) {
		if pairs {
			c.W.Array(2)
		}
		c.W.Bulk(field)
		if values {
			c.W.Bulk(val)
		}
	}))
}

func hscan(c *Ctx) {
	scanElements(c, engine.TypeHash, func(cursor uint64, o *scanOptions) (uint64, int, error) {
		n := 0
		next, err := c.Txn.HScan(c.Args[1], cursor, o.count, func(field, val []byte) {
			if o.matches(field) {
				c.W.Bulk(field)
				c.W.Bulk(val)
				n += 2
			}
		})
		return next, n, err
	})
}
