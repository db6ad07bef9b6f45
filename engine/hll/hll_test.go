package hll

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestSelf(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if err := SelfTest(seed); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
}

// TestModel raises random registers of a sparse value, a dense one and an array,
// which must agree after every step.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, spread := range []int{40, 2000, Registers} {
		s := New(nil)
		d, _ := ToDense(s)
		u := new(Union)
		for step := range 3000 {
			reg, value := rng.IntN(spread), uint8(1+rng.IntN(4))
			if rng.IntN(500) == 0 {
				value = uint8(30 + rng.IntN(3))
			}
			want := u[reg] < value
			u[reg] = max(u[reg], value)
			for _, v := range []*[]byte{&s, &d} {
				below, err := Below(*v, reg, value)
				if err != nil || below != want {
					t.Fatalf("Below is %v, %v", below, err)
				}
				out, changed, err := Raise(*v, reg, value, math.MaxInt)
				if err != nil || changed != want {
					t.Fatalf("Raise is %v, %v", changed, err)
				}
				if _, fresh := Cached(out); changed && fresh {
					t.Fatal("the estimate did not go out of date")
				}
				*v = out
			}
			if IsDense(s) {
				t.Fatal("dense too early")
			}
			if step%100 == 0 {
				for _, v := range [][]byte{s, d} {
					got := new(Union)
					if err := got.Merge(v); err != nil || *got != *u {
						t.Fatalf("registers differ, %v", err)
					}
					if n, err := Count(v); err != nil || n != u.Count() {
						t.Fatalf("%d, %v, want %d", n, err, u.Count())
					}
				}
				if again, err := ToDense(s); err != nil || !bytes.Equal(again[HeaderSize:], d[HeaderSize:]) {
					t.Fatalf("the dense form differs, %v", err)
				}
			}
		}
	}
}

func TestPromotion(t *testing.T) {
	s := New(nil)
	s, changed, err := Raise(s, 5, maxValue+1, math.MaxInt)
	if err != nil || !changed || !IsDense(s) || denseGet(s[HeaderSize:], 5) != maxValue+1 {
		t.Errorf("a large register: %v, %v, dense %v", changed, err, IsDense(s))
	}
	s = New(nil)
	for reg := 0; !IsDense(s); reg += 2 {
		if s, _, err = Raise(s, reg, 1, 100); err != nil {
			t.Fatal(err)
		}
		if !IsDense(s) && len(s) > 100 {
			t.Fatalf("%d bytes and sparse", len(s))
		}
	}
	if Check(s) != nil {
		t.Error("not a HyperLogLog any more")
	}
}

func FuzzGarbage(f *testing.F) {
	f.Add(New(nil), uint64(1))
	s := New(nil)
	for i := range 200 {
		s, _, _ = Raise(s, i*77%Registers, uint8(i%7+1), 3000)
	}
	f.Add(s, uint64(99))
	d, _ := ToDense(s)
	f.Add(d, uint64(3))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f"), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, x uint64) {
		if Check(b) != nil {
			return
		}
		var elem [8]byte
		binary.LittleEndian.PutUint64(elem[:], x)
		reg, value := Place(elem[:])
		n, err := Count(b)
		if err == nil && n < 0 {
			t.Fatalf("%d elements", n)
		}
		_ = new(Union).Merge(b)
		_, _ = ToDense(b)
		_ = Describe(nil, b)
		_, _ = Below(b, reg, value)
		out, _, err2 := Raise(bytes.Clone(b), reg, value, 3000)
		if err == nil && err2 == nil {
			if _, err := Count(out); err != nil {
				t.Fatal("sound registers became unsound")
			}
		}
	})
}

func BenchmarkCountDense(b *testing.B) {
	d, _ := ToDense(New(nil))
	for b.Loop() {
		if _, err := Count(d); err != nil {
			b.Fatal(err)
		}
	}
}
