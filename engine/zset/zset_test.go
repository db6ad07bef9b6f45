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

// TestModel plays changes on a packed set and on a map, and compares all reads.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var b Packed
	m := map[string]float64{}
	for i := range 6000 {
		name := names(r)
		switch r.IntN(8) {
		default:
			s := scores[r.IntN(len(scores))]
			want := b.SizeWith([]byte(name), s)
			if b = b.Set([]byte(name), s); len(b) != want {
				t.Fatalf("step %d: %d bytes with %q at %v, want %d", i, len(b), name, s, want)
			}
			m[name] = s
		case 0, 1, 2:
			_, want := m[name]
			var got bool
			size := b.SizeWithout([]byte(name))
			if b, got = b.Remove([]byte(name)); got != want || (size >= 0) != want || want && len(m) > 1 && len(b) != size {
				t.Fatalf("step %d: removing %q: %v, %d bytes of %d; want %v", i, name, got, len(b), size, want)
			}
			delete(m, name)
		}
		all := sorted(m)
		compareReads(t, r, i, b, all)
		if i%50 == 0 && !b.Valid() {
			t.Fatalf("step %d: the set is not valid", i)
		}
	}
}

func compareReads(t *testing.T, r *rand.Rand, step int, v Packed, all []member) {
	t.Helper()
	if v.Len() != len(all) {
		t.Fatalf("step %d: %d members, want %d", step, v.Len(), len(all))
	}
	name := names(r)
	want := slices.IndexFunc(all, func(m member) bool { return m.name == name })
	rank, score, ok := v.Rank([]byte(name))
	if ok != (want >= 0) || ok && (rank != want || score != all[want].score) {
		t.Fatalf("step %d: rank of %q is %d %v %v, want %d", step, name, rank, score, ok, want)
	}
	if s, has := v.Score([]byte(name)); has != ok || s != score {
		t.Fatalf("step %d: score of %q is %v %v", step, name, s, has)
	}
	sr := ScoreRange{scores[r.IntN(len(scores))], scores[r.IntN(len(scores))], r.IntN(2) == 0, r.IntN(2) == 0}
	inside := func(m member) bool { return sr.aboveMin(m.score) && sr.belowMax(m.score) }
	var in []member
	for _, m := range all {
		if inside(m) {
			in = append(in, m)
		}
	}
	lo, hi := v.ByScore(&sr)
	reverse := r.IntN(2) == 0
	if reverse {
		slices.Reverse(in)
	}
	var got []member
	v.Walk(nil, lo, hi, reverse, func(name []byte, score float64) bool {
		got = append(got, member{string(name), score})
		return true
	})
	if !slices.Equal(got, in) {
		t.Fatalf("step %d: %+v, reverse %v: %v, want %v", step, sr, reverse, got, in)
	}
}

// TestByLex compares ranges of members with a filter.
func TestByLex(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		var b Packed
		m := map[string]float64{}
		for range r.IntN(100) {
			name := names(r)
			m[name] = 3
			b = b.Set([]byte(name), 3)
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
			for _, reverse := range []bool{false, true} {
				lo, hi := b.ByLex(&lr, reverse)
				var got []string
				b.Walk(nil, lo, hi, false, func(name []byte, _ float64) bool {
					got = append(got, string(name))
					return true
				})
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d, reverse %v: %+v: %q, want %q", seed, reverse, lr, got, want)
				}
			}
		}
	}
}

func FuzzGarbage(f *testing.F) {
	f.Add([]byte(Packed(nil).Set([]byte("a"), 1).Set([]byte("b"), 1.5)), []byte("a"))
	f.Fuzz(func(t *testing.T, data, name []byte) {
		v := Packed(data)
		if !v.Valid() {
			return
		}
		n := 0
		v.Walk(nil, 0, v.Len(), false, func(m []byte, s float64) bool {
			if rank, score, ok := v.Rank(m); !ok || rank != n || score != s {
				t.Fatalf("rank of %q: %d %v %v, want %d %v", m, rank, score, ok, n, s)
			}
			n++
			return true
		})
		v = slices.Clone(v).Set(name, 7)
		if s, ok := v.Score(name); !ok || s != 7 || !v.Valid() {
			t.Fatalf("after setting %q: %v %v", name, s, ok)
		}
		if v, ok := v.Remove(name); !ok || !v.Valid() {
			t.Fatalf("after removing %q: %v", name, ok)
		}
	})
}
