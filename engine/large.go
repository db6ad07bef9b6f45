package engine

import (
	"encoding/binary"
	"fmt"

	"hpkv/engine/alloc"
	"hpkv/engine/packed"
	"hpkv/engine/record"
)

// Forms of collections. A key that holds one is a record as any other.
const (
	// formPacked: the value is all of it, an engine/packed sequence.
	formPacked record.Form = iota
	// formLarge: the value is the handle of a large object of the shard.
	formLarge
	// formInts: the value is a set of integers, see ints.go.
	formInts
)

// isLarge reports whether a record holds no more than the handle of a large
// collection.
func isLarge(h record.Header) bool { return h.Form() == formLarge && !isString(h) }

// large is a collection that has outgrown one record: a few Go objects that
// hold the books, and elements in memory of purpose alloc.Collections of the shard's
// heap. The shard owns it; everything below is called under the shard's lock.
//
// A large object has exactly one record, which holds its handle, from the moment
// it was added to the shard to that when it is buried; or none while it is staged.
// Records move and are replaced as they like, taking the handle along.
type large interface {
	kind() Type
	count() int       // elements, as the type's own length command counts them
	bytes() int64     // of memory, Go's included
	encoding() string // as OBJECT ENCODING has it

	// free gives back memory, some budget objects of it, and reports whether
	// all of it is done. Nothing else is called after the first call.
	free(budget int) (done bool)
	// export adds the elements at cursor and some behind to c, until it is
	// full, and returns the cursor to go on from, 0 at the end. The first
	// cursor is 0. Between calls the collection may change: what is in it all
	// the time is exported.
	export(cursor uint64, c *chunk) (next uint64)
	// leave moves parts of it from cursor on to other memory where their own is
	// condemned, at a cost of about budget, and returns the cursor to go on from,
	// 0 at the end, and the cost. The first cursor is 0. Between calls the
	// collection may change: most parts that it has all the time are looked at.
	leave(cursor uint64, budget int) (next uint64, cost int)
	// check verifies the invariants and returns how many objects of purpose
	// alloc.Collections there are.
	check() (parts int64, err error)
}

// handle returns the handle in a record that isLarge.
func (n *entry) handle() uint64 { return binary.NativeEndian.Uint64(n.value()) }

const handleBytes = 8

// largeTable holds the large objects that have a key, by handle.
type largeTable struct {
	objs []large
	free []uint32
}

func (lt *largeTable) at(handle uint64) large { return lt.objs[handle] }

func (lt *largeTable) add(l large) uint64 {
	if k := len(lt.free) - 1; k >= 0 {
		h := lt.free[k]
		lt.free = lt.free[:k]
		lt.objs[h] = l
		return uint64(h)
	}
	lt.objs = append(lt.objs, l)
	return uint64(len(lt.objs) - 1)
}

func (lt *largeTable) remove(handle uint64) large {
	l := lt.objs[handle]
	lt.objs[handle] = nil
	lt.free = append(lt.free, uint32(handle))
	return l
}

// largeOf returns the large object of a located key. REQUIRES: isLarge.
func (s *shard) largeOf(n *entry) large { return s.larges.at(n.handle()) }

// bury takes a large object from its key; its memory is freed in steps. The
// record that holds the handle must be on its way out. It returns true if it is
// freed already. REQUIRES: s.mu.
func (s *shard) bury(handle uint64) (freed bool) {
	l := s.larges.remove(handle)
	if freed = l.free(buryAtOnce); !freed {
		s.buried = append(s.buried, l)
	}
	return freed
}

// buryAtOnce is how many objects a large collection may have to be freed where
// its key is removed: below 10 us.
const buryAtOnce = 64

// freeBuried frees a step's worth of buried objects and reports whether there
// are more. REQUIRES: s.mu.
func (s *shard) freeBuried(budget int) (more bool) {
	if len(s.buried) > 0 && s.buried[0].free(budget) {
		s.buried[0] = nil
		s.buried = s.buried[1:]
		s.stats.freed++
		if len(s.buried) == 0 {
			s.doomed.Store(0)
		}
	}
	return len(s.buried) > 0
}

// discard frees a record of a dropped database, and what it holds. REQUIRES:
// s.mu.
func (s *shard) discard(ref alloc.Ref) {
	freed := true
	if len(s.larges.objs) > 0 {
		n := entry{ref: ref, rec: s.recordAt(ref)}
		if n.hdr = n.rec.Header(); isLarge(n.hdr) {
			freed = s.bury(n.handle())
		}
	}
	s.heap.Free(ref)
	s.stats.doomed--
	if freed {
		s.stats.freed++
	}
}

// installLarge makes l the value of key n, which holds nothing, or a value in
// another form that l has taken over. On error l is the caller's still.
func (t *Txn) installLarge(s *shard, n *entry, ef *Effect, l large) error {
	ed, err := t.beginEdit(s, n, ef, l.kind(), formLarge, handleBytes)
	if err != nil {
		return err
	}
	handle := s.larges.add(l)
	ed.val = binary.NativeEndian.AppendUint64(ed.val[:0], handle)
	if err := t.endEdit(s, n, &ed); err != nil {
		s.larges.remove(handle)
		return err
	}
	return nil
}

// becomeLarge installs l, which has taken over n's elements unless filling it
// failed with err. On error l is freed.
func (t *Txn) becomeLarge(s *shard, n *entry, ef *Effect, l large, err error) error {
	if err == nil {
		err = t.installLarge(s, n, ef, l)
	}
	if err != nil {
		for !l.free(reclaimStep) {
		}
	}
	return err
}

// putLarge is put of a large collection that begins with the effect's elements.
// What the key held before is the caller's to bury.
func (t *Txn) putLarge(s *shard, n *entry, ef *Effect) error {
	if t.full() {
		return ErrNoMemory
	}
	l, err := s.newLarge(ef.Type, ef.Items)
	if err != nil {
		for l != nil && !l.free(reclaimStep) {
		}
		return err
	}
	handle := s.larges.add(l)
	var room [handleBytes]byte
	binary.NativeEndian.PutUint64(room[:], handle)
	put := *ef
	put.Value = room[:]
	if err := t.put(s, n, &put); err != nil {
		s.larges.remove(handle)
		for !l.free(reclaimStep) {
		}
		return err
	}
	return nil
}

// chunk is a part of a large collection's state on its way out, in the terms of
// effects. Items lie in the collection's memory: the chunk is good as long as
// that is locked and does not change.
type chunk struct {
	kind  EffectKind // what adds items
	items [][]byte
	// also is a second effect about the same elements, that comes behind; 0:
	// none.
	also  EffectKind
	extra [][]byte

	size int    // bytes of items
	room []byte // memory of items that are made for the chunk
}

// chunkBytes is about what a chunk holds.
const (
	chunkBytes = 64 << 10
	chunkItems = 1024
)

func (c *chunk) reset() {
	c.items, c.extra, c.room, c.size, c.also = c.items[:0], c.extra[:0], c.room[:0], 0, 0
}

func (c *chunk) full() bool { return c.size >= chunkBytes || len(c.items) >= chunkItems }

func (c *chunk) add(item []byte) {
	c.items = append(c.items, item)
	c.size += len(item) + 2
}

// addValue adds an element of a packed sequence.
func (c *chunk) addValue(v packed.Value) {
	if b := v.Bytes(); b != nil {
		c.add(b)
		return
	}
	if cap(c.room)-len(c.room) < maxIntLen {
		c.room = make([]byte, 0, max(1024, 2*cap(c.room))) // items keep the old one
	}
	from := len(c.room)
	c.room = v.Append(c.room)
	c.add(c.room[from:])
}

// number returns an 8-byte little-endian n in the chunk's own memory.
func (c *chunk) number(n uint64) []byte {
	if cap(c.room)-len(c.room) < 8 {
		c.room = make([]byte, 0, max(1024, 2*cap(c.room))) // items keep the old one
	}
	from := len(c.room)
	c.room = binary.LittleEndian.AppendUint64(c.room, n)
	return c.room[from:]
}

// exportStep states the part of a key's value at cursor as effects, which
// together with those of the other steps make the same key anywhere, and
// returns the next cursor, 0 when that was all. The first step, of cursor 0, is
// a put and replaces what was there; the others add to it. The steps may be
// taken under separate holds of the shard's lock, with the effects of changes
// in between: they say how things are, not what to do, so that the last word
// on each element is right. (Lists are not like that; theirs must be one hold.)
//
// emit must be done with the effect when it returns, and must not change key n.
// REQUIRES: n was located under the present hold of s.mu.
func (s *shard) exportStep(n *entry, db int, key []byte, cursor uint64, c *chunk, emit func(ef *Effect) error) (next uint64, err error) {
	typ := typeOf(n.hdr.Type())
	ef := Effect{Kind: EffectPut, Type: typ, Form: n.hdr.Form(), DB: db, Key: key, ExpireAtMs: n.expireAt()}
	if !isLarge(n.hdr) {
		ef.Value = n.value()
		return 0, emit(&ef)
	}
	c.reset()
	next = s.largeOf(n).export(cursor, c)
	ef.Items = c.items
	if cursor != 0 {
		ef.Kind = c.kind
	}
	if len(c.items) > 0 || cursor == 0 {
		if err := emit(&ef); err != nil {
			return 0, err
		}
	}
	if c.also != 0 && len(c.extra) > 0 {
		ef.Kind, ef.Items = c.also, c.extra
		if err := emit(&ef); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// checkLarges verifies that records and large objects belong to each other, one
// to one, and that all parts in the heap belong to large objects. REQUIRES:
// s.mu.
func (s *shard) checkLarges() error {
	owned := make([]bool, len(s.larges.objs))
	parts := int64(0)
	var bad error
	own := func(ref alloc.Ref) {
		n := entry{ref: ref, rec: s.recordAt(ref)}
		if n.hdr = n.rec.Header(); !isLarge(n.hdr) {
			return
		}
		h := n.handle()
		if n.hdr.ValueLen != handleBytes || h >= uint64(len(owned)) || owned[h] || s.larges.at(h) == nil {
			bad = fmt.Errorf("record %d, key %q: bad handle %d", ref, n.rec.Key(n.hdr), h)
			return
		}
		owned[h] = true
		l := s.larges.at(h)
		if l.kind().stored() != n.hdr.Type() || l.count() == 0 {
			bad = fmt.Errorf("key %q: a %v of %d elements in a %v", n.rec.Key(n.hdr), l.kind(), l.count(), typeOf(n.hdr.Type()))
		}
		k, err := l.check()
		if parts += k; err != nil {
			bad = fmt.Errorf("key %q: %w", n.rec.Key(n.hdr), err)
		}
	}
	for db := range s.dbs {
		if ks := s.dbs[db].Load(); ks != nil {
			s.walk(ks, own)
		}
	}
	for _, h := range s.staged {
		l := s.larges.at(h)
		k, err := l.check()
		if o, ok := l.(*hashObject); ok {
			k, err = o.dict.check() // its timers begin when it has a key
		}
		owned[h] = true
		if parts += k; err != nil {
			bad = fmt.Errorf("staged: %w", err)
		}
	}
	if bad != nil {
		return bad
	}
	if len(s.dropped) > 0 || len(s.buried) > 0 {
		return nil // some have no key any more
	}
	for h, l := range s.larges.objs {
		if (l != nil) != owned[h] {
			return fmt.Errorf("large object %d: has a key: %v", h, owned[h])
		}
	}
	if got := s.heap.Live(alloc.Collections).Objects; got != parts {
		return fmt.Errorf("%d parts in memory, %d in large objects", got, parts)
	}
	return nil
}
