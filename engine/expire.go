package engine

import "hpkv/engine/alloc"

// ExpireTime returns when key expires, in Unix milliseconds, and whether it
// does at all.
func (t *Txn) ExpireTime(key []byte) (atMs int64, st TTLState) {
	for v := t.look(key); v.next(); {
		st, atMs = Missing, 0
		if v.find() {
			if st = Persistent; v.hdr.Volatile() {
				st, atMs = Volatile, v.rec.ExpireAt(v.hdr)
			}
		}
		if v.done() {
			return atMs, st
		}
	}
	return 0, Missing
}

// ExpireAt makes key expire at atMs, Unix milliseconds, if cond allows, and
// reports whether it did. A time that has passed deletes the key.
func (t *Txn) ExpireAt(key []byte, atMs int64, cond ExpireCond) bool {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	if !n.found() || !cond.allows(&n, atMs) {
		return false
	}
	if atMs <= t.Now() {
		t.applyRemove(s, &n, key, EventDel)
		return true
	}
	return t.applyExpire(s, &n, key, atMs, EventExpire) == nil
}

// allows reports whether the key's present expiry meets the condition. A key
// without expiry counts as expiring never, so GT never holds for it.
func (c ExpireCond) allows(n *entry, atMs int64) bool {
	has, at := n.hdr.Volatile(), n.expireAt()
	switch {
	case c&ExpireNX != 0 && has,
		c&ExpireXX != 0 && !has,
		c&ExpireGT != 0 && (!has || atMs <= at),
		c&ExpireLT != 0 && has && atMs >= at:
		return false
	}
	return true
}

// Persist removes key's expiry and reports whether it had one.
func (t *Txn) Persist(key []byte) bool {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	if !n.found() || !n.hdr.Volatile() {
		return false
	}
	return t.applyExpire(s, &n, key, 0, EventPersist) == nil
}

// expireRef removes a stored record whose time has come. REQUIRES: s is locked
// by enter.
func (t *Txn) expireRef(s *shard, db int, ref alloc.Ref) {
	t.noteExpired(s)
	t.removeRef(s, db, ref, EventExpired)
}

// removeRef removes a stored record. REQUIRES: s is locked by enter.
func (t *Txn) removeRef(s *shard, db int, ref alloc.Ref, ev Event) {
	rec := s.recordAt(ref)
	hdr := rec.Header()
	// The key is reported after its record is gone: it needs a copy.
	key := append(t.lane.keyBuf[:0], rec.Key(hdr)...)
	t.lane.keyBuf = key
	n := entry{ks: s.dbs[db].Load(), hash: hashKey(key), ref: ref, rec: rec, hdr: hdr}
	slot, ok := n.ks.table.FindRef(n.hash, ref)
	if !ok {
		panic("engine: a record is not in the index")
	}
	n.slot = slot
	selected := t.db
	t.db = db
	t.applyRemove(s, &n, key, ev)
	t.db = selected
}

// noteExpired comes before the removal of a key whose time has come, and tells
// others what the time is: of keys that expire together one goes after the
// other, and who takes the time to be earlier would see a part of them.
// REQUIRES: s is locked by enter.
func (t *Txn) noteExpired(s *shard) {
	s.expired++
	at, now := &t.e.expiredAt, t.Now()
	for last := at.Load(); last < now && !at.CompareAndSwap(last, now); last = at.Load() {
	}
}

// catchUp reports whether the transaction's time was earlier than that by which a
// key has been removed, and then makes it the present one. A clock that was put
// back is followed.
func (t *Txn) catchUp() bool {
	if t.now == 0 || t.now >= t.e.expiredAt.Load() {
		return false
	}
	was := t.now
	t.now = max(was, t.e.clock.NowMs())
	return t.now > was
}
