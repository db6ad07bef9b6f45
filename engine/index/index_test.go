package index

import (
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"hpkv/engine/alloc"
)

// rig is a table over records that hold their own hash at offset 8 and a
// serial number that follows from it at offset 16.
type rig struct {
	arena *alloc.Arena
	heap  *alloc.Heap
	table *Table
	late  []func()
}

const recordBytes = 64

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{}
	a, err := alloc.NewArena(alloc.Options{ReserveBytes: 64 << 30, Retire: func(fn func()) { r.late = append(r.late, fn) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	r.arena, r.heap = a, a.NewHeap(0)
	r.table = New(r.heap, a, alloc.Index, r.hashOf)
	return r
}

func (r *rig) word(ref alloc.Ref, off int) *uint64 {
	return (*uint64)(unsafe.Add(r.arena.Ptr(ref), off))
}

func (r *rig) hashOf(ref alloc.Ref) uint64 { return *r.word(ref, 8) }

func (r *rig) record(h uint64) alloc.Ref {
	ref, err := r.heap.Alloc(recordBytes, alloc.Records)
	if err != nil {
		panic(err)
	}
	*r.word(ref, 8) = h
	*r.word(ref, 16) = ^h
	return ref
}

func (r *rig) insert(t testing.TB, h uint64) alloc.Ref {
	ref := r.record(h)
	if err := r.table.Insert(h, ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

// find looks h up under the lock.
func (r *rig) find(h uint64) (Slot, bool) {
	var s Slot
	ok := r.table.Seek(h, &s)
	for ok && r.hashOf(s.Ref()) != h {
		ok = s.Next()
	}
	return s, ok
}

// get looks h up without it.
func (r *rig) get(h uint64) (ref alloc.Ref, found, valid bool) {
	var p Probe
	p.Start(r.table, h)
	for ref, ok := p.Next(); ok; ref, ok = p.Next() {
		if r.hashOf(ref) == h {
			return ref, true, p.Valid()
		}
	}
	return 0, false, p.Valid()
}

func (r *rig) mustCheck(t testing.TB) {
	t.Helper()
	if err := r.table.Check(); err != nil {
		t.Fatal(err)
	}
	if err := r.heap.Check(); err != nil {
		t.Fatal(err)
	}
}

// mix is a bijection, so that hashes of different keys differ.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

// Entries that come in the order of their positions, as a walk of another
// table gives them, are spread like others and not taken for forged: a list walk
// for each of them would make loading quadratic.
func TestInsertInOrder(t *testing.T) {
	const entries = 500_000
	r := newRig(t)
	most := 0
	for i := range uint64(entries) {
		r.insert(t, mix(i)<<32|i*(1<<32/entries))
		most = max(most, len(r.table.stash))
	}
	r.mustCheck(t)
	if st := r.table.Stats(); most > 500 || st.Stashed > 0 {
		t.Errorf("up to %d entries were stashed, %d still are", most, st.Stashed)
	}
	t.Logf("up to %d stashed, %+v", most, r.table.Stats())
}

// TestModel drives a table and a map with the same random operations, growing
// and shrinking in turns.
func TestModel(t *testing.T) {
	rnd := seeded(t)
	for name, hash := range map[string]func(uint64) uint64{
		"honest": mix,
		// Forged: a few positions and narrow ranges for everything.
		"one position":   func(k uint64) uint64 { return k<<32 | 0xdeadbeef },
		"narrow range":   func(k uint64) uint64 { return k<<32 | 0xabc00000 | mix(k)&0xff },
		"few positions":  func(k uint64) uint64 { return k<<32 | mix(k%5)&posMask },
		"half and half":  func(k uint64) uint64 { return mix(k)&^0xffff_0000 | k&1<<31 },
		"ends of ranges": func(k uint64) uint64 { return k<<32 | (0-k&1)&posMask },
	} {
		t.Run(name, func(t *testing.T) {
			keys, steps := uint64(20000), 300000
			if name != "honest" {
				keys, steps = 600, 20000
			}
			r := newRig(t)
			model := map[uint64]alloc.Ref{}
			for step := range steps {
				h := hash(rnd.Uint64N(keys))
				want, exists := model[h]
				s, ok := r.find(h)
				if ok != exists || ok && s.Ref() != want {
					t.Fatalf("step %d: find(%#x) = %v, want %v", step, h, ok, exists)
				}
				if ref, found, valid := r.get(h); valid && (found != exists || ref != want) || !valid && r.table.Stats().Stashed == 0 && name == "honest" {
					t.Fatalf("step %d: probe(%#x) = %d %v %v, want %d %v", step, h, ref, found, valid, want, exists)
				}
				growing := step/(steps/6)%2 == 0
				switch k := rnd.IntN(100); {
				case !exists && (growing || k < 20):
					model[h] = r.insert(t, h)
				case exists && k < 30:
					ref := r.record(h)
					r.table.Replace(&s, ref)
					r.heap.Free(want)
					model[h] = ref
				case exists && (!growing || k < 50):
					r.table.Delete(&s)
					r.heap.Free(want)
					delete(model, h)
				case exists && k < 60:
					r.table.Lock(&s)
					if _, _, valid := r.get(h); valid {
						t.Fatal("probe valid in a locked bucket")
					}
					r.table.Unlock(&s)
				case k == 99 && rnd.IntN(steps/20) == 0:
					r.table.Clear()
					model = map[uint64]alloc.Ref{}
					if _, found, valid := r.get(h); found || !valid {
						t.Fatal("probe finds a cleared entry")
					}
				case k == 98:
					r.table.Drain(50, r.heap.Free)
				}
				if r.table.Len() != len(model) {
					t.Fatalf("step %d: %d entries, want %d", step, r.table.Len(), len(model))
				}
				if step%(steps/20) == 0 {
					r.mustCheck(t)
					r.checkWalk(t, model)
				}
			}
			r.mustCheck(t)
			t.Logf("%+v", r.table.Stats())
			r.table.Clear()
			for !r.table.Drain(100, r.heap.Free) {
			}
			r.mustCheck(t)
			if s := r.heap.Stats(); s.Purpose[alloc.Records].Objects+s.Purpose[alloc.Index].Objects != 0 {
				t.Errorf("objects left after Clear and Drain: %+v", s)
			}
		})
	}
}

// TestValid: every kind of change to an entry ends the validity of what a probe
// has seen, hit and miss, for entries at home and displaced ones.
func TestValid(t *testing.T) {
	changes := map[string]func(r *rig, h uint64, s Slot){
		"replace": func(r *rig, h uint64, s Slot) { r.table.Replace(&s, r.record(h)) },
		"delete":  func(r *rig, h uint64, s Slot) { r.table.Delete(&s) },
		"in place": func(r *rig, h uint64, s Slot) {
			r.table.Lock(&s)
			r.table.Unlock(&s)
		},
		"clear":    func(r *rig, h uint64, s Slot) { r.table.Clear() },
		"freeze":   func(r *rig, h uint64, s Slot) { r.table.Freeze(); r.table.Thaw() },
		"frozen":   func(r *rig, h uint64, s Slot) { r.table.Freeze() },
		"relocate": func(r *rig, h uint64, s Slot) { r.table.Relocate(s.seg.ref()) },
	}
	for name, change := range changes {
		for _, n := range []uint64{1, 20, 50} { // 50 entries in 8 buckets displace some
			for k := range n {
				r := newRig(t)
				for i := range n {
					r.insert(t, mix(i))
				}
				h := mix(k)
				var p Probe
				p.Start(r.table, h)
				ref, ok := p.Next()
				for ok && r.hashOf(ref) != h {
					ref, ok = p.Next()
				}
				if !ok || !p.Valid() {
					t.Fatalf("entry %d of %d not found", k, n)
				}
				s, _ := r.find(h)
				change(r, h, s)
				if p.Valid() {
					t.Errorf("%s: hit on entry %d of %d is still valid", name, k, n)
				}
			}
		}
	}
	for n := range uint64(300) {
		r := newRig(t)
		for i := range n {
			r.insert(t, mix(i))
		}
		var p Probe
		p.Start(r.table, mix(n))
		for _, ok := p.Next(); ok; _, ok = p.Next() {
		}
		if !p.Valid() {
			t.Fatalf("miss among %d entries is not valid", n)
		}
		r.insert(t, mix(n))
		if p.Valid() {
			t.Errorf("miss among %d entries is valid after the insert", n)
		}
	}
}

// TestScan: through growth and shrinking, a scan visits all entries that stay.
func TestScan(t *testing.T) {
	rnd := seeded(t)
	for round := range 30 {
		r := newRig(t)
		stays := map[uint64]bool{}
		var goes []uint64
		n := 1 + rnd.IntN(20000)
		for i := range n {
			h := mix(uint64(round)<<32 + uint64(i))
			r.insert(t, h)
			if rnd.IntN(4) == 0 {
				stays[h] = true
			} else {
				goes = append(goes, h)
			}
		}
		seen := map[uint64]int{}
		extra := uint64(0)
		grow := round%2 == 0
		calls := 0
		for pos := uint64(0); ; calls++ {
			pos = r.table.Scan(pos, func(ref alloc.Ref) { seen[r.hashOf(ref)]++ })
			if pos == 0 {
				break
			}
			for range rnd.IntN(40) {
				if grow && extra < 100000 {
					extra++
					r.insert(t, mix(1<<60+extra))
				} else if len(goes) > 0 {
					s, _ := r.find(goes[0])
					ref := s.Ref()
					r.table.Delete(&s)
					r.heap.Free(ref)
					goes = goes[1:]
				}
			}
			if calls > 1e6 {
				t.Fatal("scan does not end")
			}
		}
		for h := range stays {
			if seen[h] == 0 {
				t.Fatalf("round %d: entry %#x was not visited", round, h)
			}
		}
		r.mustCheck(t)
	}
	// Without changes: everything exactly once.
	r := newRig(t)
	for i := range uint64(10000) {
		r.insert(t, mix(i))
	}
	seen := map[alloc.Ref]bool{}
	for pos := r.table.Scan(0, func(ref alloc.Ref) { seen[ref] = true }); pos != 0; {
		pos = r.table.Scan(pos, func(ref alloc.Ref) {
			if seen[ref] {
				t.Fatal("visited twice in a still table")
			}
			seen[ref] = true
		})
	}
	if len(seen) != 10000 {
		t.Errorf("visited %d of 10000", len(seen))
	}
}

func TestRandom(t *testing.T) {
	rnd := seeded(t)
	r := newRig(t)
	if _, ok := r.table.Random(rnd.Uint64); ok {
		t.Error("random entry of an empty table")
	}
	for _, n := range []int{1, 10, 1000} {
		for r.table.Len() < n {
			r.insert(t, mix(uint64(r.table.Len())))
		}
		hits := map[alloc.Ref]int{}
		for range 1000 * n {
			ref, ok := r.table.Random(rnd.Uint64)
			if !ok {
				t.Fatal("no random entry")
			}
			hits[ref]++
		}
		if len(hits) != n {
			t.Errorf("%d of %d entries are ever chosen", len(hits), n)
		}
		for ref, k := range hits {
			if k < 500 || k > 2000 {
				t.Errorf("entry %d of %d chosen %d times, expected about 1000", ref, n, k)
			}
		}
	}
}

// TestNoMemory: a refused segment leaves the table as it was.
func TestNoMemory(t *testing.T) {
	r := newRig(t)
	refused := false
	for i := uint64(0); i < 300000; i++ {
		h := mix(i)
		ref := r.record(h)
		if i == 50000 {
			r.arena.SetLimit(1)
		}
		if i > 50000 && i%100 == 0 {
			r.arena.SetLimit(0)
		}
		before := r.table.Len()
		if err := r.table.Insert(h, ref); err != nil {
			refused = true
			if err != alloc.ErrNoMemory || r.table.Len() != before {
				t.Fatal(err, r.table.Len(), before)
			}
			if _, found, valid := r.get(h); found || !valid {
				t.Fatal("refused entry is there")
			}
			r.mustCheck(t)
			break
		}
		r.arena.SetLimit(1)
		if r.heap.Live(alloc.Records).Objects%900 > 800 {
			r.arena.SetLimit(0)
		}
	}
	if !refused {
		t.Error("memory never ran out")
	}
}

// TestRelocate: moving index segments, as evacuation does, keeps the table whole.
func TestRelocate(t *testing.T) {
	r := newRig(t)
	const n = 100000
	for i := range uint64(n) {
		r.insert(t, mix(i))
	}
	other := New(r.heap, r.arena, alloc.Index, r.hashOf)
	for i := range uint64(100) {
		if err := other.Insert(mix(n+i), r.record(mix(n+i))); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[alloc.Ref]bool{}
	for i := range uint64(n) {
		s, _ := r.find(mix(i))
		old := s.seg.ref()
		if seen[old] {
			continue
		}
		if other.Relocate(old) {
			t.Fatal("a table took the segment of another")
		}
		if !r.table.Relocate(old) {
			t.Fatal("segment not moved")
		}
		s, _ = r.find(mix(i))
		if seen[s.seg.ref()] = true; s.seg.ref() == old {
			t.Fatal("segment stayed in its place")
		}
	}
	r.mustCheck(t)
	for i := range uint64(n) {
		if _, found, valid := r.get(mix(i)); !found || !valid {
			t.Fatal("entry lost")
		}
	}
}

// TestValidHold: a candidate that is another home's entry, found in a bucket
// where one of ours has been displaced to, is valid only as long as that bucket
// has not changed, although our home's version says nothing about it.
func TestValidHold(t *testing.T) {
	const tag = 0x123456
	r := newRig(t)
	for i := range uint64(slotsPerBucket + 1) { // the last goes to bucket 1
		r.insert(t, i<<32|i)
	}
	other := uint64(9<<32 | 1<<29 | tag) // home 1 of 8
	r.insert(t, other)
	for name, change := range map[string]func(s Slot){
		"replace":  func(s Slot) { r.table.Replace(&s, r.record(other)) },
		"in place": func(s Slot) { r.table.Lock(&s) },
	} {
		var p Probe
		p.Start(r.table, 10<<32|tag) // home 0, the same tag
		ref, ok := p.Next()
		if !ok || r.hashOf(ref) != other || !p.Valid() {
			t.Fatal("the other entry is no candidate")
		}
		s, _ := r.find(other)
		if change(s); p.Valid() {
			t.Errorf("%s: still valid", name)
		}
		if name == "in place" {
			p.Start(r.table, 10<<32|tag)
			if _, ok := p.Next(); ok && p.Valid() {
				t.Error("candidate in a locked bucket is valid")
			}
			r.table.Unlock(&s)
		}
	}
}

// boundaries is boundary for all buckets at once.
func TestBoundaries(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range segmentSizes {
		for depth := range 33 {
			s := makeSegment(8, n, depth)
			start := s.start(rnd.Uint64() & posMask)
			low := make([]uint32, n)
			s.boundaries(start, low)
			for i := range low {
				if want := s.boundary(start, i); uint64(low[i]) != want && want <= posMask {
					t.Fatalf("%d buckets, depth %d, from %d: bucket %d begins at %d, not %d", n, depth, start, i, low[i], want)
				}
			}
		}
	}
}
