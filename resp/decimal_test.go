package resp

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestAppendInt(t *testing.T) {
	try := func(n int64) {
		t.Helper()
		want := "x" + strconv.FormatInt(n, 10)
		for _, room := range []int{1, 2, 40} {
			if got := string(appendInt(append(make([]byte, 0, room), 'x'), n)); got != want {
				t.Fatalf("%q instead of %q", got, want)
			}
		}
	}
	try(math.MinInt64)
	try(math.MaxInt64)
	for p := int64(1); ; p *= 10 {
		for d := int64(-2); d <= 2; d++ {
			try(p + d)
			try(-p - d)
		}
		if p > math.MaxInt64/10 {
			break
		}
	}
	for b := range 63 {
		try(1<<b - 1)
		try(1 << b)
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		if try(int64(rng.Uint64() >> rng.IntN(64))); t.Failed() {
			t.Logf("seed %d", seed)
		}
	}
}

func BenchmarkInt(b *testing.B) {
	w := &Writer{}
	for b.Loop() {
		w.Truncate(0)
		w.Int(1234567)
	}
}
