package pubsub

// Subscription is one client on one channel or pattern.
type Subscription[C any] struct {
	Client C

	on      *channel[C]
	outlet  *Outlet[C]
	removed bool // from the registry; under the lock of on
	ended   bool // owned by the outlet's thread
}

// Name is the channel or pattern.
func (s *Subscription[C]) Name() string { return s.on.name }

// End makes the deliveries to the subscription that are still in the mailbox be
// dropped. The outlet's thread calls it after Registry.Unsubscribe and, where they
// matter, Outlet.Deliver.
func (s *Subscription[C]) End() { s.ended = true }

// channel is the subscriptions of one channel or pattern. It is guarded by the
// lock of its stripe, or of the patterns.
type channel[C any] struct {
	name     string
	live     int // subscriptions
	groups   []*group[C]
	byOutlet map[*Outlet[C]]*group[C] // once there are many groups
}

// group is the subscriptions of a channel that one outlet serves.
type group[C any] struct {
	outlet *Outlet[C]
	subs   []*Subscription[C]
	gone   int // subscriptions in subs that were removed
	at     int // in channel.groups
}

// manyGroups is from where on a map finds an outlet's group sooner than a walk.
const manyGroups = 8

func (ch *channel[C]) group(o *Outlet[C]) *group[C] {
	if ch.byOutlet != nil {
		return ch.byOutlet[o]
	}
	for _, g := range ch.groups {
		if g.outlet == o {
			return g
		}
	}
	return nil
}

func (ch *channel[C]) add(o *Outlet[C], client C) *Subscription[C] {
	g := ch.group(o)
	if g == nil {
		g = &group[C]{outlet: o, at: len(ch.groups)}
		ch.groups = append(ch.groups, g)
		switch {
		case ch.byOutlet != nil:
			ch.byOutlet[o] = g
		case len(ch.groups) > manyGroups:
			ch.byOutlet = make(map[*Outlet[C]]*group[C])
			for _, g := range ch.groups {
				ch.byOutlet[g.outlet] = g
			}
		}
	}
	s := &Subscription[C]{Client: client, on: ch, outlet: o}
	g.subs = append(g.subs, s)
	ch.live++
	return s
}

// remove takes a subscription out; a second time it does nothing.
func (ch *channel[C]) remove(s *Subscription[C]) {
	if s.removed {
		return
	}
	s.removed = true
	ch.live--
	g := ch.group(s.outlet)
	g.gone++
	switch {
	case g.gone == len(g.subs):
		last := ch.groups[len(ch.groups)-1]
		last.at = g.at
		ch.groups[g.at] = last
		ch.groups[len(ch.groups)-1] = nil
		ch.groups = ch.groups[:len(ch.groups)-1]
		delete(ch.byOutlet, s.outlet)
	case g.gone > len(g.subs)/2:
		// A new list: mailboxes may refer to the old one.
		left := make([]*Subscription[C], 0, len(g.subs)-g.gone+1)
		for _, s := range g.subs {
			if !s.removed {
				left = append(left, s)
			}
		}
		g.subs, g.gone = left, 0
	}
}

// round is one message on its way into the mailboxes.
type round[C any] struct {
	from *Outlet[C]   // of the publisher, or nil
	wake []*Outlet[C] // to be woken
	full *Outlet[C]   // one that has become full, or nil
}

// send puts m into the mailboxes of all outlets.
func (ch *channel[C]) send(m *Message, r *round[C]) {
	for _, g := range ch.groups {
		first := g.outlet.put(delivery[C]{m, g.subs[:len(g.subs):len(g.subs)]})
		if g.outlet == r.from {
			continue
		}
		if first {
			r.wake = append(r.wake, g.outlet)
		}
		if g.outlet.Full() {
			r.full = g.outlet
		}
	}
}
