package alloc

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// object is what the model knows of a live object.
type object struct {
	ref     Ref
	n       int
	purpose Purpose
	tag     uint64
}

// fill and intact write and verify both ends of an object.
func (o object) fill(a *Arena) {
	b := a.Bytes(o.ref, 0, o.n)
	binary.LittleEndian.PutUint64(b, o.tag)
	binary.LittleEndian.PutUint64(b[o.n-8:], o.tag)
}

func (o object) intact(a *Arena) bool {
	b := a.Bytes(o.ref, 0, o.n)
	return binary.LittleEndian.Uint64(b) == o.tag && binary.LittleEndian.Uint64(b[o.n-8:]) == o.tag
}

func randomSize(r *rand.Rand) int {
	switch r.IntN(20) {
	case 0:
		return 32000 + r.IntN(300000)
	case 1, 2:
		return 1000 + r.IntN(32000)
	default:
		return 16 + r.IntN(400)
	}
}

// TestModel allocates, frees and evacuates at random, with retirements run late,
// and verifies contents and books.
func TestModel(t *testing.T) {
	r := seeded(t)
	var late []func()
	a := newArena(t, Options{Retire: func(fn func()) { late = append(late, fn) }})
	h := a.NewHeap(0)
	var live []object
	index := map[Ref]int{}
	add := func(o object) {
		index[o.ref] = len(live)
		live = append(live, o)
	}
	drop := func(i int) {
		delete(index, live[i].ref)
		last := len(live) - 1
		if live[i] = live[last]; i != last {
			index[live[i].ref] = i
		}
		live = live[:last]
	}
	for step := range 400000 {
		grow := step/50000%2 == 0
		switch k := r.IntN(100); {
		case k < 45 && grow || k < 30:
			o := object{n: randomSize(r), purpose: Purpose(r.IntN(int(NumPurposes))), tag: r.Uint64()}
			ref, err := h.Alloc(o.n, o.purpose)
			if err != nil {
				t.Fatal(err)
			}
			if _, twice := index[ref]; twice || ref == 0 {
				t.Fatalf("step %d: object %d handed out twice", step, ref)
			}
			if uintptr(a.Ptr(ref))%8 != 0 || o.purpose.isIndex() && uintptr(a.Ptr(ref))%64 != 0 {
				t.Fatalf("object at %p for %v", a.Ptr(ref), o.purpose)
			}
			if c := h.Capacity(ref); c < o.n || c != ClassSize(o.n) && !o.purpose.isIndex() {
				t.Fatalf("capacity %d for %d bytes", c, o.n)
			}
			o.ref = ref
			o.fill(a)
			add(o)
		case k < 95 && len(live) > 0:
			i := r.IntN(len(live))
			if !live[i].intact(a) {
				t.Fatalf("step %d: %+v was overwritten", step, live[i])
			}
			// The stamp of a late reader must not matter.
			ref := live[i].ref
			h.Free(ref)
			*(*uint32)(a.Ptr(ref)) = r.Uint32()
			drop(i)
		case k < 97:
			if pg, ok := h.Sparse(Purpose(r.IntN(int(NumPurposes))), r.IntN(2) == 0); ok {
				h.Evacuate(pg, 1+r.IntN(50), func(old Ref) bool {
					i, ok := index[old]
					if !ok {
						t.Fatalf("step %d: evacuation offers %d, which is not live", step, old)
					}
					if r.IntN(20) == 0 {
						return false
					}
					o := live[i]
					ref, err := h.Alloc(o.n, o.purpose)
					if err != nil {
						t.Fatal(err)
					}
					if ref>>(pageShift-3) == Ref(pg) {
						t.Fatal("evacuated object came back to its page")
					}
					copy(a.Bytes(ref, 0, o.n), a.Bytes(old, 0, o.n))
					h.Free(old)
					drop(i)
					o.ref = ref
					add(o)
					return true
				})
			}
		case k == 97 && r.IntN(20) == 0:
			h.Trim()
		case k == 98:
			for _, fn := range late {
				fn()
			}
			late = nil
		}
		if step%40000 == 0 {
			check(t, a, h)
		}
	}
	for len(live) > 0 {
		if !live[0].intact(a) {
			t.Fatalf("%+v was overwritten", live[0])
		}
		h.Free(live[0].ref)
		drop(0)
	}
	h.Trim()
	if pg, ok := h.Sparse(h.evacPurpose(), false); ok {
		h.Evacuate(pg, 1, nil)
	}
	for _, fn := range late {
		fn()
	}
	check(t, a, h)
	if s := a.Stats(); s.InUseBytes != 0 {
		t.Errorf("after freeing everything: %+v", s)
	}
}

func (h *Heap) evacPurpose() Purpose {
	if h.evac.page != nil {
		return h.evac.page.purpose
	}
	return Records
}

func check(t *testing.T, a *Arena, heaps ...*Heap) {
	t.Helper()
	sum := int64(0)
	for _, h := range heaps {
		if err := h.Check(); err != nil {
			t.Fatal(err)
		}
		sum += h.Stats().InUseBytes
	}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	if got := a.Stats().InUseBytes; got < sum {
		t.Fatalf("heaps hold %d bytes of pages, arena counts %d", sum, got)
	}
}
