package engine

import "hpkv/engine/record"

// Rename moves the value and expiry of src to dst, replacing what dst held.
// With nx it does nothing if dst exists and reports false. ErrNoSuchKey if src
// is absent. Both keys' shards must be locked by LockKeys.
func (t *Txn) Rename(src, dst []byte, nx bool) (bool, error) {
	var from, to entry
	fs, ts := t.locatePair(src, t.db, dst, t.db, &from, &to)
	if !from.found() {
		return false, ErrNoSuchKey
	}
	if string(src) == string(dst) {
		return !nx, nil
	}
	if nx && to.found() {
		return false, nil
	}
	if fs == ts {
		err := t.applyRename(fs, &from, &to, src, t.db, dst, EventRenameFrom, EventRenameTo)
		return err == nil, err
	}
	// Two steps, a copy and a removal: the lock makes them one.
	if err := t.transfer(&from, ts, &to, t.db, dst, EventNone); err != nil {
		return false, err
	}
	t.locate(fs, from.hash, src, &from) // storing dst may have moved src's slot
	t.applyRemove(fs, &from, src, EventRenameFrom)
	t.raise(t.db, EventRenameTo, dst)
	return true, nil
}

// Copy copies the value and expiry of src to dst in database dstDB. It reports
// false if src is absent, or dst exists and replace is false. Both keys'
// shards must be locked by LockKeys. ErrSameKey if nothing would change hands.
func (t *Txn) Copy(src, dst []byte, dstDB int, replace bool) (bool, error) {
	if t.db == dstDB && string(src) == string(dst) {
		return false, ErrSameKey
	}
	var from, to entry
	_, ts := t.locatePair(src, t.db, dst, dstDB, &from, &to)
	t.hit(src, from.found())
	if !from.found() || to.found() && !replace {
		return false, nil
	}
	return true, t.transfer(&from, ts, &to, dstDB, dst, EventCopyTo)
}

// Move moves key to database dstDB. It reports false if key is absent here or
// exists there. ErrSameKey if dstDB is the selected database.
func (t *Txn) Move(key []byte, dstDB int) (bool, error) {
	if t.db == dstDB {
		return false, ErrSameKey
	}
	own := !t.locked
	if own { // two databases of one shard change as one
		t.Want(key)
		t.LockWanted()
		defer t.End()
	}
	var from, to entry
	s, _ := t.locatePair(key, t.db, key, dstDB, &from, &to)
	if !from.found() || to.found() {
		return false, nil
	}
	if err := t.applyRename(s, &from, &to, key, dstDB, key, EventMoveFrom, EventMoveTo); err != nil {
		return false, err
	}
	return true, nil
}

// applyRename gives what from holds under key src the name dst in a database, in
// the place of what to holds there: one effect in one shard, whatever the size of
// the value. To everybody else it is two changes, which is why apply, whose effects
// have one key, is not its way; the steps are those of apply. REQUIRES: the shard is
// held.
func (t *Txn) applyRename(s *shard, from, to *entry, src []byte, db int, dst []byte, left, came Event) error {
	ef := t.state(EffectRename, src)
	ef.OtherDB, ef.Value = db, dst
	if err := t.rename(s, from, to, ef); err != nil {
		return err
	}
	s.seq++
	if t.e.journal != nil {
		t.journalize(s, ef)
		s.capture.renamed(db, dst, typeOf(to.hdr.Type()))
	}
	ef = t.state(EffectPut, dst)
	ef.DB = db
	t.announce(s, to, ef)
	t.announce(s, from, t.state(EffectRemove, src))
	t.raise(db, EventNew, dst) // to Redis, what is put in another's place is a new key, too
	t.raise(t.db, left, src)
	t.raise(db, came, dst)
	return nil
}

// rename carries out an EffectRename of a key that is found. from is nothing any
// more then.
func (t *Txn) rename(s *shard, from, to *entry, ef *Effect) error {
	if to.ks == nil {
		to.ks = s.keyspace(ef.OtherDB, true)
	}
	t.freeze(from.ks)
	t.freeze(to.ks)
	shape := record.Shape(from.hdr.Type(), from.hdr.Form(), len(ef.Value), from.hdr.ValueLen, from.hdr.Volatile())
	ref, rec, err := t.newRecord(s, ef.Value, shape, 0)
	if err != nil {
		return err
	}
	rec.SetStamp(t.nextStamp(from.rec.Stamp()))
	copy(rec.Value(shape), from.value())
	if shape.Volatile() {
		rec.SetExpireAt(shape, from.expireAt())
	}
	replaced := to.found() && isLarge(to.hdr)
	var handle uint64
	if replaced {
		handle = to.handle()
	}
	if err := t.install(s, to, ref, rec, shape); err != nil {
		return err
	}
	if replaced {
		s.bury(handle)
	}
	slot, _ := from.ks.table.FindRef(from.hash, from.ref) // installing dst may have moved it
	from.ks.ordered.delete(from.hash, from.ref)
	from.ks.table.Delete(&slot)
	if from.hdr.Volatile() {
		from.ks.wheel.remove(s, from.ref)
	}
	s.retire(from.ref)
	from.lose()
	if isLarge(shape) {
		if o, ok := s.largeOf(to).(*hashObject); ok { // the shard knows it by its key
			o.reminded = never
			s.remind(to, o)
		}
	}
	return nil
}

// loadRename repeats an EffectRename. The two keys may be in different shards by
// now. A key that is not there yet leaves the other one absent: a replay that
// begins amid changes has what the key became further on, see capture.
func (t *Txn) loadRename(ef *Effect) error {
	src, dst, db := ef.Key, ef.Value, ef.OtherDB
	if ef.DB == db && string(src) == string(dst) {
		return nil
	}
	t.Want(src)
	t.Want(dst)
	t.LockWanted()
	defer t.End()
	var from, to entry
	fh, th := hashKey(src), hashKey(dst)
	fs, ts := t.e.shardOf(fh), t.e.shardOf(th)
	fs.find(ef.DB, fh, src, &from)
	ts.find(db, th, dst, &to)
	switch {
	case !from.found() && to.found():
		t.remove(ts, &to)
	case !from.found():
	case fs == ts:
		return t.rename(fs, &from, &to, ef)
	default:
		if err := t.transfer(&from, ts, &to, db, dst, EventNone); err != nil {
			return err
		}
		t.remove(fs, &from)
	}
	return nil
}

// locatePair finds two keys, each in its database. REQUIRES: their shards are
// held.
func (t *Txn) locatePair(a []byte, dbA int, b []byte, dbB int, na, nb *entry) (sa, sb *shard) {
	ha, hb := hashKey(a), hashKey(b)
	sa, sb = t.e.shardOf(ha), t.e.shardOf(hb)
	t.enter(sa)
	t.enter(sb)
	db := t.db
	t.db = dbB
	t.locate(sb, hb, b, nb)
	t.db = dbA
	t.locate(sa, ha, a, na)
	if sa == sb && dbA == dbB {
		t.db = dbB
		t.locate(sb, hb, b, nb) // removing an expired a invalidates b's slot
	}
	t.db = db
	return sa, sb
}

// transfer stores a copy of what from holds under key to of database db, a large
// collection in parts. REQUIRES: both shards are held.
func (t *Txn) transfer(from *entry, s *shard, to *entry, db int, key []byte, ev Event) error {
	// The value is read from from's record and parts while to's are written:
	// from stays as it is throughout.
	src := *from
	if isLarge(src.hdr) {
		if err := t.transferLarge(&src, s, to, db, key); err != nil {
			return err
		}
	} else {
		t.effect = Effect{
			Kind: EffectPut, Type: typeOf(src.hdr.Type()), Form: src.hdr.Form(), DB: db,
			Key: key, Value: src.value(), ExpireAtMs: src.expireAt(),
		}
		if err := t.apply(s, to, EventNone); err != nil {
			return err
		}
	}
	t.raise(db, EventNew, key) // to Redis, what is put in another's place is a new key, too
	t.raise(db, ev, key)
	return nil
}

// transferLarge is the part of transfer that copies a large collection.
func (t *Txn) transferLarge(src *entry, s *shard, to *entry, db int, key []byte) error {
	if t.staged.serves(src, s, db, key) {
		return t.adopt(s, to, src, t.staged)
	}
	from, h := t.e.shardOf(src.hash), hashKey(key)
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		var err error
		cursor, err = from.exportStep(src, db, key, cursor, &t.lane.chunk, func(ef *Effect) error {
			t.effect = *ef
			err := t.apply(s, to, EventNone)
			s.find(db, h, key, to) // the next part needs its slot
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
