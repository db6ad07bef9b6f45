package alloc

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkAllocFree(b *testing.B) {
	a := newArena(b, Options{})
	h := a.NewHeap(0)
	for b.Loop() {
		ref, _ := h.Alloc(96, Records)
		h.Free(ref)
	}
}

// BenchmarkChurn frees and allocates random objects of a working set of 100k
// in mixed sizes: what overwriting random keys with other sizes does.
func BenchmarkChurn(b *testing.B) {
	a := newArena(b, Options{})
	h := a.NewHeap(0)
	r := rand.New(rand.NewPCG(1, 2))
	refs := make([]Ref, 100000)
	order := make([]uint32, 1<<16)
	for i := range refs {
		refs[i], _ = h.Alloc(16+r.IntN(240), Records)
	}
	for i := range order {
		order[i] = uint32(r.IntN(len(refs)))<<8 | uint32(16+r.IntN(240))
	}
	i := 0
	for b.Loop() {
		o := order[i&(1<<16-1)]
		i++
		h.Free(refs[o>>8])
		refs[o>>8], _ = h.Alloc(int(o&255), Records)
	}
}
