package numa

import (
	"errors"
	"fmt"
)

// ErrRefused matches (errors.Is) an error of Pin, Unpin or Bind that means the
// system does not let this process do it, or not here: a seccomp filter, a
// missing capability, a CPU or node outside the cpuset, a platform without the
// call. The work itself goes on without placement.
var ErrRefused = errors.New("numa: placement refused")

// PlacementError is the type of every error of Pin, Unpin and Bind.
type PlacementError struct {
	Op     string // "pin", "unpin" or "bind"
	Target int    // CPU or node; -1 for unpin
	Err    error  // the system's answer
}

func (e *PlacementError) Error() string {
	switch e.Op {
	case "pin":
		return fmt.Sprintf("numa: cannot pin thread to CPU %d: %v", e.Target, e.Err)
	case "bind":
		return fmt.Sprintf("numa: cannot bind memory to node %d: %v", e.Target, e.Err)
	}
	return fmt.Sprintf("numa: cannot %s thread: %v", e.Op, e.Err)
}

// Unwrap returns the system's answer.
func (e *PlacementError) Unwrap() error { return e.Err }

// Is reports whether target is ErrRefused and the answer is a refusal.
func (e *PlacementError) Is(target error) bool { return target == ErrRefused && refusal(e.Err) }
