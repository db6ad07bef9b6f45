package alloc

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestFill: when huge pages are dear while an arena is filled the process takes none,
// but not when single ones are, nor when nothing is filled; and afterwards each chunk
// gets its huge page.
func TestFill(t *testing.T) {
	forbidden := func() bool {
		t.Helper()
		n, err := unix.PrctlRetInt(unix.PR_GET_THP_DISABLE, 0, 0, 0, 0)
		if err != nil {
			t.Skip(err)
		}
		return n != 0
	}
	if forbidden() {
		t.Skip("no huge pages for this process")
	}
	a := newArena(t, Options{ReserveBytes: 1 << 30, HugePages: true})
	took := func(ns ...int64) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, n := range ns {
			a.tookHuge(n)
		}
	}
	took(dearNs, dearNs, dearNs, dearNs)
	if forbidden() {
		t.Error("forbidden while nothing is filled")
	}
	a.Fill(true)
	defer a.Fill(false)
	took(dearNs, dearNs, dearNs-1, dearNs, dearNs)
	if forbidden() {
		t.Error("forbidden, though every third huge page is cheap")
	}
	took(dearNs)
	if !forbidden() {
		t.Error("huge pages are dear, and allowed all the same")
	}
	h := a.NewHeap(0)
	for range 2 * chunkPages * (hugeAfter + 4) {
		if _, err := h.Alloc(maxSmall, Records); err != nil {
			t.Fatal(err)
		}
	}
	mustCheck(t, a, h)
	if a.Unite() {
		t.Error("united while huge pages are forbidden")
	}
	asked := false
	a.wanted = func() { asked = true }
	a.Fill(false)
	if forbidden() {
		t.Error("forbidden after all")
	}
	n := 0
	for more := true; more; n++ {
		more = a.Unite()
		mustCheck(t, a, h)
	}
	if !asked || n < 4 {
		t.Errorf("%d chunks were united, of 4 and more; asked to: %v", n, asked)
	}
}
