package alloc

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestGently: what is done gently is done on a thread that is worth less than the
// others, and neither the first thread of the process nor one that goes on to do
// other work is made that.
func TestGently(t *testing.T) {
	nice := func() int {
		attr, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			t.Skip("the system does not tell how threads are scheduled: ", err)
		}
		if attr.Policy != unix.SCHED_NORMAL {
			t.Skip("the tests run with policy ", attr.Policy)
		}
		return int(attr.Nice)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := nice()
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Nice: int32(before)}, 0); err != nil {
		t.Skip("the system does not change how threads are scheduled: ", err)
	}
	others := make(map[int]bool)
	for range 50 {
		ran := false
		gently(func() {
			ran = true
			if got, want := nice(), min(before+backSteps, leastNice); got != want {
				t.Errorf("nice %d, want %d", got, want)
			}
			if others[unix.Gettid()] = true; unix.Gettid() == os.Getpid() {
				t.Error("on the main thread")
			}
		})
		if !ran {
			t.Fatal("not done")
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if got := nice(); got != before {
				t.Errorf("nice %d afterwards, was %d", got, before)
			}
		}()
		<-done
	}
	if others[unix.Gettid()] || nice() != before {
		t.Error("the caller's thread was taken")
	}
}
