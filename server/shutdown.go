package server

import (
	"hpkv/resp"
	"hpkv/server/command"
)

// shutdown ends the server. There is nothing to save yet, so SAVE and NOSAVE
// come to the same. The caller gets no reply: its connection closes, as
// everybody's.
func shutdown(ctx *command.Ctx) {
	c := owner(ctx)
	var save, noSave, abort, other bool
	for _, a := range ctx.Args[1:] {
		switch {
		case resp.EqualFold(a, "SAVE"):
			save = true
		case resp.EqualFold(a, "NOSAVE"):
			noSave = true
		case resp.EqualFold(a, "ABORT"):
			abort = true
		case resp.EqualFold(a, "NOW"), resp.EqualFold(a, "FORCE"):
			other = true
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
		c.srv.log.Info().Int64("client", c.id).Str("addr", c.addr).Msg("a client asked for shutdown")
		c.finished = true
		c.srv.stop()
	}
}
