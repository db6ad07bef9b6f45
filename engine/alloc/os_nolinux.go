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

func unite(unsafe.Pointer) {}

func allowHuge(bool) bool { return false }

func threadTime() int64 { return 0 }

// ProcessBarrier returns nil: this system has no process-wide barrier.
func ProcessBarrier() func() { return nil }
