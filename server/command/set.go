package command

import (
	"math"

	"hpkv/engine"
	"hpkv/resp"
)

var setRows = []Row{
	{Name: "sadd", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyInsert), Elem: 2, Cats: CatSet, Run: sadd, Together: saddTogether},
	{Name: "srem", Arity: -3, Flags: Write | Fast, Keys: one(KeyRW | KeyDelete), Elem: 2, Cats: CatSet, Run: srem},
	{Name: "smembers", Arity: 2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSet, Tips: unordered, Run: smembers},
	{Name: "sismember", Arity: 3, Flags: ReadOnly | Fast, Keys: one(KeyRO), Elem: 2, Cats: CatSet, Run: sismember},
	{Name: "smismember", Arity: -3, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Elem: 2, Cats: CatSet, Run: smismember},
	{Name: "scard", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO), Cats: CatSet, Run: scard},
	{Name: "spop", Arity: -2, Flags: Write | Fast, Keys: one(KeyRW | KeyAccess | KeyDelete), Cats: CatSet, Tips: unstable, Run: spop},
	{Name: "srandmember", Arity: -2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSet, Tips: unstable, Run: srandmember},
	{Name: "smove", Arity: 4, Flags: Write | Fast, Keys: twoKeys(KeyRW|KeyAccess|KeyDelete, KeyRW|KeyInsert), Cats: CatSet, Run: smove},
	{Name: "sinter", Arity: -2, Flags: ReadOnly, Keys: span(KeyRO|KeyAccess, 1, -1, 1), Cats: CatSet, Tips: unordered, Run: sinter},
	{Name: "sintercard", Arity: -3, Flags: ReadOnly, Keys: counted(KeyRO|KeyAccess, 1), Cats: CatSet, Run: sintercard},
	{Name: "sunion", Arity: -2, Flags: ReadOnly, Keys: span(KeyRO|KeyAccess, 1, -1, 1), Cats: CatSet, Tips: unordered, Run: sunion},
	{Name: "sdiff", Arity: -2, Flags: ReadOnly, Keys: span(KeyRO|KeyAccess, 1, -1, 1), Cats: CatSet, Tips: unordered, Run: sdiff},
	{Name: "sinterstore", Arity: -3, Flags: Write | DenyOOM, Keys: storeKeys(KeyRW), Cats: CatSet, Run: sinterstore},
	{Name: "sunionstore", Arity: -3, Flags: Write | DenyOOM, Keys: storeKeys(KeyOW), Cats: CatSet, Run: sunionstore},
	{Name: "sdiffstore", Arity: -3, Flags: Write | DenyOOM, Keys: storeKeys(KeyOW), Cats: CatSet, Run: sdiffstore},
	{Name: "sscan", Arity: -3, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSet, Tips: unstable, Run: sscan},
}

// storeKeys are the specs of a destination and any number of sources.
func storeKeys(dst KeyFlag) []KeySpec {
	return append(span(dst|KeyUpdate, 1, 1, 1), span(KeyRO|KeyAccess, 2, -1, 1)...)
}

func sadd(c *Ctx)  { c.integer(c.Txn.SAdd(c.Args[1], c.Args[2:])) }
func srem(c *Ctx)  { c.integer(c.Txn.SRem(c.Args[1], c.Args[2:])) }
func scard(c *Ctx) { c.integer(c.Txn.SCard(c.Args[1])) }

func smembers(c *Ctx) { c.instead(c.W.Len(), c.Txn.SMembers(c.Args[1], c.W.Set, c.W.Bulk)) }

func sismember(c *Ctx) {
	is := false
	err := c.Txn.SIsMember(c.Args[1], c.Args[2:], func(member bool) { is = member })
	c.yesNo(is, err)
}

func smismember(c *Ctx) {
	mark := c.W.Len()
	c.W.Array(len(c.Args) - 2)
	c.instead(mark, c.Txn.SIsMember(c.Args[1], c.Args[2:], func(member bool) { c.yesNo(member, nil) }))
}

func spop(c *Ctx) {
	if len(c.Args) == 2 {
		dst, found, err := c.Txn.SPop(c.W.Buffer(), c.Args[1], resp.AppendBulkHeader)
		c.value(dst, found, err)
		return
	}
	a := resp.NewArgs(c.Args[2:])
	if a.Len() > 1 {
		a.Fail(resp.ErrSyntax)
	}
	n := a.IntRange(0, math.MaxInt64, resp.ErrNotPositive)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.instead(c.W.Len(), c.Txn.SPopMany(c.Args[1], n, c.W.Set, c.W.Bulk))
}

func srandmember(c *Ctx) {
	if len(c.Args) == 2 {
		found, mark := false, c.W.Len()
		err := c.Txn.SRandMember(c.Args[1], 1, func(int) {}, func(m []byte) {
			found = true
			c.W.Bulk(m)
		})
		if !found && err == nil {
			c.W.Null()
		}
		c.instead(mark, err)
		return
	}
	a := resp.NewArgs(c.Args[2:])
	if a.Len() > 1 {
		a.Fail(resp.ErrSyntax)
	}
	n := randomCount(&a)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.instead(c.W.Len(), c.Txn.SRandMember(c.Args[1], n, c.W.Array, c.W.Bulk))
}

func smove(c *Ctx) { c.yesNo(c.Txn.SMove(c.Args[1], c.Args[2], c.Args[3])) }

func sinter(c *Ctx) { setAlgebra(c, engine.SetInter) }
func sunion(c *Ctx) { setAlgebra(c, engine.SetUnion) }
func sdiff(c *Ctx)  { setAlgebra(c, engine.SetDiff) }

func setAlgebra(c *Ctx, op engine.SetOp) {
	mark, n := c.W.BeginArray(), 0
	err := c.Txn.SetAlgebra(op, c.Args[1:], 0, func(m []byte) {
		c.W.Bulk(m)
		n++
	})
	c.W.EndSet(mark, n)
	c.instead(mark, err)
}

func sinterstore(c *Ctx) { c.integer(c.Txn.SetAlgebraStore(engine.SetInter, c.Args[1], c.Args[2:])) }
func sunionstore(c *Ctx) { c.integer(c.Txn.SetAlgebraStore(engine.SetUnion, c.Args[1], c.Args[2:])) }
func sdiffstore(c *Ctx)  { c.integer(c.Txn.SetAlgebraStore(engine.SetDiff, c.Args[1], c.Args[2:])) }

func sintercard(c *Ctx) {
	a := resp.NewArgs(c.Args[1:])
	numkeys := a.IntRange(1, math.MaxInt64, resp.ErrNumKeys)
	if a.Err() == "" && numkeys > int64(a.Len()) {
		a.Fail(resp.ErrTooManyKeys)
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	keys := a.Rest()[:numkeys]
	a = resp.NewArgs(a.Rest()[numkeys:])
	limit := int64(0)
	for a.More() {
		if a.TagWith("LIMIT", 1) {
			limit = a.IntRange(0, math.MaxInt64, resp.ErrLimitNegative)
		} else {
			a.Fail(resp.ErrSyntax)
		}
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	n := int64(0)
	err := c.Txn.SetAlgebra(engine.SetInter, keys, limit, func([]byte) { n++ })
	c.integer(n, err)
}

func sscan(c *Ctx) {
	scanElements(c, engine.TypeSet, func(cursor uint64, o *scanOptions) (uint64, int, error) {
		n := 0
		next, err := c.Txn.SScan(c.Args[1], cursor, o.count, func(m []byte) {
			if o.matches(m) {
				c.W.Bulk(m)
				n++
			}
		})
		return next, n, err
	})
}
