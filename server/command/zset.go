package command

import (
	"math"

	"hpkv/engine"
	"hpkv/resp"
)

var zsetRows = []Row{
	{Name: "zadd", Arity: -4, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyUpdate), Elem: 3, Cats: CatSortedSet, Run: zadd},
	{Name: "zincrby", Arity: 4, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Elem: 3, Cats: CatSortedSet, Run: zincrby},
	{Name: "zrem", Arity: -3, Flags: Write | Fast, Keys: one(KeyRW | KeyDelete), Elem: 2, Cats: CatSortedSet, Run: zrem},
	{Name: "zcard", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO), Cats: CatSortedSet, Run: zcard},
	{Name: "zscore", Arity: 3, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Elem: 2, Cats: CatSortedSet, Run: zscore},
	{Name: "zmscore", Arity: -3, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Elem: 2, Cats: CatSortedSet, Run: zmscore},
	{Name: "zrank", Arity: -3, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Elem: 2, Cats: CatSortedSet, Run: zrank},
	{Name: "zrevrank", Arity: -3, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Elem: 2, Cats: CatSortedSet, Run: zrevrank},
	{Name: "zpopmin", Arity: -2, Flags: Write | Fast, Keys: one(KeyRW | KeyAccess | KeyDelete), Elem: ElemFirst, Cats: CatSortedSet, Run: zpopmin},
	{Name: "zpopmax", Arity: -2, Flags: Write | Fast, Keys: one(KeyRW | KeyAccess | KeyDelete), Elem: ElemLast, Cats: CatSortedSet, Run: zpopmax},
	{Name: "zmpop", Arity: -4, Flags: Write | TellsKeys, Keys: counted(KeyRW|KeyAccess|KeyDelete, 1), Cats: CatSortedSet, Run: zmpop},
	{Name: "zrandmember", Arity: -2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet,
		Tips: []string{"nondeterministic_output"}, Run: zrandmember},
	{Name: "zscan", Arity: -3, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet,
		Tips: []string{"nondeterministic_output"}, Run: zscan},
}

func zadd(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	var o engine.ZAddOptions
	changed := false
	for options := true; options; {
		switch {
		case a.Tag("NX"):
			o.NX = true
		case a.Tag("XX"):
			o.XX = true
		case a.Tag("GT"):
			o.GT = true
		case a.Tag("LT"):
			o.LT = true
		case a.Tag("INCR"):
			o.Incr = true
		case a.Tag("CH"):
			changed = true
		default:
			options = false
		}
	}
	pairs := a.Rest()
	switch {
	case len(pairs) == 0 || len(pairs)%2 != 0:
		c.W.Error(resp.ErrSyntax)
	case o.NX && o.XX:
		c.W.Error(resp.ErrNXWithXX)
	case o.GT && (o.LT || o.NX) || o.LT && o.NX:
		c.W.Error(resp.ErrGTLTNX)
	case o.Incr && len(pairs) > 2:
		c.W.Error(resp.ErrIncrPairs)
	default:
		setScores(c, pairs, o, changed)
	}
}

// setScores ends ZADD. The reply is the number of members added, with changed
// of those added or changed.
func setScores(c *Ctx, pairs [][]byte, o engine.ZAddOptions, changed bool) {
	c.scores = c.scores[:0]
	for i := 0; i < len(pairs); i += 2 {
		score, ok := resp.ParseFloat(pairs[i])
		if !ok {
			c.W.Error(resp.ErrNotFloat)
			return
		}
		c.scores = append(c.scores, score)
	}
	res, err := c.Txn.ZAdd(c.Args[1], c.scores, pairs, o)
	switch {
	case err != nil:
		c.Fail(err)
	case o.Incr && res.Done == 0:
		c.W.Null()
	case o.Incr:
		c.W.Double(res.Score)
	case changed:
		c.W.Int(res.Changed)
	default:
		c.W.Int(res.Added)
	}
}

// zincrby takes, as in Redis, a word that is an option of ZADD for one here too.
func zincrby(c *Ctx) {
	for _, option := range [...]string{"NX", "XX", "GT", "LT", "INCR", "CH"} {
		if resp.EqualFold(c.Args[2], option) {
			c.W.Error(resp.ErrSyntax)
			return
		}
	}
	setScores(c, c.Args[2:], engine.ZAddOptions{Incr: true}, false)
}

func zrem(c *Ctx) { c.integer(c.Txn.ZRem(c.Args[1], c.Args[2:])) }

func zcard(c *Ctx) { c.integer(c.Txn.ZCard(c.Args[1])) }

func zscore(c *Ctx) {
	score, ok, err := c.Txn.ZScore(c.Args[1], c.Args[2])
	switch {
	case err != nil:
		c.Fail(err)
	case ok:
		c.W.Double(score)
	default:
		c.W.Null()
	}
}

func zmscore(c *Ctx) {
	at := c.W.Len()
	c.W.Array(len(c.Args) - 2)
	err := c.Txn.ZScores(c.Args[1], c.Args[2:], func(score float64, ok bool) {
		if ok {
			c.W.Double(score)
		} else {
			c.W.Null()
		}
	})
	if err != nil {
		c.W.Truncate(at)
		c.Fail(err)
	}
}

func zrank(c *Ctx)    { rank(c, false) }
func zrevrank(c *Ctx) { rank(c, true) }

func rank(c *Ctx, reverse bool) {
	if len(c.Args) > 4 {
		c.W.Error(c.Row.ArityText())
		return
	}
	a := resp.NewArgs(c.Args[3:])
	withScore := a.Tag("WITHSCORE")
	a.End()
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	rank, score, ok, err := c.Txn.ZRank(c.Args[1], c.Args[2], reverse)
	switch {
	case err != nil:
		c.Fail(err)
	case ok && withScore:
		c.W.Array(2)
		c.W.Int(rank)
		c.W.Double(score)
	case ok:
		c.W.Int(rank)
	case withScore:
		c.W.NullArray()
	default:
		c.W.Null()
	}
}

func zpopmin(c *Ctx) { popMembers(c, false) }
func zpopmax(c *Ctx) { popMembers(c, true) }

// popMembers is ZPOPMIN and ZPOPMAX. Without a count RESP3 has a flat array too.
func popMembers(c *Ctx, most bool) {
	count, withCount := int64(1), len(c.Args) > 2
	if len(c.Args) > 3 {
		c.W.Error(resp.ErrSyntax)
		return
	}
	if withCount {
		a := resp.NewArgs(c.Args[2:])
		if count = a.IntRange(0, math.MaxInt64, resp.ErrNotPositive); a.Err() != "" {
			c.W.Error(a.Err())
			return
		}
	}
	n, err := c.Txn.ZPop(c.Args[1], count, most, func(n int) {
		if withCount {
			c.W.Pairs(n)
		} else {
			c.W.Array(2 * n)
		}
	}, func(member []byte, score float64) {
		if withCount {
			c.W.Pair()
		}
		c.W.Bulk(member)
		c.W.Double(score)
	})
	switch {
	case err != nil:
		c.Fail(err)
	case n == 0:
		c.W.Array(0)
	}
}

// multiZPop is what ZMPOP and BZMPOP are asked for.
type multiZPop struct {
	keys  [][]byte
	most  bool
	count int64
}

// parse reads numkeys key ... MIN|MAX [COUNT n].
func (o *multiZPop) parse(a *resp.Args) {
	o.keys = countedArgs(a)
	if o.most = a.Tag("MAX"); !o.most {
		a.Expect("MIN")
	}
	o.count = popCount(a)
}

func zmpop(c *Ctx) {
	a := resp.NewArgs(c.Args[1:])
	var o multiZPop
	if o.parse(&a); a.Err() != "" {
		c.W.Error(a.Err())
		return
	}
	if !popFirstZSet(c, &o, false) {
		c.W.NullArray()
	}
}

// popFirstZSet pops from the first key that has members and replies; false, without
// a reply, if none has.
func popFirstZSet(c *Ctx, o *multiZPop, woken bool) bool {
	for _, key := range o.keys {
		if woken && !c.holds(key, engine.TypeZSet) {
			continue
		}
		n, err := c.Txn.ZPop(key, o.count, o.most, func(n int) {
			c.W.Array(2)
			c.W.Bulk(key)
			c.W.Array(n)
		}, func(member []byte, score float64) {
			c.W.Array(2)
			c.W.Bulk(member)
			c.W.Double(score)
		})
		if err != nil {
			c.Fail(err)
		}
		if err != nil || n > 0 {
			return true
		}
	}
	return false
}

func zrandmember(c *Ctx) {
	if len(c.Args) == 2 {
		found := false
		err := c.Txn.ZRandom(c.Args[1], 1, func(int) {}, func(member []byte, _ float64) {
			found = true
			c.W.Bulk(member)
		})
		switch {
		case err != nil:
			c.Fail(err)
		case !found:
			c.W.Null()
		}
		return
	}
	a := resp.NewArgs(c.Args[2:])
	count := randomCount(&a)
	withScores := a.Tag("WITHSCORES")
	a.End()
	if withScores && (count < -math.MaxInt64/2 || count > math.MaxInt64/2) {
		a.Fail(resp.ErrValueRange)
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	list := memberList{c, withScores}
	if err := c.Txn.ZRandom(c.Args[1], count, list.begin, list.add); err != nil {
		c.Fail(err)
	}
}

// memberList writes members, with or without their scores.
type memberList struct {
	c          *Ctx
	withScores bool
}

func (l memberList) begin(n int) {
	if l.withScores {
		l.c.W.Pairs(n)
	} else {
		l.c.W.Array(n)
	}
}

func (l memberList) add(member []byte, score float64) {
	if l.withScores {
		l.c.W.Pair()
	}
	l.c.W.Bulk(member)
	if l.withScores {
		l.c.W.Double(score)
	}
}

func zscan(c *Ctx) {
	scanElements(c, engine.TypeZSet, func(cursor uint64, o *scanOptions) (uint64, int, error) {
		n := 0
		next, err := c.Txn.ZScan(c.Args[1], cursor, o.count, func(member []byte, score float64, compact bool) {
			if !o.matches(member) {
				return
			}
			c.W.Bulk(member)
			if compact {
				c.W.BulkDouble(score)
			} else { // Redis' SCAN family prints what lies in a table its own way
				c.W.Bulk(resp.AppendDouble17(c.scratch[:0], score))
			}
			n += 2
		})
		return next, n, err
	})
}
