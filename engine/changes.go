package engine

import "hpkv/engine/alloc"

// Changes receives what keys hold after each change of their values.
type Changes interface {
	// KeyChanged is called under the lock of the key's shard, right after the
	// change, so that the changes of one key arrive in the order they were
	// made. typ is TypeNone when the key is gone; val is nil unless it holds a
	// string. A change of the expiry alone is none. It must not block nor call
	// the engine; key and val are valid only during the call.
	KeyChanged(db int, key []byte, typ Type, val []byte)

	// ManyChanged is KeyChanged for all that a shard holds of a database that is
	// flushed or swapped. All shards are locked, and each has its call. To walk
	// the keys takes time in proportion to their number: who has no need to, or
	// cannot afford it, takes the database as changed altogether.
	ManyChanged(db int, m Many)
}

// Many are keys of one shard that change at once. It is valid during the call
// that it was passed to.
type Many struct {
	s          *shard
	gone, come *keyspace // or nil
}

// Len is the number of keys that Each visits.
func (m Many) Len() (n int) {
	for _, ks := range []*keyspace{m.gone, m.come} {
		if ks != nil {
			n += ks.table.Len()
		}
	}
	return n
}

// Each calls visit for every key, with what it holds from now on, as KeyChanged
// would be. A key that goes and comes back with a swapped database is visited
// twice, in that order.
func (m Many) Each(visit func(key []byte, typ Type, val []byte)) {
	walk := func(ks *keyspace, gone bool) {
		if ks == nil {
			return
		}
		for cursor := uint64(0); ; {
			cursor = ks.table.Scan(cursor, func(ref alloc.Ref) {
				rec := m.s.recordAt(ref)
				hdr := rec.Header()
				switch key := rec.Key(hdr); {
				case gone:
					visit(key, TypeNone, nil)
				case isString(hdr):
					n := entry{ref: ref, rec: rec, hdr: hdr}
					visit(key, TypeString, n.value())
				default:
					visit(key, typeOf(hdr.Type()), nil)
				}
			})
			if cursor == 0 {
				return
			}
		}
	}
	walk(m.gone, true)
	walk(m.come, false)
}

// tellMany reports that t.effect is about to change all that s holds of one
// database or two. REQUIRES: all shards are locked.
func (t *Txn) tellMany(s *shard, ef *Effect) {
	old := s.keyspace(ef.DB, false)
	if ef.Kind == EffectFlush {
		t.e.changes.ManyChanged(ef.DB, Many{s: s, gone: old})
		return
	}
	other := s.keyspace(ef.OtherDB, false)
	t.e.changes.ManyChanged(ef.DB, Many{s: s, gone: old, come: other})
	t.e.changes.ManyChanged(ef.OtherDB, Many{s: s, gone: other, come: old})
}

// Announce makes Changes see val as the new value of the strings that the
// transaction stores from now on, until it ends: a listener that keeps a copy
// of a document may want the patch instead of the result.
func (t *Txn) Announce(val []byte) { t.announced = val }

// tellChange reports the change that t.effect has just made to n. REQUIRES: the
// key's shard is locked.
func (t *Txn) tellChange(n *entry, ef *Effect) {
	switch ef.Kind {
	case EffectRemove:
		t.e.changes.KeyChanged(ef.DB, ef.Key, TypeNone, nil)
	case EffectPut, EffectSplice:
		if !isString(n.hdr) {
			t.e.changes.KeyChanged(ef.DB, ef.Key, typeOf(n.hdr.Type()), nil)
			return
		}
		val := t.announced
		if val == nil {
			val = n.value()
		}
		t.e.changes.KeyChanged(ef.DB, ef.Key, TypeString, val)
	case EffectExpire, EffectFlush, EffectSwap:
	default:
		typ := TypeNone
		if t.left > 0 {
			typ = typeOf(n.hdr.Type())
		}
		t.e.changes.KeyChanged(ef.DB, ef.Key, typ, nil)
	}
}
