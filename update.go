package hpkv

import (
	"bytes"
	"slices"

	"hpkv/engine"
)

// maxAttempts is how often Update runs its function before it gives up. Each
// failure means that some other transaction succeeded, so the whole makes
// progress; one that fails this often meets a hot spot that calls for another
// design.
const maxAttempts = 1000

// Tx is the view of the data an Update function works on. It is valid during
// the call only and not safe for concurrent use.
type Tx struct {
	db     *DB
	t      *engine.Txn
	reads  []*engine.Watch
	writes []write
}

type write struct {
	key, val []byte
	remove   bool
}

// Update runs fn and commits its changes as one step, if nothing that fn read
// was changed by others meanwhile; otherwise fn runs again on fresh data. fn
// must therefore have no effects but through tx. If fn returns an error,
// nothing is changed and Update returns it. ErrConflict if others kept
// interfering.
//
// fn may see keys as they were at different moments; such a run never commits.
func (db *DB) Update(fn func(tx *Tx) error) (err error) {
	l, t, err := db.beginWrite()
	if err != nil {
		return err
	}
	defer db.endWrite(l, t, &err)
	for range maxAttempts {
		tx := &Tx{db: db, t: l.Begin(db.index)}
		if committed, err := tx.run(l, fn); err != nil || committed {
			return err
		}
	}
	return ErrConflict
}

func (tx *Tx) run(l *lane, fn func(tx *Tx) error) (committed bool, err error) {
	defer tx.release() // also if fn panics
	if err := fn(tx); err != nil {
		return false, err
	}
	l.Begin(tx.db.index) // fn may have taken long: keys may have expired
	return tx.commit()
}

// Get appends key's value to dst, with the changes made so far. ErrNotFound if
// the key does not exist.
func (tx *Tx) Get(dst, key []byte) ([]byte, error) {
	if w := tx.written(key); w != nil {
		if w.remove {
			return dst, ErrNotFound
		}
		return append(dst, w.val...), nil
	}
	// Watch first: a change after it, even before the read, makes the commit
	// fail.
	tx.reads = append(tx.reads, tx.t.Watch(key))
	dst, found, err := tx.t.Get(dst, key, nil)
	return dst, orNotFound(found, err)
}

// Set stores val under key at the commit.
func (tx *Tx) Set(key, val []byte) { tx.put(write{bytes.Clone(key), bytes.Clone(val), false}) }

// Delete removes key at the commit.
func (tx *Tx) Delete(key []byte) { tx.put(write{bytes.Clone(key), nil, true}) }

// written returns the pending change of key.
func (tx *Tx) written(key []byte) *write {
	if i, found := tx.search(key); found {
		return &tx.writes[i]
	}
	return nil
}

// search returns where key is, or belongs, in writes, which are in key order.
func (tx *Tx) search(key []byte) (i int, found bool) {
	return slices.BinarySearchFunc(tx.writes, key, func(w write, key []byte) int { return bytes.Compare(w.key, key) })
}

func (tx *Tx) put(w write) {
	i, found := tx.search(w.key)
	if found {
		tx.writes[i] = w
		return
	}
	tx.writes = slices.Insert(tx.writes, i, w)
}

// commit applies the changes if what was read still stands.
func (tx *Tx) commit() (bool, error) {
	t := tx.t
	if len(tx.writes) > 0 && tx.db.engine.Full() {
		return false, ErrNoMemory
	}
	for _, w := range tx.writes { // nothing may fail halfway
		if int64(len(w.val)) > tx.db.engine.MaxValueBytes() {
			return false, ErrTooLarge
		}
	}
	for _, r := range tx.reads {
		t.Want([]byte(r.Key()))
	}
	for _, w := range tx.writes {
		t.Want(w.key)
	}
	t.LockWanted()
	defer t.End()
	for _, r := range tx.reads {
		if r.Changed(t.Now()) {
			return false, nil
		}
	}
	for _, w := range tx.writes {
		if w.remove {
			t.Delete(w.key)
		} else if _, err := t.Set(w.key, w.val, engine.SetOptions{}); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (tx *Tx) release() {
	for _, r := range tx.reads {
		r.Release()
	}
}
