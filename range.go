package hpkv

import "iter"

// Range walks the keys from start to end, both inclusive, in byte order, with
// their values, all as they were when the loop began; a nil end means to the
// last key. Keys that hold no string have a nil value. key and val are valid
// until the loop ends and must not be changed.
//
// No lock is held while the loop runs, but memory that others replace
// meanwhile is kept for it: do not sit in the loop. After Close it yields
// nothing.
func (db *DB) Range(start, end []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, val []byte) bool) {
		l, t, err := db.begin()
		if err != nil {
			return
		}
		r := t.Range(start, end)
		db.end(l, t)
		defer r.Close()
		for r.Next() {
			if !yield(r.Key(), r.Value()) {
				return
			}
		}
	}
}
