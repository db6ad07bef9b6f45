package command

import "hpkv/resp"

var objectRows = []Row{
	{Name: "object", Arity: -2, Sub: []Row{
		{Name: "encoding", Arity: 3, Flags: ReadOnly, Keys: span(KeyRO, 2, 2, 1), Cats: CatKeyspace, Tips: unstable, Run: objectEncoding},
		{Name: "freq", Arity: 3, Flags: ReadOnly, Keys: span(KeyRO, 2, 2, 1), Cats: CatKeyspace, Tips: unstable, Run: objectFreq},
		{Name: "help", Arity: 2, Flags: Loading | Stale, Cats: CatKeyspace, Run: Help(
			"ENCODING <key>",
			"    Return the kind of internal representation used in order to store the value",
			"    associated with a <key>.",
			"FREQ <key>",
			"    Return the access frequency index of the <key>. The returned integer is",
			"    proportional to the logarithm of the recent access frequency of the key.",
			"IDLETIME <key>",
			"    Return the idle time of the <key>, that is the approximated number of",
			"    seconds elapsed since the last access to the key.",
			"REFCOUNT <key>",
			"    Return the number of references of the value associated with the specified",
			"    <key>.",
		)},
		{Name: "idletime", Arity: 3, Flags: ReadOnly, Keys: span(KeyRO, 2, 2, 1), Cats: CatKeyspace, Tips: unstable, Run: objectIdleTime},
		{Name: "refcount", Arity: 3, Flags: ReadOnly, Keys: span(KeyRO, 2, 2, 1), Cats: CatKeyspace, Tips: unstable, Run: objectRefCount},
	}},
	{Name: "memory", Arity: -2, Sub: []Row{
		{Name: "help", Arity: 2, Flags: Loading | Stale, Run: Help(
			"DOCTOR",
			"    Return memory problems reports.",
			"MALLOC-STATS",
			"    Return internal statistics report from the memory allocator.",
			"PURGE",
			"    Attempt to purge dirty pages for reclamation by the allocator.",
			"STATS",
			"    Return information about the memory usage of the server.",
			"USAGE <key> [SAMPLES <count>]",
			"    Return memory in bytes used by <key> and its value. Nested values are",
			"    sampled up to <count> times (default: 5, 0 means sample all).",
		)},
		{Name: "usage", Arity: -3, Flags: ReadOnly, Keys: span(KeyRO, 2, 2, 1), Run: memoryUsage},
	}},
}

// unstable are the tips of commands whose answer depends on chance or history.
var unstable = []string{"nondeterministic_output"}

// The subcommands count as look-ups, but nobody is told of keys that they miss.

func objectEncoding(c *Ctx) {
	name, ok := c.Txn.Encoding(c.Args[2])
	c.Txn.CountLookup(ok)
	if !ok {
		c.W.Null()
		return
	}
	c.W.BulkString(name)
}

// objectFreq answers where accesses are counted, objectIdleTime where they are
// dated: under an LFU policy, and under any other.
func objectFreq(c *Ctx) {
	n, ok := c.Txn.Frequency(c.Args[2])
	c.Txn.CountLookup(ok)
	switch {
	case !ok:
		c.W.Null()
	case !c.Txn.Engine().LFU():
		c.W.Error(resp.ErrFreqNotTracked)
	default:
		c.W.Int(n)
	}
}

func objectIdleTime(c *Ctx) {
	seconds, ok := c.Txn.IdleSeconds(c.Args[2])
	c.Txn.CountLookup(ok)
	switch {
	case !ok:
		c.W.Null()
	case c.Txn.Engine().LFU():
		c.W.Error(resp.ErrIdleNotTracked)
	default:
		c.W.Int(seconds)
	}
}

// sharedRefCount is what Redis reports for the integers 0 to 9999, which it
// keeps once for all keys. Our values have one owner each; tools that look for
// shared values go by this number.
const sharedRefCount = 1<<31 - 1

func objectRefCount(c *Ctx) {
	c.Txn.Hold(c.Args[2])
	encoding, ok := c.Txn.Encoding(c.Args[2])
	c.Txn.CountLookup(ok)
	switch {
	case !ok:
		c.W.Null()
	case encoding == "int" && isSmallInt(c):
		c.W.Int(sharedRefCount)
	default:
		c.W.Int(1)
	}
}

func isSmallInt(c *Ctx) bool {
	var val []byte
	var err error
	c.Txn.Aside(func() { val, _, err = c.Txn.Get(c.scratch[:0], c.Args[2], nil) })
	c.scratch = val
	n, ok := resp.ParseInt64(val)
	return err == nil && ok && n >= 0 && n < 10000
}

func memoryUsage(c *Ctx) {
	a := resp.NewArgs(c.Args[3:])
	for a.More() {
		if !a.TagWith("SAMPLES", 1) {
			a.Fail(resp.ErrSyntax)
		} else if a.Int64() < 0 {
			a.Fail(resp.ErrSyntax)
		}
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	n, ok := c.Txn.MemoryUsage(c.Args[2])
	if !ok {
		c.W.Null()
		return
	}
	c.W.Int(n)
}
