package alloc

import "math/bits"

// kind is what the chunks of a pool hold.
type kind uint8

const (
	kindSmall kind = iota
	kindIndex
	kindLarge
)

// pool is the chunks of one kind on one node.
type pool struct {
	id    int16
	kind  kind
	node  int
	avail bitmap // chunks with a free page that are not cold
	held  bitmap // those of them with a page that is dirty or ready
	cold  bitmap // chunks of huge pages that nothing has touched yet
	count int    // chunks
	free  int    // free pages in chunks that are not cold
	asked bool   // Wanted was called, and Prepare is not done yet
}

// nextAvail returns a chunk of the pool with a page available, making one ready
// if there is none, or -1. REQUIRES: a.mu, which it lets go of meanwhile.
func (a *Arena) nextAvail(po *pool) int {
	for {
		if c := po.avail.first(0); c >= 0 {
			return c
		}
		c := a.nextCold(po)
		if c < 0 {
			return -1
		}
		if po.cold.has(c) {
			po.cold.clear(c) // who comes to the end of the pages as well takes another
			if a.dear {
				a.shrink(c)
			} else {
				a.hurry(c)
			}
		}
		a.warm(po, c)
	}
}

func (a *Arena) nextFree(po *pool, from int) int {
	x, y := po.avail.first(from), a.spare.first(from)
	if x < 0 || y >= 0 && y < x {
		return y
	}
	return x
}

func (a *Arena) pool(node int, k kind) *pool {
	for _, po := range a.pools {
		if po.node == node && po.kind == k {
			return po
		}
	}
	po := &pool{id: int16(len(a.pools)), kind: k, node: node}
	a.pools = append(a.pools, po)
	return po
}

// nextCold returns a chunk of the pool that nothing has touched yet, or -1.
func (a *Arena) nextCold(po *pool) int {
	if c := po.cold.first(0); c >= 0 {
		return c
	}
	return a.grow(po)
}

// warm makes the free pages of a chunk of the pool available.
func (a *Arena) warm(po *pool, c int) {
	po.cold.clear(c)
	if !po.avail.has(c) {
		po.avail.set(c)
		ch := &a.chunks[c]
		po.free += bits.OnesCount32(ch.free)
		if ch.huge {
			ch.ready = ch.free
			po.held.set(c)
		}
	}
}

// bitmap is a set of small integers that finds its members in order.
type bitmap []uint64

func (b *bitmap) set(i int) {
	for len(*b) <= i>>6 {
		*b = append(*b, 0)
	}
	(*b)[i>>6] |= 1 << (i & 63)
}

func (b bitmap) clear(i int) {
	if i>>6 < len(b) {
		b[i>>6] &^= 1 << (i & 63)
	}
}

func (b bitmap) has(i int) bool { return i>>6 < len(b) && b[i>>6]>>(i&63)&1 != 0 }

// first returns the smallest member that is at least from, or -1.
func (b bitmap) first(from int) int {
	for w := from >> 6; w < len(b); w++ {
		x := b[w]
		if w == from>>6 {
			x &= ^uint64(0) << (from & 63)
		}
		if x != 0 {
			return w<<6 + bits.TrailingZeros64(x)
		}
	}
	return -1
}
