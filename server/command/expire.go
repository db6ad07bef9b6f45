package command

import (
	"math"

	"hpkv/engine"
	"hpkv/resp"
)

var expireRows = []Row{
	{Name: "expire", Arity: -3, Flags: Write | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatKeyspace, Run: expire},
	{Name: "pexpire", Arity: -3, Flags: Write | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatKeyspace, Run: pexpire},
	{Name: "expireat", Arity: -3, Flags: Write | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatKeyspace, Run: expireat},
	{Name: "pexpireat", Arity: -3, Flags: Write | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatKeyspace, Run: pexpireat},
	{Name: "ttl", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatKeyspace, Tips: unstable, Run: ttl},
	{Name: "pttl", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatKeyspace, Tips: unstable, Run: pttl},
	{Name: "expiretime", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatKeyspace, Run: expiretime},
	{Name: "pexpiretime", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatKeyspace, Run: pexpiretime},
	{Name: "persist", Arity: 2, Flags: Write | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatKeyspace, Run: persist},
}

// timeForm is how an argument states a time.
type timeForm struct {
	seconds  bool // else milliseconds
	absolute bool // Unix time, else from now
}

var (
	inSeconds = timeForm{seconds: true}
	inMillis  = timeForm{}
	atSecond  = timeForm{seconds: true, absolute: true}
	atMilli   = timeForm{absolute: true}
)

// unixMs turns n into Unix milliseconds; ok is false when it does not fit.
func (f timeForm) unixMs(n, nowMs int64) (ms int64, ok bool) {
	if f.seconds {
		if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
			return 0, false
		}
		n *= 1000
	}
	if !f.absolute {
		if n > math.MaxInt64-nowMs {
			return 0, false
		}
		n += nowMs
	}
	return n, true
}

func badExpireTime(c *Ctx) string { return resp.InvalidExpire(c.Row.full) }

func expire(c *Ctx)    { expireKey(c, inSeconds) }
func pexpire(c *Ctx)   { expireKey(c, inMillis) }
func expireat(c *Ctx)  { expireKey(c, atSecond) }
func pexpireat(c *Ctx) { expireKey(c, atMilli) }

func expireKey(c *Ctx, form timeForm) {
	cond, e := parseExpireCond(c.Args[3:])
	if e != "" {
		c.W.Error(e)
		return
	}
	a := resp.NewArgs(c.Args[2:3])
	n := a.Int64()
	at, ok := form.unixMs(n, c.Txn.Now())
	if !ok {
		a.Fail(badExpireTime(c))
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.yesNo(c.Txn.ExpireAt(c.Args[1], at, cond), nil)
}

// parseExpireCond reads NX, XX, GT and LT.
func parseExpireCond(opts [][]byte) (cond engine.ExpireCond, text string) {
	for _, o := range opts {
		switch {
		case resp.EqualFold(o, "NX"):
			cond |= engine.ExpireNX
		case resp.EqualFold(o, "XX"):
			cond |= engine.ExpireXX
		case resp.EqualFold(o, "GT"):
			cond |= engine.ExpireGT
		case resp.EqualFold(o, "LT"):
			cond |= engine.ExpireLT
		default:
			return 0, resp.UnsupportedOption(o)
		}
	}
	const gtlt = engine.ExpireGT | engine.ExpireLT
	switch {
	case cond&engine.ExpireNX != 0 && cond != engine.ExpireNX:
		return 0, resp.ErrExpireNXWith
	case cond&gtlt == gtlt:
		return 0, resp.ErrExpireGTWithLT
	}
	return cond, ""
}

func ttl(c *Ctx)  { expiresAt(c, func(at, now int64) int64 { return (max(at-now, 0) + 500) / 1000 }) }
func pttl(c *Ctx) { expiresAt(c, func(at, now int64) int64 { return max(at-now, 0) }) }
func expiretime(c *Ctx) {
	expiresAt(c, func(at, _ int64) int64 { return int64((uint64(at) + 500) / 1000) })
}
func pexpiretime(c *Ctx) { expiresAt(c, func(at, _ int64) int64 { return at }) }

// expiresAt writes show(expiry, now), -1 for a key that does not expire, -2
// for one that does not exist.
func expiresAt(c *Ctx, show func(atMs, nowMs int64) int64) {
	at, state := c.Txn.ExpireTime(c.Args[1])
	c.Txn.LookedUp(c.Args[1], state != engine.Missing)
	switch state {
	case engine.Missing:
		c.W.Int(-2)
	case engine.Persistent:
		c.W.Int(-1)
	default:
		c.W.Int(show(at, c.Txn.Now()))
	}
}

func persist(c *Ctx) { c.yesNo(c.Txn.Persist(c.Args[1]), nil) }

// expiryOption is the expiry that SET and GETEX take among their options.
type expiryOption struct {
	arg  []byte // nil: none given
	form timeForm
	none bool // KEEPTTL or PERSIST was given, which excludes a time
}

// parse reads EX, PX, EXAT or PXAT with its argument. It reports whether one
// of them was there; two different ones are a syntax error.
func (x *expiryOption) parse(a *resp.Args) bool {
	var form timeForm
	switch {
	case a.TagWith("EX", 1):
		form = inSeconds
	case a.TagWith("PX", 1):
		form = inMillis
	case a.TagWith("EXAT", 1):
		form = atSecond
	case a.TagWith("PXAT", 1):
		form = atMilli
	default:
		return false
	}
	if x.none || x.arg != nil && x.form != form {
		a.Fail(resp.ErrSyntax)
	}
	x.arg, x.form = a.Bytes(), form
	return true
}

// exclude notes KEEPTTL or PERSIST.
func (x *expiryOption) exclude(a *resp.Args) {
	if x.arg != nil {
		a.Fail(resp.ErrSyntax)
	}
	x.none = true
}

// unixMs is the time given, 0 when none was, or the wire error.
func (x *expiryOption) unixMs(c *Ctx) (ms int64, text string) {
	if x.arg == nil {
		return 0, ""
	}
	n, ok := resp.ParseInt64(x.arg)
	if !ok {
		return 0, resp.ErrNotInteger
	}
	ms, ok = x.form.unixMs(n, c.Txn.Now())
	if !ok || n <= 0 {
		return 0, badExpireTime(c)
	}
	return ms, ""
}
