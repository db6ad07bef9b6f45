package server

import (
	"slices"

	"hpkv/engine/glob"
	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/pubsub"
)

func pubsubRows() []command.Row {
	const (
		anywhere = command.PubSub | command.Loading | command.Stale
		listen   = anywhere | command.NoScript | command.Pushes | command.WhileSubscribed
		publish  = anywhere | command.Fast | command.MayReplicate
	)
	shardChannels := []command.KeySpec{{Flags: command.KeyNotKey, Pos: 1, Last: -1, Step: 1}}
	shardChannel := []command.KeySpec{{Flags: command.KeyNotKey, Pos: 1, Step: 1}}
	on := func(name string, k *subscribeKind, more command.Flag, keys []command.KeySpec) command.Row {
		return command.Row{Name: name, Arity: -2, Flags: listen | more, Keys: keys,
			Run: func(ctx *command.Ctx) { subscribe(ctx, k) }}
	}
	off := func(name string, k *subscribeKind, keys []command.KeySpec) command.Row {
		return command.Row{Name: name, Arity: -1, Flags: listen, Keys: keys,
			Run: func(ctx *command.Ctx) { unsubscribe(ctx, k) }}
	}
	return []command.Row{
		on("subscribe", &channelKind, command.Events, nil), off("unsubscribe", &channelKind, nil),
		on("psubscribe", &patternKind, command.Events, nil), off("punsubscribe", &patternKind, nil),
		on("ssubscribe", &shardKind, 0, shardChannels), off("sunsubscribe", &shardKind, shardChannels),
		{Name: "publish", Arity: 3, Flags: publish,
			Run: func(ctx *command.Ctx) { publishTo(ctx, owner(ctx).srv.hub.channels) }},
		{Name: "spublish", Arity: 3, Flags: publish, Keys: shardChannel,
			Run: func(ctx *command.Ctx) { publishTo(ctx, owner(ctx).srv.hub.shards) }},
		{Name: "pubsub", Arity: -2, Sub: []command.Row{
			{Name: "channels", Arity: -2, Flags: anywhere,
				Run: func(ctx *command.Ctx) { activeChannels(ctx, owner(ctx).srv.hub.channels) }},
			{Name: "help", Arity: 2, Flags: command.Loading | command.Stale, Run: command.Help(pubsubHelp...)},
			{Name: "numpat", Arity: 2, Flags: anywhere, Run: func(ctx *command.Ctx) {
				ctx.W.Int(int64(owner(ctx).srv.hub.channels.PatternCount()))
			}},
			{Name: "numsub", Arity: -2, Flags: anywhere,
				Run: func(ctx *command.Ctx) { countSubscribers(ctx, owner(ctx).srv.hub.channels) }},
			{Name: "shardchannels", Arity: -2, Flags: anywhere,
				Run: func(ctx *command.Ctx) { activeChannels(ctx, owner(ctx).srv.hub.shards) }},
			{Name: "shardnumsub", Arity: -2, Flags: anywhere,
				Run: func(ctx *command.Ctx) { countSubscribers(ctx, owner(ctx).srv.hub.shards) }},
		}},
	}
}

var pubsubHelp = []string{
	"CHANNELS [<pattern>]",
	"    Return the currently active channels matching a <pattern> (default: '*').",
	"NUMPAT",
	"    Return number of subscriptions to patterns.",
	"NUMSUB [<channel> ...]",
	"    Return the number of subscribers for the specified channels, excluding",
	"    pattern subscriptions(default: no channels).",
	"SHARDCHANNELS [<pattern>]",
	"    Return the currently active shard level channels matching a <pattern> (default: '*').",
	"SHARDNUMSUB [<shardchannel> ...]",
	"    Return the number of subscribers for the specified shard level channel(s)",
}

func subscribe(ctx *command.Ctx, k *subscribeKind) {
	c := owner(ctx)
	if k == &shardKind && ctx.Host == nil { // in MULTI, where as in Redis the others are possible
		ctx.W.Error(resp.ErrSsubscribeBlocking)
		return
	}
	for _, name := range ctx.Args[1:] {
		c.listen(k, name)
		ctx.W.Push(3)
		ctx.W.BulkString(k.on)
		ctx.W.Bulk(name)
		ctx.W.Int(k.count(c))
	}
}

func unsubscribe(ctx *command.Ctx, k *subscribeKind) {
	c := owner(ctx)
	var names []string
	if len(ctx.Args) > 1 {
		for _, name := range ctx.Args[1:] {
			names = append(names, string(name))
		}
	} else {
		names = c.listened(k)
	}
	had := k.count(c)
	var kept int64 // subscriptions that are counted with these but stay
	held := make(map[string]bool)
	for _, name := range names {
		if c.listens != nil && (*k.set(c.listens))[name] != nil {
			held[name] = true
		}
	}
	kept = had - int64(len(held))
	c.x.unlisten(c, k, names, ctx.Host != nil)
	confirm := func(name func(), left int64) {
		ctx.W.Push(3)
		ctx.W.BulkString(k.off)
		name()
		ctx.W.Int(left)
	}
	if len(names) == 0 {
		confirm(ctx.W.Null, kept)
	}
	for _, name := range names {
		if held[name] {
			delete(held, name)
		}
		confirm(func() { ctx.W.BulkString(name) }, kept+int64(len(held)))
	}
}

func publishTo(ctx *command.Ctx, r *pubsub.Registry[*client]) {
	c := owner(ctx)
	c.x.deliverEvents() // of this transaction come before it
	n, full := r.Publish(c.x.outlet, ctx.Args[1], ctx.Args[2], c.x.commit())
	c.awaitRoom(full)
	ctx.W.Int(int64(n))
}

func activeChannels(ctx *command.Ctx, r *pubsub.Registry[*client]) {
	var keep func(string) bool
	switch len(ctx.Args) {
	case 2:
	case 3:
		pattern := ctx.Args[2]
		keep = func(name string) bool { return glob.Match(pattern, []byte(name)) }
	default:
		ctx.W.Error(resp.BadSubcommand("pubsub", ctx.Args[1]))
		return
	}
	names := r.Channels(keep)
	slices.Sort(names)
	ctx.W.Array(len(names))
	for _, name := range names {
		ctx.W.BulkString(name)
	}
}

func countSubscribers(ctx *command.Ctx, r *pubsub.Registry[*client]) {
	ctx.W.Array(2 * (len(ctx.Args) - 2))
	for _, name := range ctx.Args[2:] {
		ctx.W.Bulk(name)
		ctx.W.Int(int64(r.Subscribers(name)))
	}
}
