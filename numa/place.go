package numa

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
)

// ErrRefused matches (errors.Is) an error of Pin, Unpin or Bind that means the
// system does not let this process do it, or not here: a seccomp filter, a
// missing capability, a CPU or node outside the cpuset, a platform without the
// call. The work itself goes on without placement.
var ErrRefused = errors.New("numa: placement refused")

// ErrMisaligned is the cause of a Bind error for a range that does not start on
// a page or is empty: a mistake of the caller, not a refusal.
var ErrMisaligned = errors.New("range is empty or not page-aligned")

// PlacementError is the type of every error of Pin, Unpin and Bind.
type PlacementError struct {
	Op     string // "pin", "unpin" or "bind"
	Target int    // CPU or node; -1 for unpin
	Err    error  // the system's answer
}

// Error says what was attempted and what the system answered.
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
func (e *PlacementError) Is(target error) bool {
	return target == ErrRefused && (unavailable(e.Err) || errors.Is(e.Err, syscall.EINVAL))
}

// unavailable reports that no call of the kind will be granted: not permitted
// (EPERM, EACCES), or not there (ENOSYS, EOPNOTSUPP, another system). EINVAL is
// different: it is about one CPU or node.
func unavailable(err error) bool {
	return errors.Is(err, os.ErrPermission) || errors.Is(err, errors.ErrUnsupported)
}

// Placer carries out a plan and goes on without placement where the system
// refuses it: the first refusal of each kind is reported, later ones are silent.
// All methods may be called from any goroutine.
type Placer struct {
	plan     *Plan
	report   func(error)
	bindCall func(addr uintptr, length, node int) error // Bind, but for tests

	bind         bool // there is a choice of nodes
	bindOff      atomic.Bool
	pinReported  atomic.Bool
	bindReported atomic.Bool
}

// NewPlacer returns a Placer for plan p of topology t. report is called from the
// goroutine that met the refusal, at most once for pinning and once for binding;
// nil drops the reports.
func NewPlacer(t *Topology, p *Plan, report func(error)) *Placer {
	if report == nil {
		report = func(error) {}
	}
	withMemory := 0
	for i := range t.Nodes {
		if t.Nodes[i].Allowed && t.Nodes[i].Memory != 0 {
			withMemory++
		}
	}
	return &Placer{plan: p, report: report, bindCall: Bind, bind: withMemory > 1}
}

// Pin pins the calling goroutine to the CPU of the plan's worker and reports
// whether it is pinned; then Unpin undoes it. False without a report means that
// the plan does not pin.
func (p *Placer) Pin(worker int) bool {
	if !p.plan.Pinned {
		return false
	}
	if err := Pin(p.plan.Workers[worker].CPU); err != nil {
		if p.pinReported.CompareAndSwap(false, true) {
			p.report(err)
		}
		return false
	}
	return true
}

// Bind asks for memory [addr, addr+length) to come from node. It does nothing on
// a machine with memory on a single node, where a policy would only split the
// mapping. The error is nil except for a mistake of the caller: a range that is
// misaligned or not mapped.
func (p *Placer) Bind(addr uintptr, length, node int) error {
	if !p.bind || p.bindOff.Load() {
		return nil
	}
	err := p.bindCall(addr, length, node)
	// ENOMEM is the limit of mappings in a process (vm.max_map_count): memory
	// without a policy is still memory.
	if err == nil || !errors.Is(err, ErrRefused) && !errors.Is(err, syscall.ENOMEM) {
		return err
	}
	if unavailable(err) {
		p.bindOff.Store(true)
	}
	if p.bindReported.CompareAndSwap(false, true) {
		p.report(err)
	}
	return nil
}
