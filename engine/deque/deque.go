// Package deque keeps long lists of byte strings: packed sequences in blocks of
// a few kilobytes outside the Go heap, and one array that says where they are.
//
// Elements are added and taken at both ends in constant time: a block has its
// elements in a window that grows either way, so that nothing moves for it. A
// position is found by counting blocks from the nearest of the ends and the place
// found last, so that who goes through a list in steps does not begin each with a
// walk.
//
// A List is owned by whoever owns its heap; nothing here is safe for concurrent
// use. It is one small Go object and one slice without pointers, whatever it
// holds.
package deque

import (
	"math/bits"

	"hpkv/engine/alloc"
	"hpkv/engine/packed"
)

// Memory is where lists have their blocks.
type Memory struct {
	Heap  *alloc.Heap
	Arena *alloc.Arena
}

// Limit says how much a block may hold. An element larger than Bytes has a block
// of its own.
type Limit struct {
	Bytes int // of its elements
	Count int // elements; 0: as many as fit
}

// End is an end of a list.
type End uint8

const (
	Left End = iota
	Right
)

// List is a list of byte strings. Use New.
type List struct {
	m     *Memory
	nodes []node // ring of blocks; its length is a power of two
	head  int    // place of the first
	n     int    // blocks
	count int    // elements
	held  int    // bytes of blocks
	mark  int    // see Mark
	near  place  // a block that was far from where its search began, or the first
}

// place is a block, or the end, and how many elements are before it.
type place struct{ node, before int }

// node is a block: a packed sequence at bytes lo to hi of an object. It is never
// empty.
type node struct {
	ref    alloc.Ref
	lo, hi uint32
	room   uint32 // bytes of the object
	count  uint32
}

const nodeBytes = 24

func (n *node) used() int { return int(n.hi - n.lo) }

// New returns an empty list.
func New(m *Memory) *List { return &List{m: m} }

// Len returns the number of elements.
func (l *List) Len() int { return l.count }

// Blocks returns the number of blocks.
func (l *List) Blocks() int { return l.n }

// Held returns the bytes of memory that the blocks take.
func (l *List) Held() int { return l.held }

// Mark returns where the mark is: how many elements are before it. It stays
// between the same elements whatever changes: an element that is added where it
// is comes behind it.
func (l *List) Mark() int { return l.mark }

// SetMark puts the mark before the i-th element, or at the end. A new list has it
// at the beginning.
func (l *List) SetMark(i int) { l.mark = i }

// BookBytes returns the bytes of Go memory that say where the blocks are.
func (l *List) BookBytes() int { return len(l.nodes) * nodeBytes }

// Adopt makes the elements of a packed sequence those of an empty list: in one
// block if they are no more than that. The error is alloc.ErrNoMemory, with some
// of the elements added.
func (l *List) Adopt(seq []byte, lim Limit) error {
	count := packed.Count(seq)
	if len(seq) > lim.Bytes || lim.Count > 0 && count > lim.Count {
		for off := packed.Start; ; {
			v, next, ok := packed.Next(seq, off)
			if !ok {
				return nil
			}
			var room [20]byte // an integer's
			elem := v.Bytes()
			if elem == nil {
				elem = v.Append(room[:0])
			}
			if err := l.Push(Right, elem, lim); err != nil {
				return err
			}
			off = next
		}
	}
	if count == 0 {
		return nil
	}
	n, err := l.newNode(l.blockBytes(len(seq), lim))
	if err != nil {
		return err
	}
	n.hi, n.count = uint32(copy(l.whole(&n), seq)), uint32(count)
	l.insertNode(0, n)
	l.count = count
	return nil
}

// at returns the i-th block.
func (l *List) at(i int) *node { return &l.nodes[(l.head+i)&(len(l.nodes)-1)] }

// whole returns the bytes of a block's object.
func (l *List) whole(n *node) []byte { return l.m.Arena.Bytes(n.ref, 0, int(n.room)) }

// seq returns the packed sequence of a block, whose capacity ends with it.
func (l *List) seq(n *node) []byte { return l.whole(n)[n.lo:n.hi:n.hi] }

// Packed returns the sequence of the only block of a list, false if there are
// more. It is valid until the list changes.
func (l *List) Packed() ([]byte, bool) {
	if l.n != 1 {
		return nil, l.n == 0
	}
	return l.seq(l.at(0)), true
}

// blockBytes is the size of a block for elements that take size bytes, under a
// limit: what the size classes make of the limit, or more for a large element.
func (l *List) blockBytes(size int, lim Limit) int {
	want := lim.Bytes
	if lim.Count > 0 && l.n > 0 { // the bytes may never be reached: room for as many as the first block has, by size
		n := l.at(0)
		want = min(want, (n.used()/int(n.count)+8)*lim.Count)
	}
	if size > want {
		return size
	}
	for n := want; n > size; n -= 64 {
		if c := alloc.ClassSize(n); c <= want {
			return c
		}
	}
	return max(size, want)
}

// pushBytes is blockBytes of a block that an element of size bytes begins, and that
// will be filled with others: of large ones only a few fit, and the block is as small
// as those need.
func (l *List) pushBytes(size int, lim Limit) int {
	best := l.blockBytes(packed.Start+size, lim)
	if size*32 < best { // what is left over is little
		return best
	}
	each := func(room int) int { return (room + nodeBytes) / ((room - packed.Start) / size) }
	for n := best; n >= packed.Start+size; n -= 64 {
		if c := alloc.ClassSize(n); c < best && each(c) < each(best) {
			best = c
		}
	}
	return best
}

// newNode allocates a block of at least n bytes.
func (l *List) newNode(n int) (node, error) {
	ref, err := l.m.Heap.Alloc(n, alloc.Collections)
	if err != nil {
		return node{}, err
	}
	room := l.m.Heap.Capacity(ref)
	l.held += room
	return node{ref: ref, room: uint32(room)}, nil
}

func (l *List) free(n *node) {
	l.m.Heap.Free(n.ref)
	l.held -= int(n.room)
}

// insertNode makes n the i-th block, moving the shorter side.
func (l *List) insertNode(i int, n node) {
	if l.n == len(l.nodes) {
		l.resize(max(4, 2*l.n))
	}
	l.n++
	if i < l.n/2 {
		l.head = (l.head - 1) & (len(l.nodes) - 1)
		for k := range i {
			*l.at(k) = *l.at(k + 1)
		}
	} else {
		for k := l.n - 1; k > i; k-- {
			*l.at(k) = *l.at(k - 1)
		}
	}
	*l.at(i) = n
}

// removeNode takes the i-th block out, moving the shorter side, and frees it.
func (l *List) removeNode(i int) {
	l.free(l.at(i))
	if i < l.n/2 {
		for k := i; k > 0; k-- {
			*l.at(k) = *l.at(k - 1)
		}
		l.head = (l.head + 1) & (len(l.nodes) - 1)
	} else {
		for k := i; k < l.n-1; k++ {
			*l.at(k) = *l.at(k + 1)
		}
	}
	l.n--
	if len(l.nodes) > 64 && l.n < len(l.nodes)/4 {
		l.resize(len(l.nodes) / 2)
	}
}

func (l *List) resize(n int) {
	ring := make([]node, n)
	for i := range l.n {
		ring[i] = *l.at(i)
	}
	l.nodes, l.head = ring, 0
}

// fits reports whether an element of size bytes may be added to the block.
func (n *node) fits(size int, lim Limit) bool {
	return n.used()+size <= min(max(lim.Bytes, packed.Start), int(n.room)) && (lim.Count <= 0 || int(n.count) < lim.Count)
}

// Push adds elem at an end. The error is alloc.ErrNoMemory, with nothing
// changed.
func (l *List) Push(end End, elem []byte, lim Limit) error {
	size := packed.Size(elem)
	i := 0
	if end == Right {
		i = l.n - 1
	}
	if l.n == 0 || !l.at(i).fits(size, lim) {
		n, err := l.newNode(l.pushBytes(size, lim))
		if err != nil {
			return err
		}
		if end == Left {
			n.lo, n.hi = n.room-packed.Start, n.room
			i = 0
			if l.near.node > 0 {
				l.near.node++
			}
		} else {
			n.hi = packed.Start
			i = l.n
		}
		l.insertNode(i, n)
	}
	n := l.at(i)
	b := l.whole(n)
	if end == Left {
		if int(n.lo) < size {
			l.shift(n, b, size, 0)
		}
		n.lo -= uint32(size)
		packed.Put(b[n.lo+packed.Start:], elem)
	} else {
		if int(n.room-n.hi) < size {
			l.shift(n, b, 0, size)
		}
		packed.Put(b[n.hi:], elem)
		n.hi += uint32(size)
	}
	n.count++
	packed.SetCount(b[n.lo:], int(n.count))
	l.count++
	if end == Left {
		l.added(0)
		if l.near.node > 0 {
			l.near.before++
		}
	}
	return nil
}

// added moves the mark for an element that was added as the i-th.
func (l *List) added(i int) {
	if i < l.mark {
		l.mark++
	}
}

// shift moves the window of a block, so that there is room for left more bytes
// before it and right more behind. What is free beyond that goes to both sides,
// so that pushes at alternate ends do not move it each time.
func (l *List) shift(n *node, b []byte, left, right int) {
	used := n.used()
	spare := int(n.room) - used - left - right
	lo := left + spare/2
	copy(b[lo:], b[n.lo:n.hi])
	n.lo, n.hi = uint32(lo), uint32(lo+used)
}

// Drop removes n elements at an end, or all if there are fewer.
func (l *List) Drop(end End, n int) {
	n = min(n, l.count)
	if end == Left {
		l.mark = max(l.mark-n, 0)
	} else {
		l.mark = min(l.mark, l.count-n)
	}
	for n > 0 && l.n > 0 {
		i := 0
		if end == Right {
			i = l.n - 1
		}
		nd := l.at(i)
		if n >= int(nd.count) {
			n -= int(nd.count)
			l.count -= int(nd.count)
			if end == Left && l.near.node > 0 {
				l.near = place{l.near.node - 1, l.near.before - int(nd.count)}
			}
			l.removeNode(i)
			if l.near.node >= l.n {
				l.near = place{}
			}
			continue
		}
		b := l.seq(nd)
		if end == Left {
			off, _ := packed.Skip(b, packed.Start, n)
			nd.lo += uint32(off - packed.Start)
			if l.near.node > 0 {
				l.near.before -= n
			}
		} else {
			off, _ := packed.Seek(b, -n)
			nd.hi = nd.lo + uint32(off)
		}
		nd.count -= uint32(n)
		packed.SetCount(l.whole(nd)[nd.lo:], int(nd.count))
		l.count -= n
		return
	}
}

// Cut is Drop for when that would free more than few blocks: these become the list
// it returns, to be freed by FreeStep. It returns nil if it has freed them itself.
func (l *List) Cut(end End, n, few int) (gone *List) {
	k, elems, held := 0, 0, 0 // blocks that go as a whole, their elements and memory
	for ; k < l.n; k++ {
		i := k
		if end == Right {
			i = l.n - 1 - k
		}
		nd := l.at(i)
		if elems+int(nd.count) > n {
			break
		}
		elems += int(nd.count)
		held += int(nd.room)
	}
	if k <= few {
		l.Drop(end, n)
		return nil
	}
	if end == Left {
		l.mark = max(l.mark-elems, 0)
	} else {
		l.mark = min(l.mark, l.count-elems)
	}
	first, rest, kept := 0, k, l.n-k // of the blocks that go, and of those that stay
	if end == Right {
		first, rest = l.n-k, 0
	}
	gone = &List{m: l.m, n: k, count: elems, held: held}
	if kept < k { // the shorter part gets a new ring
		ring := l.part(rest, kept)
		gone.nodes, gone.head = l.nodes, (l.head+first)&(len(l.nodes)-1)
		l.nodes, l.head = ring, 0
	} else {
		gone.nodes = l.part(first, k)
		l.head = (l.head + rest) & (len(l.nodes) - 1)
	}
	l.n, l.count, l.held, l.near = kept, l.count-elems, l.held-held, place{}
	l.Drop(end, n-elems)
	return gone
}

// part copies n blocks from the i-th on into a ring of their own.
func (l *List) part(i, n int) []node {
	ring := make([]node, max(4, 1<<bits.Len(uint(max(n-1, 0)))))
	for k := range n {
		ring[k] = *l.at(i + k)
	}
	return ring
}

// FreeStep frees up to n blocks of a list that is not used any more, and reports
// whether there are more.
func (l *List) FreeStep(n int) (more bool) {
	l.near = place{}
	for ; n > 0 && l.n > 0; n-- {
		nd := l.at(l.n - 1)
		l.count -= int(nd.count)
		l.free(nd)
		l.n--
	}
	if l.n == 0 {
		l.nodes = nil
	}
	return l.n > 0
}
