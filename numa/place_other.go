//go:build !linux

package numa

import "errors"

// canPin: only Linux has thread affinity that binds.
const canPin = false

func processMask() (CPUSet, error) { return CPUSet{}, errors.ErrUnsupported }

// Pin is refused: this system has no thread affinity.
func Pin(cpu int) error {
	return &PlacementError{Op: "pin", Target: cpu, Err: errors.ErrUnsupported}
}

// Unpin is refused, as Pin is; there is nothing to undo.
func Unpin() error {
	return &PlacementError{Op: "unpin", Target: -1, Err: errors.ErrUnsupported}
}

// Bind is refused: this system has no memory policy.
func Bind(addr uintptr, length, node int) error {
	return &PlacementError{Op: "bind", Target: node, Err: errors.ErrUnsupported}
}
