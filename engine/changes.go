package engine

// Changes receives what keys hold after each change of their values.
type Changes interface {
	// KeyChanged is called under the lock of the key's shard, right after the
	// change, so that the changes of one key arrive in the order they were
	// made. typ is TypeNone when the key is gone; val is nil unless it holds a
	// string. A change of the expiry alone is none, and neither are flushed and
	// swapped databases. It must not block nor call the engine; key and val are
	// valid only during the call.
	KeyChanged(db int, key []byte, typ Type, val []byte)
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
