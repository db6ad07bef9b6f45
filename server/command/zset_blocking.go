package command

import (
	"hpkv/engine"
	"hpkv/resp"
)

var zsetBlockingRows = []Row{
	{Name: "bzpopmin", Arity: -3, Flags: Write | NoScript | Blocking | Fast | TellsKeys, Keys: span(KeyRW|KeyAccess|KeyDelete, 1, -2, 1), Cats: CatSortedSet, Run: bzpopmin},
	{Name: "bzpopmax", Arity: -3, Flags: Write | NoScript | Blocking | Fast | TellsKeys, Keys: span(KeyRW|KeyAccess|KeyDelete, 1, -2, 1), Cats: CatSortedSet, Run: bzpopmax},
	{Name: "bzmpop", Arity: -5, Flags: Write | Blocking | TellsKeys, Keys: counted(KeyRW|KeyAccess|KeyDelete, 2), Cats: CatSortedSet, Run: bzmpop},
}

func bzpopmin(c *Ctx) { blockingPop(c, tryPopMin) }
func bzpopmax(c *Ctx) { blockingPop(c, tryPopMax) }

func tryPopMin(c *Ctx, woken bool) bool { return tryZPop(c, false, woken) }
func tryPopMax(c *Ctx, woken bool) bool { return tryZPop(c, true, woken) }

// tryZPop pops one member from the first of the keys that holds a sorted set.
func tryZPop(c *Ctx, most, woken bool) (done bool) {
	for _, key := range c.Args[1 : len(c.Args)-1] {
		if woken && !c.holds(key, engine.TypeZSet) {
			continue
		}
		n, err := c.Txn.ZPop(key, 1, most, func(int) {
			c.W.Array(3)
			c.W.Bulk(key)
		}, func(member []byte, score float64) {
			c.W.Bulk(member)
			c.W.Double(score)
		})
		if err != nil {
			c.Fail(err)
		}
		if n > 0 || err != nil {
			return true
		}
	}
	return false
}

func bzmpop(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	var o multiZPop
	o.parse(&a)
	waitMultiPop(c, o.keys, a.Err(), tryZMPop)
}

func tryZMPop(c *Ctx, woken bool) (done bool) {
	a := resp.NewArgs(c.Args[2:])
	var o multiZPop
	o.parse(&a)
	return popFirstZSet(c, &o, woken)
}
