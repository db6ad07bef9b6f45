package hpkv

import (
	"errors"

	"hpkv/engine"
)

// Values holds what GetMany read. Reuse one to read without allocation; the
// zero Values is ready. Not safe for concurrent use.
type Values struct{ batch engine.Batch }

// Len returns the number of keys that were asked for.
func (v *Values) Len() int { return v.batch.Len() }

// At returns the value of key number i, valid until the next GetMany into v;
// ok is false if the key did not exist.
func (v *Values) At(i int) (val []byte, ok bool) { return v.batch.Value(i) }

// GetMany reads keys into v, all as they were at one moment. Look-ups overlap
// their cache misses: a batch of 16 takes less than half the time of 16 calls
// of Get once the data exceed the caches.
func (db *DB) GetMany(keys [][]byte, v *Values) error {
	l, t, err := db.begin()
	if err != nil {
		return err
	}
	defer db.end(l, t)
	t.ReadMany(keys, &v.batch)
	return nil
}

// SetMany stores vals[i] under keys[i] for all i. Each key is one step: a
// reader may see some of the changes and not others, and an error leaves those
// before it done. Use Update for all or nothing. There must be as many values as
// keys.
func (db *DB) SetMany(keys, vals [][]byte) (err error) {
	if len(keys) != len(vals) {
		return errors.New("hpkv: SetMany needs as many values as keys")
	}
	l, t, err := db.beginWrite()
	if err != nil {
		return err
	}
	defer db.endWrite(l, t, &err)
	for len(keys) > 0 {
		n := min(len(keys), engine.BatchSize)
		t.Prefetch(keys[:n])
		for i := range n {
			if _, err := t.Set(keys[i], vals[i], engine.SetOptions{}); err != nil {
				return err
			}
		}
		keys, vals = keys[n:], vals[n:]
	}
	return nil
}

// DeleteMany removes keys, each as one step, and returns how many existed.
func (db *DB) DeleteMany(keys [][]byte) (removed int, err error) {
	l, t, err := db.beginWrite()
	if err != nil {
		return 0, err
	}
	defer db.endWrite(l, t, &err)
	for len(keys) > 0 {
		n := min(len(keys), engine.BatchSize)
		t.Prefetch(keys[:n])
		for _, key := range keys[:n] {
			if t.Delete(key) {
				removed++
			}
		}
		keys = keys[n:]
	}
	return removed, nil
}
