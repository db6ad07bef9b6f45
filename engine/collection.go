package engine

import (
	"hpkv/engine/alloc"
	"hpkv/engine/packed"
	"hpkv/engine/record"
)

// openRead enters key's shard and locates the key, which must hold a value of
// the type or nothing, to be read; leave the shard when done, whatever the
// outcome. It counts the look-up.
func (t *Txn) openRead(key []byte, typ Type, n *entry) (*shard, error) {
	s := t.openFresh(key, typ, n)
	t.hit(key, n.found())
	if !n.found() {
		return s, nil
	}
	if n.hdr.Type() != typ.stored() {
		return s, ErrWrongType
	}
	t.used(n.rec)
	return s, nil
}

// openWrite is openRead of a key that is to be changed.
func (t *Txn) openWrite(key []byte, typ Type, n *entry) (*shard, error) {
	s := t.openFresh(key, typ, n)
	if n.found() && n.hdr.Type() != typ.stored() {
		return s, ErrWrongType
	}
	return s, nil
}

// openFresh is open of a key that is to be used as a value of the type.
func (t *Txn) openFresh(key []byte, typ Type, n *entry) *shard {
	s := t.open(key, n)
	if typ == TypeHash && n.found() && isLarge(n.hdr) && n.hdr.Type() == typ.stored() {
		t.freshen(s, n, key)
	}
	return s
}

// PrefetchElements asks the processor for the memory of elements, members or fields,
// of key's collection, if it is a large one: what Prefetch does for keys, for several
// operations on one collection. It does nothing while somebody else holds the key's
// shard.
func (t *Txn) PrefetchElements(key []byte, elems [][]byte) {
	t.peekLarge(key, func(l large) {
		if d, ok := l.(interface{ prefetch(keys [][]byte, step int) }); ok {
			d.prefetch(elems, 1)
		}
	})
}

// PrefetchEnds is PrefetchElements of the first or last n members of a sorted set.
func (t *Txn) PrefetchEnds(key []byte, n int, last bool) {
	t.peekLarge(key, func(l large) {
		if o, ok := l.(*zsetObject); ok {
			o.prefetchEnds(n, last)
		}
	})
}

// peekLarge shows look the large collection at key, if there is one and nobody holds
// its shard.
func (t *Txn) peekLarge(key []byte, look func(l large)) {
	h := hashKey(key)
	s := t.e.shardOf(h)
	if t.locked || !s.mu.mu.TryLock() {
		return
	}
	var n entry
	if s.find(t.db, h, key, &n); n.found() && isLarge(n.hdr) {
		look(s.largeOf(&n))
	}
	s.mu.unlock()
}

// applyDelta carries out an effect on a collection and returns how many elements
// it has then; at 0 the caller removes the key. It leaves in ef.Items those that
// changed something: none if nothing did, and on error those done before it.
// Operations therefore give it items of the lane (see keepItems).
func (t *Txn) applyDelta(s *shard, n *entry, ef *Effect) (left int, err error) {
	switch ef.Kind {
	case EffectSetAdd:
		return t.setAdd(s, n, ef)
	case EffectSetRemove:
		return t.setRemove(s, n, ef)
	case EffectZSetAdd:
		return t.zsetAdd(s, n, ef)
	case EffectZSetRemove:
		return t.zsetRemove(s, n, ef)
	case EffectListPushLeft, EffectListPushRight, EffectListInsert, EffectListSet,
		EffectListTrim, EffectListKeep, EffectListRemove, EffectListPlace:
		return t.listEffect(s, n, ef)
	case EffectHashSet, EffectHashUpdate:
		return t.hashSet(s, n, ef)
	case EffectHashDelete:
		return t.hashDelete(s, n, ef)
	case EffectHashExpire:
		return t.hashExpire(s, n, ef)
	}
	panic("engine: unknown effect")
}

// asOne reports whether several changes of one key may be made as one: whether nobody
// is told of each of them or could be served in between. REQUIRES: s is locked by enter.
func (t *Txn) asOne(s *shard) bool { return len(s.waiting) == 0 && t.e.eventClasses.Load() == 0 }

// delta states the effect, to be applied, of a kind that changes elements of key's
// collection. Field by field: a whole Effect made and copied would be a tenth of
// what a push costs.
func (t *Txn) delta(kind EffectKind, key []byte, items [][]byte) {
	ef := &t.effect
	ef.Kind, ef.Type, ef.Form = kind, TypeNone, 0
	ef.DB, ef.OtherDB = t.db, 0
	ef.Key, ef.Value, ef.Items = key, nil, items
	ef.Offset, ef.ExpireAtMs = 0, 0
}

// applyEmpty is the removal of all elements of a key's collection: one effect that
// names none of them, and the events of one that names all.
func (t *Txn) applyEmpty(s *shard, n *entry, db int, key []byte, ev Event) {
	t.state(EffectRemove, key).DB = db
	_ = t.apply(s, n, ev) // takes no memory: it cannot fail
	t.raise(db, EventDel, key)
}

// fewStay reports whether so few of a collection's elements stay where gone of size
// go, that it is cheaper to put them into a new collection than to remove the
// others; what held them is freed in the background then. Redis has the same
// measure, which shows in the form that its sets have after SPOP.
func fewStay(gone, size int) bool { return (size-gone)*5 <= gone }

// keepItems copies a list of arguments, not their bytes, for an effect to change.
func (t *Txn) keepItems(items [][]byte) [][]byte {
	t.lane.items = append(t.lane.items[:0], items...)
	return t.lane.items
}

// newLarge makes a large collection of elements as an EffectPut has them. On
// error it returns what there is, to be freed, or nil.
func (s *shard) newLarge(typ Type, items [][]byte) (large, error) {
	switch typ {
	case TypeSet:
		return s.newSet(items)
	case TypeZSet:
		return s.newZSet(items)
	case TypeList:
		return s.newListOf(items)
	case TypeHash:
		return s.newHash(items)
	}
	panic("engine: a large " + typ.String())
}

// edit is a change of a value that fits a record:
//
//	ed, err := t.beginEdit(s, n, ef, typ, form, size)
//	... make of ed.val, the old value, the new one of size bytes ...
//	err = t.endEdit(s, n, &ed)
//
// In between nothing else may be done with the shard, and lock-free readers wait.
type edit struct {
	val   []byte // the old value, with capacity for the new one
	ref   alloc.Ref
	rec   record.Record
	hdr   record.Header // as it will be
	moved bool          // the edit is of a copy
}

// beginEdit begins to make the value of key n one of size bytes and the given
// type and form. An absent key's value is empty; it gets the effect's expiry.
func (t *Txn) beginEdit(s *shard, n *entry, ef *Effect, typ Type, form record.Form, size int) (edit, error) {
	if n.ks == nil {
		n.ks = s.keyspace(ef.DB, true)
	}
	t.freeze(n.ks)
	old, expireAt := 0, ef.ExpireAtMs
	if n.found() {
		old, expireAt = n.hdr.ValueLen, n.expireAt()
	}
	shape := record.Shape(typ.stored(), form, len(ef.Key), size, expireAt != 0)
	if n.found() && n.hdr.SameForm(shape) && !s.pins.open() && shape.Size() <= s.heap.Capacity(n.ref) {
		n.ks.table.Lock(&n.slot)
		return edit{val: n.rec.Tail(shape, max(old, size))[:old], ref: n.ref, rec: n.rec, hdr: shape}, nil
	}
	ref, rec, err := t.newRecord(s, ef.Key, shape, max(old-size, 0))
	if err != nil {
		return edit{}, err
	}
	val := rec.Tail(shape, max(old, size))[:old]
	if n.found() {
		copy(val, n.value())
	}
	if expireAt != 0 {
		rec.SetExpireAt(shape, expireAt)
	}
	return edit{val: val, ref: ref, rec: rec, hdr: shape, moved: true}, nil
}

// endEdit makes the edited value the key's. A record that could be a quarter
// smaller moves. On error nothing has changed.
func (t *Txn) endEdit(s *shard, n *entry, ed *edit) error {
	if len(ed.val) != ed.hdr.ValueLen {
		panic("engine: an edited value is not as long as was said")
	}
	if ed.moved {
		created := !n.found()
		err := t.install(s, n, ed.ref, ed.rec, ed.hdr)
		if created && err == nil {
			n.slot, _ = n.ks.table.FindRef(n.hash, n.ref) // there may be more edits to come
		}
		return err
	}
	n.rec.SetHeader(ed.hdr)
	n.ks.table.Unlock(&n.slot)
	n.rec.SetStamp(t.nextStamp(n.rec.Stamp()))
	n.hdr = ed.hdr
	if size := ed.hdr.Size(); alloc.ClassSize(size)*4 <= s.heap.Capacity(n.ref)*3 {
		t.tighten(s, n)
	}
	return nil
}

// storePacked makes val, in the lane's memory, the packed value of key n, whose
// expiry stays.
func (t *Txn) storePacked(s *shard, n *entry, ef *Effect, typ Type, val []byte) error {
	ed, err := t.beginEdit(s, n, ef, typ, formPacked, len(val))
	if err != nil {
		return err
	}
	ed.val = append(ed.val[:0], val...)
	return t.endEdit(s, n, &ed)
}

// bytesOf returns an element as a string: in place, or in the lane's memory until
// the next call.
func (t *Txn) bytesOf(e packed.Value) []byte {
	if b := e.Bytes(); b != nil {
		return b
	}
	return e.Append(t.lane.digits[:0])
}

// otherBytesOf is bytesOf for the second of two elements.
func (t *Txn) otherBytesOf(e packed.Value) []byte {
	if b := e.Bytes(); b != nil {
		return b
	}
	return e.Append(t.lane.digits2[:0])
}

// tighten moves a record to an object of its size, if there is memory.
func (t *Txn) tighten(s *shard, n *entry) {
	ref, err := s.heap.Alloc(n.hdr.Size(), alloc.Records)
	if err != nil {
		return
	}
	rec := s.recordAt(ref)
	rec.Init(n.hdr, n.rec.Key(n.hdr), n.rec.Stamp())
	copy(rec.Value(n.hdr), n.value())
	if n.hdr.Volatile() {
		rec.SetExpireAt(n.hdr, n.expireAt())
	}
	_ = t.install(s, n, ref, rec, n.hdr) // replacing takes no memory: it cannot fail
}

// gathering collects elements in the lane's memory, for effects whose elements
// come from collections that the effect changes.
type gathering struct {
	buf   []byte
	ends  []int
	items [][]byte
}

// keepGathering bounds what a lane keeps of it.
const keepGathering = 1 << 20

// gather returns the lane's gathering, empty.
func (t *Txn) gather() *gathering {
	g := &t.lane.gathering
	if cap(g.buf) > keepGathering || cap(g.ends) > keepGathering/8 {
		*g = gathering{}
	}
	g.buf, g.ends = g.buf[:0], g.ends[:0]
	return g
}

func (g *gathering) add(b []byte) {
	g.buf = append(g.buf, b...)
	g.ends = append(g.ends, len(g.buf))
}

func (g *gathering) len() int { return len(g.ends) }

// list returns what was added, valid until the next gathering.
func (g *gathering) list() [][]byte {
	g.items = g.items[:0]
	from := 0
	for _, end := range g.ends {
		g.items = append(g.items, g.buf[from:end:end])
		from = end
	}
	return g.items
}
