package ranked

import (
	"bytes"
	"fmt"
	"sort"

	"hpkv/engine/alloc"
)

// Rank returns the number of items before the item; false if there is none.
func (t *Tree) Rank(score float64, member []byte) (rank int, found bool) {
	if t.root == 0 {
		return 0, false
	}
	_, found = t.descend(score, member)
	for level := range t.height {
		p := t.path[level]
		rank += t.node(p.ref).belowAll(p.at)
	}
	return rank + t.path[t.height].at, found
}

// CountBelow returns the number of items with a score below score; with equal,
// also those whose score equals it.
func (t *Tree) CountBelow(score float64, equal bool) int {
	return t.countWhile(func(n *node, _ int) int { return n.before(score, equal) })
}

// CountBefore returns the number of items whose member sorts before member, or
// equals it with equal. The scores of all items must be equal.
func (t *Tree) CountBefore(member []byte, equal bool) int {
	return t.countWhile(func(n *node, refs int) int {
		return sort.Search(n.len(), func(i int) bool {
			c := bytes.Compare(t.member(alloc.Ref(n.get(refs, i))), member)
			return c > 0 || c == 0 && !equal
		})
	})
}

// countWhile returns how many items from the first on are before a place: before
// says how many entries of a node are.
func (t *Tree) countWhile(before func(n *node, refs int) int) int {
	if t.root == 0 {
		return 0
	}
	rank, ref := 0, t.root
	for level := 0; ; level++ {
		n := t.node(ref)
		k := before(n, t.refsOf(level))
		if level == t.height {
			return rank + k
		}
		if k == 0 {
			return rank
		}
		rank += n.belowAll(k - 1)
		ref = n.child(k - 1)
	}
}

// Cursor is at an item. It is valid until the tree changes.
type Cursor struct {
	t    *Tree
	leaf *node
	path [maxLevels]step
}

// Seek moves c to the item of a rank, which must exist.
func (t *Tree) Seek(c *Cursor, rank int) {
	c.t, c.leaf = t, t.descendRank(rank)
	copy(c.path[:t.height+1], t.path[:t.height+1])
}

// Item returns the item the cursor is at.
func (c *Cursor) Item() (score float64, ref alloc.Ref) {
	at := c.path[c.t.height].at
	return c.leaf.score(at), alloc.Ref(c.leaf.get(leafRefs, at))
}

// Near returns the reference of the item by places after the one the cursor is at, or
// before for negative ones, if that is in the same node.
func (c *Cursor) Near(by int) (ref alloc.Ref, ok bool) {
	if at := c.path[c.t.height].at + by; uint(at) < uint(c.leaf.len()) {
		return alloc.Ref(c.leaf.get(leafRefs, at)), true
	}
	return 0, false
}

// Next moves to the item after; false, without moving, if there is none.
func (c *Cursor) Next() bool {
	h := c.t.height
	if c.path[h].at+1 < c.leaf.len() {
		c.path[h].at++
		return true
	}
	for level := h - 1; level >= 0; level-- {
		n := c.t.node(c.path[level].ref)
		if c.path[level].at+1 < n.len() {
			c.path[level].at++
			for ; level < h; level++ {
				ref := c.t.node(c.path[level].ref).child(c.path[level].at)
				c.path[level+1] = step{ref, 0}
			}
			c.leaf = c.t.node(c.path[h].ref)
			return true
		}
	}
	return false
}

// Prev moves to the item before; false, without moving, if there is none.
func (c *Cursor) Prev() bool {
	h := c.t.height
	if c.path[h].at > 0 {
		c.path[h].at--
		return true
	}
	for level := h - 1; level >= 0; level-- {
		if c.path[level].at > 0 {
			c.path[level].at--
			for ; level < h; level++ {
				ref := c.t.node(c.path[level].ref).child(c.path[level].at)
				c.path[level+1] = step{ref, c.t.node(ref).len() - 1}
			}
			c.leaf = c.t.node(c.path[h].ref)
			return true
		}
	}
	return false
}

// FreeStep gives back up to budget nodes of a tree that is not used any more,
// and reports whether all are gone. The items' references are the owner's to
// free; members are not read.
func (t *Tree) FreeStep(budget int) (done bool) {
	t.count = 0
	for ; t.root != 0 && budget > 0; budget-- {
		level, ref := 0, t.root
		for ; level < t.height; level++ {
			t.path[level] = step{ref: ref}
			n := t.node(ref)
			if n.len() == 0 {
				break
			}
			ref = n.child(n.len() - 1)
		}
		t.free(ref)
		if level == 0 {
			t.root, t.height = 0, 0
			break
		}
		up := t.node(t.path[level-1].ref)
		up.setLen(up.len() - 1)
	}
	return t.root == 0
}

// Check verifies order, counts and shape.
func (t *Tree) Check() error {
	c := checker{t: t}
	if t.root != 0 {
		if err := c.visit(t.root, 0); err != nil {
			return fmt.Errorf("ranked: %w", err)
		}
	}
	if c.items != t.count || c.nodes != t.nodes {
		return fmt.Errorf("ranked: %d items in %d nodes, %d in %d counted", c.items, c.nodes, t.count, t.nodes)
	}
	return nil
}

type checker struct {
	t            *Tree
	items, nodes int
	score        float64
	member       []byte
}

func (c *checker) visit(ref alloc.Ref, level int) error {
	t, n := c.t, c.t.node(ref)
	c.nodes++
	if n.len() == 0 || n.len() > t.layoutOf(level).cap {
		return fmt.Errorf("a node on level %d of %d has %d entries", level, t.height, n.len())
	}
	if level == 0 && t.height > 0 && n.len() == 1 {
		return fmt.Errorf("the root has one child")
	}
	for i := range n.len() {
		if level < t.height {
			first := t.node(n.child(i))
			if n.score(i) != first.score(0) || n.get(innerRefs, i) != first.get(t.refsOf(level+1), 0) {
				return fmt.Errorf("entry %d on level %d is not its child's first", i, level)
			}
			before := c.items
			if err := c.visit(n.child(i), level+1); err != nil {
				return err
			}
			if got := c.items - before; got != n.below(i) {
				return fmt.Errorf("entry %d on level %d counts %d items, has %d", i, level, n.below(i), got)
			}
			continue
		}
		score, member := n.score(i), t.member(alloc.Ref(n.get(leafRefs, i)))
		if score != score {
			return fmt.Errorf("member %q has no score", member)
		}
		if c.items > 0 && (score < c.score || score == c.score && bytes.Compare(c.member, member) >= 0) {
			return fmt.Errorf("member %q of score %v comes after %q of %v", member, score, c.member, c.score)
		}
		c.score, c.member = score, append(c.member[:0], member...)
		c.items++
	}
	return nil
}
