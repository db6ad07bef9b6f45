package command

import (
	"math"

	"hpkv/engine"
	"hpkv/resp"
)

var zsetCombineRows = []Row{
	{Name: "zunion", Arity: -3, Flags: ReadOnly, Keys: counted(KeyRO|KeyAccess, 1), Cats: CatSortedSet, Run: zunion},
	{Name: "zinter", Arity: -3, Flags: ReadOnly, Keys: counted(KeyRO|KeyAccess, 1), Cats: CatSortedSet, Run: zinter},
	{Name: "zdiff", Arity: -3, Flags: ReadOnly, Keys: counted(KeyRO|KeyAccess, 1), Cats: CatSortedSet, Run: zdiff},
	{Name: "zintercard", Arity: -3, Flags: ReadOnly, Keys: counted(KeyRO|KeyAccess, 1), Cats: CatSortedSet, Run: zintercard},
	{Name: "zunionstore", Arity: -4, Flags: Write | DenyOOM, Keys: storeCounted, Cats: CatSortedSet, Run: zunionstore},
	{Name: "zinterstore", Arity: -4, Flags: Write | DenyOOM, Keys: storeCounted, Cats: CatSortedSet, Run: zinterstore},
	{Name: "zdiffstore", Arity: -4, Flags: Write | DenyOOM, Keys: storeCounted, Cats: CatSortedSet, Run: zdiffstore},
}

// storeCounted are the specs of a destination and counted sources.
var storeCounted = append(one(KeyOW|KeyUpdate), counted(KeyRO|KeyAccess, 2)...)

// combination is a parsed command of the family.
type combination struct {
	engine.ZCombination
	op         func(t *engine.Txn, c *engine.ZCombination) ([]engine.ZMember, error)
	diff       bool // no WEIGHTS, no AGGREGATE
	store      bool // no WITHSCORES
	card       bool // LIMIT instead of all others
	withScores bool
	limit      int64
}

// parse reads what is behind the command's name and destination. As in Redis
// the keys' types are looked at before the options.
func (o *combination) parse(c *Ctx, args [][]byte) (text string) {
	a := resp.NewArgs(args)
	n := a.Int64()
	switch {
	case a.Err() != "":
		return a.Err()
	case n < 1:
		return resp.NoInputKeys(c.Row.FullName())
	case n > int64(a.Len()):
		return resp.ErrSyntax
	}
	o.Keys = a.Rest()[:n]
	for range n {
		a.Bytes()
	}
	for a.More() {
		o.option(&a)
	}
	if text = a.Err(); text != "" {
		for _, key := range o.Keys {
			if t := c.Txn.Type(key); t != engine.TypeNone && t != engine.TypeZSet && t != engine.TypeSet {
				return resp.ErrWrongType
			}
		}
	}
	return text
}

func (o *combination) option(a *resp.Args) {
	switch {
	case !o.diff && !o.card && a.TagWith("WEIGHTS", len(o.Keys)):
		o.Weights = make([]float64, len(o.Keys))
		for i := range o.Weights {
			o.Weights[i] = a.FloatElse(resp.ErrWeight)
		}
	case !o.diff && !o.card && a.TagWith("AGGREGATE", 1):
		switch {
		case a.Tag("SUM"):
			o.Aggregate = engine.ZSum
		case a.Tag("MIN"):
			o.Aggregate = engine.ZMin
		case a.Tag("MAX"):
			o.Aggregate = engine.ZMax
		default:
			a.Fail(resp.ErrSyntax)
		}
	case !o.store && !o.card && a.Tag("WITHSCORES"):
		o.withScores = true
	case o.card && a.TagWith("LIMIT", 1):
		o.limit = a.IntRange(0, math.MaxInt64, resp.ErrLimitNegative)
	default:
		a.Fail(resp.ErrSyntax)
	}
}

func diffOf(t *engine.Txn, c *engine.ZCombination) ([]engine.ZMember, error) { return t.ZDiff(c.Keys) }

func zunion(c *Ctx) { listCombined(c, &combination{op: (*engine.Txn).ZUnion}) }
func zinter(c *Ctx) { listCombined(c, &combination{op: (*engine.Txn).ZInter}) }
func zdiff(c *Ctx)  { listCombined(c, &combination{op: diffOf, diff: true}) }

func listCombined(c *Ctx, o *combination) {
	if e := o.parse(c, c.Args[1:]); e != "" {
		c.W.Error(e)
		return
	}
	members, err := o.op(c.Txn, &o.ZCombination)
	if err != nil {
		c.Fail(err)
		return
	}
	list := memberList{c, o.withScores}
	list.begin(len(members))
	for _, m := range members {
		list.add(m.Member, m.Score)
	}
}

func zunionstore(c *Ctx) {
	storeCombined(c, &combination{op: (*engine.Txn).ZUnion, store: true}, engine.EventZUnionStore)
}

func zinterstore(c *Ctx) {
	storeCombined(c, &combination{op: (*engine.Txn).ZInter, store: true}, engine.EventZInterStore)
}

func zdiffstore(c *Ctx) {
	storeCombined(c, &combination{op: diffOf, diff: true, store: true}, engine.EventZDiffStore)
}

func storeCombined(c *Ctx, o *combination, ev engine.Event) {
	if e := o.parse(c, c.Args[2:]); e != "" {
		c.W.Error(e)
		return
	}
	members, err := o.op(c.Txn, &o.ZCombination)
	if err != nil {
		c.Fail(err)
		return
	}
	c.integer(c.Txn.ZStore(c.Args[1], members, ev))
}

func zintercard(c *Ctx) {
	o := combination{card: true}
	if e := o.parse(c, c.Args[1:]); e != "" {
		c.W.Error(e)
		return
	}
	c.integer(c.Txn.ZInterCard(o.Keys, o.limit))
}
