package zset

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hpkv/engine/alloc"
)

type member struct {
	name  string
	score float64
}

func byOrder(a, b member) int {
	return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.name, b.name))
}

// sorted is the model: all members in order.
func sorted(m map[string]float64) (all []member) {
	for name, score := range m {
		all = append(all, member{name, score})
	}
	slices.SortFunc(all, byOrder)
	return all
}

func newLarge(t testing.TB) (*Large, *alloc.Heap) {
	a, err := alloc.NewArena(alloc.Options{ReserveBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	h := a.NewHeap(-1)
	return NewLarge(h, a), h
}

var scores = []float64{0, 1, -1, 2, 2, 2, 1.5, -0.1, math.Inf(1), math.Inf(-1), 1 << 53, -(1 << 53), 1<<53 + 2, 1e300, 5e-324, 3.0000000001}

func names(r *rand.Rand) string {
	switch r.IntN(6) {
	case 0:
		return fmt.Sprint(r.IntN(40) - 20)
	case 1:
		return string(bytes.Repeat([]byte{'x'}, r.IntN(400)))
	default:
		return fmt.Sprintf("m%d", r.IntN(60))
	}
}

// TestModel plays changes on both forms and on a map, and compares all reads.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	z, _ := newLarge(t)
	var b []byte
	m := map[string]float64{}
	for i := range 6000 {
		name := names(r)
		switch r.IntN(8) {
		default:
			s := scores[r.IntN(len(scores))]
			b = PackedSet(b, []byte(name), s)
			if err := z.Set([]byte(name), s); err != nil {
				t.Fatal(err)
			}
			m[name] = s
		case 0, 1, 2:
			_, want := m[name]
			var got bool
			if b, got = PackedRemove(b, []byte(name)); got != want || z.Remove([]byte(name)) != want {
				t.Fatalf("step %d: removing %q: %v, want %v", i, name, got, want)
			}
			delete(m, name)
		case 3:
			if len(m) < 30 {
				continue
			}
			lo := r.IntN(len(m))
			hi := min(len(m), lo+r.IntN(8))
			for _, x := range sorted(m)[lo:hi] {
				delete(m, x.name)
			}
			b = PackedRemoveRanks(b, lo, hi)
			z.RemoveRanks(lo, hi)
		}
		all := sorted(m)
		compareView(t, r, i, "packed", OfPacked(b), all)
		compareView(t, r, i, "large", OfLarge(z), all)
		if i%50 == 0 {
			if !PackedValid(b) {
				t.Fatalf("step %d: the packed form is not valid", i)
			}
			if err := z.Check(); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	}
}

func compareView(t *testing.T, r *rand.Rand, step int, form string, v View, all []member) {
	t.Helper()
	if v.Len() != len(all) {
		t.Fatalf("step %d, %s: %d members, want %d", step, form, v.Len(), len(all))
	}
	name := names(r)
	want := slices.IndexFunc(all, func(m member) bool { return m.name == name })
	rank, score, ok := v.Rank([]byte(name))
	if ok != (want >= 0) || ok && (rank != want || score != all[want].score) {
		t.Fatalf("step %d, %s: rank of %q is %d %v %v, want %d", step, form, name, rank, score, ok, want)
	}
	if s, has := v.Score([]byte(name)); has != ok || s != score {
		t.Fatalf("step %d, %s: score of %q is %v %v", step, form, name, s, has)
	}
	sr := ScoreRange{scores[r.IntN(len(scores))], scores[r.IntN(len(scores))], r.IntN(2) == 0, r.IntN(2) == 0}
	inside := func(m member) bool { return sr.aboveMin(m.score) && sr.belowMax(m.score) }
	var in []member
	for _, m := range all {
		if inside(m) {
			in = append(in, m)
		}
	}
	lo, hi := v.ByScore(sr)
	reverse := r.IntN(2) == 0
	if reverse {
		slices.Reverse(in)
	}
	var got []member
	v.Walk(lo, hi, reverse, func(name []byte, score float64) bool {
		got = append(got, member{string(name), score})
		return true
	})
	if !slices.Equal(got, in) {
		t.Fatalf("step %d, %s: %+v, reverse %v: %v, want %v", step, form, sr, reverse, got, in)
	}
}

// TestByLex compares ranges of members with a filter.
func TestByLex(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		z, _ := newLarge(t)
		var b []byte
		m := map[string]float64{}
		for range r.IntN(100) {
			name := names(r)
			m[name] = 3
			b = PackedSet(b, []byte(name), 3)
			if err := z.Set([]byte(name), 3); err != nil {
				t.Fatal(err)
			}
		}
		all := sorted(m)
		for range 20 {
			lr := LexRange{LexBound{[]byte(names(r)), 0, r.IntN(2) == 0}, LexBound{[]byte(names(r)), 0, r.IntN(2) == 0}}
			if r.IntN(5) == 0 {
				lr.Min.Inf = r.IntN(3) - 1
			}
			if r.IntN(5) == 0 {
				lr.Max.Inf = r.IntN(3) - 1
			}
			var want []string
			for _, x := range all {
				c, d := bytes.Compare([]byte(x.name), lr.Min.Member), bytes.Compare([]byte(x.name), lr.Max.Member)
				above := lr.Min.Inf < 0 || lr.Min.Inf == 0 && (c > 0 || c == 0 && !lr.Min.Ex)
				below := lr.Max.Inf > 0 || lr.Max.Inf == 0 && (d < 0 || d == 0 && !lr.Max.Ex)
				if above && below {
					want = append(want, x.name)
				}
			}
			for i, v := range []View{OfPacked(b), OfLarge(z)} {
				for _, reverse := range []bool{false, true} {
					lo, hi := v.ByLex(lr, reverse)
					var got []string
					v.Walk(lo, hi, false, func(name []byte, _ float64) bool {
						got = append(got, string(name))
						return true
					})
					if !slices.Equal(got, want) {
						t.Fatalf("seed %d, form %d, reverse %v: %+v: %q, want %q", seed, i, reverse, lr, got, want)
					}
				}
			}
		}
	}
}

// TestMemory: a member of 16 bytes takes no more than 62 bytes in all.
func TestMemory(t *testing.T) {
	const n = 200_000
	z, h := newLarge(t)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		if err := z.Set(fmt.Appendf(nil, "member:%09d", i), float64(r.IntN(1<<30))); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Check(); err != nil {
		t.Fatal(err)
	}
	pages := int64(0)
	for p := range alloc.NumPurposes {
		pages += h.Live(p).LiveBytes
	}
	each := float64(pages) / n
	t.Logf("%.1f bytes a member", each)
	if each > 62 {
		t.Errorf("%.1f bytes a member", each)
	}
	steps := 0
	for !z.FreeStep(1000) {
		steps++
	}
	if got := h.Live(alloc.Collections).Objects + h.Live(alloc.Index).Objects; got != 0 || steps < n/1000 {
		t.Errorf("%d objects left after %d steps", got, steps)
	}
}

func FuzzGarbage(f *testing.F) {
	f.Add(PackedSet(PackedSet(nil, []byte("a"), 1), []byte("b"), 1.5), []byte("a"))
	f.Fuzz(func(t *testing.T, b, name []byte) {
		if !PackedValid(b) {
			return
		}
		v := OfPacked(b)
		n := 0
		v.Walk(0, v.Len(), false, func(m []byte, s float64) bool {
			if rank, score, ok := v.Rank(m); !ok || rank != n || score != s {
				t.Fatalf("rank of %q: %d %v %v, want %d %v", m, rank, score, ok, n, s)
			}
			n++
			return true
		})
		b = PackedSet(slices.Clone(b), name, 7)
		if s, ok := PackedScore(b, name); !ok || s != 7 || !PackedValid(b) {
			t.Fatalf("after setting %q: %v %v", name, s, ok)
		}
		if b, ok := PackedRemove(b, name); !ok || !PackedValid(b) {
			t.Fatalf("after removing %q: %v", name, ok)
		}
	})
}

func BenchmarkLarge(b *testing.B) {
	const n = 1_000_000
	z, _ := newLarge(b)
	r := rand.New(rand.NewPCG(1, 2))
	var room [16]byte
	name := func(i int) []byte { return fmt.Appendf(room[:0], "member:%09d", i) }
	for i := range n {
		if err := z.Set(name(i), r.Float64()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("score", func(b *testing.B) {
		for range b.N {
			z.Score(name(r.IntN(n)))
		}
	})
	b.Run("set", func(b *testing.B) {
		for range b.N {
			if err := z.Set(name(r.IntN(n)), r.Float64()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("range100", func(b *testing.B) {
		v := OfLarge(z)
		for range b.N {
			lo, _ := v.ByScore(ScoreRange{Min: r.Float64() * 0.99, Max: 2})
			v.Walk(lo, min(lo+100, n), false, func([]byte, float64) bool { return true })
		}
	})
	b.Run("popmin", func(b *testing.B) {
		for range min(b.N, n/2) {
			z.RemoveRanks(0, 1)
		}
	})
}
