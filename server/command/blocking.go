package command

import (
	"math"
	"math/big"

	"hpkv/engine"
	"hpkv/resp"
)

var blockingRows = []Row{
	{Name: "blpop", Arity: -3, Flags: Write | NoScript | Blocking | TellsKeys, Keys: span(KeyRW|KeyAccess|KeyDelete, 1, -2, 1), Cats: CatList, Run: blpop},
	{Name: "brpop", Arity: -3, Flags: Write | NoScript | Blocking | TellsKeys, Keys: span(KeyRW|KeyAccess|KeyDelete, 1, -2, 1), Cats: CatList, Run: brpop},
	{Name: "blmove", Arity: 6, Flags: Write | DenyOOM | NoScript | Blocking, Keys: moveKeys, Cats: CatList, Run: blmove},
	{Name: "brpoplpush", Arity: 4, Flags: Write | DenyOOM | NoScript | Blocking, Keys: moveKeys, Cats: CatList, Run: brpoplpush},
	{Name: "blmpop", Arity: -5, Flags: Write | Blocking | TellsKeys, Keys: counted(KeyRW|KeyAccess|KeyDelete, 2), Cats: CatList, Run: blmpop},
}

// Wait is a command that may find its keys empty and then waits for them.
type Wait struct {
	Keys [][]byte // waited for; among the command's arguments
	// Also is another key that Try works on, or nil.
	Also []byte
	// WhenGone makes the command try again when a key is removed, too.
	WhenGone bool
	// TimeoutMs is how long to wait; 0: forever.
	TimeoutMs int64
	// Try does what the command is for and reports whether it has written a
	// reply. It takes all it needs from the Ctx: woken tells that this is not the
	// command's own but one of a later change of a key, in somebody else's
	// transaction. Then keys that Txn.Reaches does not reach are none of its
	// concern, and values of another type than it looks for no error.
	Try func(c *Ctx, woken bool) (done bool)
	// Empty writes the reply of a command that may not wait, as in EXEC.
	Empty func(w *resp.Writer)
	// TimedOut writes the reply after the timeout; nil: a null array.
	TimedOut func(w *resp.Writer)
}

// Wait tries, and if there is nothing to do leaves it to the host to try again
// when a key has changed. It is the last thing a handler does.
func (c *Ctx) Wait(w Wait) {
	if !c.Txn.Locked() { // between a try and the wait nothing may change
		for _, key := range w.Keys {
			c.Txn.Want(key)
		}
		if w.Also != nil {
			c.Txn.Want(w.Also)
		}
		c.Txn.LockWanted()
	}
	switch {
	case w.Try(c, false):
	case c.Host == nil:
		w.Empty(c.W)
	default:
		c.Host.Wait(c, w)
	}
}

// timeout reads seconds, with a fraction, as milliseconds, rounded up. They may be
// what only a long double holds, as in Redis: too many, or nearly none.
func timeout(a *resp.Args) int64 {
	b := a.Bytes()
	if a.Err() != "" {
		return 0
	}
	f, ok := resp.ParseFloat(b)
	if !ok {
		var long *big.Float
		if long, ok = resp.ParseLongDouble(b); !ok {
			a.Fail(resp.ErrTimeoutFloat)
			return 0
		}
		if f, _ = long.Float64(); f == 0 && long.Sign() > 0 {
			f = math.SmallestNonzeroFloat64
		}
	}
	ms := math.Ceil(f * 1000)
	switch {
	case ms < 0:
		a.Fail(resp.ErrTimeoutSign)
	case ms > maxTimeoutMs:
		a.Fail(resp.ErrTimeoutLong)
	default:
		return int64(ms)
	}
	return 0
}

// maxTimeoutMs leaves room for the present time in 64 bits.
const maxTimeoutMs = math.MaxInt64 - 1<<42

func blpop(c *Ctx) { blockingPop(c, tryLeftPop) }
func brpop(c *Ctx) { blockingPop(c, tryRightPop) }

// blockingPop is a command of keys and a timeout that pops from the first key it can.
func blockingPop(c *Ctx, try func(c *Ctx, woken bool) bool) {
	a := resp.NewArgs(c.Args[len(c.Args)-1:])
	ms := timeout(&a)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.Wait(Wait{Keys: c.Args[1 : len(c.Args)-1], TimeoutMs: ms, Try: try, Empty: (*resp.Writer).NullArray})
}

func tryLeftPop(c *Ctx, woken bool) bool  { return tryPop(c, engine.ListLeft, woken) }
func tryRightPop(c *Ctx, woken bool) bool { return tryPop(c, engine.ListRight, woken) }

// tryPop pops one element from the first of the keys that holds a list.
func tryPop(c *Ctx, end engine.ListEnd, woken bool) (done bool) {
	for _, key := range c.Args[1 : len(c.Args)-1] {
		if woken && !c.holds(key, engine.TypeList) {
			continue
		}
		found, err := c.Txn.ListPop(key, end, 1, func(int) {
			c.W.Array(2)
			c.W.Bulk(key)
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

// holds reports whether a key that a woken command waits for is within reach and
// holds a value of the type.
func (c *Ctx) holds(key []byte, typ engine.Type) bool {
	return c.Txn.Reaches(key) && c.Txn.Type(key) == typ
}

func blmove(c *Ctx) {
	a := resp.NewArgs(c.Args[5:])
	_, _, e := moveEnds(c)
	ms := timeout(&a)
	if e == "" {
		e = a.Err()
	}
	if e != "" {
		c.W.Error(e)
		return
	}
	c.waitToMove(ms, tryMove)
}

func brpoplpush(c *Ctx) {
	a := resp.NewArgs(c.Args[3:])
	ms := timeout(&a)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.waitToMove(ms, tryRotate)
}

func (c *Ctx) waitToMove(ms int64, try func(c *Ctx, woken bool) bool) {
	c.Wait(Wait{Keys: c.Args[1:2], Also: c.Args[2], TimeoutMs: ms, Try: try, Empty: (*resp.Writer).Null})
}

func tryMove(c *Ctx, woken bool) (done bool) {
	if woken && !c.holds(c.Args[1], engine.TypeList) {
		return false
	}
	from, to, _ := moveEnds(c)
	return moveElement(c, from, to)
}

func tryRotate(c *Ctx, woken bool) (done bool) {
	if woken && !c.holds(c.Args[1], engine.TypeList) {
		return false
	}
	return moveElement(c, engine.ListRight, engine.ListLeft)
}

func blmpop(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	m := parseMultiPop(&a)
	waitMultiPop(c, m.keys, a.Err(), tryMultiPop)
}

// waitMultiPop ends BLMPOP and BZMPOP: e is the error of what stands behind the
// time limit, which is looked at last.
func waitMultiPop(c *Ctx, keys [][]byte, e string, try func(c *Ctx, woken bool) (done bool)) {
	first := resp.NewArgs(c.Args[1:2])
	ms := timeout(&first)
	if e == "" {
		e = first.Err()
	}
	if e != "" {
		c.W.Error(e)
		return
	}
	c.Wait(Wait{Keys: keys, TimeoutMs: ms, Try: try, Empty: (*resp.Writer).NullArray})
}

func tryMultiPop(c *Ctx, woken bool) (done bool) {
	a := resp.NewArgs(c.Args[2:])
	m := parseMultiPop(&a)
	return popFirstList(c, &m, woken)
}
