package engine

import (
	"sync/atomic"

	"hpkv/engine/alloc"
	"hpkv/engine/record"
)

// Policy says which keys make room when memory is short.
type Policy uint8

const (
	NoEviction     Policy = iota // none: operations that need memory fail
	AllKeysLRU                   // the key not used for longest
	AllKeysLFU                   // the key used least often
	AllKeysRandom                // any key
	VolatileLRU                  // the same of the keys that expire
	VolatileLFU                  //
	VolatileRandom               //
	VolatileTTL                  // the key that expires next
)

func (p Policy) volatile() bool { return p >= VolatileLRU }
func (p Policy) lfu() bool      { return p == AllKeysLFU || p == VolatileLFU }

// Eviction is how keys are chosen to make room. Keys are compared by sampling,
// as in Redis: the worst of a few is close enough to the worst of all.
type Eviction struct {
	Policy  Policy
	Samples int // keys compared for one that goes; at least 1

	// LFU: the counter of a key grows by one with a probability that falls as
	// it grows, the faster the larger LogFactor is, and loses one in each
	// DecayMinutes; 0: never.
	LogFactor    int
	DecayMinutes int
}

// DefaultEviction keeps everything; its other figures are Redis' defaults.
var DefaultEviction = Eviction{Samples: 5, LogFactor: 10, DecayMinutes: 1}

// eviction is the engine's state. Memory is taken and given back in pages, and a
// page is free only when its last object is gone; so what is steered is the size
// of live objects, by how far the pages are above the limit.
type eviction struct {
	how     atomic.Pointer[Eviction]
	lfu     atomic.Bool // stamps count accesses
	starved atomic.Bool // memory is short and there is nothing to evict
	next    atomic.Uint32
}

// SetEviction changes how room is made. Access times and frequencies share a
// field: after a change between them keys look used at random times for a while.
func (e *Engine) SetEviction(how Eviction) {
	how.Samples = max(how.Samples, 1)
	e.evict.how.Store(&how)
	e.evict.lfu.Store(how.Policy.lfu())
	e.evict.starved.Store(false)
	e.stamp.Store(e.stampAt(e.clock.NowMs()))
}

// LFU reports whether accesses are counted (Frequency) rather than dated
// (IdleSeconds).
func (e *Engine) LFU() bool { return e.evict.lfu.Load() }

// Over reports whether more memory is in use than allowed.
func (e *Engine) Over() bool {
	limit := e.maxMemory.Load()
	return limit > 0 && e.arena.InUse() > limit
}

// Evicting reports whether a writer must call Evict first.
func (e *Engine) Evicting() bool { return e.Over() && e.evict.how.Load().Policy != NoEviction }

// excess is how many bytes of objects should go. The target is below the limit
// by a sixteenth, for what pages cannot be filled with, and falls as far as the
// pages are above the limit, but for a quarter at most: what is left of those
// comes from objects of many sizes and is gathered by defragmentation.
func (e *Engine) excess() int64 {
	limit := e.maxMemory.Load()
	over := e.arena.InUse() - limit
	if limit <= 0 || over <= 0 {
		return 0
	}
	live := e.arena.LiveBytes()
	for _, s := range e.shards {
		live -= s.doomed.Load()
	}
	return live + min(over, limit/4) - (limit - limit/16)
}

const (
	// evictStep keys, each found among some samples, go at most at once: less
	// than 50 us.
	evictStep = 16
	// evictHard is the same while memory is far above the limit.
	evictHard = 128
)

// Evict makes room by the policy, in bounded work, if memory is short; it
// reports false if there is nothing that could go. A command that needs memory
// is let through as long as there is: eviction keeps pace. REQUIRES: the
// transaction holds no shard.
func (t *Txn) Evict() bool {
	e := t.e
	need := e.excess()
	if need <= 0 {
		e.evict.starved.Store(false)
		return true
	}
	keys := evictStep
	if need > e.maxMemory.Load()/8 {
		keys = evictHard
	}
	how := e.evict.how.Load()
	for ; keys > 0 && need > 0; keys-- {
		freed, ok := int64(0), false
		for range e.shards {
			s := e.shards[int(e.evict.next.Add(1))%len(e.shards)]
			if freed, ok = t.evictFrom(s, how); ok {
				break
			}
		}
		if !ok {
			e.evict.starved.Store(true)
			return false
		}
		need -= freed
	}
	e.evict.starved.Store(false)
	return true
}

// evictFrom evicts one key of s and returns what that frees; false if the shard
// has none that may go. While a range is open nothing would be freed: the shard
// is left alone.
func (t *Txn) evictFrom(s *shard, how *Eviction) (freed int64, ok bool) {
	t.enter(s)
	defer t.leave(s)
	if s.pins.open() {
		return 0, true
	}
	best := candidate{}
	from := int(t.lane.rng.Uint64() % uint64(len(s.dbs)))
	for i := range s.dbs {
		db := (from + i) % len(s.dbs)
		if ks := s.dbs[db].Load(); ks != nil {
			t.sample(s, db, ks, how, &best)
		}
		if best.ref != 0 && (how.Policy == AllKeysRandom || how.Policy == VolatileRandom) {
			break
		}
	}
	if best.ref == 0 {
		return 0, false
	}
	n := entry{ref: best.ref, rec: s.recordAt(best.ref)}
	n.hdr = n.rec.Header()
	freed = int64(s.heap.Capacity(best.ref))
	if isLarge(n.hdr) {
		parts := s.largeOf(&n).bytes()
		freed += parts
		s.doomed.Add(parts)
	}
	s.evicted++
	t.removeRef(s, best.db, best.ref, EventEvicted)
	if len(s.buried) == 0 {
		s.doomed.Store(0)
	}
	s.heap.Publish()
	return freed, true
}

// candidate is the best key to evict so far.
type candidate struct {
	ref   alloc.Ref
	db    int
	score int64 // the greater, the better
}

func (c *candidate) offer(ref alloc.Ref, db int, score int64) {
	if c.ref == 0 || score > c.score {
		*c = candidate{ref, db, score}
	}
}

// volatileTries bounds the search by chance for keys that expire, for each that
// is wanted.
const volatileTries = 8

// sample offers some keys of a database.
func (t *Txn) sample(s *shard, db int, ks *keyspace, how *Eviction, best *candidate) {
	if !how.Policy.volatile() {
		for range how.Samples {
			ref, ok := ks.table.Random(t.lane.rng.Uint64)
			if !ok {
				return
			}
			best.offer(ref, db, t.score(s, ref, how))
		}
		return
	}
	if ks.wheel == nil || ks.wheel.count == 0 {
		return
	}
	if how.Policy == VolatileTTL {
		ref := ks.wheel.soonest()
		best.offer(ref, db, t.score(s, ref, how))
		return
	}
	found := 0
	for tries := how.Samples * volatileTries; tries > 0 && found < how.Samples; tries-- {
		ref, ok := ks.table.Random(t.lane.rng.Uint64)
		if ok && s.recordAt(ref).Header().Volatile() {
			best.offer(ref, db, t.score(s, ref, how))
			found++
		}
	}
	if found == 0 { // they are few: take the one that has least to live
		ref := ks.wheel.soonest()
		best.offer(ref, db, t.score(s, ref, how))
	}
}

// score says how well a key may go.
func (t *Txn) score(s *shard, ref alloc.Ref, how *Eviction) int64 {
	rec := s.recordAt(ref)
	switch {
	case how.Policy == VolatileTTL:
		return -rec.ExpireAt(rec.Header())
	case how.Policy.lfu():
		return -int64(frequency(rec.Stamp(), t.e.stamp.Load(), how))
	case how.Policy == AllKeysLRU || how.Policy == VolatileLRU:
		return int64(int32(t.e.stamp.Load() - rec.Stamp()))
	}
	return 0
}

// Under an LFU policy an access stamp is minutes, modulo 2^24, above a
// logarithmic counter in the low byte.
const (
	lfuCounterBits = 8
	lfuInit        = 5 // counter of a new key, so that it is not the first to go
	lfuMax         = 1<<lfuCounterBits - 1
)

// stampAt is the access stamp of a new record.
func (e *Engine) stampAt(nowMs int64) uint32 {
	if e.evict.lfu.Load() {
		return uint32(nowMs/60_000)<<lfuCounterBits | lfuInit
	}
	return stampOf(nowMs)
}

// frequency is the counter of a stamp with what it has lost until now, another
// stamp.
func frequency(stamp, now uint32, how *Eviction) uint32 {
	counter := stamp & lfuMax
	if how.DecayMinutes > 0 {
		minutes := (now>>lfuCounterBits - stamp>>lfuCounterBits) & (1<<(32-lfuCounterBits) - 1)
		counter -= min(counter, minutes/uint32(how.DecayMinutes))
	}
	return counter
}

// nextStamp is the stamp of a record with the given one that is used now.
func (t *Txn) nextStamp(stamp uint32) uint32 {
	now := t.e.stamp.Load()
	if !t.e.evict.lfu.Load() {
		return now
	}
	how := t.e.evict.how.Load()
	counter := frequency(stamp, now, how)
	if counter < lfuMax {
		base := float64(counter) - lfuInit
		chance := 1 / (max(base, 0)*float64(how.LogFactor) + 1)
		if float64(t.lane.rng.Uint64()>>11)/(1<<53) < chance {
			counter++
		}
	}
	return now&^lfuMax | counter
}

// used notes an access in a record unless its stamp says so already: a record
// that many read stays in their caches.
func (t *Txn) used(rec record.Record) {
	if t.stale(rec) && !t.keepStamps {
		t.restamp(rec)
	}
}

// stale reports whether an access to a record may change its stamp.
func (t *Txn) stale(rec record.Record) bool {
	return rec.Stamp() != t.e.stamp.Load() || t.e.evict.lfu.Load()
}

// restamp notes an access in a stale record.
func (t *Txn) restamp(rec record.Record) {
	old := rec.Stamp()
	if stamp := t.nextStamp(old); stamp != old {
		rec.SetStamp(stamp)
	}
}

// Frequency returns the counter of key's accesses; meaningful under an LFU
// policy. Asking does not count.
func (t *Txn) Frequency(key []byte) (int64, bool) {
	for v := t.look(key); v.next(); {
		var n uint32
		found := v.find()
		if found {
			n = frequency(v.rec.Stamp(), t.e.stamp.Load(), t.e.evict.how.Load())
		}
		if v.done() {
			return int64(n), found
		}
	}
	return 0, false
}
