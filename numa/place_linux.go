package numa

import (
	"math/bits"
	"os"
	"reflect"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// canPin: this system has thread affinity.
const canPin = true

// maxNodes is MAX_NUMNODES of the largest kernel configuration.
const maxNodes = 1024

// nodeMasks holds one single-node mask for each node, in the kernel's layout (an
// array of unsigned long). It is a package variable because mbind is given its
// address as a number: package variables never move and are never collected.
var nodeMasks [maxNodes][maxNodes / bits.UintSize]uint

var fillNodeMasks = sync.OnceFunc(func() {
	for n := range nodeMasks {
		nodeMasks[n][n/bits.UintSize] = 1 << (n % bits.UintSize)
	}
})

// processMask is the affinity mask the process started with. It is read once,
// from the main thread and before anything was pinned, so that neither Unpin nor
// a later Detect takes a worker's single CPU for the mask.
var processMask = sync.OnceValues(func() (CPUSet, error) {
	mask := unix.NewCPUSet(MaxCPUs)
	if err := unix.SchedGetaffinityDynamic(os.Getpid(), mask); err != nil {
		return CPUSet{}, os.NewSyscallError("sched_getaffinity", err)
	}
	var s CPUSet
	for id := MaxCPUs - 1; id >= 0; id-- {
		if mask.IsSet(id) {
			s.add(id)
		}
	}
	return s, nil
})

// Pin locks the calling goroutine to its OS thread and the thread to one CPU.
// After an error (always a *PlacementError) neither is locked; the caller goes on
// unpinned. Each success is undone by one Unpin on the same goroutine. A
// goroutine that ends pinned takes its thread with it, so no other goroutine
// inherits the CPU; neither do new threads, which the runtime starts from an
// unlocked one.
func Pin(cpu int) error {
	if cpu < 0 || cpu >= MaxCPUs {
		return &PlacementError{Op: "pin", Target: cpu, Err: syscall.EINVAL}
	}
	if _, err := processMask(); err != nil {
		return &PlacementError{Op: "pin", Target: cpu, Err: err}
	}
	runtime.LockOSThread()
	if err := setAffinity(NewCPUSet(cpu)); err != nil {
		runtime.UnlockOSThread()
		return &PlacementError{Op: "pin", Target: cpu, Err: err}
	}
	return nil
}

// Unpin gives the thread of the calling goroutine the process's own mask back and
// unlocks the goroutine from it. It belongs to a successful Pin. After an error
// the goroutine stays locked: a thread tied to one CPU must not serve others.
func Unpin() error {
	mask, err := processMask()
	if err == nil {
		err = setAffinity(mask)
	}
	if err != nil {
		return &PlacementError{Op: "unpin", Target: -1, Err: err}
	}
	runtime.UnlockOSThread()
	return nil
}

// setAffinity sets the mask of the calling thread.
func setAffinity(s CPUSet) error {
	mask := unix.NewCPUSet(MaxCPUs)
	for _, id := range s.IDs() {
		mask.Set(id)
	}
	return unix.SchedSetaffinityDynamic(0, mask)
}

// Bind makes node the preferred source of the pages of [addr, addr+length) that
// have not been touched yet (mbind with MPOL_PREFERRED); pages there already stay
// where they are. addr must be page-aligned and the range mapped; the length is
// rounded up to pages. Every error is a *PlacementError; one that matches
// ErrRefused leaves the memory as it was, usable.
func Bind(addr uintptr, length, node int) error {
	fail := func(err error) error { return &PlacementError{Op: "bind", Target: node, Err: err} }
	// The kernel answers EINVAL to a misaligned range as to a forbidden node.
	if length <= 0 || addr%uintptr(os.Getpagesize()) != 0 {
		return fail(ErrMisaligned)
	}
	if node < 0 || node >= maxNodes {
		return fail(syscall.EINVAL)
	}
	fillNodeMasks()
	mask := reflect.ValueOf(&nodeMasks[node]).Pointer()
	// The kernel takes maxnode for one more than the number of bits.
	_, _, errno := unix.Syscall6(unix.SYS_MBIND, addr, uintptr(length), unix.MPOL_PREFERRED, mask, maxNodes+1, 0)
	if errno != 0 {
		return fail(errno)
	}
	return nil
}
