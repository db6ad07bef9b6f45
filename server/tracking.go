package server

import (
	"bytes"

	"hpkv/resp"
	"hpkv/server/command"
)

// errNoTracking refuses CLIENT TRACKING ON. Going on as if it were on would let
// clients cache values that nobody tells them to drop.
const errNoTracking = "ERR client side caching is not supported by this server"

// trackingOptions are the arguments of CLIENT TRACKING behind ON or OFF.
type trackingOptions struct {
	bcast, optIn, optOut bool
	prefixes             [][]byte
}

// clientTracking checks what it is given as Redis does, so that a mistake is
// told as a mistake. OFF is what holds anyway.
func clientTracking(ctx *command.Ctx) {
	o, errText := readTracking(owner(ctx).srv, ctx.Args[3:])
	on := resp.EqualFold(ctx.Args[2], "ON")
	if errText == "" && !on && !resp.EqualFold(ctx.Args[2], "OFF") {
		errText = resp.ErrSyntax
	}
	if errText == "" && on {
		errText = o.refusal()
	}
	if errText != "" {
		ctx.W.Error(errText)
		return
	}
	ctx.W.OK()
}

func readTracking(s *Server, args [][]byte) (o trackingOptions, errText string) {
	for ; len(args) > 0; args = args[1:] {
		switch option := args[0]; {
		case resp.EqualFold(option, "REDIRECT") && len(args) > 1:
			args = args[1:]
			id, ok := resp.ParseInt64(args[0])
			if !ok {
				return o, resp.ErrNotInteger
			}
			if s.clients.get(id) == nil {
				return o, resp.ErrTrackRedirect
			}
		case resp.EqualFold(option, "BCAST"):
			o.bcast = true
		case resp.EqualFold(option, "OPTIN"):
			o.optIn = true
		case resp.EqualFold(option, "OPTOUT"):
			o.optOut = true
		case resp.EqualFold(option, "NOLOOP"):
		case resp.EqualFold(option, "PREFIX") && len(args) > 1:
			args = args[1:]
			o.prefixes = append(o.prefixes, args[0])
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, ""
}

// refusal is why tracking cannot be turned on with the options.
func (o *trackingOptions) refusal() string {
	switch {
	case !o.bcast && len(o.prefixes) > 0:
		return resp.ErrTrackPrefix
	case o.bcast && (o.optIn || o.optOut):
		return resp.ErrTrackOptBcast
	case o.optIn && o.optOut:
		return resp.ErrTrackOptBoth
	}
	for i, a := range o.prefixes {
		for _, b := range o.prefixes[i+1:] {
			if bytes.HasPrefix(a, b) || bytes.HasPrefix(b, a) {
				return resp.PrefixOverlap(a, b)
			}
		}
	}
	return errNoTracking
}

// clientCaching is about the next command of a client that tracks, which no
// client here does.
func clientCaching(ctx *command.Ctx) { ctx.W.Error(resp.ErrCachingMode) }

func clientGetRedir(ctx *command.Ctx) { ctx.W.Int(-1) }

func clientTrackingInfo(ctx *command.Ctx) {
	w := ctx.W
	w.Map(3)
	w.BulkString("flags")
	w.Set(1)
	w.BulkString("off")
	w.BulkString("redirect")
	w.Int(-1)
	w.BulkString("prefixes")
	w.Array(0)
}
