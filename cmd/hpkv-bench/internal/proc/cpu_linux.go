package proc

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cpuClock reads the CPU clock of another process. The clock id encodes the
// pid as clock_getcpuclockid(3) does: the inverted pid above three bits, of
// which 2 means the scheduler's exact clock.
func cpuClock(pid int) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
		return 0, err
	}
	return time.Duration(ts.Nano()), nil
}

// childAttributes makes the child die with the thread that started it; the
// runtime keeps that thread, as OnCPUs unlocks it. Its own process group keeps
// the terminal's interrupt from it, so that it is ended in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// Allowed returns the processors this process may use, ascending.
func Allowed() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	var cpus []int
	for i := 0; len(cpus) < set.Count(); i++ {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus
}

// OnCPUs runs f on a thread confined to the given processors (none: no
// confinement) and then gives the thread its old affinity back. A process
// that f starts inherits the confinement.
func OnCPUs(cpus []int, f func() error) error {
	if len(cpus) == 0 {
		return f()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return err
	}
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &old)
	return f()
}

// SelfOnCPUs is OnCPUs for this whole process: every thread it has, and those
// that they start. For work of many goroutines that share threads.
func SelfOnCPUs(cpus []int, f func() error) error {
	if len(cpus) == 0 {
		return f()
	}
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	var old unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return err
	}
	if err := confine(&set); err != nil {
		return err
	}
	defer confine(&old)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(len(cpus)))
	return f()
}

// confine sets the affinity of every thread. A thread may just be starting
// another, so it goes on until there is none left to change, or, as the system
// may take away processors that are asked for, for some passes.
func confine(set *unix.CPUSet) error {
	const passes = 5
	changed := true
	for pass := 0; changed && pass < passes; pass++ {
		changed = false
		entries, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, e := range entries {
			tid, err := strconv.Atoi(e.Name())
			if err != nil {
				return err
			}
			var now unix.CPUSet
			if err = unix.SchedGetaffinity(tid, &now); err == nil && now != *set {
				changed = true
				err = unix.SchedSetaffinity(tid, set)
			}
			if err != nil && err != unix.ESRCH { // it may have ended
				return err
			}
		}
	}
	return nil
}

// ThreadDelay returns a function that reads how long the calling thread has
// been ready to run but waiting for a processor, 0 if the kernel does not
// tell. The goroutine must be locked to its thread.
func ThreadDelay() func() time.Duration {
	name := fmt.Sprintf("/proc/self/task/%d/schedstat", unix.Gettid())
	return func() time.Duration {
		text, err := os.ReadFile(name)
		if err != nil {
			return 0
		}
		d, _ := parseRunDelay(text)
		return d
	}
}

// CanPin tells whether OnCPUs has an effect.
const CanPin = true
