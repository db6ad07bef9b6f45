package pubsub

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"

	"hpkv/engine/glob"
)

// patterns are indexed by their literal prefix: what stands before the first
// special byte. A channel can match only patterns whose prefix it begins with,
// and there are few different lengths of prefixes.
type patterns[C any] struct {
	count atomic.Int64

	mu       sync.RWMutex
	byName   map[string]*pattern[C]
	byPrefix map[string][]*pattern[C]
	lengths  []prefixLength
}

// prefixLength is how many prefixes are n bytes long.
type prefixLength struct{ n, prefixes int }

type pattern[C any] struct {
	channel[C]
	glob   []byte
	prefix string
}

// literalPrefix returns what every string that matches begins with.
func literalPrefix(glob []byte) string {
	if i := bytes.IndexAny(glob, `*?[\`); i >= 0 {
		glob = glob[:i]
	}
	return string(glob)
}

func (ps *patterns[C]) add(o *Outlet[C], client C, text []byte) *Subscription[C] {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.byName[string(text)]
	if p == nil {
		p = &pattern[C]{channel: channel[C]{name: string(text)}, glob: slices.Clone(text), prefix: literalPrefix(text)}
		ps.byName[p.name] = p
		if ps.byPrefix[p.prefix] == nil {
			ps.countPrefix(len(p.prefix), 1)
		}
		ps.byPrefix[p.prefix] = append(ps.byPrefix[p.prefix], p)
		ps.count.Add(1)
	}
	return p.channel.add(o, client)
}

func (ps *patterns[C]) remove(s *Subscription[C]) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	s.on.remove(s)
	p := ps.byName[s.on.name]
	if s.on.live > 0 || p == nil || &p.channel != s.on {
		return
	}
	delete(ps.byName, p.name)
	ps.count.Add(-1)
	left := slices.DeleteFunc(ps.byPrefix[p.prefix], func(q *pattern[C]) bool { return q == p })
	if len(left) > 0 {
		ps.byPrefix[p.prefix] = left
		return
	}
	delete(ps.byPrefix, p.prefix)
	ps.countPrefix(len(p.prefix), -1)
}

// countPrefix notes that there is one prefix of n bytes more, or less.
func (ps *patterns[C]) countPrefix(n, change int) {
	i := slices.IndexFunc(ps.lengths, func(l prefixLength) bool { return l.n == n })
	if i < 0 {
		ps.lengths = append(ps.lengths, prefixLength{n: n})
		i = len(ps.lengths) - 1
	}
	if ps.lengths[i].prefixes += change; ps.lengths[i].prefixes == 0 {
		ps.lengths = slices.Delete(ps.lengths, i, i+1)
	}
}

// matching calls visit for every pattern that the channel matches.
func (ps *patterns[C]) matching(name []byte, visit func(*pattern[C])) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	for _, l := range ps.lengths {
		if l.n > len(name) {
			continue
		}
		for _, p := range ps.byPrefix[string(name[:l.n])] {
			if glob.Match(p.glob, name) {
				visit(p)
			}
		}
	}
}
