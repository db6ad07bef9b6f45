package vfs

import (
	"math/rand/v2"
	"path/filepath"
)

// sector is what a disk writes in one piece, in bytes.
const sector = 512

// Crash returns what may be left after a power failure that followed the first
// operations, as many as after says: everything that was synced, and of what was not, nothing if rng
// is nil, else a random part. A write may last in some sectors and not in
// others, and although an earlier one did not; a name belongs to its directory
// and lasts once that is synced. The result begins a history of its own.
func (m *Mem) Crash(after int, rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &crash{names: make(map[string]*node), lasting: make(map[*node]*node), waiting: make(map[*node][]op)}
	for path, n := range m.start {
		c.names[path] = n
	}
	for n, data := range m.contents {
		c.lasting[n] = &node{dir: n.dir, data: append([]byte(nil), data...)}
	}
	for _, o := range m.ops[:after] {
		c.step(o)
	}
	return c.finish(rng)
}

// Clone returns a copy of what is there now, as if all of it were synced. The
// copy begins a history of its own.
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &Mem{names: make(map[string]*node), locks: make(map[*node]bool)}
	copies := make(map[*node]*node)
	for path, n := range m.names {
		if copies[n] == nil {
			copies[n] = &node{dir: n.dir, data: append([]byte(nil), n.data...)}
		}
		c.names[path] = copies[n]
	}
	c.remember()
	return c
}

// crash follows which changes have become lasting.
type crash struct {
	names   map[string]*node // lasting names
	pending []op             // changes of names, in order
	lasting map[*node]*node  // lasting contents
	waiting map[*node][]op   // changes of contents, in order
}

func (c *crash) step(o op) {
	switch o.kind {
	case opAdd, opDrop, opRename:
		c.pending = append(c.pending, o)
	case opWrite, opResize:
		c.waiting[o.node] = append(c.waiting[o.node], o)
	case opSync:
		for _, w := range c.waiting[o.node] {
			w.change(c.content(o.node))
		}
		delete(c.waiting, o.node)
	case opSyncDir:
		var rest []op
		for _, p := range c.pending {
			if filepath.Dir(p.path) == o.path {
				c.rename(p)
			} else {
				rest = append(rest, p)
			}
		}
		c.pending = rest
	}
}

// content is the lasting content of n, to be changed.
func (c *crash) content(n *node) *node {
	last := c.lasting[n]
	if last == nil {
		last = &node{dir: n.dir}
		c.lasting[n] = last
	}
	return last
}

func (o *op) change(n *node) {
	if o.kind == opWrite {
		n.put(o.data, o.off)
	} else {
		n.resize(o.off)
	}
}

func (c *crash) rename(o op) {
	switch o.kind {
	case opAdd:
		c.names[o.path] = o.node
	case opDrop:
		delete(c.names, o.path)
	case opRename:
		delete(c.names, o.path)
		c.names[o.to] = o.node
	}
}

// finish lets a part of what is not lasting last.
func (c *crash) finish(rng *rand.Rand) *Mem {
	if rng != nil {
		lost := make(map[string]bool) // a name's changes last in order
		odds := rng.IntN(4)           // of 4: often, all of one kind
		for _, o := range c.pending {
			if lost[o.path] || lost[o.to] || rng.IntN(4) < odds {
				lost[o.path] = true
				if o.to != "" {
					lost[o.to] = true
				}
				continue
			}
			c.rename(o)
		}
	}
	m := &Mem{names: make(map[string]*node), locks: make(map[*node]bool)}
	copies := make(map[*node]*node)
	for path, n := range c.names {
		if !c.reachable(path) {
			continue
		}
		if copies[n] == nil {
			content := c.content(n)
			if rng != nil {
				c.tear(content, c.waiting[n], rng)
			}
			copies[n] = content
		}
		m.names[path] = copies[n]
	}
	m.remember()
	return m
}

// reachable reports whether the directories above a path have lasted.
func (c *crash) reachable(path string) bool {
	for {
		dir := filepath.Dir(path)
		if dir == path {
			return true
		}
		if c.names[dir] == nil {
			return false
		}
		path = dir
	}
}

// tear lets some of the changes happen, by sectors.
func (c *crash) tear(n *node, changes []op, rng *rand.Rand) {
	odds := rng.IntN(4)
	for _, o := range changes {
		if o.kind == opResize {
			if rng.IntN(4) >= odds {
				n.resize(o.off)
			}
			continue
		}
		for len(o.data) > 0 {
			size := min(sector-o.off%sector, int64(len(o.data)))
			if rng.IntN(4) >= odds {
				n.put(o.data[:size], o.off)
			}
			o.off += size
			o.data = o.data[size:]
		}
	}
}

// remember makes the present state the one that history begins with.
func (m *Mem) remember() {
	m.start = make(map[string]*node)
	m.contents = make(map[*node][]byte)
	for path, n := range m.names {
		m.start[path] = n
		m.contents[n] = append([]byte(nil), n.data...)
	}
	m.ops = nil
}
