package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// spinAttempts is how often a lock is tried before its waiter parks: for some
// 10 us. A shard is held for some 100–300 ns, by background work for a
// microsecond or two once somebody waits, so a waiter nearly always gets it while
// spinning. Parking is dear: it takes two context switches, and where all
// processors have work, as with background work on a small machine, the waiter gets
// one again only when that pauses, after up to a millisecond. Past this many tries
// the holder has most likely lost its CPU, and then parking is right.
const spinAttempts = 512

// wakePause is how long background work sleeps, at least, between two looks whether
// those whom it lets have a lock have woken up.
const wakePause = 10 * time.Microsecond

// shardLock is a mutex that spins, with growing pauses, before it parks.
type shardLock struct {
	mu     sync.Mutex
	waits  atomic.Uint64 // acquisitions that found the lock taken
	served atomic.Uint64 // of them, those that have got it since
}

func (l *shardLock) lock() {
	if l.mu.TryLock() {
		return
	}
	l.lockSlow()
}

func (l *shardLock) lockSlow() {
	l.waits.Add(1)
	defer l.served.Add(1)
	for i := range spinAttempts {
		pause(i)
		if l.mu.TryLock() {
			return
		}
	}
	l.mu.Lock()
}

func (l *shardLock) unlock() { l.mu.Unlock() }

// wanted reports whether somebody waits for the lock.
func (l *shardLock) wanted() bool { return l.served.Load() != l.waits.Load() }

// giveWay returns when as many as wait for the lock now have had it: background work
// calls it before it takes the lock. It would have it again before a waiter that spins
// has seen that it was free, and long before one that has parked has been woken; a
// sync.Mutex lets it overtake those for a millisecond. That millisecond is also why it
// returns at all, however many come later. The caller must hold no lock that a waiter
// may need.
func (l *shardLock) giveWay() {
	came := l.waits.Load()
	for i := 0; l.served.Load() < came; i++ {
		if i < spinAttempts {
			pause(i)
		} else {
			time.Sleep(wakePause) // they have parked, and wake up sooner where a processor is free
		}
	}
}

// slices has step do up to budget units of background work, unit by unit, until
// there is no more or somebody waits for the lock, and reports whether there is
// more. A unit should take no more than a few microseconds. REQUIRES: l is held.
func (l *shardLock) slices(budget, unit int, step func(unit int) (more bool)) (more bool) {
	for more = true; more && budget > 0; budget -= unit {
		if more = step(unit); l.wanted() {
			break
		}
	}
	return more
}

// pauseSink keeps the compiler from dropping the loop in pause.
var pauseSink atomic.Uint32

// pause wastes a few nanoseconds, more with each attempt, without touching
// memory that others write.
func pause(attempt int) {
	for range min(attempt, 16) * 4 {
		_ = pauseSink.Load()
	}
}
