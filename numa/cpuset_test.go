package numa

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestParseCPUList(t *testing.T) {
	f := func(in, want string, n int) {
		t.Helper()
		s, err := ParseCPUList(in)
		if err != nil || s.String() != want || s.Len() != n {
			t.Errorf("ParseCPUList(%q) = %q of %d, %v; want %q of %d", in, s, s.Len(), err, want, n)
		}
	}
	f("", "", 0)
	f("\n", "", 0)
	f("0\n", "0", 1)
	f("0-1\n", "0-1", 2)
	f("0-3,8,10-11", "0-3,8,10-11", 7)
	f(" 8 , 0-3,2-4,8 ", "0-4,8", 6)
	f("63,64", "63-64", 2)
	f("5-5", "5", 1)
	f("8191", "8191", 1)

	bad := func(in string) {
		t.Helper()
		if s, err := ParseCPUList(in); !errors.Is(err, ErrBadList) || !s.Empty() {
			t.Errorf("ParseCPUList(%q) = %q, %v; want ErrBadList", in, s, err)
		}
	}
	bad(",")
	bad("1,")
	bad("-")
	bad("-1")
	bad("1-")
	bad("3-1")
	bad("1-2-3")
	bad("0x1")
	bad("+1")
	bad("1_0")
	bad("1 2")
	bad("8192")
	bad("0-99999999")
	bad("99999999999999999999999999")
	bad("all")
}

func TestCPUSetModel(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	random := func() (CPUSet, map[int]bool) {
		m := map[int]bool{}
		var ids []int
		for range rng.IntN(40) {
			id := rng.IntN(200)
			m[id] = true
			ids = append(ids, id)
		}
		return NewCPUSet(ids...), m
	}
	for range 2000 {
		a, ma := random()
		b, mb := random()
		check := func(name string, got CPUSet, in func(int) bool) {
			var want []int
			for id := range 210 {
				if in(id) {
					want = append(want, id)
				}
				if got.Contains(id) != in(id) {
					t.Fatalf("seed %d: %s of %s and %s: Contains(%d) = %v", seed, name, a, b, id, got.Contains(id))
				}
			}
			back, err := ParseCPUList(got.String())
			if !slices.Equal(got.IDs(), want) || got.Len() != len(want) || got.Empty() != (len(want) == 0) ||
				err != nil || !back.Equal(got) || !got.Equal(NewCPUSet(want...)) {
				t.Fatalf("seed %d: %s of %s and %s is %s, want %v", seed, name, a, b, got, want)
			}
			if len(want) > 0 && got.First() != want[0] || len(want) == 0 && got.First() != -1 {
				t.Fatalf("seed %d: First of %s is %d", seed, got, got.First())
			}
		}
		check("a", a, func(id int) bool { return ma[id] })
		check("And", a.And(b), func(id int) bool { return ma[id] && mb[id] })
		check("Or", a.Or(b), func(id int) bool { return ma[id] || mb[id] })
		check("AndNot", a.AndNot(b), func(id int) bool { return ma[id] && !mb[id] })
	}
	if s := NewCPUSet(-1, MaxCPUs); !s.Empty() || s.Contains(-1) || s.Contains(1<<30) {
		t.Errorf("numbers out of range are in %v", s.words)
	}
	if s := cpuRange(70).String(); s != "0-69" {
		t.Errorf("cpuRange(70) = %s", s)
	}
}

func FuzzParseCPUList(f *testing.F) {
	for _, s := range []string{"", "0", "0-3,8,10-11\n", "3-1", "0-8191", "1,,2", "-", "4-4,4", "0-99999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ParseCPUList(in)
		if err != nil {
			if !s.Empty() || !errors.Is(err, ErrBadList) {
				t.Fatalf("%q: %v with set %s", in, err, s)
			}
			return
		}
		if last := s.IDs(); len(last) > 0 && (last[0] < 0 || last[len(last)-1] >= MaxCPUs) {
			t.Fatalf("%q: %s out of bounds", in, s)
		}
		text := s.String()
		back, err := ParseCPUList(text)
		if err != nil || !back.Equal(s) || back.String() != text {
			t.Fatalf("%q: %q reads back as %q, %v", in, text, back, err)
		}
	})
}
