package command

import (
	"hpkv/engine"
	"hpkv/engine/zset"
	"hpkv/resp"
)

var zsetRangeRows = []Row{
	{Name: "zcount", Arity: 4, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet, Run: zcount},
	{Name: "zlexcount", Arity: 4, Flags: ReadOnly | Fast, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet, Run: zlexcount},
	{Name: "zrange", Arity: -4, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet, Run: zrange},
	{Name: "zrangestore", Arity: -5, Flags: Write | DenyOOM, Keys: twoKeys(KeyOW|KeyUpdate, KeyRO|KeyAccess), Cats: CatSortedSet, Run: zrangestore},
	{Name: "zrangebyscore", Arity: -4, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet, Run: zrangebyscore},
	{Name: "zrevrangebyscore", Arity: -4, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet, Run: zrevrangebyscore},
	{Name: "zrangebylex", Arity: -4, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet, Run: zrangebylex},
	{Name: "zrevrangebylex", Arity: -4, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet, Run: zrevrangebylex},
	{Name: "zrevrange", Arity: -4, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatSortedSet, Run: zrevrange},
	{Name: "zremrangebyrank", Arity: 4, Flags: Write, Keys: one(KeyRW | KeyDelete), Cats: CatSortedSet, Run: zremrangebyrank},
	{Name: "zremrangebyscore", Arity: 4, Flags: Write, Keys: one(KeyRW | KeyDelete), Cats: CatSortedSet, Run: zremrangebyscore},
	{Name: "zremrangebylex", Arity: 4, Flags: Write, Keys: one(KeyRW | KeyDelete), Cats: CatSortedSet, Run: zremrangebylex},
}

// scoreBound reads an end of a range of scores: a number, behind "(" if it is
// excluded.
func scoreBound(a *resp.Args) (score float64, ex bool) {
	b := a.Bytes()
	if ex = len(b) > 0 && b[0] == '('; ex {
		b = b[1:]
	}
	score, ok := resp.ParseScoreBound(b)
	if !ok {
		a.Fail(resp.ErrMinMaxFloat)
	}
	return score, ex
}

// lexBound reads an end of a range of members: "-", "+", or a member behind "["
// or, if it is excluded, "(".
func lexBound(a *resp.Args) (b zset.LexBound) {
	text := a.Bytes()
	switch {
	case len(text) == 1 && text[0] == '-':
		b.Inf = -1
	case len(text) == 1 && text[0] == '+':
		b.Inf = 1
	case len(text) > 0 && (text[0] == '(' || text[0] == '['):
		b.Member, b.Ex = text[1:], text[0] == '('
	default:
		a.Fail(resp.ErrMinMaxLex)
	}
	return b
}

// readZRange reads the two ends of a range. Descending ranges of scores and
// members are given with the greater end first.
func readZRange(r *engine.ZRange, a *resp.Args) {
	switch r.By {
	case engine.ByRank:
		r.Start, r.Stop = a.Int64(), a.Int64()
	case engine.ByScore:
		r.Score.Min, r.Score.MinEx = scoreBound(a)
		r.Score.Max, r.Score.MaxEx = scoreBound(a)
		if s := &r.Score; r.Reverse {
			s.Min, s.Max, s.MinEx, s.MaxEx = s.Max, s.Min, s.MaxEx, s.MinEx
		}
	case engine.ByLex:
		r.Lex.Min, r.Lex.Max = lexBound(a), lexBound(a)
		if r.Reverse {
			r.Lex.Min, r.Lex.Max = r.Lex.Max, r.Lex.Min
		}
	}
}

// zrangeForm says what the options of a command of the ZRANGE family are.
type zrangeForm struct {
	by      engine.ZBy
	reverse bool
	open    bool // BYSCORE, BYLEX and REV are options
	store   bool // no WITHSCORES
}

// parseZRange reads the ends and options of a range from args, which begin with
// the ends.
func parseZRange(args [][]byte, f zrangeForm) (r engine.ZRange, withScores bool, text string) {
	r.By, r.Reverse, r.Count = f.by, f.reverse, -1
	a := resp.NewArgs(args[2:])
	byScore, byLex := false, false
	for a.More() {
		switch {
		case !f.store && a.Tag("WITHSCORES"):
			withScores = true
		case a.TagWith("LIMIT", 2):
			r.Offset, r.Count = a.Int64(), a.Int64()
			r.Limited = true
		case f.open && !r.Reverse && a.Tag("REV"):
			r.Reverse = true
		case f.open && !byScore && !byLex && a.Tag("BYLEX"):
			byLex, r.By = true, engine.ByLex
		case f.open && !byScore && !byLex && a.Tag("BYSCORE"):
			byScore, r.By = true, engine.ByScore
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
	if r.Count != -1 && r.By == engine.ByRank {
		a.Fail(resp.ErrLimitByRank)
	}
	if withScores && r.By == engine.ByLex {
		a.Fail(resp.ErrScoresByLex)
	}
	if text = a.Err(); text != "" {
		return r, withScores, text
	}
	ends := resp.NewArgs(args[:2])
	readZRange(&r, &ends)
	return r, withScores, ends.Err()
}

func zrange(c *Ctx)    { listRange(c, zrangeForm{open: true}) }
func zrevrange(c *Ctx) { listRange(c, zrangeForm{reverse: true}) }

func zrangebyscore(c *Ctx)    { listRange(c, zrangeForm{by: engine.ByScore}) }
func zrevrangebyscore(c *Ctx) { listRange(c, zrangeForm{by: engine.ByScore, reverse: true}) }
func zrangebylex(c *Ctx)      { listRange(c, zrangeForm{by: engine.ByLex}) }
func zrevrangebylex(c *Ctx)   { listRange(c, zrangeForm{by: engine.ByLex, reverse: true}) }

func listRange(c *Ctx, f zrangeForm) {
	r, withScores, e := parseZRange(c.Args[2:], f)
	if e != "" {
		c.W.Error(e)
		return
	}
	list := memberList{c, withScores}
	if err := c.Txn.ZRange(c.Args[1], &r, list.begin, list.add); err != nil {
		c.Fail(err)
	}
}

func zrangestore(c *Ctx) {
	r, _, e := parseZRange(c.Args[3:], zrangeForm{open: true, store: true})
	if e != "" {
		c.W.Error(e)
		return
	}
	c.integer(c.Txn.ZRangeStore(c.Args[1], c.Args[2], &r))
}

func zcount(c *Ctx)    { onRange(c, engine.ByScore, false) }
func zlexcount(c *Ctx) { onRange(c, engine.ByLex, false) }

func zremrangebyrank(c *Ctx)  { onRange(c, engine.ByRank, true) }
func zremrangebyscore(c *Ctx) { onRange(c, engine.ByScore, true) }
func zremrangebylex(c *Ctx)   { onRange(c, engine.ByLex, true) }

// onRange counts or removes the members in the range of the command's last two
// arguments.
func onRange(c *Ctx, by engine.ZBy, remove bool) {
	r := engine.ZRange{By: by}
	a := resp.NewArgs(c.Args[2:])
	if readZRange(&r, &a); a.Err() != "" {
		c.W.Error(a.Err())
		return
	}
	if remove {
		c.integer(c.Txn.ZRemRange(c.Args[1], &r))
	} else {
		c.integer(c.Txn.ZCount(c.Args[1], &r))
	}
}
