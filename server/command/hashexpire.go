package command

import (
	"math"

	"hpkv/engine"
	"hpkv/resp"
)

var hashExpireRows = []Row{
	{Name: "hexpire", Arity: -6, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatHash, Run: hexpire},
	{Name: "hpexpire", Arity: -6, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatHash, Run: hpexpire},
	{Name: "hexpireat", Arity: -6, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatHash, Run: hexpireat},
	{Name: "hpexpireat", Arity: -6, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatHash, Run: hpexpireat},
	{Name: "httl", Arity: -5, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatHash, Tips: unstable, Run: httl},
	{Name: "hpttl", Arity: -5, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatHash, Tips: unstable, Run: hpttl},
	{Name: "hexpiretime", Arity: -5, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatHash, Run: hexpiretime},
	{Name: "hpexpiretime", Arity: -5, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatHash, Run: hpexpiretime},
	{Name: "hpersist", Arity: -5, Flags: Write | Fast, Keys: one(KeyRW | KeyUpdate), Cats: CatHash, Run: hpersist},
}

// maxFieldExpiry is the latest time, in Unix milliseconds, that Redis lets a
// field have.
const maxFieldExpiry = 1<<46 - 1

// fieldList reads FIELDS numfields field [field ...], which end the command.
func fieldList(a *resp.Args) [][]byte {
	if a.Err() == "" && !a.Tag("FIELDS") {
		a.Fail(resp.ErrFieldsMissing)
	}
	n := a.IntRange(1, math.MaxInt64, resp.ErrNumFields)
	if a.Err() == "" && n != int64(a.Len()) {
		a.Fail(resp.ErrNumFieldsMatch)
	}
	return a.Rest()
}

func hexpire(c *Ctx)    { expireFields(c, inSeconds) }
func hpexpire(c *Ctx)   { expireFields(c, inMillis) }
func hexpireat(c *Ctx)  { expireFields(c, atSecond) }
func hpexpireat(c *Ctx) { expireFields(c, atMilli) }

func expireFields(c *Ctx, form timeForm) {
	if t := c.Txn.Type(c.Args[1]); t != engine.TypeNone && t != engine.TypeHash {
		c.W.Error(resp.ErrWrongType)
		return
	}
	a := resp.NewArgs(c.Args[2:])
	n := a.Int64()
	if a.Err() == "" && n < 0 {
		a.Fail(resp.ErrNegativeExpire)
	}
	at, ok := form.unixMs(n, c.Txn.Now())
	if !ok || at > maxFieldExpiry {
		a.Fail(badExpireTime(c))
	}
	cond := engine.ExpireCond(0)
	switch {
	case a.Tag("NX"):
		cond = engine.ExpireNX
	case a.Tag("XX"):
		cond = engine.ExpireXX
	case a.Tag("GT"):
		cond = engine.ExpireGT
	case a.Tag("LT"):
		cond = engine.ExpireLT
	}
	fields := fieldList(&a)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	mark := c.W.Len()
	c.W.Array(len(fields))
	c.instead(mark, c.Txn.HExpire(c.Args[1], fields, at, cond, func(s engine.FieldState) { c.W.Int(int64(s)) }))
}

func httl(c *Ctx)         { fieldTimes(c, inSeconds) }
func hpttl(c *Ctx)        { fieldTimes(c, inMillis) }
func hexpiretime(c *Ctx)  { fieldTimes(c, atSecond) }
func hpexpiretime(c *Ctx) { fieldTimes(c, atMilli) }

// hashFields reads key FIELDS numfields field ..., or answers why it cannot. As in
// Redis the type of the key comes first.
func hashFields(c *Ctx) (fields [][]byte, ok bool) {
	if t := c.Txn.Type(c.Args[1]); t != engine.TypeNone && t != engine.TypeHash {
		c.W.Error(resp.ErrWrongType)
		return nil, false
	}
	a := resp.NewArgs(c.Args[2:])
	fields = fieldList(&a)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return nil, false
	}
	return fields, true
}

func fieldTimes(c *Ctx, form timeForm) {
	fields, ok := hashFields(c)
	if !ok {
		return
	}
	mark := c.W.Len()
	c.W.Array(len(fields))
	c.instead(mark, c.Txn.HExpireTime(c.Args[1], fields, func(at int64) {
		if at > 0 {
			if !form.absolute {
				at = max(at-c.Txn.Now(), 0)
			}
			if form.seconds {
				at = (at + 999) / 1000
			}
		}
		c.W.Int(at)
	}))
}

func hpersist(c *Ctx) {
	fields, ok := hashFields(c)
	if !ok {
		return
	}
	mark := c.W.Len()
	c.W.Array(len(fields))
	c.instead(mark, c.Txn.HPersist(c.Args[1], fields, func(s engine.FieldState) { c.W.Int(int64(s)) }))
}
