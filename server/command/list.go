package command

import (
	"math"

	"hpkv/engine"
	"hpkv/resp"
)

var listRows = []Row{
	{Name: "lpush", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyInsert), Cats: CatList, Run: lpush, Together: lpushTogether},
	{Name: "rpush", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyInsert), Cats: CatList, Run: rpush, Together: rpushTogether},
	{Name: "lpushx", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyInsert), Cats: CatList, Run: lpushx},
	{Name: "rpushx", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyInsert), Cats: CatList, Run: rpushx},
	{Name: "lpop", Arity: -2, Flags: Write | Fast, Keys: one(KeyRW | KeyAccess | KeyDelete), Cats: CatList, Run: lpop, Together: lpopTogether},
	{Name: "rpop", Arity: -2, Flags: Write | Fast, Keys: one(KeyRW | KeyAccess | KeyDelete), Cats: CatList, Run: rpop, Together: rpopTogether},
	{Name: "lmpop", Arity: -4, Flags: Write | TellsKeys, Keys: counted(KeyRW|KeyAccess|KeyDelete, 1), Cats: CatList, Run: lmpop},
	{Name: "llen", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO), Cats: CatList, Run: llen},
	{Name: "lrange", Arity: 4, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatList, Run: lrange},
	{Name: "lindex", Arity: 3, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatList, Run: lindex},
	{Name: "lset", Arity: 4, Flags: Write | DenyOOM, Keys: one(KeyRW | KeyUpdate), Cats: CatList, Run: lset},
	{Name: "linsert", Arity: 5, Flags: Write | DenyOOM, Keys: one(KeyRW | KeyInsert), Cats: CatList, Run: linsert},
	{Name: "lrem", Arity: 4, Flags: Write, Keys: one(KeyRW | KeyDelete), Cats: CatList, Run: lrem},
	{Name: "ltrim", Arity: 4, Flags: Write, Keys: one(KeyRW | KeyDelete), Cats: CatList, Run: ltrim},
	{Name: "lpos", Arity: -3, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatList, Run: lpos},
	{Name: "lmove", Arity: 5, Flags: Write | DenyOOM, Keys: moveKeys, Cats: CatList, Run: lmove},
	{Name: "rpoplpush", Arity: 3, Flags: Write | DenyOOM, Keys: moveKeys, Cats: CatList, Run: rpoplpush},
}

var moveKeys = twoKeys(KeyRW|KeyAccess|KeyDelete, KeyRW|KeyInsert)

func lpush(c *Ctx)  { push(c, engine.ListLeft, false) }
func rpush(c *Ctx)  { push(c, engine.ListRight, false) }
func lpushx(c *Ctx) { push(c, engine.ListLeft, true) }
func rpushx(c *Ctx) { push(c, engine.ListRight, true) }

func push(c *Ctx, end engine.ListEnd, existing bool) {
	c.integer(c.Txn.ListPush(c.Args[1], end, c.Args[2:], existing))
}

// element writes an element of a list.
func (c *Ctx) element(v engine.ListValue) {
	if b := v.Bytes(); b != nil {
		c.W.Bulk(b)
		return
	}
	n, _ := v.Int()
	c.W.BulkInt(n)
}

func lpop(c *Ctx) { popElements(c, engine.ListLeft) }
func rpop(c *Ctx) { popElements(c, engine.ListRight) }

func popElements(c *Ctx, end engine.ListEnd) {
	mark := c.W.Len()
	if len(c.Args) == 2 {
		found, err := c.Txn.ListPop(c.Args[1], end, 1, nil, c.element)
		if !found && err == nil {
			c.W.Null()
		}
		c.instead(mark, err)
		return
	}
	if len(c.Args) > 3 {
		c.W.Error(c.Row.ArityText())
		return
	}
	a := resp.NewArgs(c.Args[2:])
	count := a.IntRange(0, math.MaxInt64, resp.ErrNotPositive)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	found, err := c.Txn.ListPop(c.Args[1], end, count, c.W.Array, c.element)
	if !found && err == nil {
		c.W.NullArray()
	}
	c.instead(mark, err)
}

// listEnd reads LEFT or RIGHT.
func listEnd(a *resp.Args) engine.ListEnd {
	switch {
	case a.Tag("LEFT"):
		return engine.ListLeft
	case !a.Tag("RIGHT"):
		a.Fail(resp.ErrSyntax)
	}
	return engine.ListRight
}

// multiPop is what LMPOP and BLMPOP are asked for.
type multiPop struct {
	keys  [][]byte
	end   engine.ListEnd
	count int64
}

// parseMultiPop reads numkeys key ... LEFT|RIGHT [COUNT n].
func parseMultiPop(a *resp.Args) (m multiPop) {
	m.keys = countedArgs(a)
	m.end = listEnd(a)
	m.count = popCount(a)
	return m
}

// popCount reads [COUNT n] at the end of a command; 1 without it.
func popCount(a *resp.Args) int64 {
	n := int64(1)
	if a.More() {
		a.Expect("COUNT")
		n = a.IntRange(1, math.MaxInt64, resp.ErrCountPositive)
	}
	a.End()
	return n
}

// countedArgs reads a number and as many keys.
func countedArgs(a *resp.Args) [][]byte {
	n := a.IntRange(1, math.MaxInt64, resp.ErrNumKeys)
	if a.Err() == "" && n > int64(a.Len()) {
		a.Fail(resp.ErrSyntax)
	}
	if a.Err() != "" {
		return nil
	}
	keys := a.Rest()[:n]
	for range n {
		a.Bytes()
	}
	return keys
}

func lmpop(c *Ctx) {
	a := resp.NewArgs(c.Args[1:])
	m := parseMultiPop(&a)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	if !popFirstList(c, &m, false) {
		c.W.NullArray()
	}
}

// popFirstList pops from the first of the keys that holds a list and reports whether
// that has written a reply. After a wait, keys out of reach and values of other
// types are passed over.
func popFirstList(c *Ctx, m *multiPop, woken bool) (done bool) {
	for _, key := range m.keys {
		if woken && !c.holds(key, engine.TypeList) {
			continue
		}
		found, err := c.Txn.ListPop(key, m.end, m.count, func(n int) {
			c.W.Array(2)
			c.W.Bulk(key)
			c.W.Array(n)
		}, c.element)
		if err != nil {
			c.Fail(err)
		}
		if found || err != nil {
			return true
		}
	}
	return false
}

func llen(c *Ctx) { c.integer(c.Txn.ListLen(c.Args[1])) }

func lrange(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	start, stop := a.Int64(), a.Int64()
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	if err := c.Txn.ListRange(c.Args[1], start, stop, c.W.Array, c.element); err != nil {
		c.Fail(err)
	}
}

func lindex(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	index := a.Int64()
	if e := a.Err(); e != "" {
		c.lateError(e, engine.TypeList, c.W.Null)
		return
	}
	found, err := c.Txn.ListIndex(c.Args[1], index, c.element)
	switch {
	case err != nil:
		c.Fail(err)
	case !found:
		c.W.Null()
	}
}

// lateError answers a command with a wrong argument at which Redis looks only
// when the key holds a value of the type: absent writes the reply of a key that
// does not.
func (c *Ctx) lateError(text string, typ engine.Type, absent func()) {
	switch c.Txn.Type(c.Args[1]) {
	case engine.TypeNone:
		absent()
	case typ:
		c.W.Error(text)
	default:
		c.W.Error(resp.ErrWrongType)
	}
}

func lset(c *Ctx) {
	a := resp.NewArgs(c.Args[2:3])
	index := a.Int64()
	if e := a.Err(); e != "" {
		c.lateError(e, engine.TypeList, func() { c.W.Error(resp.ErrNoSuchKey) })
		return
	}
	c.ok(c.Txn.ListSet(c.Args[1], index, c.Args[3]))
}

func linsert(c *Ctx) {
	after := resp.EqualFold(c.Args[2], "AFTER")
	if !after && !resp.EqualFold(c.Args[2], "BEFORE") {
		c.W.Error(resp.ErrSyntax)
		return
	}
	c.integer(c.Txn.ListInsert(c.Args[1], after, c.Args[3], c.Args[4]))
}

func lrem(c *Ctx) {
	a := resp.NewArgs(c.Args[2:3])
	count := a.Int64()
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.integer(c.Txn.ListRemove(c.Args[1], count, c.Args[3]))
}

func ltrim(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	start, stop := a.Int64(), a.Int64()
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.ok(c.Txn.ListTrim(c.Args[1], start, stop))
}

func lpos(c *Ctx) {
	a := resp.NewArgs(c.Args[3:])
	o := engine.ListPosOptions{Rank: 1, Count: 1}
	several := false
	for a.More() {
		switch {
		case a.TagWith("RANK", 1):
			if o.Rank = a.Int64(); o.Rank == 0 {
				a.Fail(resp.ErrRankZero)
			}
		case a.TagWith("COUNT", 1):
			several = true
			if o.Count = a.Int64Else(resp.ErrCountNegative); o.Count < 0 {
				a.Fail(resp.ErrCountNegative)
			}
		case a.TagWith("MAXLEN", 1):
			if o.MaxLen = a.Int64Else(resp.ErrMaxLenNegative); o.MaxLen < 0 {
				a.Fail(resp.ErrMaxLenNegative)
			}
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	if o.Rank == math.MinInt64 { // has no positive counterpart; to Redis it is -1
		o.Rank = -1
	}
	if several {
		mark, n := c.W.BeginArray(), 0
		if err := c.Txn.ListPos(c.Args[1], c.Args[2], o, func(pos int64) { c.W.Int(pos); n++ }); err != nil {
			c.W.Truncate(mark)
			c.Fail(err)
			return
		}
		c.W.EndArray(mark, n)
		return
	}
	found := int64(-1)
	err := c.Txn.ListPos(c.Args[1], c.Args[2], o, func(pos int64) { found = pos })
	switch {
	case err != nil:
		c.Fail(err)
	case found < 0:
		c.W.Null()
	default:
		c.W.Int(found)
	}
}

func lmove(c *Ctx) {
	from, to, e := moveEnds(c)
	if e != "" {
		c.W.Error(e)
		return
	}
	if !moveElement(c, from, to) {
		c.W.Null()
	}
}

// moveEnds reads the ends that LMOVE and BLMOVE name.
func moveEnds(c *Ctx) (from, to engine.ListEnd, text string) {
	a := resp.NewArgs(c.Args[3:5])
	from, to = listEnd(&a), listEnd(&a)
	return from, to, a.Err()
}

func rpoplpush(c *Ctx) {
	if !moveElement(c, engine.ListRight, engine.ListLeft) {
		c.W.Null()
	}
}

// moveElement moves an element between the lists that the first two arguments name and
// reports whether that has written a reply.
func moveElement(c *Ctx, from, to engine.ListEnd) (done bool) {
	elem, found, err := c.Txn.ListMove(c.scratch[:0], c.Args[1], c.Args[2], from, to)
	c.scratch = elem[:0]
	switch {
	case err != nil:
		c.Fail(err)
	case found:
		c.W.Bulk(elem)
	}
	return found || err != nil
}
