package engine

import (
	"sync"
	"sync/atomic"
)

// spinAttempts is how often a lock is tried before its waiter parks. A shard
// is held for some 100–300 ns, so a waiter nearly always gets it while
// spinning; parking an event loop costs several microseconds and two context
// switches. Past this many tries the holder has most likely lost its CPU, and
// then parking is right.
const spinAttempts = 64

// shardLock is a mutex that spins briefly, with growing pauses, before it
// parks.
type shardLock struct {
	mu    sync.Mutex
	waits atomic.Uint64 // acquisitions that found the lock taken
}

func (l *shardLock) lock() {
	if l.mu.TryLock() {
		return
	}
	l.lockSlow()
}

func (l *shardLock) lockSlow() {
	l.waits.Add(1)
	for i := range spinAttempts {
		pause(i)
		if l.mu.TryLock() {
			return
		}
	}
	l.mu.Lock()
}

func (l *shardLock) unlock() { l.mu.Unlock() }

// pauseSink keeps the compiler from dropping the loop in pause.
var pauseSink atomic.Uint32

// pause wastes a few nanoseconds, more with each attempt, without touching
// memory that others write.
func pause(attempt int) {
	for range min(attempt, 16) * 4 {
		_ = pauseSink.Load()
	}
}
