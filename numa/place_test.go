package numa

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func TestRefused(t *testing.T) {
	f := func(err error, refused bool) {
		t.Helper()
		e := error(&PlacementError{Op: "bind", Target: 1, Err: err})
		if errors.Is(e, ErrRefused) != refused || !errors.Is(e, err) {
			t.Errorf("%v: refused %v", e, !refused)
		}
	}
	f(syscall.EPERM, true)
	f(syscall.EACCES, true)
	f(syscall.ENOSYS, true)
	f(syscall.EINVAL, true)
	f(errors.ErrUnsupported, true)
	f(syscall.EFAULT, false)
	f(syscall.ENOMEM, false)
	f(ErrMisaligned, false)
}

func TestPlacementErrorText(t *testing.T) {
	f := func(op, want string) {
		t.Helper()
		if got := (&PlacementError{Op: op, Target: 3, Err: errors.New("no")}).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f("pin", "numa: cannot pin thread to CPU 3: no")
	f("bind", "numa: cannot bind memory to node 3: no")
	f("unpin", "numa: cannot unpin thread: no")
}

// TestPlacerReportsPinOnce pins to CPUs that no machine has: the server carries on,
// and says so once.
func TestPlacerReportsPinOnce(t *testing.T) {
	plan := &Plan{Workers: []Worker{{CPU: MaxCPUs - 1}, {CPU: MaxCPUs - 1}}, Pinned: true}
	var reports []error
	p := NewPlacer(detect(t, "two-nodes-smt"), plan, func(err error) { reports = append(reports, err) })
	for i := range plan.Workers {
		if p.Pin(i) {
			t.Errorf("worker %d is pinned to CPU %d", i, MaxCPUs-1)
		}
	}
	var pe *PlacementError
	if len(reports) != 1 || !errors.As(reports[0], &pe) || pe.Op != "pin" || !errors.Is(pe, ErrRefused) {
		t.Errorf("reports: %v", reports)
	}

	plan.Pinned = false
	if p.Pin(0) || len(reports) != 1 {
		t.Errorf("a plan without pinning was pinned; reports: %v", reports)
	}
}

// TestPlacerBindFallback plays the system's answers to Bind.
func TestPlacerBindFallback(t *testing.T) {
	topo := detect(t, "two-nodes-smt")
	var answer error
	calls := 0
	var reports []error
	fresh := func() *Placer {
		calls, reports = 0, nil
		p := NewPlacer(topo, topo.Plan(PlanOptions{}), func(err error) { reports = append(reports, err) })
		p.bindCall = func(addr uintptr, length, node int) error {
			calls++
			if answer == nil {
				return nil
			}
			return &PlacementError{Op: "bind", Target: node, Err: answer}
		}
		return p
	}
	f := func(err error, wantErr bool, wantCalls, wantReports int) {
		t.Helper()
		answer = err
		p := fresh()
		for range 3 {
			if got := p.Bind(0, 4096, 1); (got != nil) != wantErr {
				t.Errorf("answer %v: Bind returns %v", err, got)
			}
		}
		if calls != wantCalls || len(reports) != wantReports {
			t.Errorf("answer %v: %d calls, reports %v", err, calls, reports)
		}
	}
	f(nil, false, 3, 0)
	f(syscall.EPERM, false, 1, 1)  // never granted: not asked again
	f(syscall.ENOSYS, false, 1, 1) // the same
	f(syscall.EINVAL, false, 3, 1) // this node only: others may work
	f(syscall.ENOMEM, false, 3, 1)
	f(syscall.EFAULT, true, 3, 0) // a mistake of ours
	f(ErrMisaligned, true, 3, 0)

	// One node with memory: nothing to choose, nothing asked.
	topo = detect(t, "cpuset-three")
	answer = syscall.EPERM
	p := fresh()
	if err := p.Bind(0, 4096, 1); err != nil || calls != 0 || len(reports) != 0 {
		t.Errorf("one usable node: %d calls, %v, reports %v", calls, err, reports)
	}
	if err := NewPlacer(topo, topo.Plan(PlanOptions{}), nil).Bind(0, 4096, 1); err != nil {
		t.Errorf("without a report: %v", err)
	}
}

func TestBindMistakes(t *testing.T) {
	f := func(addr uintptr, length int) {
		t.Helper()
		err := Bind(addr, length, 0)
		var pe *PlacementError
		if !errors.As(err, &pe) || !strings.HasPrefix(err.Error(), "numa: cannot bind") {
			t.Errorf("Bind(%#x, %d, 0) = %v", addr, length, err)
		}
		if canPin && errors.Is(err, ErrRefused) {
			t.Errorf("Bind(%#x, %d, 0) = %v: a mistake passes for a refusal", addr, length, err)
		}
	}
	f(0x10001, 4096)
	f(0x10000, 0)
	f(0x10000, -1)
}
