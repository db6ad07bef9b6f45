package numa

import (
	"errors"
	"math"
	"reflect"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// threadMask returns the mask of the calling thread.
func threadMask(t *testing.T) CPUSet {
	t.Helper()
	mask := unix.NewCPUSet(MaxCPUs)
	if err := unix.SchedGetaffinityDynamic(0, mask); err != nil {
		t.Fatal(err)
	}
	var s CPUSet
	for id := range MaxCPUs {
		if mask.IsSet(id) {
			s.add(id)
		}
	}
	return s
}

func TestPinRoundTrip(t *testing.T) {
	topo, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	for _, cpu := range topo.Usable.IDs() {
		if err := Pin(cpu); err != nil {
			if errors.Is(err, ErrRefused) {
				t.Skipf("refused here: %v", err)
			}
			t.Fatal(err)
		}
		if got := threadMask(t); !got.Equal(NewCPUSet(cpu)) {
			t.Errorf("pinned to CPU %d the mask is %s", cpu, got)
		}
		// A topology read while pinned must not take the pin for the mask, and
		// threads started meanwhile must not inherit it.
		if again, err := Detect(); err != nil || !again.Affinity.Equal(topo.Affinity) {
			t.Errorf("detected while pinned: affinity %s, %v", again.Affinity, err)
		}
		masks := make(chan CPUSet)
		for range 4 {
			go func() {
				runtime.LockOSThread() // ends locked: a thread of its own
				masks <- threadMask(t)
			}()
		}
		for range 4 {
			if got := <-masks; !got.Equal(topo.Affinity) {
				t.Errorf("another thread has mask %s, want %s", got, topo.Affinity)
			}
		}
		if err := Unpin(); err != nil {
			t.Fatal(err)
		}
		if got := threadMask(t); !got.Equal(topo.Affinity) {
			t.Errorf("unpinned the mask is %s, want %s", got, topo.Affinity)
		}
	}
}

func TestPlacerPins(t *testing.T) {
	topo, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	p := topo.Plan(PlanOptions{Pin: PinOn})
	placer := NewPlacer(topo, p, func(err error) { t.Skipf("refused here: %v", err) })
	last := len(p.Workers) - 1
	if !placer.Pin(last) {
		t.Fatal("neither pinned nor reported")
	}
	if got := threadMask(t); !got.Equal(NewCPUSet(p.Workers[last].CPU)) {
		t.Errorf("worker %d has mask %s, want %d", last, got, p.Workers[last].CPU)
	}
	if err := Unpin(); err != nil {
		t.Fatal(err)
	}
}

func TestPinRefused(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadMask(t)
	for _, cpu := range []int{-1, MaxCPUs - 1, MaxCPUs, math.MaxInt} {
		if err := Pin(cpu); !errors.Is(err, ErrRefused) {
			t.Errorf("Pin(%d) = %v, want a refusal", cpu, err)
		}
	}
	if after := threadMask(t); !after.Equal(before) {
		t.Errorf("refused pins changed the mask from %s to %s", before, after)
	}
}

func TestBindMapped(t *testing.T) {
	const length = 8 << 12
	mem, err := unix.Mmap(-1, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	addr := reflect.ValueOf(mem).Pointer()
	topo, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	node := topo.memoryNode(topo.Nodes[0].ID)
	if err := Bind(addr, length, node); err != nil && !errors.Is(err, ErrRefused) {
		t.Fatalf("Bind to node %d: %v", node, err)
	} else if err != nil {
		t.Logf("refused here: %v", err)
	}
	for i := range mem { // usable whether bound or refused
		mem[i] = byte(i)
	}
	for _, node := range []int{-1, maxNodes - 1, maxNodes} {
		if err := Bind(addr, length, node); !errors.Is(err, ErrRefused) {
			t.Errorf("Bind to node %d: %v, want a refusal", node, err)
		}
	}
	if err := unix.Munmap(mem); err != nil {
		t.Fatal(err)
	}
	if err := Bind(addr, length, node); err == nil {
		t.Error("Bind of an unmapped range succeeded")
	}
}
