package command

import (
	"bytes"

	"hpkv/engine"
	"hpkv/resp"
)

var lcsRows = []Row{
	{Name: "lcs", Arity: -3, Flags: ReadOnly | Optimistic, Keys: span(KeyRO|KeyAccess, 1, 2, 1), Cats: CatString, Run: lcs},
}

// lcsInline is how many pairs of bytes are compared on the event loop: at some
// 2 ns each, the other clients wait 100 us.
const lcsInline = 50_000

func lcs(c *Ctx) {
	if c.Host != nil {
		n, m := c.Txn.ValueBytes(c.Args[1]), c.Txn.ValueBytes(c.Args[2])
		if n > 0 && m > lcsInline/n {
			c.Defer(lcs) // there, it has no host
			return
		}
	}
	a, b, ok := lcsValues(c)
	if !ok {
		c.W.Error(resp.ErrLCSType)
		return
	}
	o, e := parseLCS(c.Args[3:])
	if e != "" {
		c.W.Error(e)
		return
	}
	// Redis' own bound, on the table of 32-bit cells it would need.
	if uint64(len(a)+1)*uint64(len(b)+1)*4 > uint64(c.Txn.Engine().MaxValueBytes()) {
		c.W.Error(resp.ErrLCSMemory)
		return
	}
	writeLCS(c.W, newLCSTable(a, b, !o.length), o)
}

// lcsValues copies both values, as they were at one moment; ok is false when a
// key holds something else.
func lcsValues(c *Ctx) (a, b []byte, ok bool) {
	var vals [2][]byte
	ok = true
	c.Txn.MGet(c.Args[1:3], func(i int, val []byte, found bool) {
		vals[i] = bytes.Clone(val)
		ok = ok && found
	})
	if !ok {
		ok = !c.holdsOther(c.Args[1]) && !c.holdsOther(c.Args[2])
	}
	return vals[0], vals[1], ok
}

// holdsOther reports whether key holds something that is no string.
func (c *Ctx) holdsOther(key []byte) bool {
	t := c.Txn.Type(key)
	return t != engine.TypeNone && t != engine.TypeString
}

// lcsOptions are the options of LCS.
type lcsOptions struct {
	idx, length, withLen bool
	minLen               int64
}

func parseLCS(args [][]byte) (o lcsOptions, text string) {
	a := resp.NewArgs(args)
	for a.More() {
		switch {
		case a.Tag("IDX"):
			o.idx = true
		case a.Tag("LEN"):
			o.length = true
		case a.Tag("WITHMATCHLEN"):
			o.withLen = true
		case a.TagWith("MINMATCHLEN", 1):
			o.minLen = a.Int64()
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
	if o.idx && o.length {
		a.Fail(resp.ErrLCSLenIdx)
	}
	return o, a.Err()
}

func writeLCS(w *resp.Writer, t *lcsTable, o lcsOptions) {
	switch {
	case o.length:
		w.Int(int64(t.length))
	case o.idx:
		writeLCSRanges(w, t, o)
	default:
		w.Bulk(t.common())
	}
}

func writeLCSRanges(w *resp.Writer, t *lcsTable, o lcsOptions) {
	w.Map(2)
	w.BulkString("matches")
	mark, n := w.BeginArray(), 0
	t.ranges(func(a, b, length int) {
		if int64(length) < o.minLen {
			return
		}
		n++
		if o.withLen {
			w.Array(3)
		} else {
			w.Array(2)
		}
		for _, from := range [...]int{a, b} {
			w.Array(2)
			w.Int(int64(from))
			w.Int(int64(from + length - 1))
		}
		if o.withLen {
			w.Int(int64(length))
		}
	})
	w.EndArray(mark, n)
	w.BulkString("len")
	w.Int(int64(t.length))
}

// lcsTable is the longest common subsequence of two strings by dynamic
// programming. Of the table of lengths only the last row is kept; for the way
// back through it, one bit a cell says where the longer remainder lies. That is
// a 32nd of the memory Redis uses for the same walk.
type lcsTable struct {
	a, b   []byte
	length int
	up     []uint64 // bit i*len(b)+j: from (i, j), without a match, go to (i-1, j) rather than (i, j-1)
}

func newLCSTable(a, b []byte, walk bool) *lcsTable {
	t := &lcsTable{a: a, b: b}
	if walk {
		t.up = make([]uint64, (len(a)*len(b)+63)/64)
	}
	row := make([]uint32, len(b)+1) // row[j]: length for a[:i] and b[:j]
	for i, x := range a {
		diagonal := uint32(0) // the previous row's row[j]
		for j, y := range b {
			above, left := row[j+1], row[j]
			switch {
			case x == y:
				row[j+1] = diagonal + 1
			case above > left:
				row[j+1] = above
				if walk {
					cell := i*len(b) + j
					t.up[cell/64] |= 1 << (cell % 64)
				}
			default:
				row[j+1] = left
			}
			diagonal = above
		}
	}
	t.length = int(row[len(b)])
	return t
}

// back walks from the ends of both strings to their beginnings and visits each
// pair of positions matched.
func (t *lcsTable) back(visit func(i, j int)) {
	for i, j := len(t.a)-1, len(t.b)-1; i >= 0 && j >= 0; {
		cell := i*len(t.b) + j
		switch {
		case t.a[i] == t.b[j]:
			visit(i, j)
			i, j = i-1, j-1
		case t.up[cell/64]&(1<<(cell%64)) != 0:
			i--
		default:
			j--
		}
	}
}

// common is the subsequence itself.
func (t *lcsTable) common() []byte {
	s := make([]byte, t.length)
	at := t.length
	t.back(func(i, _ int) {
		at--
		s[at] = t.a[i]
	})
	return s
}

// ranges visits the runs of matches, last first: where each begins in a and in
// b, and how long it is.
func (t *lcsTable) ranges(visit func(a, b, length int)) {
	a, b, length := -1, -1, 0
	t.back(func(i, j int) {
		if length > 0 && (i != a-1 || j != b-1) {
			visit(a, b, length)
			length = 0
		}
		a, b = i, j
		length++
	})
	if length > 0 {
		visit(a, b, length)
	}
}
