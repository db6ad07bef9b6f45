package engine

import (
	"time"

	"hpkv/engine/alloc"
	"hpkv/engine/index"
)

// Stats are an engine's totals and sizes at about one moment.
type Stats struct {
	Counters
	Memory    alloc.Stats
	Databases []DatabaseStats
	Changes   uint64 // effects, those of a replay included
	Expired   uint64 // keys removed because their time had come
	Evicted   uint64 // keys removed to make room
	LockWaits uint64 // times a shard's lock was found taken
	Relocated uint64 // records moved by defragmentation
	Pinned    int    // records kept only for open ranges
	Unfreed   int    // values without a key that are yet to be freed: large ones, and those of flushed databases
	Freed     uint64 // such values that have been freed

	Expiring, Defragmenting time.Duration // that background work has taken
}

// DatabaseStats are the sizes of one database.
type DatabaseStats struct {
	Keys     int
	Volatile int   // of them, keys that expire
	AvgTTLMs int64 // what those have left on average, from a sample
}

// Stats collects figures, locking one shard after the other for a moment.
func (e *Engine) Stats() Stats {
	st := Stats{
		Counters:  e.Counters(),
		Memory:    e.arena.Stats(),
		Databases: make([]DatabaseStats, e.databases),
	}
	ttl := make([]ttlSample, e.databases)
	now := e.clock.NowMs()
	for _, s := range e.shards {
		st.LockWaits += s.mu.waits.Load()
		s.mu.lock()
		st.Changes += s.seq - s.captured
		st.Expired += s.expired
		st.Evicted += s.evicted
		st.Relocated += s.stats.relocated
		st.Pinned += s.pins.kept
		st.Unfreed += s.stats.doomed + len(s.buried)
		st.Freed += s.stats.freed
		st.Expiring += s.stats.expiring
		st.Defragmenting += s.stats.defragmenting
		for db := range s.dbs {
			if ks := s.dbs[db].Load(); ks != nil {
				st.Databases[db].Keys += ks.table.Len()
				if ks.wheel != nil {
					st.Databases[db].Volatile += ks.wheel.count
					ttl[db].take(s, ks, now)
				}
			}
		}
		s.mu.unlock()
	}
	for db, t := range ttl {
		if t.n > 0 {
			st.Databases[db].AvgTTLMs = t.sum / t.n
		}
	}
	return st
}

// IndexShape sums the shapes of all databases' indexes, locking one shard after
// the other for a time that grows with its directory.
func (e *Engine) IndexShape() index.Stats {
	var sum index.Stats
	for _, s := range e.shards {
		s.mu.lock()
		for db := range s.dbs {
			if ks := s.dbs[db].Load(); ks != nil {
				st := ks.table.Stats()
				sum.Entries += st.Entries
				sum.Buckets += st.Buckets
				sum.Segments += st.Segments
				sum.Directory += st.Directory
				sum.Bytes += st.Bytes
				sum.Stashed += st.Stashed
				sum.Rebuilds += st.Rebuilds
				sum.Splits += st.Splits
				sum.Shrinks += st.Shrinks
				sum.Merges += st.Merges
				sum.LateCopies += st.LateCopies
			}
		}
		s.mu.unlock()
	}
	return sum
}

// ttlSample averages the time left of randomly chosen volatile keys.
type ttlSample struct {
	sum, n int64
	rnd    uint64
}

// ttlSamples is how many keys of each shard are looked at.
const ttlSamples = 16

func (t *ttlSample) take(s *shard, ks *keyspace, nowMs int64) {
	next := func() uint64 { // any spread will do: a Weyl sequence
		t.rnd += 0x9e3779b97f4a7c15
		return t.rnd ^ t.rnd>>31
	}
	for range ttlSamples {
		ref, ok := ks.table.Random(next)
		if !ok {
			return
		}
		rec := s.recordAt(ref)
		if hdr := rec.Header(); hdr.Volatile() {
			t.sum += max(rec.ExpireAt(hdr)-nowMs, 0)
			t.n++
		}
	}
}
