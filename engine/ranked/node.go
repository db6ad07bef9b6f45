package ranked

import (
	"encoding/binary"
	"math"
	"math/bits"

	"hpkv/engine/alloc"
)

// nodeBytes is the size of a node, an allocation class of alloc.
const nodeBytes = 1024

// node is a leaf or an inner node: two bytes with the number of its entries,
// six unused, and the entries column by column, so that a search by score reads
// nothing but scores. Numbers are little endian.
//
//	leaf   score 8, reference 5
//	inner  score 8 and reference 5 of the child's first item, child 5, items below it 5
type node [nodeBytes]byte

const (
	leafCap  = 77
	innerCap = 43

	scoresAt   = 8
	leafRefs   = scoresAt + 8*leafCap
	innerRefs  = scoresAt + 8*innerCap
	childrenAt = innerRefs + 5*innerCap
	countsAt   = childrenAt + 5*innerCap
	mask40     = 1<<40 - 1
)

// Five-byte numbers are read eight bytes at a time: the last of them must not
// reach beyond the node.
var _ = [1]int{}[(leafRefs+5*leafCap+3)/(nodeBytes+1)+(countsAt+5*innerCap+3)/(nodeBytes+1)]

// layout is what moving entries needs to know of a kind of node.
type layout struct {
	cap     int
	columns []column
}

type column struct{ at, width int }

var (
	leafLayout  = layout{leafCap, []column{{scoresAt, 8}, {leafRefs, 5}}}
	innerLayout = layout{innerCap, []column{{scoresAt, 8}, {innerRefs, 5}, {childrenAt, 5}, {countsAt, 5}}}
)

func (n *node) len() int     { return int(binary.LittleEndian.Uint16(n[:])) }
func (n *node) setLen(k int) { binary.LittleEndian.PutUint16(n[:], uint16(k)) }

func (n *node) score(i int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(n[scoresAt+8*i:]))
}

func (n *node) setScore(i int, s float64) {
	binary.LittleEndian.PutUint64(n[scoresAt+8*i:], math.Float64bits(s))
}

// before returns how many of the entries, which are in order, have a score below
// score; with equal, also those whose score equals it. It looks at the first entry
// of each cache line and then at those of one line, all of them: the processor
// neither guesses, as it has to for every other step of a binary search, nor waits
// for one line before it asks for the next.
func (n *node) before(score float64, equal bool) (k int) {
	bound := below(score)
	if equal {
		bound = above(score)
	}
	have := n.len()
	for i := perLine - 1; i < have; i += perLine {
		k += perLine & -n.under(i, bound)
	}
	for i, end := k, min(k+perLine-1, have); i < end; i++ {
		k += n.under(i, bound)
	}
	return k
}

// perLine is the number of scores in a cache line; the first line of a node has one
// less.
const perLine = 8

// under returns 1 if the score of entry i is below a bound, else 0.
func (n *node) under(i int, bound uint64) int {
	_, borrow := bits.Sub64(sortable(binary.LittleEndian.Uint64(n[scoresAt+8*i:])), bound, 0)
	return int(borrow)
}

// sortable turns the bits of a score into a number of the same order, in which -0
// and 0, which are equal as scores, are neighbours.
func sortable(b uint64) uint64 { return b ^ (uint64(int64(b)>>63) | 1<<63) }

// below and above return the bounds of the scores below a score, and of those that
// are not above it.
func below(score float64) uint64 {
	if score == 0 {
		return sortable(1 << 63)
	}
	return sortable(math.Float64bits(score))
}

func above(score float64) uint64 {
	if score == 0 {
		return sortable(0) + 1
	}
	return sortable(math.Float64bits(score)) + 1
}

func (n *node) get(column, i int) uint64 {
	return binary.LittleEndian.Uint64(n[column+5*i:]) & mask40
}

func (n *node) set(column, i int, v uint64) {
	p := column + 5*i
	binary.LittleEndian.PutUint32(n[p:], uint32(v))
	n[p+4] = byte(v >> 32)
}

func (n *node) child(i int) alloc.Ref { return alloc.Ref(n.get(childrenAt, i)) }
func (n *node) below(i int) int       { return int(n.get(countsAt, i)) }

// belowAll returns the items below the first k children.
func (n *node) belowAll(k int) (items int) {
	for i := range k {
		items += n.below(i)
	}
	return items
}

func (n *node) addBelow(i, by int) { n.set(countsAt, i, uint64(n.below(i)+by)) }

// open makes room for an entry at i.
func (n *node) open(l *layout, i int) {
	k := n.len()
	for _, c := range l.columns {
		copy(n[c.at+(i+1)*c.width:c.at+(k+1)*c.width], n[c.at+i*c.width:])
	}
	n.setLen(k + 1)
}

// remove takes the k entries from i on out.
func (n *node) remove(l *layout, i, k int) {
	have := n.len()
	for _, c := range l.columns {
		copy(n[c.at+i*c.width:], n[c.at+(i+k)*c.width:c.at+have*c.width])
	}
	n.setLen(have - k)
}

// toLeft moves the first k entries of n to the end of left.
func (n *node) toLeft(l *layout, left *node, k int) {
	have := left.len()
	for _, c := range l.columns {
		copy(left[c.at+have*c.width:], n[c.at:c.at+k*c.width])
	}
	left.setLen(have + k)
	n.remove(l, 0, k)
}

// toRight moves the last k entries of n to the start of right.
func (n *node) toRight(l *layout, right *node, k int) {
	have, keep := right.len(), n.len()-k
	for _, c := range l.columns {
		copy(right[c.at+k*c.width:c.at+(k+have)*c.width], right[c.at:])
		copy(right[c.at:], n[c.at+keep*c.width:c.at+(keep+k)*c.width])
	}
	right.setLen(have + k)
	n.setLen(keep)
}
