package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hpkv/engine/alloc"
	"hpkv/engine/zset"
)

// TestZSetMemory: a member of 16 bytes takes some 52 bytes in a large set, and some
// 60 if its score needs all of a double's bits, whatever it was before.
func TestZSetMemory(t *testing.T) {
	n := 100_000
	if raceEnabled {
		n = 20_000
	}
	e, _ := openTest(t, Options{Shards: 1})
	l := e.NewLane()
	defer l.Close()
	r := rand.New(rand.NewPCG(1, 2))
	any := func() float64 { return math.Ldexp(1+r.Float64(), r.IntN(100)) }
	for _, test := range []struct {
		what  string
		score func() float64
		most  float64 // bytes a member
	}{
		{"any number", any, 62},
		{"integers", func() float64 { return float64(r.Int64N(1<<48) - 1<<47) }, 54},
		{"any number again", any, 62},
		{"fractions", r.Float64, 54},
		{"prices", func() float64 { return float64(r.IntN(1e9)) / 100 }, 54},
	} {
		for i := range n {
			if _, err := l.Begin(0).ZAdd([]byte("z"), []float64{test.score()}, [][]byte{nil, fmt.Appendf(nil, "member:%09d", i)}, ZAddOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		st := e.Stats().Memory.Purpose
		each := float64(st[alloc.Collections].LiveBytes+st[alloc.CollectionIndex].LiveBytes) / float64(n)
		t.Logf("%s: %.1f bytes a member", test.what, each)
		if each > test.most {
			t.Errorf("%s: %.1f bytes a member", test.what, each)
		}
		if err := e.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestScoreValue: every score comes back as it was, and what can be shorter is.
func TestScoreValue(t *testing.T) {
	const most = 1<<47 - 1
	seed := testSeed(t)
	r := rand.New(rand.NewPCG(seed, 5))
	check := func(score float64, size int) { // 0: any
		t.Helper()
		if math.IsNaN(score) {
			return
		}
		var room [scoreBytes]byte
		val := scoreValue(&room, score)
		if got := valueScore(val); math.Float64bits(got) != math.Float64bits(score) {
			t.Fatalf("%v became %v", score, got)
		}
		short := score == math.Trunc(score) && score >= -most-1 && score <= most && (score != 0 || !math.Signbit(score))
		if short != (len(val) == shortBytes) || size != 0 && !short && len(val) != size {
			t.Fatalf("%v in %d bytes", score, len(val))
		}
	}
	for _, score := range []float64{0, 1, -1, most, -most - 1, most + 1, -most - 2, 1<<53 - 1, -1 << 53, 0.5, 0.1, -12.34, 1e-15, 12345678901234.5,
		0x1p-53, -0x1p-53, 1<<31 - 0x1p-22, 1732756087.1234567} {
		check(score, scaledBytes)
	}
	for _, score := range []float64{math.Copysign(0, -1), 1 << 53, 1 << 63, -1 << 63, 1 << 64, math.MaxFloat64, -math.MaxFloat64,
		math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.Pi, 1e-16, 1e300} {
		check(score, scoreBytes)
	}
	for range 100_000 {
		check(math.Float64frombits(r.Uint64()), 0)
		check(float64(int64(r.Uint64())>>r.IntN(64)), 0)
		check(math.Ldexp(float64(int64(r.Uint64())>>r.IntN(64)), -r.IntN(80)), 0)
		check(float64(int64(r.Uint64())>>r.IntN(64))/math.Pow10(r.IntN(20)), 0)
		check(r.Float64(), scaledBytes)
		check(float64(r.Int64N(1<<54)-1<<53), scaledBytes)
		check(float64(r.Int64N(1e14))/math.Pow10(r.IntN(placesMax+1)), scaledBytes)
	}
}

// TestZSetNoMemory: where there is no memory for a score of the longer form, the
// member keeps the one it has.
func TestZSetNoMemory(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1})
	s := e.shards[0]
	s.mu.lock()
	defer s.mu.unlock()
	o := s.newZSetObject()
	name := func(i int) []byte { return fmt.Appendf(nil, "member:%09d", i) }
	const n = 10_000
	for i := range n {
		if err := o.put(name(i), float64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.put([]byte("its page has room"), 0.5); err != nil {
		t.Fatal(err)
	}
	e.arena.SetLimit(1)
	refused := 0
	for i := range n {
		want := float64(n-i) + 0.5
		if err := o.put(name(i), want); err != nil {
			refused++
			want = float64(i)
		}
		if got, ok := o.score(name(i)); !ok || got != want {
			t.Fatalf("member %d has score %v, %v; want %v", i, got, ok, want)
		}
	}
	e.arena.SetLimit(0)
	if refused == 0 || refused == n {
		t.Errorf("%d of %d were refused", refused, n)
	}
	if _, err := o.check(); err != nil {
		t.Error(err)
	}
	for !o.free(reclaimStep) {
	}
}

func TestZSetAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	e, _ := openTest(t, Options{Shards: 1})
	l := e.NewLane()
	defer l.Close()
	for _, size := range []int{5, 10000} {
		key := fmt.Appendf(nil, "z%d", size)
		score, args := []float64{0}, [][]byte{nil, nil}
		name := func(i int) []byte { return fmt.Appendf(args[1][:0], "member%d", i) }
		for i := range size {
			score[0], args[1] = float64(i), name(i)
			if _, err := l.Begin(0).ZAdd(key, score, args, ZAddOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		args[1] = []byte("member3")
		r := ZRange{By: ByScore, Score: zset.ScoreRange{Min: 1, Max: 50}}
		for what, do := range map[string]func(t *Txn){
			"zadd":   func(t *Txn) { score[0]++; _, _ = t.ZAdd(key, score, args, ZAddOptions{}) },
			"zscore": func(t *Txn) { _, _, _ = t.ZScore(key, args[1]) },
			"zrank":  func(t *Txn) { _, _, _, _ = t.ZRank(key, args[1], false) },
			"zrange": func(t *Txn) { _ = t.ZRange(key, &r, func(int) {}, func([]byte, float64) {}) },
			"zpop and zadd": func(t *Txn) {
				_, _ = t.ZPop(key, 1, false, func(int) {}, func(m []byte, _ float64) { args[1] = append(args[1][:0], m...) })
				_, _ = t.ZAdd(key, score, args, ZAddOptions{})
			},
		} {
			if n := testing.AllocsPerRun(500, func() {
				tx := l.Begin(0)
				do(tx)
				tx.End()
			}); n != 0 {
				t.Errorf("%s: %v allocations in a set of %d", what, n, size)
			}
		}
	}
}
