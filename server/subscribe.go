package server

import (
	"slices"

	"hpkv/server/config"
	"hpkv/server/pubsub"
)

type (
	outlet       = pubsub.Outlet[*client]
	subscription = pubsub.Subscription[*client]
)

// hub is who listens to what.
type hub struct {
	channels *pubsub.Registry[*client]
	shards   *pubsub.Registry[*client] // of SSUBSCRIBE
	monitors *pubsub.Registry[*client] // one channel, monitorChannel
}

func newHub() hub {
	return hub{
		channels: pubsub.NewRegistry[*client]("message"),
		shards:   pubsub.NewRegistry[*client]("smessage"),
		monitors: pubsub.NewRegistry[*client](""),
	}
}

// listenSets is what a client listens to, by name. It is the client's from its
// first subscription to its last. Owner.
type listenSets struct {
	channels, patterns, shards map[string]*subscription
}

// subscribeKind is one of the three families of SUBSCRIBE.
type subscribeKind struct {
	on, off string // names of the confirmations
	set     func(l *listenSets) *map[string]*subscription
	add     func(h *hub, o *outlet, c *client, name []byte) *subscription
	remove  func(h *hub, s *subscription)
}

var (
	channelKind = subscribeKind{
		on: "subscribe", off: "unsubscribe",
		set: func(l *listenSets) *map[string]*subscription { return &l.channels },
		add: func(h *hub, o *outlet, c *client, name []byte) *subscription {
			return h.channels.Subscribe(o, c, name)
		},
		remove: func(h *hub, s *subscription) { h.channels.Unsubscribe(s) },
	}
	patternKind = subscribeKind{
		on: "psubscribe", off: "punsubscribe",
		set: func(l *listenSets) *map[string]*subscription { return &l.patterns },
		add: func(h *hub, o *outlet, c *client, name []byte) *subscription {
			return h.channels.SubscribePattern(o, c, name)
		},
		remove: func(h *hub, s *subscription) { h.channels.UnsubscribePattern(s) },
	}
	shardKind = subscribeKind{
		on: "ssubscribe", off: "sunsubscribe",
		set: func(l *listenSets) *map[string]*subscription { return &l.shards },
		add: func(h *hub, o *outlet, c *client, name []byte) *subscription {
			return h.shards.Subscribe(o, c, name)
		},
		remove: func(h *hub, s *subscription) { h.shards.Unsubscribe(s) },
	}
)

// count is the number of subscriptions that a confirmation of the kind tells:
// shard channels are counted apart from the others.
func (k *subscribeKind) count(c *client) int64 {
	switch {
	case c.listens == nil:
		return 0
	case k == &shardKind:
		return int64(len(c.listens.shards))
	}
	return int64(len(c.listens.channels) + len(c.listens.patterns))
}

// listen subscribes the client; it may be already. Owner.
func (c *client) listen(k *subscribeKind, name []byte) {
	c.ears.Lock()
	defer c.ears.Unlock()
	if c.ears.deaf {
		return
	}
	if c.listens == nil {
		c.listens = new(listenSets)
	}
	set := k.set(c.listens)
	if *set == nil {
		*set = make(map[string]*subscription)
	}
	if (*set)[string(name)] == nil {
		(*set)[string(name)] = k.add(&c.srv.hub, c.mailbox(), c, name)
		c.listensChanged()
	}
}

// unlisten ends the client's subscriptions to the names that it has, all of
// the kind if names is nil, and returns them. What was published before is
// delivered first if the client's replies are at a boundary (atBoundary), and
// else when the command that runs has ended: PUBLISH has counted it. Owner.
func (x *executor) unlisten(c *client, k *subscribeKind, names []string, atBoundary bool) {
	if c.listens == nil {
		return
	}
	set := *k.set(c.listens)
	first := len(x.ended)
	c.ears.Lock()
	for _, name := range names {
		if s := set[name]; s != nil {
			k.remove(&c.srv.hub, s)
			delete(set, name)
			x.ended = append(x.ended, s)
		}
	}
	c.ears.Unlock()
	if len(x.ended) > first && atBoundary {
		x.deliver()
	}
	c.ears.Lock()
	c.listensChanged()
	c.ears.Unlock()
}

// silence takes the client out of all channels and patterns, and from the
// monitors, for good. Any goroutine, when the client is about to be killed, and its
// owner when it leaves: the owner ends what is in the mailbox later.
func (c *client) silence() {
	c.ears.Lock()
	defer c.ears.Unlock()
	c.ears.deaf = true
	if c.monitor != nil {
		c.srv.hub.monitors.Unsubscribe(c.monitor)
	}
	if c.listens == nil {
		return
	}
	for _, k := range []*subscribeKind{&channelKind, &patternKind, &shardKind} {
		for _, s := range *k.set(c.listens) {
			k.remove(&c.srv.hub, s)
		}
	}
}

// stopListening ends all subscriptions, silently. Owner.
func (c *client) stopListening() {
	c.ears.Lock()
	defer c.ears.Unlock()
	if c.monitor != nil {
		c.srv.hub.monitors.Unsubscribe(c.monitor)
		c.srv.monitored.Add(-1)
		c.monitor.End()
		c.monitor = nil
	}
	if c.listens == nil {
		return
	}
	for _, k := range []*subscribeKind{&channelKind, &patternKind, &shardKind} {
		set := *k.set(c.listens)
		for name, s := range set {
			k.remove(&c.srv.hub, s)
			s.End()
			delete(set, name)
		}
	}
	c.listensChanged()
}

// listensChanged makes the number of subscriptions known. Owner. REQUIRES: c.ears.
func (c *client) listensChanged() {
	l := c.listens
	if l == nil {
		l = new(listenSets)
	}
	p := &c.public
	store32(&p.channels, int32(len(l.channels)))
	store32(&p.patterns, int32(len(l.patterns)))
	store32(&p.shards, int32(len(l.shards)))
	if c.session.Listens = len(l.channels)+len(l.patterns)+len(l.shards) > 0; !c.session.Listens {
		c.listens = nil
	}
}

// mailbox is where messages for the client go: its worker's outlet, or one of
// its own, which is made when it is needed. Owner, while it runs a command.
func (c *client) mailbox() *outlet {
	if c.outlet == nil {
		c.outlet = pubsub.NewOutlet[*client](func() { c.link.post(c.readOutlet) })
		c.x.outlet = c.outlet
	}
	return c.outlet
}

// readOutlet delivers what is in an outlet of the client's own. Owner.
func (c *client) readOutlet() {
	x := c.srv.borrowExecutor()
	x.outlet = c.outlet
	c.srv.returnExecutor(x) // delivers
}

// listened are the names of the client's subscriptions of a kind, in order.
func (c *client) listened(k *subscribeKind) []string {
	if c.listens == nil {
		return nil
	}
	var names []string
	for name := range *k.set(c.listens) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// deliver takes the messages out of the mailbox: those for the client that is
// being served, whose replies must be at a boundary, go behind its replies, the
// others wait for flushPushes.
func (x *executor) deliver() {
	if x.outlet != nil && x.outlet.Pending() {
		x.outlet.Deliver(x.push)
	}
	for i, s := range x.ended {
		s.End()
		x.ended[i] = nil
	}
	x.ended = x.ended[:0]
}

// deliverEvents publishes keyspace events.
func (x *executor) deliverEvents() { x.srv.notifier.deliver(x.outlet) }

// takePushes puts messages that wait for flushPushes in front of the replies of
// the client that is about to be served: they are older than what it gets now,
// and than the confirmation that no more will come.
func (x *executor) takePushes(c *client) {
	for i, m := range c.pushes {
		x.w.Raw(m)
		c.pushes[i] = nil
	}
	c.pushes = c.pushes[:0]
}

// pushBatch is how many messages for one client are gathered at most.
const pushBatch = 64

func (x *executor) push(s *subscription, m *pubsub.Message) {
	c := s.Client
	if c.dead || c.killed.Load() {
		return
	}
	c.withhold(m.After())
	switch {
	case c == x.c:
		x.w.Raw(m.Wire(c.proto()))
	default:
		if len(c.pushes) == 0 {
			x.pushed = append(x.pushed, c)
		}
		if c.pushes = append(c.pushes, m.Wire(c.proto())); len(c.pushes) == pushBatch {
			x.sendPushes(c)
		}
	}
}

// flushPushes sends what deliver has gathered, each client's with one call.
func (x *executor) flushPushes() {
	for i, c := range x.pushed {
		x.sendPushes(c)
		x.pushed[i] = nil
	}
	x.pushed = x.pushed[:0]
}

func (x *executor) sendPushes(c *client) {
	p := c.pushes
	if len(p) == 0 || c.dead {
		return
	}
	wire := p[0] // one message, sent as it is, need not be copied for each
	if len(p) > 1 {
		x.joined = x.joined[:0]
		for _, m := range p {
			x.joined = append(x.joined, m...)
		}
		wire = x.joined
	}
	x.counts.netOut += int64(len(wire))
	c.deliver(wire, 0)
	clear(p)
	c.pushes = p[:0]
	if cap(x.joined) > keepBytes {
		x.joined = nil
	}
	x.checkBacklog(c)
	if c.killed.Load() {
		c.link.kill() // nobody serves it now who would notice
	}
}

// class is the client's class of client-output-buffer-limit. Owner.
func (c *client) class() int {
	if c.session.Listens {
		return config.ClassPubsub
	}
	return config.ClassNormal
}
