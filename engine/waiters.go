package engine

import (
	"sync"
	"sync/atomic"
)

// Waiter is a call that found nothing to do and waits for its keys to change.
// It is served by whoever changes one of them, on that lane, before the change
// is seen by anybody else where the shards allow it: first come, first served,
// key by key.
//
// The fields are set before Wait and do not change any more.
type Waiter struct {
	// DB and Keys are what is waited for. A key is gone from one database and
	// comes to another with SWAPDB; a Waiter stays with the database.
	DB   int
	Keys [][]byte
	// Also is one more key whose shard Serve needs, or nil.
	Also []byte
	// WhenGone makes it served also when a key is removed.
	WhenGone bool
	// Serve tries again, in t, with the shard of the changed key and that of Also
	// held: of the other keys those for which t.Reaches. It reports whether that
	// ends the wait. It must do nothing but operations of t, and nothing that
	// waits.
	Serve func(t *Txn) bool
	// Done is called after Serve has returned true and t has ended, on the same
	// goroutine, with the journal's round that took the changes, 0 if none did.
	Done func(round uint64)

	mu     sync.Mutex // held during Serve
	over   bool       // served or cancelled
	turns  []turn
	queued atomic.Int32 // turns that are in queues
}

// turn is a Waiter's turn in the queue of one key. Owned by the key's shard.
type turn struct {
	s          *shard // constant since Wait
	w          *Waiter
	q          *queue // nil: not in it
	prev, next *turn
}

// queue is who waits for one key. Owned by the shard.
type queue struct {
	s           *shard
	name        watchKey
	first, last *turn
	gone        int  // of them with WhenGone
	ready       bool // in some transaction's list
}

// later is a queue whose first Waiter needs a shard that is not held and cannot be
// had at once.
type later struct {
	q    *queue
	also []byte
}

// Wait puts w at the end of its keys' queues. The shards of the keys must be
// held, and have been held since the caller found nothing to do.
func (t *Txn) Wait(w *Waiter) {
	w.turns = make([]turn, len(w.Keys))
	for i, key := range w.Keys {
		s := t.e.shardOf(hashKey(key))
		t.enter(s)
		name := watchKey{w.DB, string(key)}
		q := s.waiting[name]
		if q == nil {
			q = &queue{s: s, name: name}
			s.waiting[name] = q
		}
		if q.last == nil || q.last.w != w { // a key may be named twice
			q.push(&w.turns[i], w)
		}
		t.leave(s)
	}
}

func (q *queue) push(p *turn, w *Waiter) {
	*p = turn{s: q.s, w: w, q: q, prev: q.last}
	if q.last != nil {
		q.last.next = p
	} else {
		q.first = p
	}
	q.last = p
	if w.WhenGone {
		q.gone++
	}
	w.queued.Add(1)
}

func (q *queue) remove(p *turn) {
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		q.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		q.last = p.prev
	}
	p.q = nil
	if p.w.WhenGone {
		q.gone--
	}
	p.w.queued.Add(-1)
	if q.first == nil {
		delete(q.s.waiting, q.name)
	}
}

// Cancel ends the wait unless it was served, and reports whether it did: Serve
// is not called any more then, and Done never. Any goroutine that holds no
// shard.
func (w *Waiter) Cancel() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return false
	}
	w.over = true
	return true
}

// Leave takes the Waiter out of the queues it is still in. Call it when the wait
// is over; any goroutine that holds no shard.
func (w *Waiter) Leave() {
	for i := range w.turns {
		if w.queued.Load() == 0 {
			return
		}
		if p := &w.turns[i]; p.s != nil {
			p.leave()
		}
	}
}

func (p *turn) leave() {
	p.s.mu.lock()
	defer p.s.mu.unlock()
	if p.q != nil {
		p.q.remove(p)
	}
}

// Waiting returns the number of keys that are waited for.
func (e *Engine) Waiting() int {
	n := 0
	for _, s := range e.shards {
		s.mu.lock()
		n += len(s.waiting)
		s.mu.unlock()
	}
	return n
}

// Reaches reports whether the transaction may work on key: a transaction that
// holds shards is confined to them.
func (t *Txn) Reaches(key []byte) bool {
	return !t.locked || t.holds(t.e.shardOf(hashKey(key)))
}

// signal notes the queues that an effect concerns, to be served when the
// transaction, or the operation that is one, ends. REQUIRES: s is locked by
// enter.
func (t *Txn) signal(s *shard, ef *Effect) {
	switch ef.Kind {
	case EffectFlush:
		for name, q := range s.waiting {
			if name.db == ef.DB && q.gone > 0 {
				t.awaken(q)
			}
		}
	case EffectSwap:
		for name, q := range s.waiting {
			if name.db == ef.DB || name.db == ef.OtherDB {
				t.awaken(q)
			}
		}
	default:
		if q := s.waiting[watchKey{ef.DB, string(ef.Key)}]; q != nil && (ef.Kind.brings() || q.gone > 0) {
			t.awaken(q)
		}
	}
}

func (t *Txn) awaken(q *queue) {
	if !q.ready {
		q.ready = true
		t.ready = append(t.ready, q)
	}
}

// brings reports whether an effect of the kind may give a key something to take.
func (k EffectKind) brings() bool {
	return k != EffectRemove && k != EffectExpire && k != EffectSplice && !k.shrinks()
}

// endServing ends a transaction that holds shards and has changed keys that are waited
// for. What can be served with the shards it holds is part of it. For the rest
// other shards are locked afterwards, in ascending order as always.
func (t *Txn) endServing() {
	db := t.db
	for {
		t.serve()
		t.release()
		round := t.lane.round
		for i, w := range t.served {
			t.served[i] = nil
			w.Done(round)
		}
		t.served = t.served[:0]
		k := len(t.later) - 1
		if k < 0 {
			break
		}
		l := t.later[k]
		t.later = t.later[:k]
		t.Want([]byte(l.q.name.key))
		t.Want(l.also)
		t.LockWanted()
		if l.q.s.waiting[l.q.name] == l.q {
			t.awaken(l.q)
		}
	}
	t.db = db
}

// serve serves the queues in the order in which they were awoken; serving may
// awaken more.
func (t *Txn) serve() {
	for i := 0; i < len(t.ready); i++ {
		q := t.ready[i]
		t.ready[i] = nil
		t.serveQueue(q)
		q.ready = false
	}
	t.ready = t.ready[:0]
}

// serveQueue serves those who wait for one key, in their order, as long as the
// key is there.
func (t *Txn) serveQueue(q *queue) {
	key := []byte(q.name.key)
	for p := q.first; p != nil; {
		w, next := p.w, p.next
		t.db = q.name.db
		if !w.WhenGone && !t.holdsValue(key) {
			if q.gone == 0 {
				return
			}
			p = next
			continue
		}
		if w.Also != nil && !t.Reaches(w.Also) && !t.reach(w.Also) {
			t.later = append(t.later, later{q, w.Also}) // nobody behind may come first
			return
		}
		w.mu.Lock()
		served := !w.over && w.Serve(t)
		over := served || w.over
		w.over = over
		w.mu.Unlock()
		if over {
			q.remove(p)
		}
		if served {
			t.served = append(t.served, w)
		}
		p = next
	}
}

// reach takes the shard of key in addition to those that the transaction holds,
// out of order, if it gets it without waiting for long, and reports whether it did:
// then who needs it is served in the same step as what he waits for came in, and
// nobody can be faster. Whoever holds it may wait for one that this transaction
// holds, so there is an end to trying.
func (t *Txn) reach(key []byte) bool {
	s := t.e.shardOf(hashKey(key))
	for i := range reachAttempts {
		if s.mu.mu.TryLock() {
			t.wantShard(s)
			return true
		}
		pause(i)
	}
	return false
}

// reachAttempts are some 20 us: others hold a shard for less than one, and for 50
// in the background.
const reachAttempts = 1024

// holdsValue reports whether key exists. REQUIRES: its shard is held.
func (t *Txn) holdsValue(key []byte) bool {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	return n.found()
}
