package command

import (
	"math"

	"hpkv/engine"
	"hpkv/engine/bits"
	"hpkv/resp"
)

var bitfieldRows = []Row{
	{Name: "bitfield", Arity: -2, Flags: Write | DenyOOM, Keys: bitfieldKeys, FindKeys: findBitfieldKeys, Cats: CatBitmap, Run: bitfield},
	{Name: "bitfield_ro", Arity: -2, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatBitmap, Run: bitfieldRO},
}

var bitfieldKeys = []KeySpec{{Flags: KeyRW | KeyAccess | KeyUpdate | KeyVariableFlags, Pos: 1, Step: 1,
	Notes: "This command allows both access and modification of the key"}}

// findBitfieldKeys tells a BITFIELD that only reads from one that may write.
func findBitfieldKeys(dst []KeyPos, args [][]byte) ([]KeyPos, bool) {
	flags := KeyRO | KeyAccess
	for i := 2; i < len(args); {
		left := len(args) - i - 1
		switch {
		case resp.EqualFold(args[i], "GET") && left >= 2:
			i += 3
		case resp.EqualFold(args[i], "OVERFLOW") && left >= 1:
			i += 2
		default: // SET, INCRBY, or nonsense, of which Redis assumes the worst
			flags = KeyRW | KeyAccess | KeyUpdate
			i = len(args)
		}
	}
	return append(dst, KeyPos{1, flags}), true
}

func bitfield(c *Ctx)   { runBitfield(c, false) }
func bitfieldRO(c *Ctx) { runBitfield(c, true) }

func runBitfield(c *Ctx, readOnly bool) {
	ops, e := parseBitfield(c)
	if e != "" {
		c.W.Error(e)
		return
	}
	for i := range ops {
		if readOnly && ops[i].Kind != engine.FieldGet {
			c.W.Error(resp.ErrBitFieldReadOnly)
			return
		}
	}
	if err := c.Txn.BitField(c.Args[1], ops); err != nil {
		c.Fail(err)
		return
	}
	c.W.Array(len(ops))
	for i := range ops {
		if ops[i].Done {
			c.W.Int(ops[i].Result)
		} else {
			c.W.Null()
		}
	}
}

func parseBitfield(c *Ctx) (ops []engine.FieldOp, text string) {
	a := resp.NewArgs(c.Args[2:])
	overflow := bits.Wrap
	for a.More() {
		o := engine.FieldOp{Overflow: overflow}
		switch {
		case a.TagWith("GET", 2):
			o.Kind = engine.FieldGet
		case a.TagWith("SET", 3):
			o.Kind = engine.FieldSet
		case a.TagWith("INCRBY", 3):
			o.Kind = engine.FieldIncr
		case a.TagWith("OVERFLOW", 1):
			overflow = parseOverflow(&a)
			continue
		default:
			a.Fail(resp.ErrSyntax)
		}
		o.Field = fieldForm(&a)
		o.Offset = fieldOffset(c, &a, int64(o.Field.Width))
		if o.Kind != engine.FieldGet {
			o.Value = a.Int64()
		}
		ops = append(ops, o)
	}
	return ops, a.Err()
}

func parseOverflow(a *resp.Args) bits.Overflow {
	switch {
	case a.Tag("WRAP"):
		return bits.Wrap
	case a.Tag("SAT"):
		return bits.Saturate
	case a.Tag("FAIL"):
		return bits.Fail
	}
	a.Fail(resp.ErrBitFieldOverflow)
	return 0
}

// fieldForm reads the form of an integer, such as u8 or i64.
func fieldForm(a *resp.Args) bits.Field {
	s := a.Bytes()
	if len(s) > 0 && (s[0] == 'i' || s[0] == 'u') {
		if width, ok := resp.ParseInt64(s[1:]); ok && width > 0 && width <= 64 {
			if f := (bits.Field{Signed: s[0] == 'i', Width: uint8(width)}); f.Valid() {
				return f
			}
		}
	}
	a.Fail(resp.ErrBitFieldType)
	return bits.Field{}
}

// fieldOffset reads a position in bits, or with # in front in fields.
func fieldOffset(c *Ctx, a *resp.Args, width int64) int64 {
	s := a.Bytes()
	unit := int64(1)
	if len(s) > 0 && s[0] == '#' {
		s, unit = s[1:], width
	}
	n, ok := resp.ParseInt64(s)
	if !ok || n < 0 || n > math.MaxInt64/max(unit, 1) {
		a.Fail(resp.ErrBitOffset)
		return 0
	}
	return checkBitOffset(c, a, n*unit)
}
