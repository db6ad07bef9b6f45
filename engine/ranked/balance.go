package ranked

import "hpkv/engine/alloc"

// shareFrom is how much room a neighbour must have to be given entries instead
// of a split. With it leaves filled in random order are 83% full on average, and
// an item takes 16.1 bytes, as against 70% and 19 bytes without neighbours; a
// larger bound costs memory, a smaller one gains next to none.
const shareFrom = 4

// makeRoom changes the tree so that the full node of the path at level, or one
// above it, has room, and leaves the path invalid: the caller descends again.
// On error nothing has changed.
func (t *Tree) makeRoom(level int) error {
	if level == 0 {
		return t.grow()
	}
	l := t.layoutOf(level)
	up := t.path[level-1]
	parent, n := t.node(up.ref), t.node(t.path[level].ref)
	last := t.onEdge(level)
	if !last {
		if up.at > 0 {
			left := t.node(parent.child(up.at - 1))
			if free := l.cap - left.len(); free >= shareFrom {
				k := (free + 1) / 2
				t.shiftBelow(parent, up.at, up.at-1, t.weight(level, n, 0, k))
				n.toLeft(l, left, k)
				t.firstChanged(level)
				return nil
			}
		}
		if up.at+1 < parent.len() {
			right := t.node(parent.child(up.at + 1))
			if free := l.cap - right.len(); free >= shareFrom {
				k := (free + 1) / 2
				t.shiftBelow(parent, up.at, up.at+1, t.weight(level, n, n.len()-k, n.len()))
				n.toRight(l, right, k)
				parent.setScore(up.at+1, right.score(0))
				parent.set(innerRefs, up.at+1, right.get(t.refsOf(level), 0))
				return nil
			}
		}
	}
	if parent.len() == innerCap {
		return t.makeRoom(level - 1)
	}
	ref, right, err := t.newNode()
	if err != nil {
		return err
	}
	k := n.len() / 2
	if last {
		k = 1 // ascending insertions leave full nodes behind
	}
	below := t.weight(level, n, n.len()-k, n.len())
	n.toRight(l, right, k)
	parent.addBelow(up.at, -below)
	parent.open(&innerLayout, up.at+1)
	parent.setScore(up.at+1, right.score(0))
	parent.set(innerRefs, up.at+1, right.get(t.refsOf(level), 0))
	parent.set(childrenAt, up.at+1, uint64(ref))
	parent.set(countsAt, up.at+1, uint64(below))
	return nil
}

// onEdge reports whether the path up to level runs along the right edge of the
// tree and its node there is to be extended at the end.
func (t *Tree) onEdge(level int) bool {
	for i := range level {
		if p := t.path[i]; p.at != t.node(p.ref).len()-1 {
			return false
		}
	}
	p := t.path[level]
	end := t.node(p.ref).len()
	if level < t.height {
		end--
	}
	return p.at == end
}

// grow puts a new root above the old one.
func (t *Tree) grow() error {
	if t.height == maxLevels-1 {
		return alloc.ErrNoMemory
	}
	ref, n, err := t.newNode()
	if err != nil {
		return err
	}
	old := t.node(t.root)
	n.setLen(1)
	n.setScore(0, old.score(0))
	n.set(innerRefs, 0, old.get(t.refsOf(0), 0))
	n.set(childrenAt, 0, uint64(t.root))
	n.set(countsAt, 0, uint64(t.count))
	t.root = ref
	t.height++
	return nil
}

// weight returns the items in the entries [from, to) of a node at level.
func (t *Tree) weight(level int, n *node, from, to int) int {
	if level == t.height {
		return to - from
	}
	w := 0
	for i := from; i < to; i++ {
		w += n.below(i)
	}
	return w
}

// shiftBelow notes that items went from one child to another.
func (t *Tree) shiftBelow(parent *node, from, to, items int) {
	parent.addBelow(from, -items)
	parent.addBelow(to, items)
}

// fill takes care of the path's node at level, which has become sparse: it
// gets entries of a neighbour or is joined with it.
func (t *Tree) fill(level int) {
	for ; level > 0; level-- {
		l := t.layoutOf(level)
		up := t.path[level-1]
		parent, n := t.node(up.ref), t.node(t.path[level].ref)
		if n.len() >= l.cap/3 {
			return
		}
		if parent.len() == 1 {
			if n.len() == 0 {
				t.free(t.path[level].ref)
				parent.setLen(0)
			}
			continue // the parent is sparse itself
		}
		a := max(up.at-1, 0)
		left, right := t.node(parent.child(a)), t.node(parent.child(a+1))
		joined := left.len()+right.len() <= l.cap
		switch nl, nr := left.len(), right.len(); {
		case joined:
			parent.addBelow(a, parent.below(a+1))
			right.toLeft(l, left, nr)
			t.free(parent.child(a + 1))
			parent.remove(&innerLayout, a+1, 1)
		case nl < nr:
			k := (nr - nl) / 2
			t.shiftBelow(parent, a+1, a, t.weight(level, right, 0, k))
			right.toLeft(l, left, k)
		default:
			k := (nl - nr) / 2
			t.shiftBelow(parent, a, a+1, t.weight(level, left, nl-k, nl))
			left.toRight(l, right, k)
		}
		t.noteFirst(level, a)
		if !joined {
			t.noteFirst(level, a+1)
			return
		}
	}
	t.shrink()
}

// noteFirst copies the first item of child a of the path's parent of level to
// the parent, and above if it is the first there too.
func (t *Tree) noteFirst(level, a int) {
	parent := t.node(t.path[level-1].ref)
	n := t.node(parent.child(a))
	parent.setScore(a, n.score(0))
	parent.set(innerRefs, a, n.get(t.refsOf(level), 0))
	if a == 0 {
		t.firstChanged(level - 1)
	}
}

// shrink removes roots without a choice.
func (t *Tree) shrink() {
	for t.root != 0 {
		n := t.node(t.root)
		switch {
		case t.count == 0:
			t.free(t.root)
			t.root, t.height = 0, 0
		case t.height > 0 && n.len() == 1:
			child := n.child(0)
			t.free(t.root)
			t.root = child
			t.height--
		default:
			return
		}
	}
}
