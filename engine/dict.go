package engine

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"hpkv/engine/alloc"
	"hpkv/engine/index"
)

// A dict is a hash table of elements in a shard's memory: what a large set or
// hash, and the member index of a large sorted set, is made of. It costs the Go
// heap one Table and its directory, and 8 bytes a slot and one object an element
// beside it.
//
// An element is an object of purpose alloc.Collections:
//
//	offset  size  field
//	0       1     meta: wide, timed, valued, brief; of brief ones the value's length above
//	1       1     key length     narrow form only
//	2       2     value length   narrow form of valued elements that are not brief only
//	4       4     key length     wide form only
//	8       4     value length   wide form only
//	...     8     expiry, Unix ms, timed elements only
//	...           key bytes, then value bytes
//
// A tiny element has a value of elemTinyValue bytes, as scores that are no small
// integers have, and nothing before its key but the meta byte: brief without valued,
// and the key's length in the other bits.
//
// All tables of purpose alloc.CollectionIndex of a shard refer to elements, so that
// any of them can tell the hash of what another one refers to. An element stays
// where it is until its value is set or it is deleted.
//
// Owned by the shard: everything under its lock.
type dict struct {
	s      *shard
	table  *index.Table
	mem    int64 // capacity of all elements
	valued bool  // elements have values
}

const (
	elemWide   = 1
	elemTimed  = 2
	elemValued = 4
	elemBrief  = 8 // valued, but not wide

	elemForm       = elemWide | elemTimed | elemValued | elemBrief
	elemBriefShift = 4 // of the value's length in the meta byte
	elemBriefValue = 1<<(8-elemBriefShift) - 1

	elemTinyKey   = 1<<6 - 1
	elemTinyValue = 7
	elemTinyLow   = elemWide | elemTimed // of a tiny element's meta byte: the low bits of its key's length

	elemNarrowKey   = 1<<8 - 1
	elemNarrowValue = 1<<16 - 1
	elemHead        = 16 // bytes that every object has, all lengths among them
)

// elemHash is the hash that places an element.
func elemHash(key []byte) uint64 { return xxhash.Sum64(key) }

// newDict returns an empty dict of elements with or without values.
func (s *shard) newDict(valued bool) dict {
	return dict{s: s, table: index.New(s.heap, s.e.arena, alloc.CollectionIndex, s.elemHashOf), valued: valued}
}

// elemHashOf hashes a stored element; the index calls it to rebuild.
func (s *shard) elemHashOf(ref alloc.Ref) uint64 {
	l := s.elemAt(ref)
	return elemHash(s.e.arena.Bytes(ref, l.at, l.key))
}

// layout is where the parts of an element are.
type layout struct {
	meta     byte
	at       int // offset of the key
	key, val int // lengths
}

func makeLayout(key, val int, timed, valued bool) layout {
	l := layout{at: 2, key: key, val: val}
	if valued && val == elemTinyValue && key <= elemTinyKey && !timed {
		l.at, l.meta = 1, elemBrief|byte(key)&elemTinyLow|byte(key)>>2<<elemBriefShift
		return l
	}
	if valued {
		l.meta = elemValued
	}
	switch {
	case key > elemNarrowKey || val > elemNarrowValue:
		l.meta |= elemWide
		l.at = 12
	case valued && val <= elemBriefValue:
		l.meta |= elemBrief | byte(val)<<elemBriefShift
	case valued:
		l.at = 4
	}
	if timed {
		l.meta |= elemTimed
		l.at += 8
	}
	return l
}

func (l layout) size() int { return l.at + l.key + l.val }

func (l layout) timed() bool { return l.meta&elemTimed != 0 && !isTiny(l.meta) }

// isTiny reports whether a meta byte is a tiny element's, and tinyKey the length of its
// key.
func isTiny(meta byte) bool { return meta&(elemBrief|elemValued) == elemBrief }

func tinyKey(meta byte) int { return int(meta>>elemBriefShift<<2 | meta&elemTinyLow) }

// elemAt reads the layout of a stored element.
func (s *shard) elemAt(ref alloc.Ref) layout {
	b := s.e.arena.Bytes(ref, 0, elemHead)
	l := layout{meta: b[0], at: 2, key: int(b[1])}
	switch {
	case isTiny(l.meta):
		return layout{meta: l.meta, at: 1, key: tinyKey(l.meta), val: elemTinyValue}
	case l.meta&elemBrief != 0:
		l.val = int(l.meta >> elemBriefShift)
	case l.meta&elemWide != 0:
		l.at = 12
		l.key, l.val = int(binary.NativeEndian.Uint32(b[4:])), int(binary.NativeEndian.Uint32(b[8:]))
	case l.meta&elemValued != 0:
		l.at, l.val = 4, int(binary.NativeEndian.Uint16(b[2:]))
	}
	if l.timed() {
		l.at += 8
	}
	return l
}

// write fills the object at ref with an element of layout l.
func (l layout) write(s *shard, ref alloc.Ref, key, val []byte, atMs int64) {
	b := s.e.arena.Bytes(ref, 0, l.size())
	b[0] = l.meta
	switch {
	case isTiny(l.meta):
	case l.meta&elemWide != 0:
		binary.NativeEndian.PutUint32(b[4:], uint32(l.key))
		binary.NativeEndian.PutUint32(b[8:], uint32(l.val))
	default:
		b[1] = byte(l.key)
		if l.meta&(elemValued|elemBrief) == elemValued {
			binary.NativeEndian.PutUint16(b[2:], uint16(l.val))
		}
	}
	if l.timed() {
		binary.NativeEndian.PutUint64(b[l.at-8:], uint64(atMs))
	}
	copy(b[l.at:], key)
	copy(b[l.at+l.key:], val)
}

// key returns an element's key in place.
func (d *dict) key(ref alloc.Ref) []byte {
	switch head := d.s.e.arena.Bytes(ref, 0, 2); head[0] & elemForm { // most are one of these
	case 0, elemValued | elemBrief:
		return d.s.e.arena.Bytes(ref, 2, int(head[1]))
	case elemValued:
		return d.s.e.arena.Bytes(ref, 4, int(head[1]))
	case elemBrief, elemBrief | elemWide, elemBrief | elemTimed, elemBrief | elemWide | elemTimed:
		return d.s.e.arena.Bytes(ref, 1, tinyKey(head[0]))
	}
	l := d.s.elemAt(ref)
	return d.s.e.arena.Bytes(ref, l.at, l.key)
}

// pair returns an element's key and value in place.
func (d *dict) pair(ref alloc.Ref) (key, val []byte) {
	l := d.s.elemAt(ref)
	b := d.s.e.arena.Bytes(ref, l.at, l.key+l.val)
	return b[:l.key:l.key], b[l.key:]
}

// expireAt returns when an element expires, 0 for never.
func (d *dict) expireAt(ref alloc.Ref) int64 {
	l := d.s.elemAt(ref)
	if !l.timed() {
		return 0
	}
	return int64(binary.NativeEndian.Uint64(d.s.e.arena.Bytes(ref, l.at-8, 8)))
}

func (d *dict) len() int { return d.table.Len() }

// each visits the elements until visit returns false. The dict must not change
// meanwhile.
func (d *dict) each(visit func(ref alloc.Ref) bool) {
	var room [index.Batch]alloc.Ref
	var w index.Walk
	w.Begin(d.table)
	for {
		refs := w.Refs(room[:])
		if len(refs) == 0 {
			return
		}
		for _, ref := range refs {
			if !visit(ref) {
				return
			}
		}
	}
}

// find looks an element up by its key, h being the key's hash. The slot is good
// until the next change.
func (d *dict) find(h uint64, key []byte, slot *index.Slot) (ref alloc.Ref, ok bool) {
	for ok = d.table.Seek(h, slot); ok; ok = slot.Next() {
		if ref = slot.Ref(); string(d.key(ref)) == string(key) {
			return ref, true
		}
	}
	return 0, false
}

// batch is how many elements are fetched at a time.
const batch = 16

// ahead is called before the i-th of keys is looked up, step by step of keys. It asks the
// processor for the memory of a batch of elements when that begins, so that their
// misses overlap. A lone key would be waited for at once and gains nothing.
func (d *dict) ahead(keys [][]byte, i, step int) {
	if i%(batch*step) == 0 && len(keys)-i > step {
		d.prefetch(keys[i:], step)
	}
}

// prefetch asks for the memory of the first elements of keys, at most a batch.
func (d *dict) prefetch(keys [][]byte, step int) {
	var room [batch]uint64
	hashes := room[:0]
	for i := 0; i < len(keys) && len(hashes) < batch; i += step {
		h := elemHash(keys[i])
		d.table.Prefetch(h)
		hashes = append(hashes, h)
	}
	for _, h := range hashes {
		d.table.PrefetchRecords(h)
	}
}

// prefetchRefs is prefetch of elements that are known by where they are.
func (d *dict) prefetchRefs(refs []alloc.Ref) {
	for _, ref := range refs {
		d.table.PrefetchRecord(ref)
	}
	for _, ref := range refs {
		d.table.Prefetch(elemHash(d.key(ref)))
	}
}

// insert adds an element, which must not be there. The error is ErrNoMemory, with nothing changed.
func (d *dict) insert(h uint64, key, val []byte, atMs int64) (alloc.Ref, error) {
	ref, err := d.make(key, val, atMs)
	if err != nil {
		return 0, err
	}
	if err := d.table.Insert(h, ref); err != nil {
		d.s.heap.Free(ref)
		return 0, ErrNoMemory
	}
	d.mem += int64(d.s.heap.Capacity(ref))
	return ref, nil
}

func (d *dict) make(key, val []byte, atMs int64) (alloc.Ref, error) {
	l := makeLayout(len(key), len(val), atMs != 0, d.valued)
	ref, err := d.s.heap.Alloc(l.size(), alloc.Collections)
	if err != nil {
		return 0, ErrNoMemory
	}
	l.write(d.s, ref, key, val, atMs)
	return ref, nil
}

// set replaces the value and expiry of the element at slot, in place where its
// size class stays the same, and returns where it is then. val may be the
// element's own. The error is ErrNoMemory, with nothing changed.
func (d *dict) set(slot *index.Slot, key, val []byte, atMs int64) (alloc.Ref, error) {
	ref := slot.Ref()
	if l := makeLayout(len(key), len(val), atMs != 0, d.valued); d.fits(ref, l) {
		l.write(d.s, ref, key, val, atMs)
		return ref, nil
	}
	moved, err := d.make(key, val, atMs)
	if err != nil {
		return 0, err
	}
	d.replace(slot, moved)
	return moved, nil
}

// fits reports whether the element at ref can be given layout l where it is: its
// key and a value of its own stay in their place.
func (d *dict) fits(ref alloc.Ref, l layout) bool {
	return l.at == d.s.elemAt(ref).at && alloc.ClassSize(l.size()) == d.s.heap.Capacity(ref)
}

// replace puts ref, which make has returned, in the place of the element at slot.
func (d *dict) replace(slot *index.Slot, ref alloc.Ref) {
	old := slot.Ref()
	d.table.Replace(slot, ref)
	d.mem += int64(d.s.heap.Capacity(ref) - d.s.heap.Capacity(old))
	d.s.heap.Free(old)
}

// delete removes the element at slot.
func (d *dict) delete(slot *index.Slot) {
	ref := slot.Ref()
	d.table.Delete(slot)
	d.mem -= int64(d.s.heap.Capacity(ref))
	d.s.heap.Free(ref)
}

// leave moves elements, and segments of the table, to other memory where their
// own is condemned; see large.leave. moved is told of each element, which is in
// both places then.
func (d *dict) leave(cursor uint64, budget int, moved func(old, ref alloc.Ref)) (next uint64, cost int) {
	visit := func(old alloc.Ref) {
		cost++
		if !d.s.heap.Condemned(old) {
			return
		}
		size := d.s.heap.Capacity(old)
		ref, err := d.s.heap.Alloc(size, alloc.Collections)
		if err != nil {
			return
		}
		cost += alloc.MoveCost(size)
		copy(d.s.e.arena.Bytes(ref, 0, size), d.s.e.arena.Bytes(old, 0, size))
		slot, _ := d.table.FindRef(elemHash(d.key(old)), old)
		d.table.Replace(&slot, ref)
		moved(old, ref)
		d.s.heap.Free(old)
	}
	for {
		cost++
		if n := d.table.Leave(cursor); n > 0 {
			cost += alloc.MoveCost(n)
		}
		if cursor = d.table.Scan(cursor, visit); cursor == 0 || cost > budget {
			return cursor, cost
		}
	}
}

// bytes returns the memory of elements and table, Go's included.
func (d *dict) bytes() int64 { return d.mem + d.table.Bytes() + dictBytes }

// dictBytes is about what the Go objects of a dict take beyond the directory.
const dictBytes = 512

// free empties the dict, some budget elements at a time.
func (d *dict) free(budget int) (done bool) {
	d.table.Clear()
	return d.table.Drain(budget, d.s.heap.Free)
}

// check verifies table and elements and returns how many there are.
func (d *dict) check() (parts int64, err error) {
	if err := d.table.Check(); err != nil {
		return 0, err
	}
	mem := int64(0)
	visit := func(ref alloc.Ref) {
		parts++
		l := d.s.elemAt(ref)
		capacity := d.s.heap.Capacity(ref)
		mem += int64(capacity)
		if l.size() > capacity {
			err = fmt.Errorf("element of %d bytes in an object of %d", l.size(), capacity)
			return
		}
		var slot index.Slot
		key := d.key(ref)
		if found, ok := d.find(elemHash(key), key, &slot); !ok || found != ref {
			err = fmt.Errorf("element %q cannot be found", key)
		}
	}
	for pos := d.table.Scan(0, visit); pos != 0; {
		pos = d.table.Scan(pos, visit)
	}
	switch {
	case err != nil:
		return parts, err
	case parts != int64(d.len()):
		return parts, fmt.Errorf("%d elements, %d counted", parts, d.len())
	case mem != d.mem:
		return parts, fmt.Errorf("elements of %d bytes, %d counted", mem, d.mem)
	}
	return parts, nil
}
