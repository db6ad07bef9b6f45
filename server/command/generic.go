package command

import (
	"hpkv/engine"
	"hpkv/resp"
)

var genericRows = []Row{
	{Name: "del", Arity: -2, Flags: Write, Keys: span(KeyRM|KeyDelete, 1, -1, 1), Cats: CatKeyspace, Tips: summed, Run: del},
	{Name: "unlink", Arity: -2, Flags: Write | Fast, Keys: span(KeyRM|KeyDelete, 1, -1, 1), Cats: CatKeyspace, Tips: summed, Run: del},
	{Name: "exists", Arity: -2, Flags: ReadOnly | Fast | Optimistic, Keys: span(KeyRO, 1, -1, 1), Cats: CatKeyspace, Tips: summed, Run: exists},
	{Name: "touch", Arity: -2, Flags: ReadOnly | Fast | Optimistic, Keys: span(KeyRO, 1, -1, 1), Cats: CatKeyspace, Tips: summed, Run: touch},
	{Name: "type", Arity: 2, Flags: ReadOnly | Fast, Keys: one(KeyRO), Cats: CatKeyspace, Run: typeOf},
	{Name: "rename", Arity: 3, Flags: Write, Keys: twoKeys(KeyRW|KeyAccess|KeyDelete, KeyOW|KeyUpdate), Cats: CatKeyspace, Run: rename},
	{Name: "renamenx", Arity: 3, Flags: Write | Fast, Keys: twoKeys(KeyRW|KeyAccess|KeyDelete, KeyOW|KeyInsert), Cats: CatKeyspace, Run: renamenx},
	{Name: "copy", Arity: -3, Flags: Write | DenyOOM, Keys: twoKeys(KeyRO|KeyAccess, KeyOW|KeyUpdate), Cats: CatKeyspace, Run: copyKey},
	{Name: "move", Arity: 3, Flags: Write | Fast, Keys: one(KeyRW | KeyAccess | KeyUpdate), Cats: CatKeyspace, Run: move},
}

// summed are the tips of commands that count over their keys.
var summed = []string{"request_policy:multi_shard", "response_policy:agg_sum"}

// del serves UNLINK as well: the memory of large values is never freed while the
// client waits.
func del(c *Ctx) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if c.Txn.Delete(key) {
			n++
		}
	}
	c.W.Int(n)
}

func exists(c *Ctx) { c.W.Int(int64(c.Txn.ExistsMany(c.Args[1:]))) }
func touch(c *Ctx)  { c.W.Int(int64(c.Txn.TouchMany(c.Args[1:]))) }

func typeOf(c *Ctx) {
	t := c.Txn.Type(c.Args[1])
	c.Txn.LookedUp(c.Args[1], t != engine.TypeNone)
	c.W.Status(t.String())
}

// staged carries out a command that copies a key's value to another key, or moves
// it, with run. A large collection is copied beforehand, off the event loop, so
// that nobody waits for it.
func (c *Ctx) staged(db int, isMove bool, run func(c *Ctx)) {
	if c.Host == nil || !c.Txn.WantsStaging(c.Args[1], c.Args[2], isMove) {
		run(c)
		return
	}
	c.Defer(func(c *Ctx) {
		c.Txn.End() // it holds the keys
		copied := c.Txn.Stage(c.Args[1], c.Args[2], db)
		defer copied.Discard()
		c.LockKeys()
		run(c)
	})
}

func rename(c *Ctx) { c.staged(c.Txn.DB(), true, renameNow) }

func renameNow(c *Ctx) {
	if _, err := c.Txn.Rename(c.Args[1], c.Args[2], false); err != nil {
		c.Fail(err)
		return
	}
	c.W.OK()
}

func renamenx(c *Ctx) {
	c.staged(c.Txn.DB(), true, func(c *Ctx) { c.yesNo(c.Txn.Rename(c.Args[1], c.Args[2], true)) })
}

func copyKey(c *Ctx) {
	a := resp.NewArgs(c.Args[3:])
	db, replace := c.Txn.DB(), false
	for a.More() {
		switch {
		case a.Tag("REPLACE"):
			replace = true
		case a.TagWith("DB", 1):
			db = database(c, &a)
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.staged(db, false, func(c *Ctx) { c.yesNo(c.Txn.Copy(c.Args[1], c.Args[2], db, replace)) })
}

func move(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	db := database(c, &a)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.yesNo(c.Txn.Move(c.Args[1], db))
}
