package engine

import (
	"runtime"
	"testing"
	"time"
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
			for !l.wanted() {
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
	if l.wanted() || l.waits.Load() != 1 {
		t.Errorf("%d have waited, %d of them have had the lock", l.waits.Load(), l.served.Load())
	}
	l.unlock()
}

// TestLockGiveWay: who has parked gets the lock before background work has it again.
func TestLockGiveWay(t *testing.T) {
	var l shardLock
	for range 100 {
		l.lock()
		came := l.waits.Load()
		got := make(chan struct{})
		go func() {
			l.lock()
			l.unlock()
			close(got)
		}()
		for l.waits.Load() == came {
			runtime.Gosched()
		}
		for begun := time.Now(); time.Since(begun) < 100*time.Microsecond; { // it parks meanwhile
			runtime.Gosched()
		}
		l.unlock()
		l.giveWay()
		if l.wanted() {
			t.Fatal("given way, and the waiter has not had the lock")
		}
		<-got
	}
}
