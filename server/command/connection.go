package command

import (
	"math"
	"time"

	"hpkv/resp"
)

var connectionRows = []Row{
	{Name: "ping", Arity: -1, Flags: Fast | WhileSubscribed | Probe | NoData, Cats: CatConnection,
		Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"}, Run: ping},
	{Name: "echo", Arity: 2, Flags: Loading | Stale | Fast | NoData, Cats: CatConnection, Run: echo},
	{Name: "select", Arity: 2, Flags: Loading | Stale | Fast | OfConnection, Cats: CatConnection, Run: selectDB},
	{Name: "time", Arity: 1, Flags: Loading | Stale | Fast | NoData, Tips: []string{"nondeterministic_output"}, Run: timeNow},
}

func ping(c *Ctx) {
	if c.S.Listens && c.W.Proto() == 2 && len(c.Args) <= 2 {
		c.W.Array(2) // looks like a message, so that a client can tell it from one
		c.W.BulkString("pong")
		if len(c.Args) == 2 {
			c.W.Bulk(c.Args[1])
		} else {
			c.W.BulkString("")
		}
		return
	}
	switch len(c.Args) {
	case 1:
		c.W.Status("PONG")
	case 2:
		c.W.Bulk(c.Args[1])
	default:
		c.W.Error(c.Row.ArityText())
	}
}

func echo(c *Ctx) { c.W.Bulk(c.Args[1]) }

func selectDB(c *Ctx) {
	a := resp.NewArgs(c.Args[1:])
	db := database(c, &a)
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	c.S.DB = db
	c.Txn.SetDB(db) // for the commands behind it in EXEC
	c.W.OK()
}

// database reads the index of a database that exists.
func database(c *Ctx, a *resp.Args) int {
	n := a.Int64()
	switch {
	case n != int64(int32(n)):
		a.Fail(resp.NotBetween(math.MinInt32, math.MaxInt32))
	case n < 0 || n >= int64(c.Txn.Engine().Databases()):
		a.Fail(resp.ErrDBIndex)
	}
	return int(n)
}

// timeNow reads the clock itself: clients measure with it, and the
// transaction's time knows no microseconds.
func timeNow(c *Ctx) {
	us := time.Now().UnixMicro()
	c.W.Array(2)
	c.W.BulkInt(us / 1e6)
	c.W.BulkInt(us % 1e6)
}
