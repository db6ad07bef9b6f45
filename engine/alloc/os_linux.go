package alloc

import (
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

// unite makes a huge page of what is behind the chunk at p, where the system can.
func unite(p unsafe.Pointer) {
	_ = unix.Madvise(unsafe.Slice((*byte)(p), chunkBytes), unix.MADV_COLLAPSE)
}

// touchElsewhere takes a huge page of other memory, and gives it back.
func touchElsewhere() {
	const n = 2 * chunkBytes // one of it is aligned
	m, err := reserve(n)
	if err != nil {
		return
	}
	if commit(m, n) == nil {
		p := unsafe.Add(m, -uintptr(m)&(chunkBytes-1))
		adviseHuge(p, chunkBytes, true)
		populate(p)
	}
	_ = unreserve(m, n)
}

// threadTime returns the CPU time of the calling thread.
func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
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
