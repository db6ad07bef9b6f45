package engine

import (
	"bytes"
	"container/heap"

	"hpkv/engine/alloc"
	"hpkv/engine/ordered"
	"hpkv/engine/record"
)

// RangeReady reports whether a range of db can be read at once. If not, the
// first Range builds the ordered index, which takes about a microsecond a key:
// callers that must not wait check first.
func (e *Engine) RangeReady(db int) bool {
	if !e.wanted[db].Load() {
		return false
	}
	for _, s := range e.shards {
		s.mu.lock()
		ks := s.dbs[db].Load()
		ready := ks == nil || ks.ordered != nil && ks.ordered.built
		s.mu.unlock()
		if !ready {
			return false
		}
	}
	return true
}

// ranges reports whether the ordered index of db is built. REQUIRES: all shards
// are locked.
func (e *Engine) ranges(db int) bool {
	for _, s := range e.shards {
		if ks := s.dbs[db].Load(); ks != nil && (ks.ordered == nil || !ks.ordered.built) {
			return false
		}
	}
	return e.wanted[db].Load()
}

// BuildRangeIndex builds the ordered index of db, together with Maintain if
// that runs, in steps between which the shards serve others; from then on it
// is kept.
func (e *Engine) BuildRangeIndex(db int) {
	e.wanted[db].Store(true)
	for _, s := range e.shards {
		for more := true; more; {
			s.mu.lock()
			ks := s.dbs[db].Load()
			more = ks != nil && s.buildOrdered(ks, indexStep)
			s.mu.unlock()
		}
	}
}

// Range is an open range read: the keys from start to end, in byte order, with
// their values, as all of them were when it was opened. It holds no lock, but
// memory that writers replace is kept for it: close it soon. Not safe for
// concurrent use.
type Range struct {
	e     *Engine
	now   int64
	end   []byte // nil: no end
	pins  []uint64
	merge merge
	first bool
	rec   record.Record
	hdr   record.Header
}

// Range opens a read of the keys of the selected database from start to end,
// both inclusive; a nil end means to the last key. All shards are locked
// together for a moment, so the snapshot is one point in time, then none: the
// transaction must not hold shards.
func (t *Txn) Range(start, end []byte) *Range {
	e, db := t.e, t.db
	r := &Range{e: e, end: bytes.Clone(end), first: true}
	r.pins = make([]uint64, len(e.shards))
	for t.LockAll(); !e.ranges(db); t.LockAll() { // again if a swap came in between
		t.End()
		e.BuildRangeIndex(db)
	}
	defer t.End()
	r.now = t.Now()
	for i, s := range e.shards {
		ks := s.dbs[db].Load()
		if ks == nil {
			continue
		}
		c := cursor{s: s, it: ks.ordered.x.Seek(start)}
		if c.load() {
			r.pins[i] = s.pins.take()
			r.merge = append(r.merge, c)
		}
	}
	heap.Init(&r.merge)
	return r
}

// Next moves to the next key, the first at the first call, and reports whether
// there is one.
func (r *Range) Next() bool {
	for len(r.merge) > 0 {
		if !r.first {
			if r.merge[0].it.Next(); r.merge[0].load() {
				heap.Fix(&r.merge, 0)
			} else {
				heap.Pop(&r.merge)
			}
			if len(r.merge) == 0 {
				break
			}
		}
		r.first = false
		c := &r.merge[0]
		if r.end != nil && bytes.Compare(c.key, r.end) > 0 {
			break
		}
		rec := c.s.recordAt(c.ref)
		hdr := rec.Header()
		if hdr.Volatile() && rec.ExpireAt(hdr) <= r.now {
			continue
		}
		r.rec, r.hdr = rec, hdr
		return true
	}
	return false
}

// Key returns the key Next moved to; valid until Close.
func (r *Range) Key() []byte { return r.rec.Key(r.hdr) }

// Type returns the type of the key's value.
func (r *Range) Type() Type { return typeOf(r.hdr.Type()) }

// Value returns the key's value if it is a string, else nil; valid until
// Close.
func (r *Range) Value() []byte {
	if !isString(r.hdr) {
		return nil
	}
	return r.rec.Value(r.hdr)
}

// Close gives the snapshot up.
func (r *Range) Close() {
	for i, generation := range r.pins {
		if generation != 0 {
			s := r.e.shards[i]
			s.mu.lock()
			s.pins.release(generation)
			s.reclaim(reclaimStep) // the rest is left to Maintain
			s.mu.unlock()
		}
	}
	r.pins, r.merge = nil, nil
}

// cursor is a range read's place in one shard.
type cursor struct {
	s   *shard
	it  *ordered.Iter
	ref alloc.Ref
	key []byte
}

// load reads the key the cursor is at.
func (c *cursor) load() bool {
	ref, ok := c.it.Ref()
	if !ok {
		return false
	}
	c.ref = alloc.Ref(ref)
	rec := c.s.recordAt(c.ref)
	c.key = rec.Key(rec.Header())
	return true
}

// merge is a heap of cursors by key.
type merge []cursor

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return bytes.Compare(m[i].key, m[j].key) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(cursor)) }
func (m *merge) Pop() any {
	old := *m
	c := old[len(old)-1]
	*m = old[:len(old)-1]
	return c
}
