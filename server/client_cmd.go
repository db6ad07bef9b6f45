package server

import (
	"slices"
	"strconv"

	"hpkv/resp"
	"hpkv/server/command"
)

func clientRow() command.Row {
	const (
		plain = command.NoScript | command.Loading | command.Stale
		admin = plain | command.Admin
	)
	varies := []string{"nondeterministic_output"}
	sub := func(name string, arity int, flags command.Flag, tips []string, run command.Handler) command.Row {
		return command.Row{Name: name, Arity: arity, Flags: flags | command.OfConnection, Cats: command.CatConnection, Tips: tips, Run: run}
	}
	return command.Row{Name: "client", Arity: -2, Sub: []command.Row{
		sub("caching", 3, plain, nil, clientCaching),
		sub("getname", 2, plain, nil, clientGetName),
		sub("getredir", 2, plain, nil, clientGetRedir),
		sub("help", 2, command.Loading|command.Stale, nil, command.Help(clientHelp...)),
		sub("id", 2, plain, nil, clientID),
		sub("info", 2, plain, varies, clientInfo),
		sub("kill", -3, admin, nil, clientKill),
		sub("list", -2, admin, varies, clientList),
		sub("no-evict", 3, admin, nil, clientNoEvict),
		sub("no-touch", 3, plain, nil, clientNoTouch),
		sub("pause", -3, admin, nil, clientPause),
		sub("reply", 3, plain, nil, clientReply),
		sub("setinfo", 4, plain, []string{"request_policy:all_nodes", "response_policy:all_succeeded"}, clientSetInfo),
		sub("setname", 3, plain, nil, clientSetName),
		sub("tracking", -3, plain, nil, clientTracking),
		sub("trackinginfo", 2, plain, nil, clientTrackingInfo),
		sub("unblock", -3, admin, nil, clientUnblock),
		sub("unpause", 2, admin, nil, clientUnpause),
	}}
}

var clientHelp = []string{
	"CACHING (YES|NO)",
	"    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
	"GETREDIR",
	"    Return the client ID we are redirecting to when tracking is enabled.",
	"GETNAME",
	"    Return the name of the current connection.",
	"ID",
	"    Return the ID of the current connection.",
	"INFO",
	"    Return information about the current client connection.",
	"KILL <ip:port>",
	"    Kill connection made from <ip:port>.",
	"KILL <option> <value> [<option> <value> [...]]",
	"    Kill connections. Options are:",
	"    * ADDR (<ip:port>|<unixsocket>:0)",
	"      Kill connections made from the specified address",
	"    * LADDR (<ip:port>|<unixsocket>:0)",
	"      Kill connections made to specified local address",
	"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
	"      Kill connections by type.",
	"    * USER <username>",
	"      Kill connections authenticated by <username>.",
	"    * SKIPME (YES|NO)",
	"      Skip killing current connection (default: yes).",
	"    * ID <client-id>",
	"      Kill connections by client id.",
	"LIST [options ...]",
	"    Return information about client connections. Options:",
	"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
	"      Return clients of specified type.",
	"    * ID <client-id> [...]",
	"      Return clients of specified IDs only.",
	"NO-EVICT (ON|OFF)",
	"    Protect current client connection from eviction.",
	"NO-TOUCH (ON|OFF)",
	"    Will not touch LRU/LFU stats when this mode is on.",
	"PAUSE <timeout> [WRITE|ALL]",
	"    Suspend all, or just write, clients for <timeout> milliseconds.",
	"REPLY (ON|OFF|SKIP)",
	"    Control the replies sent to the current connection.",
	"SETINFO <option> <value>",
	"    Set client meta attr. Options are:",
	"    * LIB-NAME: the client lib name.",
	"    * LIB-VER: the client lib version.",
	"SETNAME <name>",
	"    Assign the name <name> to the current connection.",
	"TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
	"         [OPTIN] [OPTOUT] [NOLOOP]",
	"    Control server assisted client side caching.",
	"TRACKINGINFO",
	"    Report tracking status for the current connection.",
	"UNBLOCK <clientid> [TIMEOUT|ERROR]",
	"    Unblock the specified blocked client.",
	"UNPAUSE",
	"    Stop the current client pause, resuming traffic.",
}

func clientID(ctx *command.Ctx) { ctx.W.Int(owner(ctx).id) }

func clientGetName(ctx *command.Ctx) {
	c := owner(ctx)
	c.mu.Lock()
	name := c.mu.name
	c.mu.Unlock()
	if name == "" {
		ctx.W.Null()
		return
	}
	ctx.W.BulkString(name)
}

func clientSetName(ctx *command.Ctx) {
	if !plainText(ctx.Args[2]) {
		ctx.W.Error(resp.ErrClientName)
		return
	}
	owner(ctx).setName(ctx.Args[2])
	ctx.W.OK()
}

func clientSetInfo(ctx *command.Ctx) {
	c := owner(ctx)
	option, value := ctx.Args[2], ctx.Args[3]
	var field *string
	switch {
	case resp.EqualFold(option, "LIB-NAME"):
		field = &c.mu.libName
	case resp.EqualFold(option, "LIB-VER"):
		field = &c.mu.libVer
	default:
		ctx.W.Error(resp.UnknownClientInfo(option))
		return
	}
	if !plainText(value) {
		ctx.W.Error(resp.BadClientInfo(option))
		return
	}
	c.mu.Lock()
	*field = string(value)
	c.mu.Unlock()
	ctx.W.OK()
}

func clientReply(ctx *command.Ctx) {
	c := owner(ctx)
	switch mode := ctx.Args[2]; {
	case resp.EqualFold(mode, "ON"):
		c.replies = replyOn
		ctx.W.OK()
	case resp.EqualFold(mode, "OFF"):
		c.replies = replyOff
	case resp.EqualFold(mode, "SKIP"):
		if c.replies != replyOff {
			c.replies = replySkipNext
		}
	default:
		ctx.W.Error(resp.ErrSyntax)
	}
}

func clientNoEvict(ctx *command.Ctx) { onOff(ctx, &owner(ctx).noEvict) }

func clientNoTouch(ctx *command.Ctx) {
	c := owner(ctx)
	onOff(ctx, &c.noTouch)
	ctx.Txn.KeepStamps(c.noTouch) // for the commands behind it in EXEC
}

func onOff(ctx *command.Ctx, v *bool) {
	switch word := ctx.Args[2]; {
	case resp.EqualFold(word, "ON"):
		*v = true
	case resp.EqualFold(word, "OFF"):
		*v = false
	default:
		ctx.W.Error(resp.ErrSyntax)
		return
	}
	ctx.W.OK()
}

// clientKinds are the types of CLIENT LIST TYPE and KILL TYPE, with the name of
// each. There are no masters and no replicas.
var clientKinds = map[string]string{"normal": "normal", "master": "master", "replica": "replica", "slave": "replica", "pubsub": "pubsub"}

func clientKind(name []byte) (kind string, ok bool) {
	kind, ok = clientKinds[lower(name)]
	return kind, ok
}

// kind is the client's type. Any goroutine.
func (c *client) kind() string {
	if publicFlags(c.public.flags.Load())&flagPubsub != 0 {
		return "pubsub"
	}
	return "normal"
}

// clientFilter is what CLIENT KILL and LIST select by; zero values select all.
type clientFilter struct {
	id          int64
	addr, laddr *string
	user        *string
	kind        string
	skip        *client
}

func (f *clientFilter) match(c *client) bool {
	return c != f.skip &&
		(f.kind == "" || c.kind() == f.kind) &&
		(f.id == 0 || c.id == f.id) &&
		(f.addr == nil || c.addr == *f.addr) &&
		(f.laddr == nil || c.laddr == *f.laddr) &&
		(f.user == nil || c.userName() == *f.user)
}

// clientKill has two forms. KILL ip:port kills one connection or fails; with
// options it kills all that match and says how many.
func clientKill(ctx *command.Ctx) {
	c := owner(ctx)
	if len(ctx.Args) == 3 {
		addr := string(ctx.Args[2])
		if c.srv.killClients(c, &clientFilter{addr: &addr}) == 0 {
			ctx.W.Error(resp.ErrNoSuchClient)
			return
		}
		ctx.W.OK()
		return
	}
	f, errText := killFilter(c, ctx.Args[2:])
	if errText != "" {
		ctx.W.Error(errText)
		return
	}
	ctx.W.Int(int64(c.srv.killClients(c, f)))
}

func killFilter(c *client, args [][]byte) (f *clientFilter, errText string) {
	f = &clientFilter{skip: c}
	for ; len(args) > 0; args = args[2:] {
		if len(args) == 1 {
			return nil, resp.ErrSyntax
		}
		value := args[1]
		switch option := args[0]; {
		case resp.EqualFold(option, "ID"):
			id, ok := resp.ParseInt64(value)
			if !ok || id < 1 {
				return nil, resp.ErrClientIDPositive
			}
			f.id = id
		case resp.EqualFold(option, "TYPE"):
			kind, ok := clientKind(value)
			if !ok {
				return nil, resp.UnknownClientType(value)
			}
			f.kind = kind
		case resp.EqualFold(option, "ADDR"):
			addr := string(value)
			f.addr = &addr
		case resp.EqualFold(option, "LADDR"):
			addr := string(value)
			f.laddr = &addr
		case resp.EqualFold(option, "USER"):
			if string(value) != "default" {
				return nil, resp.NoSuchUser(value)
			}
			user := string(value)
			f.user = &user
		case resp.EqualFold(option, "SKIPME"):
			switch {
			case resp.EqualFold(value, "YES"):
				f.skip = c
			case resp.EqualFold(value, "NO"):
				f.skip = nil
			default:
				return nil, resp.ErrSyntax
			}
		default:
			return nil, resp.ErrSyntax
		}
	}
	return f, ""
}

// killClients ends the matching connections; self, the caller, gets its reply
// first.
func (s *Server) killClients(self *client, f *clientFilter) (killed int) {
	for _, c := range s.everyClient() {
		if !f.match(c) {
			continue
		}
		c.silence() // who has the reply must not find that it still listens
		if c == self {
			c.finished = true
			killed++
			continue
		}
		if c.kill() {
			killed++
		}
	}
	return killed
}

func clientInfo(ctx *command.Ctx) {
	c := owner(ctx)
	c.publish()
	ctx.W.VerbatimBytes("txt", append(c.describe(nil, ctx.Txn.Now()), '\n'))
}

func clientList(ctx *command.Ctx) {
	c := owner(ctx)
	list, errText := c.srv.selectClients(ctx.Args[2:])
	if errText != "" {
		ctx.W.Error(errText)
		return
	}
	c.publish()
	var text []byte
	for _, other := range list {
		text = append(other.describe(text, ctx.Txn.Now()), '\n')
	}
	ctx.W.VerbatimBytes("txt", text)
}

func (s *Server) selectClients(args [][]byte) (list []*client, errText string) {
	switch {
	case len(args) == 0:
		return s.everyClient(), ""
	case len(args) == 2 && resp.EqualFold(args[0], "TYPE"):
		kind, ok := clientKind(args[1])
		if !ok {
			return nil, resp.UnknownClientType(args[1])
		}
		return slices.DeleteFunc(s.everyClient(), func(c *client) bool { return c.kind() != kind }), ""
	case len(args) > 1 && resp.EqualFold(args[0], "ID"):
		for _, a := range args[1:] {
			id, ok := resp.ParseInt64(a)
			if !ok {
				return nil, resp.ErrClientID
			}
			if c := s.clientOf(id); c != nil {
				list = append(list, c)
			}
		}
		return list, ""
	}
	return nil, resp.ErrSyntax
}

// describe appends the client's line of CLIENT LIST. Any goroutine.
func (c *client) describe(dst []byte, nowMs int64) []byte {
	c.mu.Lock()
	name, libName, libVer, user := c.mu.name, c.mu.libName, c.mu.libVer, c.mu.user
	c.mu.Unlock()
	num := func(key string, n int64) {
		dst = append(dst, ' ')
		dst = append(dst, key...)
		dst = append(dst, '=')
		dst = strconv.AppendInt(dst, n, 10)
	}
	str := func(key, value string) {
		dst = append(dst, ' ')
		dst = append(dst, key...)
		dst = append(dst, '=')
		dst = append(dst, value...)
	}
	p := &c.public
	unsent := int64(c.link.unsent())
	dst = append(dst, "id="...)
	dst = strconv.AppendInt(dst, c.id, 10)
	str("addr", c.addr)
	str("laddr", c.laddr)
	num("fd", int64(c.fd))
	str("name", name)
	num("age", max(nowMs-c.createdMs, 0)/1000)
	num("idle", max(nowMs-p.lastMs.Load(), 0)/1000)
	str("flags", c.flagLetters())
	num("db", int64(p.db.Load()))
	num("sub", int64(p.channels.Load()))
	num("psub", int64(p.patterns.Load()))
	num("ssub", int64(p.shards.Load()))
	num("multi", int64(p.multi.Load()))
	num("qbuf", p.qbuf.Load())
	num("qbuf-free", 0)
	num("argv-mem", 0)
	num("multi-mem", p.argv.Load())
	num("rbs", 0)
	num("rbp", 0)
	num("obl", 0)
	num("oll", min(unsent, 1))
	num("omem", unsent)
	num("tot-mem", c.memory())
	events := "r"
	if unsent > 0 {
		events = "rw"
	}
	str("events", events)
	cmd := "NULL"
	if row := p.row.Load(); row != nil {
		cmd = row.FullName()
	}
	str("cmd", cmd)
	str("user", user)
	num("redir", -1)
	num("resp", int64(p.proto.Load()))
	str("lib-name", libName)
	str("lib-ver", libVer)
	return dst
}

// flagLetters are the flags of CLIENT LIST.
func (c *client) flagLetters() string {
	f := publicFlags(c.public.flags.Load())
	letters := make([]byte, 0, 8)
	for _, l := range []struct {
		on     bool
		letter byte
	}{
		{f&flagMonitor != 0, 'O'},
		{f&flagPubsub != 0, 'P'},
		{c.public.multi.Load() >= 0, 'x'},
		{f&flagSuspended != 0, 'b'},
		{f&flagFinished != 0, 'c'},
		{c.unix, 'U'},
		{f&flagNoEvict != 0, 'e'},
		{f&flagNoTouch != 0, 'T'},
	} {
		if l.on {
			letters = append(letters, l.letter)
		}
	}
	if len(letters) == 0 {
		return "N"
	}
	return string(letters)
}

func lower(b []byte) string {
	low := make([]byte, len(b))
	for i, ch := range b {
		if 'A' <= ch && ch <= 'Z' {
			ch += 'a' - 'A'
		}
		low[i] = ch
	}
	return string(low)
}
