package engine

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"hpkv/engine/alloc"
	"hpkv/engine/deque"
	"hpkv/engine/index"
	"hpkv/engine/record"
)

// hashKey is the hash that places a key: its high bits choose the shard, its
// low half the position in the shard's index.
func hashKey(key []byte) uint64 { return xxhash.Sum64(key) }

// shard is a part of the key space: the unit of locking, memory, expiry and
// background work.
type shard struct {
	// Read by every reader, written by SWAPDB and FLUSHDB only: on a cache
	// line of its own kind, apart from the lock.
	e   *Engine
	dbs []atomic.Pointer[keyspace] // nil until the database has a key here

	_  [64]byte
	mu shardLock

	// Owned by the shard: under mu.
	id, home int
	heap     *alloc.Heap
	seq      uint64 // number of the last change, or captured state
	captured uint64 // of these, states
	capture  *capture
	watches  map[watchKey]*watched
	waiting  map[watchKey]*queue
	dropped  []dropped // flushed databases with memory still to be freed
	larges   largeTable
	staged   []uint64     // handles of large collections that have no key yet
	timed    timers       // hashes with fields that expire
	blocks   deque.Memory // of large lists
	buried   []large      // large collections without a key, to be freed in steps
	pins     pins

	partsDefrag partsDefrag
	expired     uint64
	evicted     uint64
	stats       shardStats
	doomed      atomic.Int64    // bytes of evicted large collections not yet freed; read by anybody
	digits      [maxIntLen]byte // scratch: a member of a sorted set
	trimmed     int64           // second in which spare pages were last given back
	changed     struct {
		seq uint64 // seq as maintenance last saw it
		ms  int64  // when it had become that
	}
}

// dropped is a table with former contents, which snapshots up to generation may
// show.
type dropped struct {
	table      *index.Table
	generation uint64
}

type shardStats struct {
	relocated uint64 // records moved by defragmentation

	expiring, defragmenting time.Duration // that background work took
	doomed                  int           // keys of dropped databases that are yet to be freed
	freed                   uint64        // values freed after their key was gone
}

// keyspace is one shard's part of one database. Owned by the shard, but for
// table, whose lock-free reads any goroutine may do.
type keyspace struct {
	table   *index.Table
	wheel   *wheel // nil until a key expires
	ordered *orderedIndex
	frozen  bool // a transaction keeps lock-free readers off until it ends
}

func newShard(e *Engine, id, home, node int) *shard {
	heap := e.arena.NewHeap(node)
	return &shard{
		e: e, id: id, home: home,
		dbs:     make([]atomic.Pointer[keyspace], e.databases),
		heap:    heap,
		blocks:  deque.Memory{Heap: heap, Arena: e.arena},
		watches: make(map[watchKey]*watched),
		waiting: make(map[watchKey]*queue),
	}
}

// shardOf returns the shard of a hash.
func (e *Engine) shardOf(h uint64) *shard {
	return e.shards[h>>1>>(e.shift&63)]
}

func (s *shard) recordAt(ref alloc.Ref) record.Record { return record.At(s.e.arena.Ptr(ref)) }

// hashOf hashes the key of a stored record; the index calls it to rebuild.
func (s *shard) hashOf(ref alloc.Ref) uint64 {
	r := s.recordAt(ref)
	return hashKey(r.Key(r.Header()))
}

// keyspace returns the shard's part of db, creating it if asked to. REQUIRES:
// s.mu.
func (s *shard) keyspace(db int, create bool) *keyspace {
	ks := s.dbs[db].Load()
	if ks == nil && create {
		ks = &keyspace{table: index.New(s.heap, s.e.arena, alloc.Index, s.hashOf)}
		ks.table.Follow(&s.e.toCome)
		if s.e.wanted[db].Load() {
			ks.ordered = newOrderedIndex(s)
			ks.ordered.complete()
		}
		s.dbs[db].Store(ks)
	}
	return ks
}

// entry is a key located under the lock, found or not. It is valid until the
// next change of the keyspace.
type entry struct {
	ks   *keyspace // nil if the database has no key in this shard
	hash uint64
	slot index.Slot
	ref  alloc.Ref // 0: not found
	rec  record.Record
	hdr  record.Header
}

func (n *entry) found() bool { return n.ref != 0 }

// lose makes n an entry that was not found.
func (n *entry) lose() { n.ref, n.rec, n.hdr = 0, record.Record{}, record.Header{} }

// expireAt returns the expiry of a found entry, 0 if it has none.
func (n *entry) expireAt() int64 {
	if !n.hdr.Volatile() {
		return 0
	}
	return n.rec.ExpireAt(n.hdr)
}

// value returns the value bytes of a found entry in place.
func (n *entry) value() []byte { return n.rec.Value(n.hdr) }

// find locates key without regard to expiry. REQUIRES: s.mu.
func (s *shard) find(db int, h uint64, key []byte, n *entry) {
	n.ks, n.hash = s.dbs[db].Load(), h
	if n.ks != nil {
		for ok := n.ks.table.Seek(h, &n.slot); ok; ok = n.slot.Next() {
			ref := n.slot.Ref()
			rec := s.recordAt(ref)
			hdr := rec.Header()
			if hdr.KeyLen == len(key) && rec.KeyEqual(hdr, key) {
				n.ref, n.rec, n.hdr = ref, rec, hdr
				return
			}
		}
	}
	n.lose()
}

// retire frees a record's memory once no snapshot can see it. REQUIRES: s.mu.
func (s *shard) retire(ref alloc.Ref) {
	if s.pins.open() {
		s.pins.postpone(ref)
		return
	}
	s.heap.Free(ref)
}

// check verifies the shard's invariants. REQUIRES: s.mu.
func (s *shard) check() error {
	for db := range s.dbs {
		ks := s.dbs[db].Load()
		if ks == nil {
			continue
		}
		if err := s.checkKeyspace(ks); err != nil {
			return fmt.Errorf("database %d: %w", db, err)
		}
	}
	if err := s.checkLarges(); err != nil {
		return err
	}
	return s.heap.Check()
}

func (s *shard) checkKeyspace(ks *keyspace) error {
	if err := ks.table.Check(); err != nil {
		return err
	}
	entries, volatile := 0, 0
	var bad error
	s.walk(ks, func(ref alloc.Ref) {
		rec := s.recordAt(ref)
		hdr := rec.Header()
		entries++
		if hdr.Volatile() {
			volatile++
		}
		if typeOf(hdr.Type()) == TypeSet && hdr.Form() == formInts && !ints(rec.Value(hdr)).valid() {
			bad = fmt.Errorf("record %d, key %q: bad set of integers", ref, rec.Key(hdr))
		}
		if got := s.heap.Capacity(ref); got < hdr.Size() {
			bad = fmt.Errorf("record %d of %d bytes in an object of %d", ref, hdr.Size(), got)
		}
		if s.e.shardOf(s.hashOf(ref)) != s {
			bad = fmt.Errorf("record %d, key %q, is in the wrong shard", ref, rec.Key(hdr))
		}
	})
	if bad != nil {
		return bad
	}
	if entries != ks.table.Len() {
		return fmt.Errorf("scan finds %d records, the table counts %d", entries, ks.table.Len())
	}
	if err := ks.wheel.check(s, volatile); err != nil {
		return err
	}
	return ks.ordered.check(s, ks)
}

// walk visits every record. REQUIRES: s.mu; visit must not change the table.
func (s *shard) walk(ks *keyspace, visit func(ref alloc.Ref)) {
	for pos := ks.table.Scan(0, visit); pos != 0; {
		pos = ks.table.Scan(pos, visit)
	}
}
