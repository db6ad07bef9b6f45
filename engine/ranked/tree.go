package ranked

import (
	"bytes"

	"hpkv/engine/alloc"
)

// Tree is an ordered set of items, counted.
type Tree struct {
	heap   *alloc.Heap
	arena  *alloc.Arena
	member func(alloc.Ref) []byte
	root   alloc.Ref // 0: no items
	height int       // levels of inner nodes above the leaves
	count  int
	nodes  int
	path   [maxLevels]step // of the running operation; path[height] is in a leaf
}

// step is a node on the way down and the entry the way takes.
type step struct {
	ref alloc.Ref
	at  int
}

// maxLevels is far more than 2^40 items need.
const maxLevels = 16

// New returns an empty tree with nodes from heap. member returns the bytes that
// order items of equal score; they need to be valid until the next call but one.
func New(heap *alloc.Heap, arena *alloc.Arena, member func(alloc.Ref) []byte) *Tree {
	return &Tree{heap: heap, arena: arena, member: member}
}

// Len returns the number of items.
func (t *Tree) Len() int { return t.count }

// Nodes returns the number of nodes.
func (t *Tree) Nodes() int { return t.nodes }

// Bytes returns the memory of the nodes.
func (t *Tree) Bytes() int64 { return int64(t.nodes) * nodeBytes }

func (t *Tree) node(ref alloc.Ref) *node { return (*node)(t.arena.Bytes(ref, 0, nodeBytes)) }

func (t *Tree) newNode() (alloc.Ref, *node, error) {
	ref, err := t.heap.Alloc(nodeBytes, Purpose)
	if err != nil {
		return 0, nil, err
	}
	t.nodes++
	n := t.node(ref)
	n.setLen(0)
	return ref, n, nil
}

func (t *Tree) free(ref alloc.Ref) {
	t.heap.Free(ref)
	t.nodes--
}

// lower returns the first entry of n that does not come before the item, and
// whether it is that item. refs is the column of the references.
func (t *Tree) lower(n *node, refs int, score float64, member []byte) (i int, found bool) {
	lo, end := n.before(score, false), n.len()
	if lo == end || n.score(lo) != score {
		return lo, false
	}
	// Equal scores: the members decide.
	for hi := n.before(score, true); lo < hi; {
		mid := int(uint(lo+hi) >> 1)
		switch c := bytes.Compare(t.member(alloc.Ref(n.get(refs, mid))), member); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// descend finds the place of an item, noting the path, and returns the leaf.
func (t *Tree) descend(score float64, member []byte) (leaf *node, found bool) {
	ref := t.root
	for level := range t.height {
		n := t.node(ref)
		i, hit := t.lower(n, innerRefs, score, member)
		if !hit && i > 0 {
			i--
		}
		t.path[level] = step{ref, i}
		ref = n.child(i)
	}
	leaf = t.node(ref)
	i, found := t.lower(leaf, leafRefs, score, member)
	t.path[t.height] = step{ref, i}
	return leaf, found
}

// descendRank goes to the item of a rank; to the place behind the last for
// t.count.
func (t *Tree) descendRank(rank int) (leaf *node) {
	ref := t.root
	for level := range t.height {
		n := t.node(ref)
		i, last := 0, n.len()-1
		for i < last {
			b := n.below(i)
			if rank < b {
				break
			}
			rank -= b
			i++
		}
		t.path[level] = step{ref, i}
		ref = n.child(i)
	}
	t.path[t.height] = step{ref, rank}
	return t.node(ref)
}

// Insert adds an item that the tree does not have. On error, which is
// alloc.ErrNoMemory, nothing has changed.
func (t *Tree) Insert(score float64, ref alloc.Ref) error {
	if err := t.plant(); err != nil {
		return err
	}
	member := t.member(ref)
	for {
		leaf, _ := t.descend(score, member)
		if leaf.len() < leafCap {
			t.put(leaf, score, ref)
			return nil
		}
		if err := t.makeRoom(t.height); err != nil {
			return err
		}
	}
}

// Append is Insert of an item that comes after all others, without comparing.
func (t *Tree) Append(score float64, ref alloc.Ref) error {
	if err := t.plant(); err != nil {
		return err
	}
	for {
		leaf := t.descendRank(t.count)
		if leaf.len() < leafCap {
			t.put(leaf, score, ref)
			return nil
		}
		if err := t.makeRoom(t.height); err != nil {
			return err
		}
	}
}

// plant gives an empty tree its root.
func (t *Tree) plant() (err error) {
	if t.root == 0 {
		t.root, _, err = t.newNode()
	}
	return err
}

// put inserts an item where the path leads, into a leaf with room.
func (t *Tree) put(leaf *node, score float64, ref alloc.Ref) {
	at := t.path[t.height].at
	leaf.open(&leafLayout, at)
	leaf.setScore(at, score)
	leaf.set(leafRefs, at, uint64(ref))
	t.count++
	for level := range t.height {
		p := t.path[level]
		t.node(p.ref).addBelow(p.at, 1)
	}
	if at == 0 {
		t.firstChanged(t.height)
	}
}

// firstChanged tells the ancestors of the path's node at level, which is not
// empty, that its first item is another.
func (t *Tree) firstChanged(level int) {
	n := t.node(t.path[level].ref)
	score, ref := n.score(0), n.get(t.refsOf(level), 0)
	for level--; level >= 0; level-- {
		p := t.path[level]
		n = t.node(p.ref)
		n.setScore(p.at, score)
		n.set(innerRefs, p.at, ref)
		if p.at > 0 {
			return
		}
	}
}

func (t *Tree) refsOf(level int) int {
	if level == t.height {
		return leafRefs
	}
	return innerRefs
}

func (t *Tree) layoutOf(level int) *layout {
	if level == t.height {
		return &leafLayout
	}
	return &innerLayout
}

// Delete removes the item and returns its reference; false if there is none.
func (t *Tree) Delete(score float64, member []byte) (alloc.Ref, bool) {
	if t.root == 0 {
		return 0, false
	}
	leaf, found := t.descend(score, member)
	if !found {
		return 0, false
	}
	ref := alloc.Ref(leaf.get(leafRefs, t.path[t.height].at))
	t.cut(leaf)
	return ref, true
}

// DeleteEnd is Delete of ref if that is the first item, or the last one, without
// comparing; false if it is neither.
func (t *Tree) DeleteEnd(ref alloc.Ref) bool {
	for _, last := range [...]bool{false, true} {
		if leaf := t.descendEnd(last); leaf != nil && alloc.Ref(leaf.get(leafRefs, t.path[t.height].at)) == ref {
			t.cut(leaf)
			return true
		}
	}
	return false
}

// descendEnd goes to the first item, or to the last one; nil if there are none.
func (t *Tree) descendEnd(last bool) (leaf *node) {
	if t.root == 0 {
		return nil
	}
	ref := t.root
	for level := 0; ; level++ {
		n, i := t.node(ref), 0
		if last {
			i = n.len() - 1
		}
		if t.path[level] = (step{ref, i}); level == t.height {
			return n
		}
		ref = n.child(i)
	}
}

// cut removes the item where the path leads.
func (t *Tree) cut(leaf *node) {
	at := t.path[t.height].at
	leaf.remove(&leafLayout, at, 1)
	t.count--
	for level := range t.height {
		p := t.path[level]
		t.node(p.ref).addBelow(p.at, -1)
	}
	if at == 0 && leaf.len() > 0 {
		t.firstChanged(t.height)
	}
	if leaf.len() < leafCap/3 {
		t.fill(t.height)
	}
}

// Move gives the item that old stands for another score, and has ref stand for it,
// which may be the same; both must have the same member, readable. On error nothing
// has changed. The caller may compare by its own idea of an item's score only before
// or after.
func (t *Tree) Move(old, ref alloc.Ref, from, to float64) error {
	member := t.member(old)
	leaf, _ := t.descend(from, member)
	at := t.path[t.height].at
	if at > 0 && at < leaf.len()-1 && leaf.score(at-1) < to && to < leaf.score(at+1) {
		leaf.setScore(at, to)
		leaf.set(leafRefs, at, uint64(ref))
		return nil
	}
	way := t.path
	next, _ := t.descend(to, member)
	if next.len() == leafCap {
		if err := t.Insert(to, ref); err != nil {
			return err
		}
		t.Delete(from, member)
		return nil
	}
	t.put(next, to, ref)
	// Nothing but the new leaf has changed: the way to the old place is as it was.
	if place := t.path[t.height]; next == leaf && place.at <= at {
		at++
	}
	copy(t.path[:t.height], way[:t.height])
	t.path[t.height] = step{way[t.height].ref, at}
	t.cut(leaf)
	return nil
}

// Replace makes ref stand for the item that old stood for. Both must have the
// same member, readable.
func (t *Tree) Replace(score float64, old, ref alloc.Ref) {
	leaf, _ := t.descend(score, t.member(old))
	leaf.set(leafRefs, t.path[t.height].at, uint64(ref))
	for level := range t.height {
		p := t.path[level]
		if n := t.node(p.ref); n.get(innerRefs, p.at) == uint64(old) {
			n.set(innerRefs, p.at, uint64(ref))
		}
	}
}

// Leave moves nodes to other memory where their own is condemned, from the leaf
// with the item of a rank on. It stops at the end, or after a leaf when the cost
// of what it has looked at and moved exceeds budget, and returns the rank to go on
// from, 0 at the end, and the cost. Nodes that there is no memory for stay.
func (t *Tree) Leave(rank, budget int) (next, cost int) {
	for rank < t.count && cost <= budget {
		leaf := t.descendRank(rank)
		rank += leaf.len() - t.path[t.height].at
		for level := range t.height + 1 {
			cost++
			p := t.path[level]
			if !t.heap.Condemned(p.ref) {
				continue
			}
			ref, err := t.heap.Move(p.ref)
			if err != nil {
				continue
			}
			cost += alloc.MoveCost(nodeBytes)
			if t.path[level].ref = ref; level == 0 {
				t.root = ref
			} else {
				up := t.path[level-1]
				t.node(up.ref).set(childrenAt, up.at, uint64(ref))
			}
		}
	}
	if rank >= t.count {
		return 0, cost
	}
	return rank, cost
}
