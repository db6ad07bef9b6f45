package engine

import (
	"runtime"
	"testing"
)

// TestLockSlices: background work goes on to the end of its budget while it is
// alone, and ends after the unit in which somebody begins to wait for the lock.
func TestLockSlices(t *testing.T) {
	var l shardLock
	l.lock()
	sum := 0
	if !l.slices(100, 8, func(unit int) bool { sum += unit; return true }) || sum != 104 {
		t.Errorf("alone: %d of 100 done", sum)
	}
	if l.slices(100, 8, func(int) bool { return false }) {
		t.Error("there is more after the end")
	}

	got := make(chan struct{})
	units := 0
	more := l.slices(1000, 1, func(int) bool {
		if units++; units == 3 {
			go func() {
				l.lock()
				close(got)
			}()
			for l.wanted.Load() == 0 {
				runtime.Gosched()
			}
		}
		return true
	})
	if !more || units != 3 {
		t.Errorf("%d units, more: %v", units, more)
	}
	l.unlock()
	l.giveWay()
	<-got
	if l.wanted.Load() != 0 || l.waits.Load() != 1 {
		t.Errorf("%d wait, %d have waited", l.wanted.Load(), l.waits.Load())
	}
	l.unlock()
}
