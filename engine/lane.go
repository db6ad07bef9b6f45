package engine

import (
	"math/rand/v2"
	"sync/atomic"

	"hpkv/engine/epoch"
)

// Counters are totals of what lanes did.
type Counters struct {
	Hits, Misses uint64 // read look-ups of keys, as INFO's keyspace_hits and _misses
	Retries      uint64 // optimistic reads that met a writer
	Fallbacks    uint64 // of those, reads that ended up taking the lock
}

func (c *Counters) add(o Counters) {
	c.Hits += o.Hits
	c.Misses += o.Misses
	c.Retries += o.Retries
	c.Fallbacks += o.Fallbacks
}

// Lane is one thread of execution on an engine: a worker, a goroutine. It owns
// a reader's announcement, a transaction, counters and scratch memory, all
// reused, so that operations allocate nothing. A Lane is not safe for
// concurrent use.
type Lane struct {
	e     *Engine
	slot  *epoch.Slot
	txn   Txn
	nowMs int64  // fixed time for transactions, or 0
	round uint64 // see TakeRound

	count     Counters // owned by the lane
	published struct { // what other goroutines may see
		hits, misses, retries, fallbacks atomic.Uint64
	}

	buf     []byte              // scratch: previous values, results
	keyBuf  []byte              // scratch: a key that outlives its record
	batch   Batch               // scratch: multi-key reads
	chunk   chunk               // scratch: parts of collections that are copied
	items   [][]byte            // scratch: elements of an effect
	digits  [maxIntLen + 4]byte // scratch: an integer as a string
	numbers [16]byte            // scratch: numbers of an effect
	rng     rand.PCG

	gathering gathering           // scratch: elements that outlive their collection
	views     []setView           // scratch: the sets of an operation
	digits2   [maxIntLen + 4]byte // scratch: another integer as a string
	work      []byte              // scratch: a packed value in the making
	join      join                // scratch: see join
}

// NewLane returns a lane; Close it when its owner ends.
func (e *Engine) NewLane() *Lane {
	l := &Lane{e: e, slot: e.readers.Register()}
	l.txn.lane, l.txn.e = l, e
	l.txn.held = make([]uint64, (len(e.shards)+63)/64)
	l.rng.Seed(rand.Uint64(), rand.Uint64())
	e.lanes.Lock()
	e.lanes.open[l] = struct{}{}
	e.lanes.Unlock()
	return l
}

// Close gives the lane up. Its last transaction must have ended; a read that a
// panic cut short is forgotten.
func (l *Lane) Close() {
	l.slot.Abandon()
	l.Publish()
	l.e.lanes.Lock()
	delete(l.e.lanes.open, l)
	l.e.lanes.past.add(l.count)
	l.e.lanes.Unlock()
	l.e.readers.Unregister(l.slot)
}

// Engine returns the engine the lane works on.
func (l *Lane) Engine() *Engine { return l.e }

// SetNow fixes the time, in Unix milliseconds, that following transactions
// see, so that a batch of commands reads the clock once. 0 goes back to
// reading the clock in each transaction that needs it.
func (l *Lane) SetNow(ms int64) { l.nowMs = ms }

// Publish makes the lane's counters visible to Engine.Counters, and gives scratch
// memory up that is too large to be kept. Cheap; call it once a batch.
func (l *Lane) Publish() {
	if cap(l.buf) > keepScratch || cap(l.items) > keepItems {
		l.Forget()
	}
	p := &l.published
	for _, c := range [...]struct {
		to *atomic.Uint64
		n  uint64
	}{{&p.hits, l.count.Hits}, {&p.misses, l.count.Misses}, {&p.retries, l.count.Retries}, {&p.fallbacks, l.count.Fallbacks}} {
		if c.to.Load() != c.n { // a store is a fence
			c.to.Store(c.n)
		}
	}
}

// keepItems is how many elements of an effect the lane keeps memory for.
const keepItems = 16 << 10

// Forget gives up what operations have left behind in the lane, which refers to
// their arguments too. No transaction is open, and no result is used any more.
func (l *Lane) Forget() {
	l.txn.effect, l.txn.view = Effect{}, view{}
	l.buf, l.keyBuf, l.items, l.work, l.views = nil, nil, nil, nil, nil
	l.batch, l.gathering = Batch{}, gathering{}
}

// Counters sums what all lanes published.
func (e *Engine) Counters() Counters {
	e.lanes.Lock()
	defer e.lanes.Unlock()
	sum := e.lanes.past
	for l := range e.lanes.open {
		sum.add(Counters{
			Hits:      l.published.hits.Load(),
			Misses:    l.published.misses.Load(),
			Retries:   l.published.retries.Load(),
			Fallbacks: l.published.fallbacks.Load(),
		})
	}
	return sum
}
