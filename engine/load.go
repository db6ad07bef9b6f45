package engine

import (
	"fmt"
	"math/bits"
	"slices"

	"hpkv/engine/alloc"
)

// DatabaseError says that journalled effects concern a database that there is not.
// It is an ErrDatabase.
type DatabaseError struct {
	DB        int // its index
	Databases int // how many there are
}

func (e *DatabaseError) Error() string {
	return fmt.Sprintf("engine: there are keys in database %d, but only %d databases", e.DB, e.Databases)
}

func (e *DatabaseError) Is(target error) bool { return target == ErrDatabase }

// Loader applies journalled effects to an engine that serves nobody yet. The
// memory limit does not count, nobody is told, nothing is journalled, and keys
// whose time is over stay until the last loader is closed: an effect further on
// may concern them. Several loaders may work at once, each on one goroutine,
// if the effects of a shard, as it was when they were journalled, go through
// one loader at a time and in order.
type Loader struct {
	e     *Engine
	l     *Lane
	taken []taken // keeps its capacity, and that of the effects' items
}

// taken is an effect that is to be applied.
type taken struct {
	ef    Effect
	hash  uint64 // of the key
	shard int
}

// NewLoader returns a loader. Close it.
func (e *Engine) NewLoader() *Loader {
	e.loaders.Add(1)
	r := &Loader{e: e, l: e.NewLane()}
	r.l.txn.loading = true
	return r
}

// Close ends the loader's work.
func (r *Loader) Close() {
	r.l.Close()
	if r.e.loaders.Add(-1) == 0 {
		r.e.loaded()
	}
}

// LoadProgress says how much of what loaders are to apply they have applied. Indexes
// are then made as large as they will probably have to be. Any goroutine.
func (e *Engine) LoadProgress(done, total int64) { e.toCome.Set(done, total) }

// loaded ends what LoadProgress began: an index that has become larger than its keys
// need, as when few keys were changed many times, is made smaller.
func (e *Engine) loaded() {
	e.toCome.Set(0, 0)
	for _, s := range e.shards {
		s.mu.lock()
		for db := range s.dbs {
			if ks := s.dbs[db].Load(); ks != nil {
				ks.table.Fit()
			}
		}
		s.mu.unlock()
	}
}

// Take takes the effect in payload, which was journalled for the given shard, for
// the next Apply; payload is used until then. It asks for the memory in which the
// key is looked up, so some 16 at a time are best. ErrEffect if payload is no
// effect, a *DatabaseError if it puts something into a database that there is not
// now.
func (r *Loader) Take(shard int, payload []byte) error {
	n := len(r.taken)
	r.taken = slices.Grow(r.taken, 1)[:n+1]
	k := &r.taken[n]
	ef := &k.ef
	err := DecodeEffect(ef, payload)
	whole := ef.Kind == EffectFlush || ef.Kind == EffectSwap
	last := max(ef.DB, ef.OtherDB)
	switch {
	case err != nil:
	case whole && (bits.OnesCount64(uint64(ef.Offset)) != 1 || ef.Offset > MaxShards || shard >= int(ef.Offset)):
		err = ErrEffect
	case last < r.e.databases:
		k.shard = shard
		if whole {
			return nil
		}
		k.hash = hashKey(ef.Key)
		if ks := r.e.shardOf(k.hash).dbs[ef.DB].Load(); ks != nil {
			ks.table.Prefetch(k.hash)
		}
		return nil
	case ef.Kind != EffectFlush: // else nothing was put there, or this is not reached
		err = &DatabaseError{last, r.e.databases}
	}
	r.taken = r.taken[:n]
	return err
}

// Apply repeats the effects taken since the last time, in their order. The engine
// may have another number of shards now than the one that journalled them. At an
// error, ErrNoMemory, it ends, before the n-th effect.
func (r *Loader) Apply() (n int, err error) {
	for n < len(r.taken) {
		if err = r.apply(&r.taken[n]); err != nil {
			break
		}
		n++
	}
	r.taken = r.taken[:0]
	if r.e.readers.Pending() >= collectAbove {
		r.e.readers.Collect(2 * collectAbove)
	}
	return n, err
}

// collectAbove is how many pages may wait to be used again while effects are
// applied. Growing indexes leave one behind for each two or three of those they end
// up with, and memory that has been used is cheaper than new one. A collection
// takes some microseconds.
const collectAbove = 16

func (r *Loader) apply(k *taken) error {
	t := r.l.Begin(k.ef.DB)
	switch k.ef.Kind {
	case EffectFlush, EffectSwap:
		t.loadWhole(&k.ef, k.shard, int(k.ef.Offset))
		return nil
	case EffectRename:
		return t.loadRename(&k.ef)
	}
	return t.load(&k.ef, k.hash)
}

// load applies an effect on one key, whose hash is h.
func (t *Txn) load(ef *Effect, h uint64) error {
	var n entry
	s := t.e.shardOf(h)
	t.enter(s)
	defer t.leave(s)
	s.find(ef.DB, h, ef.Key, &n)
	if !n.found() && (ef.Kind == EffectRemove || ef.Kind == EffectExpire) {
		return nil
	}
	t.effect = *ef
	return t.apply(s, &n, EventNone)
}

// loadWhole applies an effect on all keys of shard number id of a number of
// shards that may be another than now. They are the keys whose hashes begin
// with the same bits: several shards of now, or a part of one.
func (t *Txn) loadWhole(ef *Effect, id, count int) {
	now := len(t.e.shards)
	if count <= now {
		for _, s := range t.e.shards[id*(now/count) : (id+1)*(now/count)] {
			t.enter(s)
			if ef.Kind == EffectFlush {
				t.drop(s, ef.DB)
			} else {
				t.swap(s, ef.DB, ef.OtherDB)
			}
			t.leave(s)
		}
		return
	}
	s := t.e.shards[id/(count/now)]
	t.enter(s)
	defer t.leave(s)
	shift := uint(64 - bits.TrailingZeros(uint(count)))
	a := s.collect(ef.DB, shift, uint64(id))
	if ef.Kind == EffectFlush {
		for _, ref := range a {
			t.take(s, ef.DB, ref)
			s.discard(ref)
		}
		return
	}
	b := s.collect(ef.OtherDB, shift, uint64(id))
	for _, ref := range a {
		t.take(s, ef.DB, ref)
	}
	for _, ref := range b {
		t.take(s, ef.OtherDB, ref)
	}
	for _, ref := range a {
		t.give(s, ef.OtherDB, ref)
	}
	for _, ref := range b {
		t.give(s, ef.DB, ref)
	}
}

// collect returns the records of db whose hashes, shifted, are prefix.
func (s *shard) collect(db int, shift uint, prefix uint64) (refs []alloc.Ref) {
	if ks := s.keyspace(db, false); ks != nil {
		s.walk(ks, func(ref alloc.Ref) {
			if s.hashOf(ref)>>shift == prefix {
				refs = append(refs, ref)
			}
		})
	}
	return refs
}

// take removes a record from a database without freeing it.
func (t *Txn) take(s *shard, db int, ref alloc.Ref) {
	ks, h := s.keyspace(db, false), s.hashOf(ref)
	slot, _ := ks.table.FindRef(h, ref)
	ks.ordered.delete(h, ref)
	ks.table.Delete(&slot)
	if s.recordAt(ref).Header().Volatile() {
		ks.wheel.remove(s, ref)
	}
}

// give adds a record to a database.
func (t *Txn) give(s *shard, db int, ref alloc.Ref) {
	ks, h := s.keyspace(db, true), s.hashOf(ref)
	if err := ks.table.Insert(h, ref); err != nil {
		panic("engine: no memory for an index while loading") // nothing to go back to
	}
	ks.ordered.insert(h, ref)
	if s.recordAt(ref).Header().Volatile() {
		if ks.wheel == nil {
			ks.wheel = newWheel(t.Now())
		}
		ks.wheel.add(s, ref)
	}
}
