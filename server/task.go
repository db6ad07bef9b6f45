package server

import (
	"context"
	"sync"
	"time"
)

// task is the history of something that runs in the background, one at a time.
type task struct {
	mu       sync.Mutex
	since    time.Time // zero: it does not run
	last     time.Duration
	ended    time.Time // the last run
	runs     int64
	failures int64 // in a row
	cancel   context.CancelFunc
	done     chan struct{} // closed when it has ended
}

// begin notes the start of a run; false if one is under way.
func (t *task) begin(cancel context.CancelFunc) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.since.IsZero() {
		return false
	}
	t.since, t.cancel, t.done = time.Now(), cancel, make(chan struct{})
	return true
}

// end notes the end of a run in the background.
func (t *task) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = max(time.Since(t.since), 1)
	if err != nil {
		t.failures++
	}
	t.endLocked(err)
}

// endAwaited notes the end of a run that somebody waited for. How long it took is
// no secret, and a failure was told: as in Redis neither is kept.
func (t *task) endAwaited(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endLocked(err)
}

func (t *task) endLocked(err error) {
	t.since, t.ended = time.Time{}, time.Now()
	t.runs++
	if err == nil {
		t.failures = 0
	}
	close(t.done)
}

// running reports whether a run is under way.
func (t *task) running() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.since.IsZero()
}

// failedWithin reports whether the last run failed less than so long ago.
func (t *task) failedWithin(d time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failures > 0 && time.Since(t.ended) < d
}

// abandon has a run that is under way end, and does not wait for it.
func (t *task) abandon() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.since.IsZero() {
		t.cancel()
	}
}

// stop ends a run that is under way and waits for it.
func (t *task) stop() {
	t.mu.Lock()
	cancel, done := t.cancel, t.done
	if t.since.IsZero() {
		cancel = nil
	}
	t.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}
