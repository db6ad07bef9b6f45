package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// spinAttempts is how often a lock is tried before its waiter parks: for some
// 10 us. A shard is held for some 100–300 ns, by background work for a
// microsecond or two once somebody waits, so a waiter nearly always gets it while
// spinning. Parking is dear: it takes two context switches, and where all
// processors have work, as with background work on a small machine, the waiter gets
// one again only when that pauses, after up to a millisecond. Past this many tries
// the holder has most likely lost its CPU, and then parking is right.
const spinAttempts = 512

// shardLock is a mutex that spins, with growing pauses, before it parks.
type shardLock struct {
	mu     sync.Mutex
	waits  atomic.Uint64 // acquisitions that found the lock taken
	wanted atomic.Int32  // of them, those that still wait
}

func (l *shardLock) lock() {
	if l.mu.TryLock() {
		return
	}
	l.lockSlow()
}

func (l *shardLock) lockSlow() {
	l.waits.Add(1)
	l.wanted.Add(1)
	defer l.wanted.Add(-1)
	for i := range spinAttempts {
		pause(i)
		if l.mu.TryLock() {
			return
		}
	}
	l.mu.Lock()
}

func (l *shardLock) unlock() { l.mu.Unlock() }

// giveWay lets those who wait for the lock have it first, for a while: background
// work calls it before it takes the lock, or it would have it again before they
// have seen that it was free.
func (l *shardLock) giveWay() {
	for i := range spinAttempts {
		if l.wanted.Load() == 0 {
			return
		}
		pause(i)
	}
	runtime.Gosched() // they may be parked, and wait for this processor
}

// slices has step do up to budget units of background work, unit by unit, until
// there is no more or somebody waits for the lock, and reports whether there is
// more. A unit should take no more than a few microseconds. REQUIRES: l is held.
func (l *shardLock) slices(budget, unit int, step func(unit int) (more bool)) (more bool) {
	for more = true; more && budget > 0; budget -= unit {
		if more = step(unit); l.wanted.Load() != 0 {
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
