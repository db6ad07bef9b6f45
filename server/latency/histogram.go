// Package latency counts durations: a histogram that is filled without waiting for
// those who read it, and the record of latency events that LATENCY shows.
package latency

import (
	"math/bits"
	"sync/atomic"
)

// A bucket is a thirty-second of an octave wide: 3% of its value.
const (
	subBits = 5
	subs    = 1 << subBits

	// MaxNs is the longest duration told apart; longer ones count as this.
	MaxNs = 1<<30 - 1

	bucketCount = (30 - subBits + 1) * subs
)

// Histogram counts durations up to MaxNs. Any goroutine may add and read. The
// zero value is empty.
type Histogram struct {
	buckets [bucketCount]atomic.Int64
}

// Bucket returns where a duration of ns nanoseconds is counted, for AddTo. Below
// two octaves of subs a bucket is one nanosecond wide.
func Bucket(ns int64) int {
	v := uint64(min(max(ns, 0), MaxNs))
	shift := max(bits.Len64(v)-subBits-1, 0)
	return shift<<subBits + int(v>>shift)
}

// top is the longest duration of a bucket, in nanoseconds.
func top(bucket int) int64 {
	if bucket < 2*subs {
		return int64(bucket)
	}
	shift := bucket>>subBits - 1
	return (int64(bucket&(subs-1)|subs)+1)<<shift - 1
}

// AddTo counts n durations of one bucket.
func (h *Histogram) AddTo(bucket int, n int64) { h.buckets[bucket].Add(n) }

// Counts is what one or more histograms held at some moment.
type Counts struct {
	buckets [bucketCount]int64
	total   int64
}

// Add adds what h holds now.
func (c *Counts) Add(h *Histogram) {
	for i := range h.buckets {
		n := h.buckets[i].Load()
		c.buckets[i] += n
		c.total += n
	}
}

// Sub takes away what was counted before.
func (c *Counts) Sub(before *Counts) {
	for i, n := range before.buckets {
		c.buckets[i] -= n
	}
	c.total -= before.total
}

// Total is the number of durations.
func (c *Counts) Total() int64 { return c.total }

// Percentile returns the duration in nanoseconds that p percent of all do not
// exceed, up to the width of a bucket; 0 if there are none.
func (c *Counts) Percentile(p float64) int64 {
	want := max(int64(min(p, 100)/100*float64(c.total)+0.5), 1)
	seen := int64(0)
	for i, n := range c.buckets {
		if seen += n; seen >= want {
			return top(i)
		}
	}
	return 0
}

// UpTo returns for each of the bounds, which ascend, how many durations were at
// most as long, in nanoseconds. A bucket counts once its longest duration does.
func (c *Counts) UpTo(bounds []int64) []int64 {
	list := make([]int64, len(bounds))
	seen, i := int64(0), 0
	for n, bound := range bounds {
		for ; i < bucketCount && top(i) <= bound; i++ {
			seen += c.buckets[i]
		}
		list[n] = seen
	}
	return list
}

// Octave is one line of a coarse histogram.
type Octave struct {
	LeUsec int64 // durations up to this many microseconds
	Count  int64 // all of them, those of shorter octaves included
}

// Octaves returns the histogram in powers of two from a microsecond on,
// cumulative, without those that add nothing. Their bounds are labelled as
// Redis labels them: 2^k nanoseconds and the width of a bucket of its own
// histogram, in whole microseconds.
func (c *Counts) Octaves() []Octave {
	var list []Octave
	seen, told, i := int64(0), int64(0), 0
	for k := 10; k <= 31 && told < c.total; k++ {
		for end := int64(1)<<k - 1; i < bucketCount && top(i) <= end; i++ {
			seen += c.buckets[i]
		}
		if seen > told {
			list = append(list, Octave{LeUsec: (1<<k + 1<<(k-7) - 1) / 1000, Count: seen})
			told = seen
		}
	}
	return list
}
