package server

import (
	"hpkv/resp"
	"hpkv/server/command"
)

// replicationRows answer for a server that has no replicas and belongs to no
// cluster.
func replicationRows() []command.Row {
	const (
		admin = command.Admin | command.NoScript | command.Stale
		mode  = command.Fast | command.OfConnection
	)
	of := func(name string) command.Row {
		return command.Row{Name: name, Arity: 3, Flags: admin | command.NoAsyncLoading, Run: replicaOf}
	}
	return []command.Row{
		{Name: "role", Arity: 1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast,
			Cats: command.CatAdmin | command.CatDangerous, Run: role},
		of("replicaof"), of("slaveof"),
		{Name: "failover", Arity: -1, Flags: admin, Run: failover},
		{Name: "wait", Arity: 3, Flags: command.NoScript | command.OfConnection, Cats: command.CatConnection,
			Tips: []string{"request_policy:all_shards", "response_policy:agg_min"}, Run: wait},
		{Name: "cluster", Arity: -2, Sub: clusterRows()},
		{Name: "readonly", Arity: 1, Flags: mode | command.Loading | command.Stale, Cats: command.CatConnection, Run: noCluster},
		{Name: "readwrite", Arity: 1, Flags: mode | command.Loading | command.Stale, Cats: command.CatConnection, Run: noCluster},
		{Name: "asking", Arity: 1, Flags: mode, Cats: command.CatConnection, Run: noCluster},
	}
}

func role(ctx *command.Ctx) {
	ctx.W.Array(3)
	ctx.W.BulkString("master")
	ctx.W.Int(0) // there is no replication stream to have an offset in
	ctx.W.Array(0)
}

// replicaOf takes NO ONE, which the server is a replica of. It refuses to follow
// another server: a client must not believe that this one holds a copy.
func replicaOf(ctx *command.Ctx) {
	if resp.EqualFold(ctx.Args[1], "NO") && resp.EqualFold(ctx.Args[2], "ONE") {
		ctx.W.OK()
		return
	}
	if port, ok := resp.ParseInt64(ctx.Args[2]); !ok || port < 0 || port > 65535 {
		ctx.W.Error(resp.ErrMasterPort)
		return
	}
	ctx.W.Error("ERR this server cannot be a replica of another one")
}

// failover checks its arguments as Redis does and then has nobody to hand over
// to.
func failover(ctx *command.Ctx) {
	a := resp.NewArgs(ctx.Args[1:])
	abort, to, force := false, false, false
	for a.More() {
		switch {
		case !to && !abort && a.TagWith("TO", 2):
			to = true
			a.Bytes()
			a.Int64()
		case !abort && a.TagWith("TIMEOUT", 1):
			if a.Int64() <= 0 {
				a.Fail(resp.ErrFailoverTimeout)
			}
		case !force && a.Tag("FORCE"):
			force = true
		case len(ctx.Args) == 2 && a.Tag("ABORT"):
			abort = true
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
	switch e := a.Err(); {
	case e != "":
		ctx.W.Error(e)
	case abort:
		ctx.W.Error(resp.ErrNoFailover)
	default:
		ctx.W.Error(resp.ErrFailoverReplicas)
	}
}

// wait waits until its time is over for replicas that will never acknowledge
// anything: there are none.
func wait(ctx *command.Ctx) {
	a := resp.NewArgs(ctx.Args[1:])
	replicas := a.Int64()
	timeout, ok := resp.ParseInt64(ctx.Args[2])
	switch e := a.Err(); {
	case e != "":
		ctx.W.Error(e)
	case !ok:
		ctx.W.Error(resp.ErrTimeout)
	case timeout < 0:
		ctx.W.Error(resp.ErrTimeoutSign)
	default:
		none := func(w *resp.Writer) { w.Int(0) }
		ctx.Wait(command.Wait{TimeoutMs: timeout, Empty: none, TimedOut: none, Try: func(ctx *command.Ctx, _ bool) bool {
			if replicas > 0 {
				return false
			}
			none(ctx.W)
			return true
		}})
	}
}

// clusterRows are the subcommands of CLUSTER: a server that is in no cluster
// refuses all that it knows.
func clusterRows() []command.Row {
	const (
		change  = command.Admin | command.NoAsyncLoading
		varying = true
	)
	sub := func(name string, arity int, flags command.Flag, varies bool) command.Row {
		r := command.Row{Name: name, Arity: arity, Flags: flags | command.Stale, Run: noCluster}
		if varies {
			r.Tips = []string{"nondeterministic_output"}
		}
		return r
	}
	return []command.Row{
		sub("addslots", -3, change, !varying),
		sub("addslotsrange", -4, change, !varying),
		sub("bumpepoch", 2, change, varying),
		sub("count-failure-reports", 3, command.Admin, varying),
		sub("countkeysinslot", 3, 0, !varying),
		sub("delslots", -3, change, !varying),
		sub("delslotsrange", -4, change, !varying),
		sub("failover", -2, change, !varying),
		sub("flushslots", 2, change, !varying),
		sub("forget", 3, change, !varying),
		sub("getkeysinslot", 4, 0, varying),
		sub("help", 2, command.Loading, !varying),
		sub("info", 2, 0, varying),
		sub("keyslot", 3, 0, !varying),
		sub("links", 2, 0, varying),
		sub("meet", -4, change, !varying),
		sub("myid", 2, 0, !varying),
		sub("myshardid", 2, 0, varying),
		sub("nodes", 2, 0, varying),
		sub("replicas", 3, command.Admin, varying),
		sub("replicate", 3, change, !varying),
		sub("reset", -2, command.Admin|command.NoScript, !varying),
		sub("saveconfig", 2, change, !varying),
		sub("set-config-epoch", 3, change, !varying),
		sub("setslot", -4, change, !varying),
		sub("shards", 2, 0, varying),
		sub("slaves", 3, command.Admin, varying),
		sub("slots", 2, 0, varying),
	}
}

func noCluster(ctx *command.Ctx) { ctx.W.Error(resp.ErrNoCluster) }
