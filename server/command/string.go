package command

import (
	"math"

	"hpkv/engine"
	"hpkv/resp"
)

var stringRows = []Row{
	{Name: "get", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatString, Run: get},
	{Name: "set", Arity: -3, Flags: Write | DenyOOM | Steady, Keys: setKeys, FindKeys: findSetKeys, Cats: CatString, Run: set},
	{Name: "setnx", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: one(KeyOW | KeyInsert), Cats: CatString, Run: setnx},
	{Name: "setex", Arity: 4, Flags: Write | DenyOOM | Steady, Keys: one(KeyOW | KeyUpdate), Cats: CatString, Run: setex},
	{Name: "psetex", Arity: 4, Flags: Write | DenyOOM | Steady, Keys: one(KeyOW | KeyUpdate), Cats: CatString, Run: psetex},
	{Name: "getset", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Cats: CatString, Run: getset},
	{Name: "getdel", Arity: 2, Flags: Write | Fast, Keys: one(KeyRW | KeyAccess | KeyDelete), Cats: CatString, Run: getdel},
	{Name: "getex", Arity: -2, Flags: Write | Fast, Keys: getexKeys, Cats: CatString, Run: getex},
	{Name: "mget", Arity: -2, Flags: ReadOnly | Fast | Optimistic, Keys: span(KeyRO|KeyAccess, 1, -1, 1), Cats: CatString,
		Tips: []string{"request_policy:multi_shard"}, Run: mget},
	{Name: "mset", Arity: -3, Flags: Write | DenyOOM, Keys: span(KeyOW|KeyUpdate, 1, -1, 2), Cats: CatString,
		Tips: []string{"request_policy:multi_shard", "response_policy:all_succeeded"}, Run: mset},
	{Name: "msetnx", Arity: -3, Flags: Write | DenyOOM, Keys: span(KeyOW|KeyInsert, 1, -1, 2), Cats: CatString, Run: msetnx},
	{Name: "append", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyInsert), Cats: CatString, Run: appendTo},
	{Name: "strlen", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO), Cats: CatString, Run: strlen},
	{Name: "getrange", Arity: 4, Flags: ReadOnly | Steady, Keys: one(KeyRO | KeyAccess), Cats: CatString, Run: getrange},
	{Name: "substr", Arity: 4, Flags: ReadOnly | Steady, Keys: one(KeyRO | KeyAccess), Cats: CatString, Run: getrange},
	{Name: "setrange", Arity: 4, Flags: Write | DenyOOM, Keys: one(KeyRW | KeyUpdate), Cats: CatString, Run: setrange},
	{Name: "incr", Arity: 2, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Cats: CatString, Run: incr},
	{Name: "incrby", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Cats: CatString, Run: incrby},
	{Name: "decr", Arity: 2, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Cats: CatString, Run: decr},
	{Name: "decrby", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Cats: CatString, Run: decrby},
	{Name: "incrbyfloat", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Cats: CatString, Run: incrbyfloat},
}

var (
	setKeys = []KeySpec{{Flags: KeyRW | KeyAccess | KeyUpdate | KeyVariableFlags, Pos: 1, Step: 1,
		Notes: "RW and ACCESS due to the optional `GET` argument"}}
	getexKeys = []KeySpec{{Flags: KeyRW | KeyAccess | KeyUpdate, Pos: 1, Step: 1,
		Notes: "RW and UPDATE because it changes the TTL"}}
)

// findSetKeys tells SET, which only overwrites, from SET ... GET. As in Redis,
// any argument that reads GET counts, be it the value of another option.
func findSetKeys(dst []KeyPos, args [][]byte) ([]KeyPos, bool) {
	flags := KeyOW | KeyUpdate
	for _, a := range args[min(3, len(args)):] {
		if resp.EqualFold(a, "GET") {
			flags = KeyRW | KeyAccess | KeyUpdate
		}
	}
	return append(dst, KeyPos{1, flags}), true
}

func get(c *Ctx) {
	dst, found, err := c.Txn.Get(c.W.Buffer(), c.Args[1], resp.AppendBulkHeader)
	c.value(dst, found, err)
}

func set(c *Ctx) {
	var o engine.SetOptions
	if len(c.Args) > 3 {
		var e string
		if o, e = parseSet(c); e != "" {
			c.W.Error(e)
			return
		}
	}
	res, err := c.Txn.Set(c.Args[1], c.Args[2], o)
	switch {
	case err != nil:
		c.Fail(err)
	case o.Get && res.HadPrev:
		c.W.Bulk(res.Prev)
	case o.Get || !res.Set:
		c.W.Null()
	default:
		c.W.OK()
	}
}

// parseSet reads the options behind SET key value.
func parseSet(c *Ctx) (o engine.SetOptions, text string) {
	a := resp.NewArgs(c.Args[3:])
	var x expiryOption
	for a.More() {
		switch {
		case a.Tag("NX"):
			o.NX = true
		case a.Tag("XX"):
			o.XX = true
		case a.Tag("GET"):
			o.Get = true
		case a.Tag("KEEPTTL"):
			o.KeepTTL = true
			x.exclude(&a)
		case x.parse(&a):
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
	if o.NX && o.XX {
		a.Fail(resp.ErrSyntax)
	}
	if text = a.Err(); text == "" {
		o.ExpireAtMs, text = x.unixMs(c)
	}
	return o, text
}

func setnx(c *Ctx) {
	res, err := c.Txn.Set(c.Args[1], c.Args[2], engine.SetOptions{NX: true})
	c.yesNo(res.Set, err)
}

func setex(c *Ctx)  { setExpiring(c, inSeconds) }
func psetex(c *Ctx) { setExpiring(c, inMillis) }

func setExpiring(c *Ctx, form timeForm) {
	at, e := (&expiryOption{arg: c.Args[2], form: form}).unixMs(c)
	if e != "" {
		c.W.Error(e)
		return
	}
	_, err := c.Txn.Set(c.Args[1], c.Args[3], engine.SetOptions{ExpireAtMs: at})
	c.ok(err)
}

func getset(c *Ctx) {
	res, err := c.Txn.Set(c.Args[1], c.Args[2], engine.SetOptions{Get: true})
	switch {
	case err != nil:
		c.Fail(err)
	case res.HadPrev:
		c.W.Bulk(res.Prev)
	default:
		c.W.Null()
	}
}

func getdel(c *Ctx) {
	dst, found, err := c.Txn.GetDel(c.W.Buffer(), c.Args[1], resp.AppendBulkHeader)
	c.value(dst, found, err)
}

func getex(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	var x expiryOption
	for a.More() {
		switch {
		case a.Tag("PERSIST"):
			x.exclude(&a)
		case x.parse(&a):
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	at, e := x.unixMs(c)
	if e != "" {
		getexBadTime(c, e)
		return
	}
	dst, found, err := c.Txn.GetEx(c.W.Buffer(), c.Args[1], resp.AppendBulkHeader,
		engine.GetExOptions{Persist: x.none, ExpireAtMs: at})
	c.value(dst, found, err)
}

// getexBadTime answers a GETEX whose time is wrong: Redis looks at the time
// only when the key holds a string.
func getexBadTime(c *Ctx, text string) {
	switch c.Txn.Type(c.Args[1]) {
	case engine.TypeNone:
		c.W.Null()
	case engine.TypeString:
		c.W.Error(text)
	default:
		c.W.Error(resp.ErrWrongType)
	}
}

func mget(c *Ctx) {
	keys := c.Args[1:]
	c.W.Array(len(keys))
	c.Txn.MGet(keys, func(_ int, val []byte, ok bool) {
		if ok {
			c.W.Bulk(val)
		} else {
			c.W.Null()
		}
	})
}

func mset(c *Ctx) {
	if len(c.Args)%2 == 0 {
		c.W.Error(c.Row.ArityText())
		return
	}
	c.ok(c.Txn.MSet(c.Args[1:]))
}

func msetnx(c *Ctx) {
	if len(c.Args)%2 == 0 {
		c.W.Error(c.Row.ArityText())
		return
	}
	c.yesNo(c.Txn.MSetNX(c.Args[1:]))
}

func appendTo(c *Ctx) { c.integer(c.Txn.Append(c.Args[1], c.Args[2])) }

func strlen(c *Ctx) { c.integer(c.Txn.StrLen(c.Args[1])) }

func getrange(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	start, end := a.Int64(), a.Int64()
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	dst, _, err := c.Txn.GetRange(c.W.Buffer(), c.Args[1], start, end, resp.AppendBulkHeader)
	c.value(dst, true, err)
}

func setrange(c *Ctx) {
	a := resp.NewArgs(c.Args[2:3])
	off := a.Int64()
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.integer(c.Txn.SetRange(c.Args[1], off, c.Args[3]))
}

func incr(c *Ctx) { c.integer(c.Txn.IncrBy(c.Args[1], 1)) }
func decr(c *Ctx) { c.integer(c.Txn.IncrBy(c.Args[1], -1)) }

func incrby(c *Ctx) {
	n, ok := resp.ParseInt64(c.Args[2])
	if !ok {
		c.W.Error(resp.ErrNotInteger)
		return
	}
	c.integer(c.Txn.IncrBy(c.Args[1], n))
}

func decrby(c *Ctx) {
	n, ok := resp.ParseInt64(c.Args[2])
	switch {
	case !ok:
		c.W.Error(resp.ErrNotInteger)
	case n == math.MinInt64:
		c.W.Error(resp.ErrDecrement)
	default:
		c.integer(c.Txn.IncrBy(c.Args[1], -n))
	}
}

func incrbyfloat(c *Ctx) {
	sum, err := c.Txn.IncrByFloat(c.scratch[:0], c.Args[1], func(dst, old []byte) ([]byte, error) {
		return addLongDouble(dst, old, c.Args[2])
	})
	if err != nil {
		c.Fail(err)
		return
	}
	c.scratch = sum
	c.W.Bulk(sum)
}

// addLongDouble appends the sum of two numbers to dst.
func addLongDouble(dst, a, b []byte) ([]byte, error) {
	x, okX := resp.ParseLongDouble(a)
	y, okY := resp.ParseLongDouble(b)
	if !okX || !okY {
		return dst, engine.ErrNotFloat
	}
	sum, ok := resp.AddLongDouble(x, y)
	if !ok {
		return dst, engine.ErrNotFinite
	}
	return resp.AppendLongDouble(dst, sum), nil
}
