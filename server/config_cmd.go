package server

import (
	"net/netip"

	"hpkv/resp"
	"hpkv/server/command"
)

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
		{Name: "set", Arity: -4, Flags: admin, Tips: everywhere, Run: configSet},
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
	c := owner(ctx)
	if err := c.srv.cfg.Set(ctx.Args[2:], c.local()); err != nil {
		ctx.W.Error(err.Error())
		return
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
	s.samples.engineBase.Store(s.engineStats(ctx.Txn))
	s.totals.reset()
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
