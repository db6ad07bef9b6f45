package alloc

import (
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	mapNoReserve = unix.MAP_NORESERVE
	adviseGone   = unix.MADV_DONTNEED
)

// adviseHuge asks for (or forbids) huge pages behind [p,p+n). It is a hint.
func adviseHuge(p unsafe.Pointer, n int, on bool) {
	advice := unix.MADV_NOHUGEPAGE
	if on {
		advice = unix.MADV_HUGEPAGE
	}
	_ = unix.Madvise(unsafe.Slice((*byte)(p), n), advice)
}

// populate makes the memory behind p come as a write would, where the system can:
// in a system call, so that the Go scheduler need not wait for the thread.
func populate(p unsafe.Pointer) {
	_ = unix.Madvise(unsafe.Slice((*byte)(p), 1), unix.MADV_POPULATE_WRITE)
}

// gently runs fn on a thread that gives way to others, and waits for it. It is a
// thread of its own, which ends with fn: one that has stepped back may, without
// privileges, never come forward again.
func gently(fn func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() { // the first, which would not end, and for many tools stands for the process
			defer runtime.UnlockOSThread()
			gently(fn)
			return
		}
		stepBack()
		fn()
	}()
	<-ended
}

const (
	// backSteps is how much less a thread that steps back is worth than it was: by
	// so many of the system's steps of nice, a tenth. With less than that, some of
	// those who wake up have had more than their share and must wait for a turn;
	// with the least, or SCHED_IDLE, a processor that never idles would keep it from
	// finishing, and others from the memory map, for seconds.
	backSteps = 10
	leastNice = 19
	// backSlice is how long its turns may be. Who wakes up and has shorter ones
	// takes the processor at once (Linux 6.12; before that it means nothing).
	backSlice = 100 * time.Millisecond
)

// stepBack makes the calling thread give way to others. It is for good, and a hint.
func stepBack() {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL {
		return // whoever chose another policy knows why
	}
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{
		Policy: unix.SCHED_NORMAL, Nice: min(attr.Nice+backSteps, leastNice), Runtime: uint64(backSlice),
	}, 0)
}

// From linux/membarrier.h.
const (
	membarrierPrivateExpedited         = 1 << 3
	membarrierRegisterPrivateExpedited = 1 << 4
)

// ProcessBarrier returns a function that makes every running thread of the
// process pass a full memory barrier before it returns, or nil where the
// system has none. It costs a few microseconds and lets frequent, cheap
// announcements go without barriers of their own (engine/epoch).
func ProcessBarrier() func() {
	call := func(cmd uintptr) bool {
		_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, cmd, 0, 0)
		return errno == 0
	}
	if !call(membarrierRegisterPrivateExpedited) || !call(membarrierPrivateExpedited) {
		return nil
	}
	return func() {
		if !call(membarrierPrivateExpedited) {
			// It worked at start; readers rely on it, so going on would be
			// a silent use after free.
			panic("alloc: membarrier failed after it had been registered")
		}
	}
}
