package command

import (
	"errors"

	"hpkv/engine"
	"hpkv/engine/hll"
	"hpkv/resp"
)

var hllRows = []Row{
	{Name: "pfadd", Arity: -2, Flags: Write | DenyOOM | Fast, Keys: one(KeyRW | KeyInsert), Cats: CatHyperLogLog, Run: pfadd},
	{Name: "pfcount", Arity: -2, Flags: ReadOnly, Keys: pfcountKeys, Cats: CatHyperLogLog, Run: pfcount},
	{Name: "pfmerge", Arity: -2, Flags: Write | DenyOOM, Keys: pfmergeKeys, Cats: CatHyperLogLog, Run: pfmerge},
	{Name: "pfdebug", Arity: 3, Flags: Write | DenyOOM | Admin, Keys: span(KeyRW|KeyAccess, 2, 2, 1), Cats: CatHyperLogLog, Run: pfdebug},
	{Name: "pfselftest", Arity: 1, Flags: Admin, Cats: CatHyperLogLog, Run: pfselftest},
}

var pfcountKeys = []KeySpec{{Flags: KeyRW | KeyAccess, Pos: 1, Last: -1, Step: 1,
	Notes: "RW because it may change the internal representation of the key, and propagate to replicas"}}

var pfmergeKeys = append(span(KeyRW|KeyAccess|KeyInsert, 1, 1, 1), span(KeyRO|KeyAccess, 2, -1, 1)...)

func pfadd(c *Ctx) { c.yesNo(c.Txn.PFAdd(c.Args[1], c.Args[2:])) }

func pfcount(c *Ctx) { c.integer(c.Txn.PFCount(c.Args[1:])) }

func pfmerge(c *Ctx) { c.ok(c.Txn.PFMerge(c.Args[1], c.Args[2:])) }

func pfdebug(c *Ctx) {
	var err error
	switch sub, key := c.Args[1], c.Args[2]; {
	case resp.EqualFold(sub, "GETREG"):
		err = getRegisters(c, key)
	case resp.EqualFold(sub, "DECODE"):
		var runs []byte
		if runs, err = c.Txn.PFRuns(nil, key); err == nil {
			c.W.Bulk(runs)
		}
	case resp.EqualFold(sub, "ENCODING"):
		var dense bool
		if dense, err = c.Txn.PFIsDense(key); err == nil {
			c.W.Status(map[bool]string{true: "dense", false: "sparse"}[dense])
		}
	case resp.EqualFold(sub, "TODENSE"):
		var changed bool
		if changed, err = c.Txn.PFDense(key); err == nil {
			c.yesNo(changed, nil)
		}
	default: // the key is looked at first
		if _, err = c.Txn.PFIsDense(key); err == nil {
			c.W.Error(resp.UnknownPFDebug(sub))
		}
	}
	switch {
	case errors.Is(err, engine.ErrNoSuchKey):
		c.W.Error(resp.ErrNoKeyHere)
	case err != nil:
		c.Fail(err)
	}
}

// getRegisters answers with all registers; as in Redis that makes the value dense.
func getRegisters(c *Ctx, key []byte) error {
	if _, err := c.Txn.PFDense(key); err != nil {
		return err
	}
	u, err := c.Txn.PFRegisters(key)
	if err != nil {
		return err
	}
	c.W.Array(len(u))
	for _, v := range u {
		c.W.Int(int64(v))
	}
	return nil
}

func pfselftest(c *Ctx) {
	c.Defer(func(c *Ctx) {
		if err := hll.SelfTest(uint64(c.Txn.Now())); err != nil {
			c.W.Error("TESTFAILED " + err.Error())
			return
		}
		c.W.OK()
	})
}
