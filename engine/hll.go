package engine

import (
	"bytes"
	"cmp"

	"hpkv/engine/hll"
	"hpkv/engine/record"
)

// HyperLogLogs are strings in Redis' format, which package hll describes. An
// operation builds the new value beside the old one and states what part of it
// differs.

// hllValue returns the bytes of a located key, nil if it is absent.
func hllValue(n *entry) ([]byte, error) {
	switch {
	case !n.found():
		return nil, nil
	case !isString(n.hdr):
		return nil, ErrWrongType
	}
	val := n.value()
	return val, hll.Check(val)
}

// PFAdd counts elems in key's HyperLogLog, creating it if absent, and reports
// whether it has changed.
func (t *Txn) PFAdd(key []byte, elems [][]byte) (bool, error) {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	old, err := hllValue(&n)
	if err != nil {
		return false, err
	}
	var val []byte
	if old == nil {
		val = hll.New(t.scratch(hll.DenseSize)[:0])
		hll.Invalidate(val)
	} else {
		adds, err := addsTo(old, elems)
		if !adds || err != nil {
			return false, err
		}
		val = append(t.scratch(hll.DenseSize)[:0], old...)
	}
	for _, e := range elems {
		reg, value := hll.Place(e)
		if val, _, err = hll.Raise(val, reg, value, int(t.e.sparseMax.Load())); err != nil {
			return false, err
		}
	}
	return true, t.storeHLL(s, &n, key, old, val, EventPFAdd)
}

// addsTo reports whether any of elems would change the value: most often none
// does, and then nothing need be copied.
func addsTo(val []byte, elems [][]byte) (bool, error) {
	for _, e := range elems {
		reg, value := hll.Place(e)
		if below, err := hll.Below(val, reg, value); below || err != nil {
			return below, err
		}
	}
	return false, nil
}

// storeHLL replaces a HyperLogLog's bytes by the part that differs.
func (t *Txn) storeHLL(s *shard, n *entry, key, old, val []byte, ev Event) error {
	if len(val) < len(old) || !n.found() {
		return t.applyPut(s, n, key, val, record.FormRaw, n.expireAt(), ev)
	}
	from, to := difference(old, val)
	if from == to { // nothing does, and still the key counts as changed
		from, to = hll.CacheAt, hll.CacheAt+1
	}
	return t.applySplice(s, n, key, int64(from), val[from:to], ev)
}

// difference returns the range of val outside of which it equals old, which is
// not longer.
func difference(old, val []byte) (from, to int) {
	const step = 64 // compared as one
	to = len(val)
	for from+step <= len(old) && bytes.Equal(old[from:from+step], val[from:from+step]) {
		from += step
	}
	for from < len(old) && old[from] == val[from] {
		from++
	}
	if to > len(old) {
		return from, to
	}
	for to-step >= from && bytes.Equal(old[to-step:to], val[to-step:to]) {
		to -= step
	}
	for to > from && old[to-1] == val[to-1] {
		to--
	}
	return from, to
}

// PFCount estimates how many elements were counted in the HyperLogLogs of keys
// together. Absent ones are empty. Of several, the shards must be locked by
// LockKeys. The estimate for one is kept with it, which counts as a change of
// the key, as in Redis.
func (t *Txn) PFCount(keys [][]byte) (int64, error) {
	if len(keys) == 1 {
		return t.pfCountOne(keys[0])
	}
	u := new(hll.Union)
	for _, key := range keys {
		if _, err := t.unite(u, key); err != nil {
			return 0, err
		}
	}
	return u.Count(), nil
}

// pfCountOne counts without the lock, on a copy of the value.
func (t *Txn) pfCountOne(key []byte) (int64, error) {
	val := t.scratch(hll.DenseSize)[:0]
	cached, known, bad := int64(0), false, error(nil)
	if err := t.readString(key, func(b []byte) {
		if known, bad = b == nil, nil; known {
			return
		}
		if bad = hll.Check(b); bad == nil {
			if cached, known = hll.Cached(b); !known {
				val = append(val[:0], b[:min(len(b), hll.MaxSize)]...)
			}
		}
	}); err != nil || bad != nil || known {
		return cached, cmp.Or(err, bad)
	}
	n, err := hll.Count(val)
	if err != nil {
		return 0, err
	}
	var cur entry
	s := t.open(key, &cur)
	defer t.leave(s)
	if cur.found() && isString(cur.hdr) && bytes.Equal(cur.value(), val) {
		var cache [hll.CacheSize]byte
		hll.PutCache(cache[:], n)
		return n, t.applySplice(s, &cur, key, hll.CacheAt, cache[:], EventNone)
	}
	return n, nil // it has changed since: that was the estimate then
}

// unite raises u to the HyperLogLog of key and reports whether that is dense.
func (t *Txn) unite(u *hll.Union, key []byte) (dense bool, err error) {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	t.hit(key, n.found())
	val, err := hllValue(&n)
	if val == nil || err != nil {
		return false, err
	}
	return hll.IsDense(val), u.Merge(val)
}

// PFMerge stores the union of dst's and srcs' HyperLogLogs under dst. All keys'
// shards must be locked by LockKeys, unless dst is alone.
func (t *Txn) PFMerge(dst []byte, srcs [][]byte) error {
	u := new(hll.Union)
	dense, err := t.unite(u, dst)
	for i := 0; err == nil && i < len(srcs); i++ {
		var d bool
		d, err = t.unite(u, srcs[i])
		dense = dense || d
	}
	if err != nil {
		return err
	}
	var n entry
	s := t.open(dst, &n)
	defer t.leave(s)
	old, err := hllValue(&n)
	if err != nil {
		return err
	}
	val := t.scratch(hll.DenseSize)[:0]
	if old == nil {
		val = hll.New(val)
	} else {
		val = append(val, old...)
	}
	if dense {
		if val, err = hll.ToDense(val); err != nil {
			return err
		}
	}
	for reg, value := range u {
		if value == 0 {
			continue
		}
		if val, _, err = hll.Raise(val, reg, value, int(t.e.sparseMax.Load())); err != nil {
			return err
		}
	}
	hll.Invalidate(val)
	return t.storeHLL(s, &n, dst, old, val, EventPFAdd)
}

// PFDense makes key's HyperLogLog dense and reports whether it was not.
// ErrNoSuchKey if it is absent.
func (t *Txn) PFDense(key []byte) (bool, error) {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	old, err := hllValue(&n)
	switch {
	case err != nil:
		return false, err
	case old == nil:
		return false, ErrNoSuchKey
	case hll.IsDense(old):
		return false, nil
	}
	val, err := hll.ToDense(old)
	if err != nil {
		return false, err
	}
	return true, t.applyPut(s, &n, key, val, record.FormRaw, n.expireAt(), EventNone)
}

// PFRegisters returns the registers of key's HyperLogLog. ErrNoSuchKey if it is
// absent.
func (t *Txn) PFRegisters(key []byte) (*hll.Union, error) {
	u := new(hll.Union)
	err := t.seeHLL(key, func(val []byte) error { return u.Merge(val) })
	return u, err
}

// PFRuns appends the runs of key's sparse HyperLogLog in words to dst.
// ErrNoSuchKey if it is absent, ErrDenseHLL if it is dense.
func (t *Txn) PFRuns(dst, key []byte) ([]byte, error) {
	err := t.seeHLL(key, func(val []byte) error {
		if hll.IsDense(val) {
			return ErrDenseHLL
		}
		dst = hll.Describe(dst, val)
		return nil
	})
	return dst, err
}

// PFIsDense reports the encoding of key's HyperLogLog. ErrNoSuchKey if it is
// absent.
func (t *Txn) PFIsDense(key []byte) (dense bool, err error) {
	err = t.seeHLL(key, func(val []byte) error { dense = hll.IsDense(val); return nil })
	return dense, err
}

func (t *Txn) seeHLL(key []byte, see func(val []byte) error) error {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	val, err := hllValue(&n)
	switch {
	case err != nil:
		return err
	case val == nil:
		return ErrNoSuchKey
	}
	return see(val)
}
