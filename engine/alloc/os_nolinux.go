//go:build unix && !linux

package alloc

import (
	"time"
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

func touchElsewhere() {}

func threadTime() time.Duration { return 0 }

// ProcessBarrier returns nil: this system has no process-wide barrier.
func ProcessBarrier() func() { return nil }
