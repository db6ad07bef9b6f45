package rest

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"hpkv/engine"
)

// Hub brings changes to the WebSockets that subscribed to their keys. See the
// package comment for the order it keeps.
type Hub struct {
	s      *Service
	filter atomic.Pointer[filter] // nil: nobody listens
	wake   chan struct{}          // capacity 1: there are changes

	queue struct { // leaf lock: taken under a shard's
		sync.Mutex
		changes []change
		bytes   int
		lost    bool // the bound was reached: changes are missing
	}

	mu struct { // never held while queue is being waited for
		sync.Mutex
		sockets map[*socket]struct{}
		tenants map[string]*tenant // by the prefix of their keys
		round   uint64             // counts deliveries
		idle    chan struct{}      // closed when the last socket has gone; made by wait
	}
}

// change is what KeyChanged was told, with copies of its bytes.
type change struct {
	key   []byte
	val   []byte
	gone  bool
	large bool // the value is to be read
	atMs  int64
}

// tenant is what was subscribed within the keys of one prefix.
type tenant struct {
	exact map[string]*group // patterns that are no more than a key
	wild  map[string]*group
}

// group is a pattern and who subscribed to it.
type group struct {
	pattern
	sockets map[*socket]struct{}
}

// Bounds of the queue between the engine and the subscribers.
const (
	// copyBytes is the longest value that is copied under a shard's lock. What
	// is longer, which only RESP can store, is read when its turn comes: it may
	// be a later value then, that is sent again when that one's turn comes.
	copyBytes = 1 << 20
	// queueBytes of changes wait at most. When the machine is too busy to send
	// them, all subscribers are disconnected rather than misled.
	queueBytes = 64 << 20
)

func (h *Hub) init(s *Service) {
	h.s = s
	h.wake = make(chan struct{}, 1)
	h.mu.sockets = make(map[*socket]struct{})
	h.mu.tenants = make(map[string]*tenant)
}

// KeyChanged implements engine.Changes.
func (h *Hub) KeyChanged(db int, key []byte, typ engine.Type, val []byte) {
	f := h.filter.Load()
	if f == nil || db != 0 || !f.wants(key) {
		return
	}
	c := change{key: bytes.Clone(key), gone: typ != engine.TypeString, large: len(val) > copyBytes, atMs: time.Now().UnixMilli()}
	if !c.gone && !c.large {
		c.val = bytes.Clone(val)
	}
	size := len(c.key) + len(c.val) + 64
	h.queue.Lock()
	if h.queue.bytes+size > queueBytes {
		h.queue.changes, h.queue.bytes, h.queue.lost = nil, 0, true
	} else if !h.queue.lost {
		h.queue.changes = append(h.queue.changes, c)
		h.queue.bytes += size
	}
	h.queue.Unlock()
	signal(h.wake)
}

// manyKeys is how many keys a shard may hold for all of them to be looked at when
// they change at once: some 100 us of work under the lock.
const manyKeys = 2048

// ManyChanged implements engine.Changes. Subscribers to a database that is too
// large to be gone through are disconnected: what they know of it is wrong.
func (h *Hub) ManyChanged(db int, m engine.Many) {
	if h.filter.Load() == nil || db != 0 {
		return
	}
	if m.Len() > manyKeys {
		h.lose()
		return
	}
	m.Each(func(key []byte, typ engine.Type, val []byte) { h.KeyChanged(db, key, typ, val) })
}

// lose has the subscribers disconnected in place of what waits for them, and of
// what comes until that is done.
func (h *Hub) lose() {
	h.queue.Lock()
	h.queue.changes, h.queue.bytes, h.queue.lost = nil, 0, true
	h.queue.Unlock()
	signal(h.wake)
}

// filter tells quickly which keys nobody can be interested in. Immutable.
type filter struct {
	all      bool // some pattern may match any key
	exact    map[uint64]struct{}
	prefixes map[uint64]struct{} // hashes of what matching keys begin with
	lengths  []int               // of those
}

func (f *filter) wants(key []byte) bool {
	if f.all {
		return true
	}
	if _, ok := f.exact[xxhash.Sum64(key)]; ok {
		return true
	}
	for _, n := range f.lengths {
		if n <= len(key) {
			if _, ok := f.prefixes[xxhash.Sum64(key[:n])]; ok {
				return true
			}
		}
	}
	return false
}

// rebuild makes the filter of what is subscribed. REQUIRES: h.mu is held.
func (h *Hub) rebuild() {
	if len(h.mu.tenants) == 0 {
		h.filter.Store(nil)
		return
	}
	f := &filter{exact: make(map[uint64]struct{}), prefixes: make(map[uint64]struct{})}
	seen := make(map[int]bool)
	for prefix, t := range h.mu.tenants {
		for text := range t.exact {
			f.exact[xxhash.Sum64String(prefix+text)] = struct{}{}
		}
		for text, g := range t.wild {
			f.exact[xxhash.Sum64String(prefix+text)] = struct{}{}
			literal := prefix + g.literal()
			if literal == "" {
				f.all = true
				continue
			}
			f.prefixes[xxhash.Sum64String(literal)] = struct{}{}
			if !seen[len(literal)] {
				seen[len(literal)] = true
				f.lengths = append(f.lengths, len(literal))
			}
		}
	}
	h.filter.Store(f)
}

// groups is where a pattern belongs.
func (t *tenant) groups(p *pattern) map[string]*group {
	if p.parts == nil && p.re == nil {
		return t.exact
	}
	return t.wild
}

// add makes a socket known and subscribes it.
func (h *Hub) add(c *socket, patterns []string) *problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.s.ending.Load():
		return &problem{503, "the server is shutting down"}
	case int64(len(h.mu.sockets)) >= h.s.cfg.RestMaxConnections.Load():
		return &problem{503, "too many connections"}
	}
	h.mu.sockets[c] = struct{}{}
	fresh := false
	for _, text := range patterns {
		p := compilePattern(text)
		t := h.mu.tenants[c.scope.prefix]
		if t == nil {
			t = &tenant{exact: make(map[string]*group), wild: make(map[string]*group)}
			h.mu.tenants[c.scope.prefix] = t
		}
		groups := t.groups(&p)
		g := groups[text]
		if g == nil {
			g = &group{pattern: p, sockets: make(map[*socket]struct{})}
			groups[text] = g
			fresh = true
		}
		if _, again := g.sockets[c]; !again {
			g.sockets[c] = struct{}{}
			c.groups = append(c.groups, g)
		}
	}
	if fresh {
		h.rebuild()
	}
	return nil
}

// remove forgets a socket that has ended.
func (h *Hub) remove(c *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.mu.sockets, c)
	stale := false
	t := h.mu.tenants[c.scope.prefix]
	for _, g := range c.groups {
		if delete(g.sockets, c); len(g.sockets) == 0 {
			delete(t.groups(&g.pattern), g.text)
			stale = true
		}
	}
	if stale {
		if len(t.exact)+len(t.wild) == 0 {
			delete(h.mu.tenants, c.scope.prefix)
		}
		h.rebuild()
	}
	if len(h.mu.sockets) == 0 && h.mu.idle != nil {
		close(h.mu.idle)
		h.mu.idle = nil
	}
}

// run delivers changes until the service stops. There is one.
func (h *Hub) run() {
	for {
		select {
		case <-h.s.stop:
			return
		case <-h.wake:
		}
		h.queue.Lock()
		changes, lost := h.queue.changes, h.queue.lost
		h.queue.changes, h.queue.bytes, h.queue.lost = nil, 0, false
		h.queue.Unlock()
		if lost {
			h.s.log.Warn().Msg("REST: more changes at once than can be told: subscribers are disconnected")
			h.dropSubscribers()
			continue
		}
		// As a reply to a change, what tells others of it waits until it is there
		// to stay. Changes gather meanwhile, and go together.
		err := h.s.host.Settle(func(visit func(key []byte)) {
			for i := range changes {
				visit(changes[i].key)
			}
		})
		if err != nil {
			h.s.log.Warn().Err(err).Msg("REST: changes may not last: subscribers are disconnected untold")
			h.dropSubscribers()
			continue
		}
		for i := range changes {
			h.deliver(&changes[i])
		}
	}
}

// deliver puts a change into the outbox of everybody it concerns, once.
func (h *Hub) deliver(c *change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.round++
	for prefix, t := range h.mu.tenants {
		name, mine := strings.CutPrefix(string(c.key), prefix)
		if !mine {
			continue
		}
		var frame []byte
		tell := func(g *group) {
			if frame == nil {
				if c.large {
					h.read(c)
				}
				frame = appendNotification(nil, c, name)
			}
			for s := range g.sockets {
				if s.round != h.mu.round {
					s.round = h.mu.round
					h.s.Counters.Notifications.Add(1)
					s.push(frame)
				}
			}
		}
		if g := t.exact[name]; g != nil {
			tell(g)
		}
		for _, g := range t.wild {
			if g.match(name) {
				tell(g)
			}
		}
	}
}

// read fetches the value of a change that did not carry it.
func (h *Hub) read(c *change) {
	_, down := h.s.host.Record(Call{}, func(l *engine.Lane) error {
		t := l.Begin(0)
		val, found, err := t.Get(nil, c.key, nil)
		t.End()
		c.val, c.gone, c.large = val, !found || err != nil, false
		return nil
	})
	if down != nil {
		c.gone, c.large = true, false
	}
}

func appendNotification(dst []byte, c *change, name string) []byte {
	key := []byte(name)
	dst = append(dst, `{"type":"notification",`...)
	if c.gone {
		dst = appendString(append(dst, `"key":`...), key)
		dst = append(dst, `,"value":null`...)
	} else {
		dst = appendRecord(dst, key, c.val)
	}
	dst = appendInt(append(dst, `,"timestamp":`...), c.atMs)
	return append(dst, '}')
}

// dropSubscribers ends the sockets that hear of changes.
func (h *Hub) dropSubscribers() {
	h.each(func(s *socket) {
		if len(s.groups) > 0 {
			s.end(closeTooSlow, "notifications were lost")
		}
	})
}

// dropKeys ends the sockets of API keys that are gone.
func (h *Hub) dropKeys(gone func(*apiKey) bool) {
	h.each(func(s *socket) {
		if gone(s.key) {
			s.end(closePolicy, "the API key is not valid any more")
		}
	})
}

func (h *Hub) closeAll() {
	h.each(func(s *socket) { s.end(closeGoingAway, "the server is shutting down") })
}

func (h *Hub) each(f func(*socket)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.mu.sockets {
		f(s)
	}
}

// Sockets is the number of open WebSockets.
func (h *Hub) Sockets() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.mu.sockets)
}

// subscriptions is the number of patterns that somebody subscribed to, each
// counted once for each prefix of API keys.
func (h *Hub) subscriptions() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.mu.tenants {
		n += len(t.exact) + len(t.wild)
	}
	return n
}

// wait returns when all sockets have ended; none may be added any more.
func (h *Hub) wait(ctx context.Context) error {
	h.mu.Lock()
	if len(h.mu.sockets) == 0 {
		h.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	h.mu.idle = idle
	h.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
