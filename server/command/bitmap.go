package command

import (
	"hpkv/engine"
	"hpkv/engine/bits"
	"hpkv/resp"
)

var bitmapRows = []Row{
	{Name: "setbit", Arity: 4, Flags: Write | DenyOOM, Keys: one(KeyRW | KeyAccess | KeyUpdate), Cats: CatBitmap, Run: setbit},
	{Name: "getbit", Arity: 3, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatBitmap, Run: getbit},
	{Name: "bitcount", Arity: -2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatBitmap, Run: bitcount},
	{Name: "bitpos", Arity: -3, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatBitmap, Run: bitpos},
	{Name: "bitop", Arity: -4, Flags: Write | DenyOOM, Keys: bitopKeys, Cats: CatBitmap, Run: bitop},
}

var bitopKeys = append(span(KeyOW|KeyUpdate, 2, 2, 1), span(KeyRO|KeyAccess, 3, -1, 1)...)

// bitsInline is how many bytes of values are read through on the event loop:
// at some 8 GB/s, the other clients wait 100 us.
const bitsInline = 1 << 20

// isLong reports whether the values of keys are too long for the event loop.
func (c *Ctx) isLong(keys [][]byte) bool {
	if c.Host == nil {
		return false
	}
	total := int64(0)
	for _, key := range keys {
		total += c.Txn.ValueBytes(key)
	}
	return total > bitsInline
}

// bitOffset reads the position of a bit that a value can have.
func bitOffset(c *Ctx, a *resp.Args) int64 {
	return checkBitOffset(c, a, a.Int64Else(resp.ErrBitOffset))
}

func checkBitOffset(c *Ctx, a *resp.Args, off int64) int64 {
	if off < 0 || off>>3 >= c.Txn.Engine().MaxValueBytes() {
		a.Fail(resp.ErrBitOffset)
	}
	return off
}

func setbit(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	off := bitOffset(c, &a)
	bit := a.IntRange(0, 1, resp.ErrBitValue)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	old, err := c.Txn.SetBit(c.Args[1], off, int(bit))
	c.integer(int64(old), err)
}

func getbit(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	off := bitOffset(c, &a)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	bit, err := c.Txn.GetBit(c.Args[1], off)
	c.integer(int64(bit), err)
}

func bitcount(c *Ctx) {
	r, e := parseCountRange(c.Args[2:])
	switch {
	case e != "":
		c.badRange(e, 0)
	case c.isLong(c.Args[1:2]):
		c.Defer(bitcount)
	default:
		c.integer(c.Txn.BitCount(c.Args[1], r))
	}
}

// parseCountRange reads [start end [BYTE|BIT]].
func parseCountRange(args [][]byte) (r engine.BitRange, text string) {
	if len(args) == 0 {
		return engine.WholeValue, ""
	}
	a := resp.NewArgs(args)
	if len(args) == 1 || len(args) > 3 {
		a.Fail(resp.ErrSyntax)
	}
	r.Start, r.End = a.Int64(), a.Int64()
	if r.Start < 0 && r.End < 0 && r.Start > r.End {
		return r, a.Err() // nothing to count: Redis does not read the unit
	}
	r.Bits = bitUnit(&a)
	return r, a.Err()
}

// bitUnit reads what is left: nothing, BYTE, or BIT.
func bitUnit(a *resp.Args) (inBits bool) {
	if a.More() && !a.Tag("BYTE") {
		inBits = a.Tag("BIT")
	}
	a.End()
	return inBits
}

// badRange answers a command with a wrong range: Redis looks at the range only
// when the key holds a string, and answers an absent key with n.
func (c *Ctx) badRange(text string, n int64) {
	switch c.Txn.Type(c.Args[1]) {
	case engine.TypeNone:
		c.W.Int(n)
	case engine.TypeString:
		c.W.Error(text)
	default:
		c.W.Error(resp.ErrWrongType)
	}
}

func bitpos(c *Ctx) {
	bit, ok := resp.ParseInt64(c.Args[2])
	if !ok {
		c.W.Error(resp.ErrNotInteger)
		return
	}
	if bit != 0 && bit != 1 {
		c.W.Error(resp.ErrBitPos)
		return
	}
	r, e := parsePosRange(c.Args[3:])
	switch {
	case e != "":
		c.badRange(e, -bit)
	case c.isLong(c.Args[1:2]):
		c.Defer(bitpos)
	default:
		c.integer(c.Txn.BitPos(c.Args[1], int(bit), r))
	}
}

// parsePosRange reads [start [end [BYTE|BIT]]], the unit before the end as
// Redis does, which shows when both are wrong.
func parsePosRange(args [][]byte) (r engine.BitRange, text string) {
	r.Open = len(args) < 2
	a := resp.NewArgs(args)
	if len(args) > 3 {
		a.Fail(resp.ErrSyntax)
	}
	if len(args) > 0 {
		r.Start = a.Int64()
	}
	if len(args) > 2 && a.Err() == "" {
		unit := resp.NewArgs(args[2:])
		r.Bits = bitUnit(&unit)
		if e := unit.Err(); e != "" {
			a.Fail(e)
		}
	}
	if len(args) > 1 {
		r.End = a.Int64()
	}
	return r, a.Err()
}

func bitop(c *Ctx) {
	op, ok := bitopNamed(c.Args[1])
	switch {
	case !ok:
		c.W.Error(resp.ErrSyntax)
	case op == bits.Not && len(c.Args) != 4:
		c.W.Error(resp.ErrBitOpNot)
	case c.isLong(c.Args[3:]):
		c.Defer(bitop)
	default:
		c.integer(c.Txn.BitOp(op, c.Args[2], c.Args[3:]))
	}
}

func bitopNamed(name []byte) (bits.Op, bool) {
	switch {
	case resp.EqualFold(name, "AND"):
		return bits.And, true
	case resp.EqualFold(name, "OR"):
		return bits.Or, true
	case resp.EqualFold(name, "XOR"):
		return bits.Xor, true
	case resp.EqualFold(name, "NOT"):
		return bits.Not, true
	}
	return 0, false
}
