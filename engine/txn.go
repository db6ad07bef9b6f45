package engine

import (
	"math/bits"
	"sync/atomic"
)

// Txn is what one command, or several as one, does to the data. Begin it on a
// lane, End it always.
//
// An operation on a single key locks that key's shard by itself, or, for
// reads, no shard at all. Operations on several keys, and several operations
// that must appear as one, first take the shards with LockKeys or LockAll;
// everything until End is then one step for every other lane.
type Txn struct {
	e    *Engine
	lane *Lane
	db   int
	now  int64 // 0: not read yet

	held   []uint64 // bit for each shard held until End
	locked bool     // any bit is set
	frozen []*keyspace
	inside *shard // locked for the running operation only

	// Of keys that somebody waits for, see waiters.go.
	ready  []*queue  // changed; to be served at the end
	later  []later   // to be served after the end
	served []*Waiter // to be told after the end

	effect Effect // the effect being applied; here so that it need not be allocated
	left   int    // elements the collection has after it, if it concerns one
	zadd   zaddState
	view   view

	staged   *Staged        // a copy made beforehand, or nil
	gathered gathered       // for the journal, until End
	awaited  *atomic.Uint64 // for the round, see Commit; nil: nobody asks
	loading  bool           // replays a journal: see Loader

	announced []byte // see Announce

	keepStamps bool // reads leave access stamps alone (CLIENT NO-TOUCH)
	showLapsed bool // reads find what has expired: see AsStored
}

// Begin starts a transaction on database db, which must exist. The Txn is the
// lane's own and is reused by the next Begin.
func (l *Lane) Begin(db int) *Txn {
	t := &l.txn
	t.db = db
	t.now = l.nowMs
	t.keepStamps, t.showLapsed = false, false
	t.announced = nil
	return t
}

// DB returns the selected database.
func (t *Txn) DB() int { return t.db }

// SetDB selects a database for the following operations. It must exist.
func (t *Txn) SetDB(db int) { t.db = db }

// Engine returns the engine the transaction works on.
func (t *Txn) Engine() *Engine { return t.e }

// KeepStamps makes the transaction's reads leave access stamps, which
// IdleSeconds tells, as they are, or not any more. TouchMany stamps all the same.
func (t *Txn) KeepStamps(keep bool) { t.keepStamps = keep }

// Now returns the transaction's time in Unix milliseconds: the same at every
// call, but that taking shards, or a read of several keys, may make it later.
func (t *Txn) Now() int64 {
	if t.now == 0 {
		t.now = t.e.clock.NowMs()
	}
	return t.now
}

// LockKeys locks the shards of the keys args[first], args[first+step], ... up
// to args[last], in ascending order, until End. It must come before any other
// operation of the transaction, once.
func (t *Txn) LockKeys(args [][]byte, first, last, step int) {
	for i := first; i <= last; i += step {
		t.Want(args[i])
	}
	t.LockWanted()
}

// Want adds the shard of key to those that LockWanted takes, for callers whose
// keys are not evenly spaced.
func (t *Txn) Want(key []byte) { t.wantShard(t.e.shardOf(hashKey(key))) }

func (t *Txn) wantShard(s *shard) { t.held[s.id>>6] |= 1 << (uint(s.id) & 63) }

// LockAll locks every shard until End. Like LockKeys, it comes first.
func (t *Txn) LockAll() {
	for id := range uint(len(t.e.shards)) {
		t.held[id/64] |= 1 << (id % 64)
	}
	t.LockWanted()
}

// LockWanted locks the shards collected by Want until End. In ascending order: with
// every transaction doing so, no cycle of waiters can form.
func (t *Txn) LockWanted() {
	for w, word := range t.held {
		for ; word != 0; word &= word - 1 {
			t.e.shards[w*64+bits.TrailingZeros64(word)].mu.lock()
			t.locked = true
		}
	}
	t.catchUp()
}

// Locked reports whether the transaction holds shards until End.
func (t *Txn) Locked() bool { return t.locked }

// End makes the transaction's changes visible and releases what it holds.
func (t *Txn) End() {
	switch {
	case !t.locked:
	case len(t.ready) > 0:
		t.endServing()
	default:
		t.release()
	}
}

// release is End without regard to who waits for what was changed.
func (t *Txn) release() {
	if len(t.gathered.recs) > 0 {
		t.handOver()
	}
	for i, ks := range t.frozen {
		ks.frozen = false
		ks.table.Thaw()
		t.frozen[i] = nil
	}
	t.frozen = t.frozen[:0]
	for w, word := range t.held {
		for ; word != 0; word &= word - 1 {
			t.e.shards[w*64+bits.TrailingZeros64(word)].mu.unlock()
		}
		t.held[w] = 0
	}
	t.locked = false
}

// holds reports whether s is held until End.
func (t *Txn) holds(s *shard) bool {
	return t.locked && t.held[s.id>>6]&(1<<(uint(s.id)&63)) != 0
}

// enter locks s for one operation unless it is held until End.
func (t *Txn) enter(s *shard) {
	if !t.locked {
		s.mu.lock()
		t.inside = s
		return
	}
	if !t.holds(s) {
		panic("engine: operation on a shard that the transaction did not lock")
	}
}

// leave undoes enter.
func (t *Txn) leave(s *shard) {
	switch {
	case t.locked:
	case len(t.ready) > 0:
		// Who waits for the key gets it in the same step: from here on the
		// operation is a transaction that holds the shard.
		t.inside = nil
		t.wantShard(s)
		t.locked = true
		t.endServing()
	default:
		t.inside = nil
		s.mu.unlock()
	}
}

// Inside reports whether the transaction holds a lock at this moment. After a
// panic it tells that shared state may be half changed.
func (t *Txn) Inside() bool { return t.locked || t.inside != nil }

// freeze keeps lock-free readers off ks until End, so that they see all of a
// transaction's changes or none. A single operation needs none of it: its one
// change of the index is atomic by itself. REQUIRES: ks's shard is locked.
func (t *Txn) freeze(ks *keyspace) {
	if !t.locked {
		return
	}
	if ks.frozen {
		return
	}
	ks.frozen = true
	ks.table.Freeze()
	t.frozen = append(t.frozen, ks)
}

// open enters key's shard and locates the key there; leave the shard when done.
func (t *Txn) open(key []byte, n *entry) *shard {
	h := hashKey(key)
	s := t.e.shardOf(h)
	t.enter(s)
	t.locate(s, h, key, n)
	return s
}

// locate finds key in the selected database; an expired one is removed first,
// as Redis does on access, except within AsStored. REQUIRES: s is locked by enter.
func (t *Txn) locate(s *shard, h uint64, key []byte, n *entry) {
	s.find(t.db, h, key, n)
	if n.found() && n.hdr.Volatile() && n.rec.ExpireAt(n.hdr) <= t.Now() && !t.showLapsed {
		t.expire(s, n, key)
		n.lose()
	}
}
