package engine

import (
	"math"

	"hpkv/engine/alloc"
	"hpkv/engine/record"
)

// Exists reports whether key exists.
func (t *Txn) Exists(key []byte) bool {
	for v := t.look(key); v.next(); {
		found := v.find()
		if found {
			v.touch()
		}
		if v.done() {
			t.hit(key, found)
			return found
		}
	}
	return false
}

// LookedUp counts a look-up of key for a command whose operations count none.
func (t *Txn) LookedUp(key []byte, found bool) { t.hit(key, found) }

// ElementCount returns how many elements the list, set or sorted set at key has, 0
// if there is none. It is no look-up that counts.
func (t *Txn) ElementCount(key []byte) int {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	if !n.found() {
		return 0
	}
	switch typeOf(n.hdr.Type()) {
	case TypeList:
		return s.listLen(&n)
	case TypeSet:
		return s.setLen(&n)
	case TypeZSet:
		return s.zsetLen(&n)
	}
	return 0
}

// Type returns the type of key's value, TypeNone if there is none.
func (t *Txn) Type(key []byte) Type {
	for v := t.look(key); v.next(); {
		typ := TypeNone
		if v.find() {
			typ = typeOf(v.hdr.Type())
		}
		if v.done() {
			return typ
		}
	}
	return TypeNone
}

// embstrMax is the longest string Redis stores in one piece with its header;
// OBJECT ENCODING calls longer ones raw.
const embstrMax = 44

// Encoding returns what OBJECT ENCODING says of key's value.
func (t *Txn) Encoding(key []byte) (string, bool) {
	for v := t.look(key); v.next(); {
		if !v.find() {
			if v.done() {
				return "", false
			}
			continue
		}
		if typ := typeOf(v.hdr.Type()); typ != TypeString {
			if v.done() {
				return t.encodingOfCollection(key)
			}
			continue
		}
		n, form, isInt := v.hdr.ValueLen, v.hdr.Form(), false
		if form == record.FormAuto && n <= maxIntLen {
			_, isInt = parseInt(v.rec.Value(v.hdr))
		}
		if !v.done() {
			continue
		}
		switch {
		case isInt:
			return "int", true
		case form == record.FormRaw || n > embstrMax:
			return "raw", true
		}
		return "embstr", true
	}
	return "", false
}

func (t *Txn) encodingOfCollection(key []byte) (string, bool) {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	switch {
	case !n.found():
		return "", false
	case isString(n.hdr): // it has become one just now
		return "raw", true
	case isLarge(n.hdr):
		return s.largeOf(&n).encoding(), true
	case n.hdr.Form() == formInts:
		return "intset", true
	}
	return "listpack", true
}

// IdleSeconds returns how long ago key was read or written, in whole seconds.
// Asking does not count as an access.
func (t *Txn) IdleSeconds(key []byte) (int64, bool) {
	for v := t.look(key); v.next(); {
		var idle int64
		found := v.find()
		if found {
			idle = int64(int32(t.e.stamp.Load() - v.rec.Stamp())) // by the clock that stamped it
		}
		if v.done() {
			return max(idle, 0), found
		}
	}
	return 0, false
}

// slotBytes is a record's share of the index: a slot, at the load factor the
// index keeps on average.
const slotBytes = 10

// MemoryUsage returns the bytes key takes: its record, as allocated, what a large
// collection has beside it, and its share of the index. A key whose time has come
// takes them until it is removed, which asking does not do.
func (t *Txn) MemoryUsage(key []byte) (int64, bool) {
	var n entry
	h := hashKey(key)
	s := t.e.shardOf(h)
	t.enter(s)
	defer t.leave(s)
	s.find(t.db, h, key, &n)
	if !n.found() {
		return 0, false
	}
	bytes := int64(s.heap.Capacity(n.ref)) + slotBytes
	if isLarge(n.hdr) {
		bytes += s.largeOf(&n).bytes()
	}
	return bytes, true
}

// Delete removes key and reports whether it existed. What a large collection
// takes is freed later, in steps.
func (t *Txn) Delete(key []byte) bool {
	var n entry
	s := t.open(key, &n)
	found := n.found()
	if found {
		t.applyRemove(s, &n, key, EventDel)
	}
	t.leave(s)
	return found
}

// RandomKey appends a key, chosen about evenly, to dst; false if the database
// is empty.
func (t *Txn) RandomKey(dst []byte) ([]byte, bool) {
	// Choose a shard by its number of keys, then a key in it. Expired keys are
	// removed on the way, so the loop ends.
	for {
		total := t.DBSize()
		if total == 0 {
			return dst, false
		}
		pick := int(t.lane.rng.Uint64() % uint64(total))
		for _, s := range t.e.shards {
			if pick -= t.lenOf(s, t.db); pick >= 0 {
				continue
			}
			if out, ok := t.randomIn(s, dst); ok {
				return out, true
			}
			break
		}
	}
}

func (t *Txn) randomIn(s *shard, dst []byte) ([]byte, bool) {
	t.enter(s)
	defer t.leave(s)
	ks := s.keyspace(t.db, false)
	if ks == nil {
		return dst, false
	}
	for range expireStep {
		ref, ok := ks.table.Random(t.lane.rng.Uint64)
		if !ok {
			break
		}
		rec := s.recordAt(ref)
		hdr := rec.Header()
		if !hdr.Volatile() || rec.ExpireAt(hdr) > t.Now() {
			return append(dst, rec.Key(hdr)...), true
		}
		t.expireRef(s, t.db, ref)
	}
	return dst, false
}

// lenOf returns the number of keys s has in db, expired ones that were not
// removed yet included.
func (t *Txn) lenOf(s *shard, db int) int {
	t.enter(s)
	defer t.leave(s)
	return s.len(db)
}

// len is lenOf. REQUIRES: s.mu.
func (s *shard) len(db int) int {
	if ks := s.dbs[db].Load(); ks != nil {
		return ks.table.Len()
	}
	return 0
}

// DBSize returns the number of keys in the selected database.
func (t *Txn) DBSize() int {
	n := 0
	for _, s := range t.e.shards {
		n += t.lenOf(s, t.db)
	}
	return n
}

// Scan visits some keys and returns the cursor to go on from, 0 when all were
// visited. A key that exists from the first call to the last is visited at
// least once; others may or may not be. It visits count keys or a few more,
// fewer only at the end. visit must not call the engine; key is valid during
// the call only. Expired keys met on the way are removed.
func (t *Txn) Scan(cursor uint64, count int, visit func(key []byte, typ Type)) (next uint64) {
	return t.scan(cursor, count, true, visit)
}

func (t *Txn) scan(cursor uint64, count int, remove bool, visit func(key []byte, typ Type)) (next uint64) {
	shardID, pos := int(cursor>>32), cursor&(1<<32-1)
	count = min(count, math.MaxInt/10)
	buckets := 10 * count // as Redis: a sparse table must not hold everybody up
	for shardID < len(t.e.shards) {
		if pos = t.scanStep(t.e.shards[shardID], pos, &count, &buckets, remove, visit); pos == 0 {
			shardID++
		}
		if (count <= 0 || buckets <= 0) && shardID < len(t.e.shards) {
			return uint64(shardID)<<32 | pos
		}
	}
	return 0
}

// scanStep goes on in s for as long as its lock may be held.
func (t *Txn) scanStep(s *shard, pos uint64, count, buckets *int, remove bool, visit func(key []byte, typ Type)) uint64 {
	t.enter(s)
	defer t.leave(s)
	ks := s.keyspace(t.db, false)
	if ks == nil {
		return 0
	}
	var lapsed []alloc.Ref
	for left := keysStep; ; {
		lapsed = lapsed[:0]
		pos = ks.table.Scan(pos, func(ref alloc.Ref) {
			rec := s.recordAt(ref)
			hdr := rec.Header()
			*count--
			left--
			if !hdr.Volatile() || rec.ExpireAt(hdr) > t.Now() {
				visit(rec.Key(hdr), typeOf(hdr.Type()))
			} else if remove {
				lapsed = append(lapsed, ref)
			}
		})
		for _, ref := range lapsed {
			t.expireRef(s, t.db, ref)
		}
		*buckets--
		left -= 1 + len(lapsed)*(keysStep/expireStep)
		if pos == 0 || *count <= 0 || *buckets <= 0 || left <= 0 {
			return pos
		}
	}
}

// Keys visits all keys, shard by shard, and leaves expired ones to others, as Redis
// does. visit must not call the engine; key is valid during the call only.
func (t *Txn) Keys(visit func(key []byte)) {
	all := func(key []byte, _ Type) { visit(key) }
	for cursor := t.scan(0, keysStep, false, all); cursor != 0; {
		cursor = t.scan(cursor, keysStep, false, all)
	}
}

// keysStep is how many keys and buckets are visited under one hold of a shard's
// lock: some 50 us.
const keysStep = 512

// FlushDB empties the selected database, for all shards as one. Unless async,
// it returns when the memory is free; inside a larger transaction, and with
// async, memory is freed in the background.
func (t *Txn) FlushDB(async bool) { t.flush(t.db, t.db, async) }

// FlushAll empties all databases, as FlushDB does one.
func (t *Txn) FlushAll(async bool) { t.flush(0, t.e.databases-1, async) }

func (t *Txn) flush(first, last int, async bool) {
	own := !t.locked
	if own {
		t.LockAll()
	}
	for _, s := range t.e.shards {
		t.enter(s)
		for db := first; db <= last; db++ {
			if s.len(db) > 0 {
				t.effect = Effect{Kind: EffectFlush, DB: db, Offset: int64(len(t.e.shards))}
				_ = t.apply(s, &entry{}, EventNone) // takes no memory
			}
		}
	}
	if own {
		t.End()
		if !async {
			for _, s := range t.e.shards {
				for more := true; more; {
					s.mu.giveWay() // or nobody would come in between
					s.mu.lock()
					more = s.mu.slices(reclaimStep, reclaimUnit, s.reclaim)
					s.mu.unlock()
				}
			}
		}
	}
}

// SwapDB exchanges two databases, for all shards as one. ErrDatabase if either
// does not exist.
func (t *Txn) SwapDB(a, b int) error {
	if a < 0 || b < 0 || a >= t.e.databases || b >= t.e.databases {
		return ErrDatabase
	}
	if a == b {
		return nil
	}
	if !t.locked {
		t.LockAll()
		defer t.End()
	}
	for _, s := range t.e.shards {
		t.enter(s)
		t.effect = Effect{Kind: EffectSwap, DB: a, OtherDB: b, Offset: int64(len(t.e.shards))}
		_ = t.apply(s, &entry{}, EventNone) // takes no memory
	}
	wa, wb := t.e.wanted[a].Load(), t.e.wanted[b].Load()
	t.e.wanted[a].Store(wb)
	t.e.wanted[b].Store(wa)
	return nil
}
