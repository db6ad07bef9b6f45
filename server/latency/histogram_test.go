package latency

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBuckets(t *testing.T) {
	last := -1
	for _, ns := range []int64{0, 1, 31, 32, 63, 64, 65, 66, 127, 128, 1000, 1023, 1024, 1 << 20, MaxNs - 1, MaxNs} {
		b := Bucket(ns)
		if b < last || b >= bucketCount {
			t.Errorf("%d ns is in bucket %d after %d of %d", ns, b, last, bucketCount)
		}
		if hi := top(b); hi < ns || hi-ns > ns/subs {
			t.Errorf("%d ns is in a bucket that ends at %d", ns, hi)
		}
		last = b
	}
	if Bucket(-5) != 0 || Bucket(MaxNs+5) != Bucket(MaxNs) {
		t.Error("durations out of bounds are not in the outermost buckets")
	}
	for b := range bucketCount {
		if got := Bucket(top(b)); got != b {
			t.Fatalf("the top of bucket %d is in bucket %d", b, got)
		}
	}
}

func TestPercentiles(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	h := new(Histogram)
	var all []int64
	for range 10000 {
		ns := int64(r.ExpFloat64() * 50000)
		all = append(all, ns)
		h.AddTo(Bucket(ns), 1)
	}
	slices.Sort(all)
	c := new(Counts)
	c.Add(h)
	for _, p := range []float64{1, 50, 99, 99.9, 100} {
		want := all[max(int(p/100*float64(len(all)))-1, 0)]
		if got := c.Percentile(p); float64(got) < 0.98*float64(want) || float64(got) > 1.05*float64(want) {
			t.Errorf("seed %d: percentile %v is %d, want about %d", seed, p, got, want)
		}
	}
	c.Sub(c)
	if c.Total() != 0 || c.Percentile(50) != 0 || len(c.Octaves()) != 0 {
		t.Error("nothing is left, but something is shown")
	}
}

func TestOctaves(t *testing.T) {
	h := new(Histogram)
	for _, ns := range []int64{500, 900, 1500, 3000, 3000, 40000, 2e9} {
		h.AddTo(Bucket(ns), 1)
	}
	c := new(Counts)
	c.Add(h)
	want := []Octave{{1, 2}, {2, 3}, {4, 5}, {66, 6}, {1082130, 7}}
	if got := c.Octaves(); !slices.Equal(got, want) {
		t.Errorf("octaves %v, want %v", got, want)
	}
}
