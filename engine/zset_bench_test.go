package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"hpkv/engine/zset"
)

// BenchmarkZSet does what is done most with a large sorted set, whose scores are
// integers, multiples of 2^-53, decimal fractions, or need all of a double.
func BenchmarkZSet(b *testing.B) {
	const members = 100_000
	key := []byte("z")
	for _, kind := range []struct {
		name  string
		score func(r *rand.Rand) float64
	}{
		{"integers", func(r *rand.Rand) float64 { return float64(r.IntN(1e9)) }},
		{"fractions", func(r *rand.Rand) float64 { return r.Float64() }},
		{"prices", func(r *rand.Rand) float64 { return float64(r.IntN(1e9)) / 100 }},
		{"any", func(r *rand.Rand) float64 { return r.Float64() * 1000 }},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		e, _ := openTest(b, Options{Shards: 1})
		l := e.NewLane()
		name := func(dst []byte, i int) []byte { return fmt.Appendf(dst[:0], "key:%012d", i) }
		scores, args := []float64{0}, [][]byte{nil, nil}
		add := func(i int) {
			scores[0], args[1] = kind.score(r), name(args[1], i)
			t := l.Begin(0)
			if _, err := t.ZAdd(key, scores, args, ZAddOptions{}); err != nil {
				b.Fatal(err)
			}
			t.End()
		}
		for i := range members {
			add(i)
		}
		b.Run(kind.name+"/zadd", func(b *testing.B) {
			for b.Loop() {
				add(r.IntN(members))
			}
		})
		b.Run(kind.name+"/zscore", func(b *testing.B) {
			for b.Loop() {
				args[1] = name(args[1], r.IntN(members))
				t := l.Begin(0)
				_, _, _ = t.ZScore(key, args[1])
				t.End()
			}
		})
		sum := 0
		visit := func(m []byte, _ float64) { sum += int(m[len(m)-1]) }
		b.Run(kind.name+"/zrange100", func(b *testing.B) {
			for b.Loop() {
				from := int64(r.IntN(members - 100))
				t := l.Begin(0)
				_ = t.ZRange(key, &ZRange{Start: from, Stop: from + 99}, func(int) {}, visit)
				t.End()
			}
		})
		b.Run(kind.name+"/zrangebyscore100", func(b *testing.B) {
			for b.Loop() {
				t := l.Begin(0)
				rng := ZRange{By: ByScore, Score: zset.ScoreRange{Min: kind.score(r), Max: 1e300}, Limited: true, Count: 100}
				_ = t.ZRange(key, &rng, func(int) {}, visit)
				t.End()
			}
		})
		b.Run(kind.name+"/zpopmin+zadd", func(b *testing.B) {
			var popped []byte
			for b.Loop() {
				t := l.Begin(0)
				_, _ = t.ZPop(key, 1, false, func(int) {}, func(m []byte, _ float64) { popped = append(popped[:0], m...) })
				scores[0], args[1] = kind.score(r), append(args[1][:0], popped...)
				_, _ = t.ZAdd(key, scores, args, ZAddOptions{})
				t.End()
			}
		})
		l.Close()
	}
}
