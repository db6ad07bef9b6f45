package server

import (
	"crypto/subtle"

	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/config"
)

func connectionRows() []command.Row {
	const (
		early = command.NoScript | command.Loading | command.Stale | command.Fast | command.NoAuth | command.AllowBusy
		over  = command.Immediate | command.EndsMulti | command.WhileSubscribed
	)
	return []command.Row{
		{Name: "auth", Arity: -2, Flags: early, Cats: command.CatConnection, Run: auth,
			Secret: func(_ [][]byte, i int) bool { return i > 0 }},
		clientRow(),
		{Name: "hello", Arity: -1, Flags: early, Cats: command.CatConnection, Run: hello, Secret: helloSecret},
		{Name: "quit", Arity: -1, Flags: early | over, Cats: command.CatConnection, Run: quit},
		{Name: "reset", Arity: 1, Flags: early | over, Cats: command.CatConnection, Run: reset},
	}
}

// owner is the client a command of this package runs for.
func owner(ctx *command.Ctx) *client { return ctx.S.Owner.(*client) }

func quit(ctx *command.Ctx) {
	c := owner(ctx)
	c.finished = true
	c.silence() // who has the reply must not find that it still listens
	ctx.W.OK()
}

func auth(ctx *command.Ctx) {
	c := owner(ctx)
	user, password := []byte("default"), ctx.Args[len(ctx.Args)-1]
	switch {
	case len(ctx.Args) > 3:
		ctx.W.Error(resp.ErrSyntax)
		return
	case len(ctx.Args) == 3:
		user = ctx.Args[1]
	case c.srv.cfg.RequirePass.Load() == "":
		ctx.W.Error(resp.ErrNoPassword)
		return
	}
	if !c.logIn(user, password) {
		ctx.W.Error(resp.ErrWrongPass)
		return
	}
	ctx.W.OK()
}

// logIn authenticates the client. Without requirepass the default user takes
// any password.
func (c *client) logIn(user, password []byte) bool {
	want := c.srv.cfg.RequirePass.Load()
	if string(user) != "default" || want != "" && subtle.ConstantTimeCompare(password, []byte(want)) != 1 {
		c.srv.totals.authFailed.Add(1)
		return false
	}
	c.authenticated = true
	return true
}

func hello(ctx *command.Ctx) {
	c := owner(ctx)
	args := ctx.Args[1:]
	proto := int64(0)
	if len(args) > 0 {
		var ok bool
		if proto, ok = resp.ParseInt64(args[0]); !ok {
			ctx.W.Error(resp.ErrProtoNotInteger)
			return
		}
		if proto < 2 || proto > 3 {
			ctx.W.Error(resp.ErrNoProto)
			return
		}
		args = args[1:]
	}
	o, errText := helloOptions(args)
	if errText != "" {
		ctx.W.Error(errText)
		return
	}
	if o.auth && !c.logIn(o.user, o.password) {
		ctx.W.Error(resp.ErrWrongPass)
		return
	}
	if !c.authenticated {
		ctx.W.Error(resp.ErrHelloNoAuth)
		return
	}
	if o.setName {
		c.setName(o.name)
	}
	if proto != 0 {
		ctx.S.Proto = int(proto)
		ctx.W.SetProto(int(proto))
	}
	writeHello(ctx.W, c)
}

// helloSecret reports whether the i-th argument of HELLO is a user or a password.
func helloSecret(args [][]byte, i int) bool {
	return i > 2 && (resp.EqualFold(args[i-1], "AUTH") && helloOption(args, i-1) ||
		resp.EqualFold(args[i-2], "AUTH") && helloOption(args, i-2))
}

// helloOption reports whether the i-th argument of HELLO is the name of an option,
// not the value of one.
func helloOption(args [][]byte, i int) bool {
	for at := 2; at < i; {
		if resp.EqualFold(args[at], "AUTH") {
			at += 3
		} else {
			at += 2
		}
		if at > i {
			return false
		}
	}
	return i >= 2
}

type helloArgs struct {
	auth, setName        bool
	user, password, name []byte
}

func helloOptions(args [][]byte) (o helloArgs, errText string) {
	for len(args) > 0 {
		switch {
		case resp.EqualFold(args[0], "AUTH") && len(args) > 2:
			o.auth, o.user, o.password = true, args[1], args[2]
			args = args[3:]
		case resp.EqualFold(args[0], "SETNAME") && len(args) > 1:
			if !plainText(args[1]) {
				return o, resp.ErrClientName
			}
			o.setName, o.name = true, args[1]
			args = args[2:]
		default:
			return o, resp.HelloOption(args[0])
		}
	}
	return o, ""
}

func writeHello(w *resp.Writer, c *client) {
	w.Map(7)
	w.BulkString("server")
	w.BulkString("redis")
	w.BulkString("version")
	w.BulkString(config.RedisVersion)
	w.BulkString("proto")
	w.Int(int64(c.proto()))
	w.BulkString("id")
	w.Int(c.id)
	w.BulkString("mode")
	w.BulkString("standalone")
	w.BulkString("role")
	w.BulkString("master")
	w.BulkString("modules")
	w.Array(0)
}

// reset brings the connection back to the state of a new one. As in Redis, the
// library's name and version stay.
func reset(ctx *command.Ctx) {
	c := owner(ctx)
	c.tx = nil
	c.unwatch()
	c.stopListening()
	c.replies = replyOn
	c.noEvict, c.noTouch = false, false
	c.authenticated = c.srv.cfg.RequirePass.Load() == ""
	c.setName(nil)
	ctx.S.DB, ctx.S.Proto = 0, 2
	ctx.W.SetProto(2)
	ctx.W.Status("RESET")
}

// plainText says whether a client may call itself so: printable, no spaces.
func plainText(b []byte) bool {
	for _, ch := range b {
		if ch < '!' || ch > '~' {
			return false
		}
	}
	return true
}

func (c *client) setName(name []byte) {
	c.mu.Lock()
	c.mu.name = string(name)
	c.mu.Unlock()
}
