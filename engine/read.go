package engine

import (
	"hpkv/engine/index"
	"hpkv/engine/record"
)

// optimisticTries is how often a lock-free read is attempted before it takes
// the shard's lock. A writer is inside a bucket for some 50 ns, so the second
// try nearly always succeeds. Where it does not, somebody rewrites the key
// without pause, and more tries only take the cache line from each other: with
// 8 of them a reader and a writer on one key need 205 and 436 ns an operation,
// with 2 they need 141 and 345.
const optimisticTries = 2

// view is a read of one key in progress:
//
//	for v := t.look(key); v.next(); {
//		... v.find(), then read v.rec ...
//		if v.done() { return ... }
//	}
//
// Whatever is read between next and done may be nonsense until done has
// returned true, so it must be copied out, never acted upon. find validates
// the header it returns, so lengths are always true ones.
type view struct {
	t     *Txn
	s     *shard
	ks    *keyspace
	key   []byte
	hash  uint64
	probe index.Probe
	tries int
	mode  viewMode

	rec    record.Record
	hdr    record.Header
	broken bool // find met a writer: done will fail
	lapsed bool // find met the key, but its time has come: done will remove it
}

type viewMode uint8

const (
	viewOptimistic viewMode = iota
	viewLocked              // took the lock after too many conflicts
	viewHeld                // the transaction holds the shard
)

// look begins a read of key in the selected database. The view is the
// transaction's own: one read at a time.
func (t *Txn) look(key []byte) *view {
	v := &t.view
	v.t, v.key, v.hash = t, key, hashKey(key)
	v.s = t.e.shardOf(v.hash)
	v.tries, v.mode = 0, viewOptimistic
	if t.locked {
		if !t.holds(v.s) {
			panic("engine: read of a shard that the transaction did not lock")
		}
		v.mode = viewHeld
	}
	return v
}

// next begins an attempt.
func (v *view) next() bool {
	v.broken, v.lapsed = false, false
	if v.mode == viewHeld {
		return true
	}
	if v.tries == optimisticTries {
		v.t.lane.count.Fallbacks++
		v.t.enter(v.s)
		v.mode = viewLocked
		return true
	}
	if v.tries > 0 {
		v.t.lane.count.Retries++
		pause(v.tries)
	}
	v.tries++
	v.t.lane.slot.Enter()
	return true
}

// find locates the key and reports whether it is there and has not expired;
// then v.rec and v.hdr describe it.
func (v *view) find() bool {
	v.ks = v.s.dbs[v.t.db].Load()
	if v.ks == nil {
		return false
	}
	if v.mode != viewOptimistic {
		return v.findLocked()
	}
	v.probe.Start(v.ks.table, v.hash)
	for {
		ref, ok := v.probe.Next()
		if !ok {
			return false
		}
		rec := v.s.recordAt(ref)
		hdr := rec.Header()
		if hdr.KeyLen != len(v.key) {
			continue
		}
		if !v.probe.Valid() {
			v.broken = true
			return false
		}
		if !rec.KeyEqual(hdr, v.key) {
			continue
		}
		if hdr.Volatile() && rec.ExpireAt(hdr) <= v.t.Now() && !v.t.showLapsed {
			v.lapsed = true
			return false
		}
		v.rec, v.hdr = rec, hdr
		return true
	}
}

func (v *view) findLocked() bool {
	var n entry
	v.s.find(v.t.db, v.hash, v.key, &n)
	if !n.found() {
		return false
	}
	if v.lapsed = n.hdr.Volatile() && n.rec.ExpireAt(n.hdr) <= v.t.Now() && !v.t.showLapsed; v.lapsed {
		return false
	}
	v.rec, v.hdr = n.rec, n.hdr
	return true
}

// done ends an attempt and reports whether what it read was true at one
// moment. After done has returned true the record must not be read any more.
func (v *view) done() bool {
	switch v.mode {
	case viewHeld:
	case viewLocked:
		v.t.leave(v.s)
	default:
		ok := !v.broken && v.valid()
		v.t.lane.slot.Exit()
		if !ok {
			return false
		}
	}
	if v.lapsed {
		v.t.removeLapsed(v.key)
	}
	return true
}

// removeLapsed removes a key that a read has found expired, so that its event
// comes before that of the miss, as from Redis, and the key goes even if nothing
// but reads come by. The lock costs little here: few keys are asked for between
// their time and the wheel's next tick, and of those one read finds it.
func (t *Txn) removeLapsed(key []byte) {
	var n entry
	t.leave(t.open(key, &n)) // opening a key removes it if its time has come
}

func (v *view) valid() bool {
	if v.ks == nil {
		return v.s.dbs[v.t.db].Load() == nil
	}
	return v.probe.Valid() && v.s.dbs[v.t.db].Load() == v.ks
}

// touch notes the access in the found record, at most once a second for each,
// so that a hot record's cache line stays shared among readers. It must be
// called before done.
func (v *view) touch() { v.t.used(v.rec) }

// hit counts the outcome of a read's look-up of key, which clients see in INFO
// and, if there is none, as an event.
func (t *Txn) hit(key []byte, found bool) {
	t.CountLookup(found)
	if !found {
		t.raise(t.db, EventKeyMiss, key)
	}
}

// CountLookup counts the outcome of a look-up of which nobody is told.
func (t *Txn) CountLookup(found bool) {
	if found {
		t.lane.count.Hits++
	} else {
		t.lane.count.Misses++
	}
}

// AsStored carries out reads that find keys whose time has come and that nobody
// has removed yet, and leave them there: what takes memory is looked at as it is.
func (t *Txn) AsStored(reads func()) {
	t.showLapsed = true
	reads()
	t.showLapsed = false
}

// Aside carries out reads of what a command has looked up already, or looks at
// without using it: they count as no look-ups and leave access stamps alone. Their
// keys must be held, so that none is missing.
func (t *Txn) Aside(reads func()) {
	count, keep := t.lane.count, t.keepStamps
	t.keepStamps = true
	reads()
	t.lane.count.Hits, t.lane.count.Misses, t.keepStamps = count.Hits, count.Misses, keep
}
