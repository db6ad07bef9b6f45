package server

import (
	"net/netip"

	"hpkv/numa"
	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/config"
)

// serverRows are the commands for those who run the server.
func serverRows() []command.Row {
	return []command.Row{
		configRow(),
		monitorRow(),
		slowlogRow(),
		latencyRow(),
		aclRow(),
		debugRow(),
		moduleRow(),
		{Name: "lolwut", Arity: -1, Flags: command.ReadOnly | command.Fast | command.AllShards, Run: lolwut},
		{Name: "hpkv.topology", Arity: 1, Flags: command.Admin | command.Informs | command.Loading | command.Stale, Run: topology},
		{Name: "info", Arity: -1, Flags: command.Loading | command.Stale, Cats: command.CatDangerous,
			Tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}, Run: info},
		{Name: "shutdown", Arity: -1, Flags: command.Admin | command.NoScript | command.Loading | command.Stale | command.NoMulti | command.AllowBusy, Run: shutdown},
	}
}

func configRow() command.Row {
	const admin = command.Admin | command.NoScript | command.Loading | command.Stale
	everywhere := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	return command.Row{Name: "config", Arity: -2, Sub: []command.Row{
		{Name: "get", Arity: -3, Flags: admin, Run: configGet},
		{Name: "help", Arity: 2, Flags: command.Loading | command.Stale, Run: command.Help(
			"GET <pattern>",
			"    Return parameters matching the glob-like <pattern> and their values.",
			"SET <directive> <value>",
			"    Set the configuration <directive> to <value>.",
			"RESETSTAT",
			"    Reset statistics reported by the INFO command.",
			"REWRITE",
			"    Rewrite the configuration file.")},
		{Name: "resetstat", Arity: 2, Flags: admin, Tips: everywhere, Run: configResetStat},
		{Name: "rewrite", Arity: 2, Flags: admin, Tips: everywhere, Run: configRewrite},
		{Name: "set", Arity: -4, Flags: admin, Tips: everywhere, Run: configSet,
			Secret: func(args [][]byte, i int) bool { return i > 2 && i%2 == 1 && config.IsSensitive(string(args[i-1])) }},
	}}
}

func configGet(ctx *command.Ctx) {
	mark, n := ctx.W.BeginArray(), 0
	owner(ctx).srv.cfg.Get(ctx.Args[2:], func(name, value string) {
		ctx.W.BulkString(name)
		ctx.W.BulkString(value)
		n++
	})
	ctx.W.EndMap(mark, n)
}

func configSet(ctx *command.Ctx) {
	long := false // it may wait for the disk, or for names of hosts
	for i := 2; i < len(ctx.Args); i += 2 {
		switch name := ctx.Args[i]; {
		case resp.EqualFold(name, "APPENDONLY"):
			if ctx.Txn.Locked() { // the log begins and ends between transactions
				ctx.W.Error(resp.ConfigSetFailed("appendonly", "can't be changed inside a transaction"))
				return
			}
			long = true
		case resp.EqualFold(name, "BIND"), resp.EqualFold(name, "PORT"):
			long = true
		}
	}
	if long || !ctx.Txn.Locked() && owner(ctx).srv.cfg.Changing() {
		ctx.Defer(setSettings)
		return
	}
	setSettings(ctx)
}

func setSettings(ctx *command.Ctx) {
	c := owner(ctx)
	set := c.srv.cfg.Set
	if ctx.Txn.Locked() { // who changes settings may be waiting for these keys
		set = c.srv.cfg.TrySet
	}
	if err := set(ctx.Args[2:], c.local()); err != nil {
		ctx.W.Error(err.Error())
		return
	}
	if c.x != nil { // as in Redis, a threshold holds for the command that sets it
		c.x.meter.slowNs = slowFrom(c.srv.cfg)
	}
	ctx.W.OK()
}

// local says whether the client is on this machine.
func (c *client) local() bool {
	if c.unix {
		return true
	}
	ap, err := netip.ParseAddrPort(c.addr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

func configResetStat(ctx *command.Ctx) {
	s := owner(ctx).srv
	owner(ctx).x.publish()
	s.stats.reset()
	s.commands.reset(s.table.RowCount())
	s.samples.engineBase.Store(s.engineStats(ctx.Txn))
	s.totals.reset()
	s.errors.reset()
	for _, r := range []*rate{&s.samples.commands, &s.samples.netIn, &s.samples.netOut} {
		r.reset()
	}
	s.samples.over.reset()
	s.samples.defrag.reset()
	ctx.W.OK()
}

func configRewrite(ctx *command.Ctx) {
	s := owner(ctx).srv
	if s.configFile == "" {
		ctx.W.Error(resp.ErrNoConfigFile)
		return
	}
	ctx.Defer(func(ctx *command.Ctx) { // it waits for the disk
		if err := s.cfg.Rewrite(s.configFile); err != nil {
			s.log.Warn().Err(err).Str("config", s.configFile).Msg("CONFIG REWRITE failed")
			ctx.W.Error("ERR Rewriting config file: " + err.Error())
			return
		}
		s.log.Info().Str("config", s.configFile).Msg("configuration file rewritten")
		ctx.W.OK()
	})
}

// shutdown ends the server. Whatever is said of saving, what the log was given
// will be on the disk. If it cannot be, only NOSAVE and FORCE end the server; nor can
// SAVE be done without a log. The caller gets no reply: its connection closes, as
// everybody's.
func shutdown(ctx *command.Ctx) {
	c := owner(ctx)
	var save, noSave, abort, force, other bool
	for _, a := range ctx.Args[1:] {
		switch {
		case resp.EqualFold(a, "SAVE"):
			save = true
		case resp.EqualFold(a, "NOSAVE"):
			noSave = true
		case resp.EqualFold(a, "ABORT"):
			abort = true
		case resp.EqualFold(a, "NOW"):
			other = true
		case resp.EqualFold(a, "FORCE"):
			force, other = true, true
		default:
			ctx.W.Error(resp.ErrSyntax)
			return
		}
	}
	switch {
	case save && noSave, abort && (save || noSave || other):
		ctx.W.Error(resp.ErrSyntax)
	case abort:
		ctx.W.Error(resp.ErrNoShutdown)
	default:
		if err := c.srv.durability.cannotSave(save); err != nil && !noSave && !force {
			c.srv.log.Error().Err(err).Msg(cannotStop)
			ctx.W.Error(resp.ErrShutdown)
			return
		}
		c.srv.log.Info().Int64("client", c.id).Str("addr", c.addr).Msg("a client asked for shutdown")
		c.finished = true
		c.srv.stop()
	}
}

// cannotStop is what the server's log says of being told to stop in vain.
const cannotStop = "not stopping: what was changed cannot be saved; SHUTDOWN NOSAVE or SHUTDOWN FORCE ends the server without"

// MayStop is what decides whether a signal ends the server: as SHUTDOWN with the words
// of the setting shutdown-on-sigint or shutdown-on-sigterm it does, unless what was
// changed cannot be saved. That is logged.
func (s *Server) MayStop(how config.Choice) bool {
	select {
	case <-s.stopping: // it does that already
		return true
	default:
	}
	is := func(word config.Choice) bool { return how&word != 0 }
	err := s.durability.cannotSave(is(config.ShutdownSave))
	if err == nil || is(config.ShutdownNoSave) || is(config.ShutdownForce) {
		return true
	}
	s.log.Error().Err(err).Msg(cannotStop)
	return false
}

// topology answers HPKV.TOPOLOGY: the machine as found, and where workers and
// shards were placed.
func topology(ctx *command.Ctx) {
	s := owner(ctx).srv
	t, p, w := s.topology, s.plan, ctx.W
	w.Map(12)
	text(w, "model", t.Model)
	number(w, "sockets", t.Sockets)
	number(w, "cores", t.Cores)
	number(w, "cpus", len(t.CPUs))
	text(w, "usable", t.Usable.String())
	w.BulkString("memory")
	w.Int(t.Memory)
	w.BulkString("nodes")
	w.Array(len(t.Nodes))
	for i := range t.Nodes {
		n := &t.Nodes[i]
		w.Map(3)
		number(w, "id", n.ID)
		text(w, "cpus", n.CPUs.String())
		w.BulkString("memory")
		w.Int(n.Memory)
	}
	text(w, "driver", s.driver.name())
	text(w, "pinned", yesNo(p.Pinned))
	text(w, "reason", p.Reason)
	number(w, "shards", s.engine.Shards())
	w.BulkString("workers")
	writeWorkers(w, p)
}

func writeWorkers(w *resp.Writer, p *numa.Plan) {
	homes := make([]int, len(p.Workers))
	for _, home := range p.ShardHome {
		homes[home]++
	}
	w.Array(len(p.Workers))
	for i := range p.Workers {
		k := &p.Workers[i]
		w.Map(5)
		number(w, "cpu", k.CPU)
		number(w, "core", k.Core)
		number(w, "node", k.Node)
		number(w, "memory-node", k.Memory)
		number(w, "shards", homes[i])
	}
}

func text(w *resp.Writer, key, value string) {
	w.BulkString(key)
	w.BulkString(value)
}

func number(w *resp.Writer, key string, n int) {
	w.BulkString(key)
	w.Int(int64(n))
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
