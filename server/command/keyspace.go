package command

import (
	"math"
	"strconv"

	"hpkv/engine"
	"hpkv/engine/glob"
	"hpkv/resp"
)

var keyspaceRows = []Row{
	{Name: "keys", Arity: 2, Flags: ReadOnly | AllShards, Cats: CatKeyspace | CatDangerous,
		Tips: []string{"request_policy:all_shards", "nondeterministic_output_order"}, Run: keys},
	{Name: "scan", Arity: -2, Flags: ReadOnly | AllShards, Cats: CatKeyspace,
		Tips: []string{"nondeterministic_output", "request_policy:special", "response_policy:special"}, Run: scan},
	{Name: "randomkey", Arity: 1, Flags: ReadOnly | AllShards, Cats: CatKeyspace,
		Tips: []string{"request_policy:all_shards", "response_policy:special", "nondeterministic_output"}, Run: randomkey},
	{Name: "dbsize", Arity: 1, Flags: ReadOnly | Fast | AllShards, Cats: CatKeyspace,
		Tips: []string{"request_policy:all_shards", "response_policy:agg_sum"}, Run: dbsize},
	{Name: "flushdb", Arity: -1, Flags: Write | AllShards, Cats: CatKeyspace | CatDangerous, Tips: everywhere, Run: flushdb},
	{Name: "flushall", Arity: -1, Flags: Write | AllShards, Cats: CatKeyspace | CatDangerous, Tips: everywhere, Run: flushall},
	{Name: "swapdb", Arity: 3, Flags: Write | Fast | AllShards, Cats: CatKeyspace | CatDangerous, Run: swapdb},
}

// everywhere are the tips of commands that every shard of a cluster must obey.
var everywhere = []string{"request_policy:all_shards", "response_policy:all_succeeded"}

// visitInline is how many keys a command may visit on the event loop: visiting
// and matching one takes some 100 ns, so the other clients wait some 100 us.
const visitInline = 1000

func keys(c *Ctx) {
	if c.Txn.DBSize() > visitInline {
		c.Defer(listKeys)
		return
	}
	listKeys(c)
}

func listKeys(c *Ctx) {
	pattern := c.Args[1]
	all := glob.All(pattern)
	mark, n := c.W.BeginArray(), 0
	c.Txn.Keys(func(key []byte) {
		if all || glob.Match(pattern, key) {
			c.W.Bulk(key)
			n++
		}
	})
	c.W.EndArray(mark, n)
}

// scanOptions are MATCH, COUNT and, for SCAN alone, TYPE.
type scanOptions struct {
	pattern []byte // nil: everything
	count   int
	typed   bool
	typ     engine.Type // TypeNone with typed: no such type, nothing matches
}

// parse reads the options behind a cursor of SCAN.
func (o *scanOptions) parse(a *resp.Args) { o.read(a, true) }

// parseElements reads the options behind a cursor of HSCAN and its like.
func (o *scanOptions) parseElements(a *resp.Args) { o.read(a, false) }

func (o *scanOptions) read(a *resp.Args, ofKeys bool) {
	o.count = 10
	for a.More() {
		switch {
		case a.TagWith("COUNT", 1):
			n := a.Int64()
			if n < 1 {
				a.Fail(resp.ErrSyntax)
			}
			o.count = int(min(n, math.MaxInt32))
		case a.TagWith("MATCH", 1):
			if o.pattern = a.Bytes(); glob.All(o.pattern) {
				o.pattern = nil
			}
		case ofKeys && a.TagWith("TYPE", 1):
			o.typed = true
			o.typ = typeNamed(a.Bytes())
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
}

// typeNamed is the type of that name in any case, TypeNone if there is none.
func typeNamed(name []byte) engine.Type {
	for t := engine.TypeString; t <= engine.TypeStream; t++ {
		if equalLower(name, t.String()) {
			return t
		}
	}
	return engine.TypeNone
}

func (o *scanOptions) match(key []byte, typ engine.Type) bool {
	return (!o.typed || typ == o.typ) && (o.pattern == nil || glob.Match(o.pattern, key))
}

func scan(c *Ctx) {
	a := resp.NewArgs(c.Args[1:])
	var o scanOptions
	cursor := a.Cursor()
	o.parse(&a)
	switch e := a.Err(); {
	case e != "":
		c.W.Error(e)
	case o.count > visitInline && c.Host != nil:
		c.Defer(scan) // there, it has no host
	default:
		scanFrom(c, cursor, &o)
	}
}

func scanFrom(c *Ctx, cursor uint64, o *scanOptions) {
	c.W.Array(2)
	at := c.W.Len()
	mark, n := c.W.BeginArray(), 0
	next := c.Txn.Scan(cursor, o.count, func(key []byte, typ engine.Type) {
		if o.match(key, typ) {
			c.W.Bulk(key)
			n++
		}
	})
	c.W.EndArray(mark, n)
	c.insertReply(at, func(w *resp.Writer) {
		w.Bulk(strconv.AppendUint(c.scratch[:0], next, 10))
	})
}

func randomkey(c *Ctx) {
	key, ok := c.Txn.RandomKey(c.scratch[:0])
	if !ok {
		c.W.Null()
		return
	}
	c.scratch = key
	c.W.Bulk(key)
}

func dbsize(c *Ctx) { c.W.Int(int64(c.Txn.DBSize())) }

func flushdb(c *Ctx)  { flush(c, func(c *Ctx, async bool) { c.Txn.FlushDB(async) }) }
func flushall(c *Ctx) { flush(c, func(c *Ctx, async bool) { c.Txn.FlushAll(async) }) }

// flush reads [ASYNC|SYNC]. A synchronous flush waits for the memory to be
// free, which is no work for an event loop.
func flush(c *Ctx, op func(c *Ctx, async bool)) {
	a := resp.NewArgs(c.Args[1:])
	async := a.Tag("ASYNC")
	if !async {
		a.Tag("SYNC")
	}
	a.End()
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	if async {
		op(c, true)
		c.W.OK()
		return
	}
	c.Defer(func(c *Ctx) {
		op(c, false)
		c.W.OK()
	})
}

func swapdb(c *Ctx) {
	a := resp.NewArgs(c.Args[1:])
	first := a.IntRange(math.MinInt32, math.MaxInt32, resp.ErrFirstDBIndex)
	second := a.IntRange(math.MinInt32, math.MaxInt32, resp.ErrSecondDBIndex)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.ok(c.Txn.SwapDB(int(first), int(second)))
}
