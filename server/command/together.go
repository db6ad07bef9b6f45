package command

import (
	"slices"

	"hpkv/engine"
)

// The handlers of several calls as one step, see Row.Together.

// gather returns what the calls have behind their keys, in one list, valid until the
// next call.
func (c *Ctx) gather(calls [][][]byte) [][]byte {
	c.elems = c.elems[:0]
	for _, args := range calls {
		c.elems = append(c.elems, args[2:]...)
	}
	return c.elems
}

// Forget drops what the last calls have left behind, which refers to their arguments.
func (c *Ctx) Forget() { c.Args, c.elems = nil, nil }

func lpushTogether(c *Ctx, calls [][][]byte) bool { return pushTogether(c, calls, engine.ListLeft) }
func rpushTogether(c *Ctx, calls [][][]byte) bool { return pushTogether(c, calls, engine.ListRight) }

func pushTogether(c *Ctx, calls [][][]byte, end engine.ListEnd) bool {
	elems := c.gather(calls)
	n, ok := c.Txn.ListPushRun(c.Args[1], end, elems)
	if !ok {
		return false
	}
	n -= int64(len(elems))
	for _, args := range calls {
		n += int64(len(args) - 2)
		c.W.Int(n)
	}
	return true
}

func lpopTogether(c *Ctx, calls [][][]byte) bool { return popTogether(c, calls, engine.ListLeft) }
func rpopTogether(c *Ctx, calls [][][]byte) bool { return popTogether(c, calls, engine.ListRight) }

func popTogether(c *Ctx, calls [][][]byte, end engine.ListEnd) bool {
	for _, args := range calls {
		if len(args) != 2 {
			return false
		}
	}
	mark := c.W.Len()
	popped, ok := c.Txn.ListPopRun(c.Args[1], end, len(calls), c.element)
	if !ok {
		c.W.Truncate(mark)
		return false
	}
	for range len(calls) - popped {
		c.W.Null()
	}
	return true
}

func saddTogether(c *Ctx, calls [][][]byte) bool {
	c.counts = slices.Grow(c.counts[:0], len(calls))[:len(calls)]
	clear(c.counts)
	at, end, some := 0, len(calls[0])-2, false
	ok := c.Txn.SAddRun(c.Args[1], c.gather(calls), func(i int) {
		for ; i >= end; end += len(calls[at]) - 2 {
			at++
		}
		c.counts[at]++
		some = true
	})
	if !ok && !some {
		return false
	}
	for i, args := range calls {
		n, err := int64(0), error(nil)
		if !ok { // there was memory for a part only
			n, err = c.Txn.SAdd(args[1], args[2:])
		}
		c.integer(c.counts[i]+n, err)
	}
	return true
}
