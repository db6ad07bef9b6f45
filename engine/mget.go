package engine

import (
	"hpkv/engine/index"
	"hpkv/engine/record"
)

// BatchSize is how many look-ups overlap their cache misses. A core has 10–16
// line fill buffers; more in flight only queue.
const BatchSize = 16

// Batch is the result of a multi-key read, with the memory to do it in: the
// probes stay open until all values are copied, so that they can be validated
// as one. The zero Batch is ready; reusing one saves allocations. Not safe for
// concurrent use.
type Batch struct {
	probes []index.Probe
	spaces []*keyspace
	shards []*shard
	starts []int // where each value starts in data
	ends   []int // and ends; noValue for an absent key, lapsedKey for an expired one
	data   []byte

	volatile bool // a key that was found expires
	presence bool // the read asks whether keys exist, whatever they hold
}

// What stands for the end of a value that is not there.
const (
	noValue   = -1
	lapsedKey = -2
)

// Len returns the number of keys that were asked for.
func (b *Batch) Len() int { return len(b.ends) }

// Value returns the value of key number i, valid until the next read into b;
// ok is false if the key was absent or no string.
func (b *Batch) Value(i int) (val []byte, ok bool) {
	end := b.ends[i]
	if end < 0 {
		return nil, false
	}
	return b.data[b.starts[i]:end:end], true
}

func (b *Batch) reset(n int) {
	if cap(b.probes) < n {
		b.probes = make([]index.Probe, n)
		b.spaces = make([]*keyspace, n)
		b.shards = make([]*shard, n)
		b.starts = make([]int, n)
		b.ends = make([]int, n)
	}
	b.probes, b.spaces, b.shards = b.probes[:n], b.spaces[:n], b.shards[:n]
	b.starts, b.ends, b.data = b.starts[:n], b.ends[:n], b.data[:0]
}

// What a lane holds on to between calls is bounded.
const (
	keepBatch  = 1 << 20 // bytes of values
	keepProbes = 1 << 10 // keys
)

// MGet visits the values of keys in order, as they all were at one moment; ok
// is false for a key that is absent or no string. val is valid during the call
// only, and visit must not call the engine.
func (t *Txn) MGet(keys [][]byte, visit func(i int, val []byte, ok bool)) {
	b := &t.lane.batch
	t.ReadMany(keys, b)
	for i := range keys {
		val, ok := b.Value(i)
		visit(i, val, ok)
	}
	b.trim()
}

// trim gives up memory that a large read took.
func (b *Batch) trim() {
	if cap(b.data) > keepBatch || cap(b.probes) > keepProbes {
		*b = Batch{}
	}
}

// ReadMany reads the values of keys into b, as they all were at one moment.
//
// It takes no lock: it reads all keys, overlapping their cache misses, and
// then validates all reads. Only if writers keep interfering are the shards
// locked.
func (t *Txn) ReadMany(keys [][]byte, b *Batch) {
	b.presence = false
	t.read(keys, b)
}

func (t *Txn) read(keys [][]byte, b *Batch) {
	b.reset(len(keys))
	if !t.readAll(keys, b) {
		t.readAllLocked(keys, b)
	}
	for i, key := range keys {
		if b.ends[i] == lapsedKey {
			t.removeLapsed(key)
		}
		t.hit(key, b.ends[i] >= 0)
	}
}

// ExistsMany returns how many of keys exist, repeated ones counted again, at
// one moment. Like ReadMany it takes no lock unless writers keep interfering.
func (t *Txn) ExistsMany(keys [][]byte) int {
	if len(keys) == 1 {
		if t.Exists(keys[0]) {
			return 1
		}
		return 0
	}
	b := &t.lane.batch
	b.presence = true
	t.read(keys, b)
	n := 0
	for _, end := range b.ends {
		if end >= 0 {
			n++
		}
	}
	b.trim()
	return n
}

// TouchMany notes an access to each of keys and returns how many exist, as
// ExistsMany does.
func (t *Txn) TouchMany(keys [][]byte) int {
	keep := t.keepStamps
	t.keepStamps = false
	n := t.ExistsMany(keys)
	t.keepStamps = keep
	return n
}

// readAll tries to read all keys without a lock.
func (t *Txn) readAll(keys [][]byte, b *Batch) bool {
	if t.locked {
		return false
	}
	t.lane.slot.Enter()
	defer t.lane.slot.Exit()
	for try := range optimisticTries {
		if try > 0 {
			t.lane.count.Retries++
			pause(try)
		}
		if t.readOnce(keys, b) {
			return true
		}
	}
	t.lane.count.Fallbacks++
	return false
}

func (t *Txn) readOnce(keys [][]byte, b *Batch) bool {
	b.data, b.volatile = b.data[:0], false
	for from := 0; from < len(keys); from += BatchSize {
		to := min(from+BatchSize, len(keys))
		t.aim(keys, b, from, to)
		for i := from; i < to; i++ {
			if b.spaces[i] != nil && !t.readProbe(keys[i], b, i) {
				return false
			}
		}
	}
	for i := range keys {
		if ks := b.spaces[i]; b.shards[i].dbs[t.db].Load() != ks || ks != nil && !b.probes[i].Valid() {
			return false
		}
	}
	return !b.volatile || !t.catchUp()
}

// aim starts the probes of a part of the batch in two rounds, buckets first,
// then records, so that the misses of each round overlap.
func (t *Txn) aim(keys [][]byte, b *Batch, from, to int) {
	for i := from; i < to; i++ {
		h := hashKey(keys[i])
		s := t.e.shardOf(h)
		ks := s.dbs[t.db].Load()
		b.shards[i], b.spaces[i], b.ends[i] = s, ks, noValue
		if ks != nil {
			b.probes[i].Aim(ks.table, h)
			b.probes[i].Prefetch()
		}
	}
	for i := from; i < to; i++ {
		if b.spaces[i] != nil {
			b.probes[i].Load()
		}
	}
}

// readProbe copies out what probe number i finds; false if a writer was in the
// way.
func (t *Txn) readProbe(key []byte, b *Batch, i int) bool {
	p := &b.probes[i]
	for {
		ref, ok := p.Next()
		if !ok {
			return true
		}
		rec := b.shards[i].recordAt(ref)
		hdr := rec.Header()
		if hdr.KeyLen != len(key) {
			continue
		}
		if !p.Valid() {
			return false
		}
		if rec.KeyEqual(hdr, key) {
			t.copyOut(rec, hdr, b, i)
			return true
		}
	}
}

// copyOut adds the value of rec, the record of key number i, to the copy,
// unless it has expired or is no string. Where only presence is asked for, any
// type counts and nothing is copied.
func (t *Txn) copyOut(rec record.Record, hdr record.Header, b *Batch, i int) {
	if hdr.Volatile() {
		if rec.ExpireAt(hdr) <= t.Now() {
			b.ends[i] = lapsedKey
			return
		}
		b.volatile = true
	}
	if !b.presence && !isString(hdr) {
		return
	}
	b.starts[i] = len(b.data)
	if !b.presence {
		b.data = append(b.data, rec.Value(hdr)...)
	}
	b.ends[i] = len(b.data)
	t.used(rec)
}

// readAllLocked reads all keys with their shards locked.
func (t *Txn) readAllLocked(keys [][]byte, b *Batch) {
	own := !t.locked
	if own {
		t.LockKeys(keys, 0, len(keys)-1, 1)
		defer t.End()
	}
	b.data = b.data[:0]
	for i, key := range keys {
		b.ends[i] = noValue
		h := hashKey(key)
		s := t.e.shardOf(h)
		t.enter(s)
		var n entry
		s.find(t.db, h, key, &n)
		if n.found() {
			t.copyOut(n.rec, n.hdr, b, i)
		}
	}
}

// Prefetch asks the processor for the cache lines that looking up keys will
// need, so that the misses of a batch overlap instead of queueing. Callers
// give it the keys of operations they are about to carry out; keys beyond
// BatchSize are ignored.
func (t *Txn) Prefetch(keys [][]byte) {
	b := &t.lane.batch
	b.reset(min(len(keys), BatchSize))
	t.aim(keys, b, 0, b.Len())
}

// Prefetch asks the processor for the cache line with which looking up key in
// database db begins: for callers that have something else to do first, if only to
// take a lock, which later loads wait for. Any goroutine.
func (e *Engine) Prefetch(db int, key []byte) {
	h := hashKey(key)
	if ks := e.shardOf(h).dbs[db].Load(); ks != nil {
		ks.table.Prefetch(h)
	}
}
