package pubsub

import (
	"hash/maphash"
	"sync"

	"hpkv/engine"
)

const stripes = 64

// Registry knows the subscriptions to channels and patterns. The zero value is
// not usable; see NewRegistry. All methods are for any goroutine.
type Registry[C any] struct {
	kind, patternKind []byte // first element of a message
	seed              maphash.Seed
	stripes           [stripes]stripe[C]
	patterns          patterns[C]
}

type stripe[C any] struct {
	mu       sync.Mutex
	channels map[string]*channel[C]
	_        [40]byte // another stripe's lock is on another cache line
}

// NewRegistry returns an empty registry. kind is the first element of messages:
// "message", or "smessage".
func NewRegistry[C any](kind string) *Registry[C] {
	r := &Registry[C]{kind: []byte(kind), patternKind: []byte("p" + kind), seed: maphash.MakeSeed()}
	for i := range r.stripes {
		r.stripes[i].channels = make(map[string]*channel[C])
	}
	r.patterns.byName = make(map[string]*pattern[C])
	r.patterns.byPrefix = make(map[string][]*pattern[C])
	return r
}

func (r *Registry[C]) stripe(name []byte) *stripe[C] {
	return &r.stripes[maphash.Bytes(r.seed, name)%stripes]
}

// Subscribe adds a client, which o serves, to a channel. Owner of o.
func (r *Registry[C]) Subscribe(o *Outlet[C], client C, name []byte) *Subscription[C] {
	st := r.stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	ch := st.channels[string(name)]
	if ch == nil {
		ch = &channel[C]{name: string(name)}
		st.channels[ch.name] = ch
	}
	return ch.add(o, client)
}

// Unsubscribe removes a subscription to a channel. Messages that were published
// before are in the outlet's mailbox: see Subscription.End.
func (r *Registry[C]) Unsubscribe(s *Subscription[C]) {
	st := r.stripe([]byte(s.on.name))
	st.mu.Lock()
	defer st.mu.Unlock()
	if s.on.remove(s); s.on.live == 0 && st.channels[s.on.name] == s.on {
		delete(st.channels, s.on.name)
	}
}

// SubscribePattern adds a client to a pattern. Owner of o.
func (r *Registry[C]) SubscribePattern(o *Outlet[C], client C, glob []byte) *Subscription[C] {
	return r.patterns.add(o, client, glob)
}

// UnsubscribePattern is Unsubscribe for a pattern.
func (r *Registry[C]) UnsubscribePattern(s *Subscription[C]) { r.patterns.remove(s) }

// Publish sends a payload to everyone who listens to the channel, by name or by
// a pattern, and returns how many that are. from is the outlet of the thread that
// publishes, which is not woken: it must Deliver by itself; nil if it has none.
// after is what the message's After returns. full is another outlet that should be
// given time before more is published to it, nil if there is none.
func (r *Registry[C]) Publish(from *Outlet[C], name, payload []byte, after engine.Commit) (receivers int, full *Outlet[C]) {
	var room [16]*Outlet[C]
	to := round[C]{from: from, wake: room[:0]}
	st := r.stripe(name)
	st.mu.Lock()
	if ch := st.channels[string(name)]; ch != nil {
		ch.send(NewMessage(after, r.kind, name, payload), &to)
		receivers = ch.live
	}
	if r.patterns.count.Load() > 0 {
		r.patterns.matching(name, func(p *pattern[C]) {
			p.send(NewMessage(after, r.patternKind, p.glob, name, payload), &to)
			receivers += p.live
		})
	}
	st.mu.Unlock()
	for _, o := range to.wake {
		o.wake()
	}
	return receivers, to.full
}

// Send sends a message as it is to everyone on the channel. full is as Publish
// returns it.
func (r *Registry[C]) Send(from *Outlet[C], name []byte, m *Message) (full *Outlet[C]) {
	to := round[C]{from: from}
	st := r.stripe(name)
	st.mu.Lock()
	if ch := st.channels[string(name)]; ch != nil {
		ch.send(m, &to)
	}
	st.mu.Unlock()
	for _, o := range to.wake {
		o.wake()
	}
	return to.full
}

// Subscribers is the number of subscriptions to a channel by name.
func (r *Registry[C]) Subscribers(name []byte) int {
	st := r.stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	if ch := st.channels[string(name)]; ch != nil {
		return ch.live
	}
	return 0
}

// Channels returns the names of the channels with subscribers that keep says
// yes to, in no order; nil keeps all.
func (r *Registry[C]) Channels(keep func(name string) bool) []string {
	var names []string
	for i := range r.stripes {
		st := &r.stripes[i]
		st.mu.Lock()
		for name := range st.channels {
			if keep == nil || keep(name) {
				names = append(names, name)
			}
		}
		st.mu.Unlock()
	}
	return names
}

// ChannelCount is the number of channels with subscribers.
func (r *Registry[C]) ChannelCount() (n int) {
	for i := range r.stripes {
		st := &r.stripes[i]
		st.mu.Lock()
		n += len(st.channels)
		st.mu.Unlock()
	}
	return n
}

// PatternCount is the number of different patterns with subscribers.
func (r *Registry[C]) PatternCount() int { return int(r.patterns.count.Load()) }
