package deque

import (
	"errors"
	"fmt"

	"hpkv/engine/alloc"
	"hpkv/engine/packed"
)

// Cursor walks a list. It is valid until the list changes.
type Cursor struct {
	l    *List
	b    []byte // the block's sequence
	node int
	off  int // of the next element; walking backwards, the end of it
	back bool
}

// From returns a cursor that begins with the i-th element, which may be the
// number of elements: there is nothing from there on.
func (l *List) From(i int) Cursor {
	c := Cursor{l: l}
	if i >= l.count {
		c.node = l.n
		return c
	}
	node, at := l.find(i)
	c.node, c.b = node, l.seq(l.at(node))
	c.off = l.offset(c.b, l.at(node), at)
	return c
}

// Back returns a cursor that begins with the i-th element and walks towards the
// first. i may be -1: there is nothing.
func (l *List) Back(i int) Cursor {
	c := Cursor{l: l, back: true, node: -1}
	if i < 0 {
		return c
	}
	node, at := l.find(i)
	c.node, c.b = node, l.seq(l.at(node))
	c.off = len(c.b)
	if at+1 < int(l.at(node).count) {
		c.off = l.offset(c.b, l.at(node), at+1)
	}
	return c
}

// Next returns the next element; false at the end. It lies in the list.
func (c *Cursor) Next() (packed.Value, bool) {
	if c.back {
		return c.prev()
	}
	for {
		v, next, ok := packed.Next(c.b, c.off)
		if ok {
			c.off = next
			return v, true
		}
		if c.node+1 >= c.l.n {
			return packed.Value{}, false
		}
		c.node++
		c.b, c.off = c.l.seq(c.l.at(c.node)), packed.Start
	}
}

func (c *Cursor) prev() (packed.Value, bool) {
	for {
		v, at, ok := packed.Prev(c.b, c.off)
		if ok {
			c.off = at
			return v, true
		}
		if c.node <= 0 {
			return packed.Value{}, false
		}
		c.node--
		c.b = c.l.seq(c.l.at(c.node))
		c.off = len(c.b)
	}
}

// nearBlocks is how many blocks a search may pass that need not be remembered: so
// looks at the ends do not make a place forgotten that took long to find. Tests
// change it.
var nearBlocks = 64

// find returns the block of the i-th element, which must exist, and the
// element's number in it.
func (l *List) find(i int) (node, at int) {
	p, passed := l.search(i)
	if passed > nearBlocks {
		l.near = p
	}
	return p.node, i - p.before
}

// search finds the place of the block of the i-th element, and says how many blocks
// it has passed.
func (l *List) search(i int) (p place, passed int) {
	p, end := place{}, l.near
	if i >= end.before {
		p, end = l.near, place{l.n, l.count}
	}
	if end.before-i < i-p.before {
		for p = end; p.before > i; passed++ {
			p.node--
			p.before -= int(l.at(p.node).count)
		}
		return p, passed
	}
	for ; ; passed++ {
		c := int(l.at(p.node).count)
		if i < p.before+c {
			return p, passed
		}
		p.node++
		p.before += c
	}
}

// offset is packed.Seek in a block, whose number of elements is known.
func (l *List) offset(b []byte, n *node, i int) int {
	if i == 0 {
		return packed.Start
	}
	off, _ := packed.Seek(b, i)
	return off
}

// Get returns the i-th element from 0; false if there is none. It lies in the
// list and is valid until that changes.
func (l *List) Get(i int) (packed.Value, bool) {
	if i < 0 || i >= l.count {
		return packed.Value{}, false
	}
	c := l.From(i)
	return c.Next()
}

// Peek returns the element at an end of a list that is not empty, as Get does.
func (l *List) Peek(end End) (v packed.Value) {
	if end == Left {
		v, _, _ = packed.Next(l.seq(l.at(0)), packed.Start)
		return v
	}
	b := l.seq(l.at(l.n - 1))
	v, _, _ = packed.Prev(b, len(b))
	return v
}

// Refs visits the blocks' objects.
func (l *List) Refs(visit func(ref alloc.Ref)) {
	for i := range l.n {
		visit(l.at(i).ref)
	}
}

// Check verifies the list's invariants.
func (l *List) Check() error {
	count, held := 0, 0
	for i := range l.n {
		n := l.at(i)
		if i == l.near.node && count != l.near.before {
			return fmt.Errorf("%d elements before block %d, not %d", count, i, l.near.before)
		}
		if n.count == 0 || n.lo > n.hi || n.hi > n.room {
			return fmt.Errorf("block %d of %d: %d elements at %d to %d of %d bytes", i, l.n, n.count, n.lo, n.hi, n.room)
		}
		if got := l.m.Heap.Capacity(n.ref); got != int(n.room) {
			return fmt.Errorf("block %d has %d bytes, not %d", i, got, n.room)
		}
		b := l.seq(n)
		if !packed.Valid(b) {
			return fmt.Errorf("block %d is not a sound sequence", i)
		}
		if got := packed.Count(b); got != int(n.count) {
			return fmt.Errorf("block %d has %d elements, not %d", i, got, n.count)
		}
		count += int(n.count)
		held += int(n.room)
	}
	if count != l.count || held != l.held {
		return fmt.Errorf("%d elements in %d bytes, not %d in %d", count, held, l.count, l.held)
	}
	if l.near.node >= max(l.n, 1) || l.near.before > 0 && l.near.node == 0 {
		return fmt.Errorf("block %d with %d elements before it, of %d", l.near.node, l.near.before, l.n)
	}
	if l.n > 0 && len(l.nodes)&(len(l.nodes)-1) != 0 {
		return errors.New("the ring is no power of two")
	}
	return nil
}
