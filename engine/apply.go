package engine

import (
	"slices"

	"hpkv/engine/alloc"
	"hpkv/engine/record"
)

// apply is the one write path: it carries out t.effect, which concerns the
// located key n of shard s, and tells everybody once. On error nothing was
// changed, but that a collection may have got some of the elements when the
// system's memory ran out. REQUIRES: s is locked by enter.
//
// Operations decide what the effect is, from the key's present state and
// their arguments; apply neither knows nor cares which command it came from.
//
// The steps are: change the data, number the change, journal the effect, announce
// it, raise its events. Two changes take the same steps elsewhere, because they
// are not the change of one key by one effect: applyRename, one effect that is a
// change of two keys, and adopt, a change of one key that several effects repeat.
func (t *Txn) apply(s *shard, n *entry, ev Event) error {
	ef := &t.effect
	created, emptied := false, false
	var failed error // of a change that was carried out in part
	switch ef.Kind {
	case EffectPut:
		created = !n.found()
		if err := t.replace(s, n, ef); err != nil {
			return err
		}
	case EffectSplice:
		created = !n.found()
		if err := t.splice(s, n, ef); err != nil {
			return err
		}
	case EffectExpire:
		if err := t.setExpiry(s, n, ef); err != nil {
			return err
		}
	case EffectRemove:
		t.remove(s, n)
	case EffectFlush:
		if t.e.changes != nil && !t.loading {
			t.tellMany(s, ef)
		}
		t.drop(s, ef.DB)
	case EffectSwap:
		if t.e.changes != nil && !t.loading {
			t.tellMany(s, ef)
		}
		t.swap(s, ef.DB, ef.OtherDB)
		s.capture.swapped(ef.DB, ef.OtherDB)
	default:
		existed := n.found()
		left, err := t.applyDelta(s, n, ef)
		if t.left = left; len(ef.Items) == 0 { // there was nothing to change
			if !existed && n.found() {
				t.remove(s, n)
			}
			return err
		}
		failed = err
		created = !existed && left > 0
		if emptied = existed && left == 0; emptied {
			t.remove(s, n)
		}
	}
	s.seq++
	if t.loading {
		return nil
	}
	if t.e.journal != nil {
		t.journalize(s, ef)
		if emptied && s.capture != nil {
			t.captureAbsence(s, ef)
		}
	}
	t.announce(s, n, ef)
	if t.e.eventClasses.Load() != 0 {
		if created && ev != EventNone { // else the operation tells, in its own order
			t.raise(ef.DB, EventNew, ef.Key)
		}
		t.raise(ef.DB, ev, ef.Key)
		if emptied {
			t.raise(ef.DB, EventDel, ef.Key)
		}
	}
	return failed
}

// announce tells those who watch, wait for and follow a key of its change.
func (t *Txn) announce(s *shard, n *entry, ef *Effect) {
	if len(s.watches) != 0 {
		s.touchWatched(ef)
	}
	if len(s.waiting) != 0 {
		t.signal(s, ef)
	}
	if t.e.changes != nil {
		t.tellChange(n, ef)
	}
}

// The effects as operations state them. state begins one: t.effect, empty but for
// what all have. (A composite literal would be made on the stack and then copied.)
func (t *Txn) state(kind EffectKind, key []byte) *Effect {
	ef := &t.effect
	ef.Kind, ef.DB, ef.Key = kind, t.db, key
	ef.Type, ef.Form, ef.OtherDB, ef.Offset, ef.ExpireAtMs = TypeNone, record.FormAuto, 0, 0, 0
	ef.Value, ef.Items = nil, nil
	return ef
}

func (t *Txn) applyPut(s *shard, n *entry, key, val []byte, form record.Form, expireAt int64, ev Event) error {
	ef := t.state(EffectPut, key)
	ef.Type, ef.Form, ef.Value, ef.ExpireAtMs = TypeString, form, val, expireAt
	return t.apply(s, n, ev)
}

func (t *Txn) applySplice(s *shard, n *entry, key []byte, off int64, data []byte, ev Event) error {
	ef := t.state(EffectSplice, key)
	ef.Value, ef.Offset = data, off
	return t.apply(s, n, ev)
}

func (t *Txn) applyRemove(s *shard, n *entry, key []byte, ev Event) {
	t.state(EffectRemove, key)
	_ = t.apply(s, n, ev) // removing takes no memory: it cannot fail
}

func (t *Txn) applyExpire(s *shard, n *entry, key []byte, atMs int64, ev Event) error {
	t.state(EffectExpire, key).ExpireAtMs = atMs
	return t.apply(s, n, ev)
}

// expire removes a key whose time has come.
func (t *Txn) expire(s *shard, n *entry, key []byte) {
	t.noteExpired(s)
	t.applyRemove(s, n, key, EventExpired)
}

// replace stores a whole value of any type in the place of what was there.
func (t *Txn) replace(s *shard, n *entry, ef *Effect) error {
	var old large
	var handle uint64
	if n.found() && isLarge(n.hdr) {
		handle = n.handle()
		old = s.larges.at(handle)
	}
	err := error(nil)
	if ef.Type != TypeString && ef.Form == formLarge {
		err = t.putLarge(s, n, ef)
	} else {
		err = t.put(s, n, ef)
	}
	if err == nil && old != nil {
		s.bury(handle)
	}
	return err
}

// put stores a whole value that fits a record: in place where the record keeps its form and its
// size class, so that memory never holds more slack than the classes have.
func (t *Txn) put(s *shard, n *entry, ef *Effect) error {
	if n.ks == nil {
		n.ks = s.keyspace(ef.DB, true)
	}
	t.freeze(n.ks)
	shape := record.Shape(ef.Type.stored(), ef.Form, len(ef.Key), len(ef.Value), ef.ExpireAtMs != 0)
	if n.found() && n.hdr.SameForm(shape) && !s.pins.open() {
		if s.keepsClass(n, shape) {
			n.ks.table.Lock(&n.slot)
			copy(n.rec.Tail(shape, len(ef.Value)), ef.Value)
			if shape.Volatile() {
				n.rec.SetExpireAt(shape, ef.ExpireAtMs)
			}
			n.rec.SetHeader(shape)
			n.ks.table.Unlock(&n.slot)
			if t.stale(n.rec) {
				t.restamp(n.rec)
			}
			n.hdr = shape
			if shape.Volatile() {
				n.ks.wheel.move(s, n.ref)
			}
			return nil
		}
	}
	ref, rec, err := t.newRecord(s, ef.Key, shape, 0)
	if err != nil {
		return err
	}
	if n.found() {
		rec.SetStamp(t.nextStamp(n.rec.Stamp()))
	}
	copy(rec.Value(shape), ef.Value)
	if shape.Volatile() {
		rec.SetExpireAt(shape, ef.ExpireAtMs)
	}
	return t.install(s, n, ref, rec, shape)
}

// keepsClass reports whether a record of the given shape belongs into an object
// of the size that n has. Only collections and strings that grew in place (FormRaw)
// may have one too large for them; for the others the page's header need not be
// fetched.
func (s *shard) keepsClass(n *entry, shape record.Header) bool {
	size := shape.Size()
	if size == n.hdr.Size() && isString(n.hdr) && n.hdr.Form() != record.FormRaw {
		return true
	}
	return alloc.ClassSize(size) == s.heap.Capacity(n.ref)
}

// splice overwrites part of a string, extending it if needed. Growing values
// get room for more, as a string that was appended to will be again.
func (t *Txn) splice(s *shard, n *entry, ef *Effect) error {
	if n.ks == nil {
		n.ks = s.keyspace(ef.DB, true)
	}
	t.freeze(n.ks)
	old := 0
	if n.found() {
		old = n.hdr.ValueLen
	}
	off, end := int(ef.Offset), int(ef.Offset)+len(ef.Value)
	shape := record.Shape(TypeString.stored(), record.FormRaw, len(ef.Key), max(old, end), n.hdr.Volatile())
	if n.found() && n.hdr.SameForm(shape) && !s.pins.open() && shape.Size() <= s.heap.Capacity(n.ref) {
		n.ks.table.Lock(&n.slot)
		val := n.rec.Tail(shape, shape.ValueLen)
		if off > old {
			clear(val[old:off])
		}
		copy(val[off:], ef.Value)
		n.rec.SetHeader(shape)
		n.ks.table.Unlock(&n.slot)
		n.rec.SetStamp(t.nextStamp(n.rec.Stamp()))
		n.hdr = shape
		return nil
	}
	slack := 0
	if n.found() && shape.ValueLen > old {
		slack = min(shape.ValueLen/2, maxSlack)
	}
	ref, rec, err := t.newRecord(s, ef.Key, shape, slack)
	if err != nil {
		return err
	}
	val := rec.Value(shape)
	if n.found() {
		rec.SetStamp(t.nextStamp(n.rec.Stamp()))
		copy(val, n.value())
	}
	if off > old {
		clear(val[old:off])
	}
	copy(val[off:], ef.Value)
	if shape.Volatile() {
		rec.SetExpireAt(shape, n.expireAt())
	}
	return t.install(s, n, ref, rec, shape)
}

// maxSlack bounds the room given to a growing value; Redis' strings stop
// doubling at the same size.
const maxSlack = 1 << 20

// setExpiry gives the key another expiry, or none. The record moves when it
// gains or loses its expiry fields.
func (t *Txn) setExpiry(s *shard, n *entry, ef *Effect) error {
	t.freeze(n.ks)
	volatile := ef.ExpireAtMs != 0
	if volatile == n.hdr.Volatile() && !s.pins.open() {
		if volatile {
			n.ks.table.Lock(&n.slot)
			n.rec.SetExpireAt(n.hdr, ef.ExpireAtMs)
			n.ks.table.Unlock(&n.slot)
			n.ks.wheel.move(s, n.ref)
		}
		return nil
	}
	shape := n.hdr.WithExpiry(volatile)
	ref, rec, err := t.newRecord(s, ef.Key, shape, 0)
	if err != nil {
		return err
	}
	rec.SetStamp(n.rec.Stamp())
	copy(rec.Value(shape), n.value())
	if volatile {
		rec.SetExpireAt(shape, ef.ExpireAtMs)
	}
	return t.install(s, n, ref, rec, shape)
}

func (t *Txn) remove(s *shard, n *entry) {
	t.freeze(n.ks)
	if isLarge(n.hdr) {
		s.bury(n.handle())
	}
	n.ks.ordered.delete(n.hash, n.ref)
	n.ks.table.Delete(&n.slot)
	if n.hdr.Volatile() {
		n.ks.wheel.remove(s, n.ref)
	}
	s.retire(n.ref)
}

// full reports whether the effect must be refused for want of memory.
func (t *Txn) full() bool { return !t.locked && !t.loading && !t.effect.Kind.shrinks() && t.e.Full() }

// newRecord allocates and initialises a record of the given shape with slack
// spare bytes; value and expiry are left to the caller. The memory limit may be
// passed by a transaction that holds shards, which must not fail halfway, and by
// effects that give memory back in the end.
func (t *Txn) newRecord(s *shard, key []byte, shape record.Header, slack int) (alloc.Ref, record.Record, error) {
	if t.full() {
		return 0, record.Record{}, ErrNoMemory
	}
	ref, err := s.heap.Alloc(shape.Size()+slack, alloc.Records)
	if err != nil {
		return 0, record.Record{}, ErrNoMemory
	}
	rec := s.recordAt(ref)
	rec.Init(shape, key, t.e.stamp.Load())
	return ref, rec, nil
}

// install makes a complete record the one its key has, and frees the old one.
func (t *Txn) install(s *shard, n *entry, ref alloc.Ref, rec record.Record, shape record.Header) error {
	if n.found() {
		n.ks.table.Replace(&n.slot, ref)
		n.ks.ordered.replace(n.hash, ref)
		if n.hdr.Volatile() {
			n.ks.wheel.remove(s, n.ref)
		}
		s.retire(n.ref)
	} else {
		if err := n.ks.table.Insert(n.hash, ref); err != nil {
			s.heap.Free(ref)
			return ErrNoMemory
		}
		n.ks.ordered.insert(n.hash, ref)
	}
	if shape.Volatile() {
		if n.ks.wheel == nil {
			n.ks.wheel = newWheel(t.Now())
		}
		n.ks.wheel.add(s, ref)
	}
	n.ref, n.rec, n.hdr = ref, rec, shape
	return nil
}

// drop empties the shard's part of a database at once; its memory is freed
// later in steps (see reclaim). The keyspace stays, so that readers of a
// transaction that is still going on meet its frozen table, not an absence.
func (t *Txn) drop(s *shard, db int) {
	ks := s.dbs[db].Load()
	if ks == nil {
		return
	}
	s.touchAll(db, db)
	t.freeze(ks)
	s.stats.doomed += ks.table.Len()
	ks.table.Clear()
	ks.wheel, ks.ordered = nil, nil
	if s.e.wanted[db].Load() {
		ks.ordered = newOrderedIndex(s)
		ks.ordered.complete()
	}
	s.dropped = slices.DeleteFunc(s.dropped, func(d dropped) bool { return d.table == ks.table })
	s.dropped = append(s.dropped, dropped{ks.table, s.pins.generation})
}

func (t *Txn) swap(s *shard, a, b int) {
	if s.dbs[a].Load() == nil && s.dbs[b].Load() == nil {
		return
	}
	s.touchAll(a, b)
	s.touchAll(b, a)
	// Both must be there to be frozen: while other shards are not swapped
	// yet, a missing one would show readers an absent key too early.
	ka, kb := s.keyspace(a, true), s.keyspace(b, true)
	t.freeze(ka)
	t.freeze(kb)
	s.dbs[a].Store(kb)
	s.dbs[b].Store(ka)
}
