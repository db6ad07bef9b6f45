package zset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"

	"hpkv/engine/alloc"
	"hpkv/engine/index"
	"hpkv/engine/ranked"
)

// Large is a sorted set in its large form.
type Large struct {
	heap  *alloc.Heap
	arena *alloc.Arena
	table *index.Table
	tree  *ranked.Tree
	bytes int64 // of members
}

// NewLarge returns an empty set whose memory is heap's.
func NewLarge(heap *alloc.Heap, arena *alloc.Arena) *Large {
	z := &Large{heap: heap, arena: arena}
	z.table = index.New(heap, arena, alloc.RankedIndex, func(ref alloc.Ref) uint64 { return xxhash.Sum64(z.member(ref)) })
	z.tree = ranked.New(heap, arena, z.member)
	return z
}

// Records: 8 bytes of score, the member's length in one byte, or 255 and four
// bytes more, the member.
const (
	lenAt     = 8
	shortAt   = lenAt + 1
	longAt    = lenAt + 5
	longMark  = 255
	scoreSize = 8
)

func recordSize(member int) int {
	if member < longMark {
		return shortAt + member
	}
	return longAt + member
}

// member returns the member of a record in place.
func (z *Large) member(ref alloc.Ref) []byte {
	n := int(z.arena.Bytes(ref, lenAt, 1)[0])
	if n < longMark {
		return z.arena.Bytes(ref, shortAt, n)
	}
	n = int(binary.LittleEndian.Uint32(z.arena.Bytes(ref, shortAt, 4)))
	return z.arena.Bytes(ref, longAt, n)
}

func (z *Large) score(ref alloc.Ref) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(z.arena.Bytes(ref, 0, scoreSize)))
}

func (z *Large) setScore(ref alloc.Ref, score float64) {
	binary.LittleEndian.PutUint64(z.arena.Bytes(ref, 0, scoreSize), math.Float64bits(score))
}

func (z *Large) newRecord(member []byte, score float64) (alloc.Ref, error) {
	ref, err := z.heap.Alloc(recordSize(len(member)), alloc.Collections)
	if err != nil {
		return 0, err
	}
	z.setScore(ref, score)
	if len(member) < longMark {
		z.arena.Bytes(ref, lenAt, 1)[0] = byte(len(member))
		copy(z.arena.Bytes(ref, shortAt, len(member)), member)
		return ref, nil
	}
	b := z.arena.Bytes(ref, lenAt, 5)
	b[0] = longMark
	binary.LittleEndian.PutUint32(b[1:], uint32(len(member)))
	copy(z.arena.Bytes(ref, longAt, len(member)), member)
	return ref, nil
}

// find returns the member's place in the table.
func (z *Large) find(member []byte) (slot index.Slot, ref alloc.Ref, h uint64) {
	h = xxhash.Sum64(member)
	slot, ok := z.table.First(h)
	for ; ok; ok = slot.Next() {
		if ref := slot.Ref(); bytes.Equal(z.member(ref), member) {
			return slot, ref, h
		}
	}
	return slot, 0, h
}

// Len returns the number of members.
func (z *Large) Len() int { return z.tree.Len() }

// Bytes returns the memory of members, index and tree, without what allocation
// rounds up.
func (z *Large) Bytes() int64 {
	return z.bytes + z.table.Stats().Bytes + z.tree.Bytes()
}

// Score returns the score of a member.
func (z *Large) Score(member []byte) (float64, bool) {
	_, ref, _ := z.find(member)
	if ref == 0 {
		return 0, false
	}
	return z.score(ref), true
}

// Set gives a member a score, adding it if need be. On error, which is
// alloc.ErrNoMemory, nothing has changed.
func (z *Large) Set(member []byte, score float64) error {
	_, ref, h := z.find(member)
	if ref != 0 {
		old := z.score(ref)
		if old != score {
			if err := z.tree.Move(ref, old, score); err != nil {
				return err
			}
		}
		z.setScore(ref, score)
		return nil
	}
	return z.add(member, score, h, z.tree.Insert)
}

// Append adds a member that comes after all others.
func (z *Large) Append(member []byte, score float64) error {
	return z.add(member, score, xxhash.Sum64(member), z.tree.Append)
}

func (z *Large) add(member []byte, score float64, h uint64, insert func(float64, alloc.Ref) error) error {
	ref, err := z.newRecord(member, score)
	if err != nil {
		return err
	}
	if err := insert(score, ref); err != nil {
		z.heap.Free(ref)
		return err
	}
	if err := z.table.Insert(h, ref); err != nil {
		z.tree.Delete(score, member)
		z.heap.Free(ref)
		return err
	}
	z.bytes += int64(recordSize(len(member)))
	return nil
}

// Remove removes a member; false if there is none.
func (z *Large) Remove(member []byte) bool {
	slot, ref, _ := z.find(member)
	if ref == 0 {
		return false
	}
	z.tree.Delete(z.score(ref), member)
	z.table.Delete(slot)
	z.drop(ref)
	return true
}

// RemoveRanks removes the members of ranks [lo, hi).
func (z *Large) RemoveRanks(lo, hi int) {
	for range hi - lo {
		_, ref := z.tree.DeleteAt(lo)
		slot, _ := z.table.FindRef(xxhash.Sum64(z.member(ref)), ref)
		z.table.Delete(slot)
		z.drop(ref)
	}
}

func (z *Large) drop(ref alloc.Ref) {
	z.bytes -= int64(recordSize(len(z.member(ref))))
	z.heap.Free(ref)
}

// Random returns a member by chance, all of them about equally likely.
func (z *Large) Random(rnd func() uint64) (member []byte, score float64) {
	ref, _ := z.table.Random(rnd)
	return z.member(ref), z.score(ref)
}

// Scan visits the members of one step of a scan, as index.Table.Scan does.
func (z *Large) Scan(cursor uint64, visit func(member []byte, score float64)) (next uint64) {
	return z.table.Scan(cursor, func(ref alloc.Ref) { visit(z.member(ref), z.score(ref)) })
}

// FreeStep gives back about budget members and nodes of a set that is not used
// any more, and reports whether all are gone.
func (z *Large) FreeStep(budget int) (done bool) {
	z.table.Clear()
	if !z.table.Drain(budget, z.heap.Free) {
		return false
	}
	z.bytes = 0
	return z.tree.FreeStep(budget)
}

// Relocate moves the record of a member to another place in memory; false if
// ref is none of this set's, or there is no memory.
func (z *Large) Relocate(ref alloc.Ref) bool {
	member := z.member(ref)
	slot, ok := z.table.FindRef(xxhash.Sum64(member), ref)
	if !ok {
		return false
	}
	score := z.score(ref)
	to, err := z.newRecord(member, score)
	if err != nil {
		return false
	}
	z.tree.Replace(score, ref, to)
	z.table.Replace(slot, to)
	z.heap.Free(ref)
	return true
}

// Check verifies that table, tree and records agree.
func (z *Large) Check() error {
	if err := z.table.Check(); err != nil {
		return err
	}
	if err := z.tree.Check(); err != nil {
		return err
	}
	if z.table.Len() != z.tree.Len() {
		return fmt.Errorf("zset: %d members by hash, %d by order", z.table.Len(), z.tree.Len())
	}
	var bad error
	var total int64
	var c ranked.Cursor
	for more := z.tree.Len() > 0 && z.seek(&c, 0); more; more = c.Next() {
		score, ref := c.Item()
		member := z.member(ref)
		total += int64(recordSize(len(member)))
		if got := z.score(ref); got != score {
			bad = fmt.Errorf("zset: member %q has score %v, %v by order", member, got, score)
		}
		if _, ok := z.table.FindRef(xxhash.Sum64(member), ref); !ok {
			bad = fmt.Errorf("zset: member %q is not found by hash", member)
		}
	}
	if total != z.bytes {
		return fmt.Errorf("zset: members of %d bytes, %d counted", total, z.bytes)
	}
	return bad
}

func (z *Large) seek(c *ranked.Cursor, rank int) bool {
	z.tree.Seek(c, rank)
	return true
}
