//go:build unix && !linux

package alloc

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	mapNoReserve = 0
	adviseGone   = unix.MADV_FREE
)

func adviseHuge(unsafe.Pointer, int, bool) {}

func populate(unsafe.Pointer) {}

// ProcessBarrier returns nil: this system has no process-wide barrier.
func ProcessBarrier() func() { return nil }
