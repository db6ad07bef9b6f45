package engine

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ownTime is the processor time of the calling thread.
func ownTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) // cannot fail
	return time.Duration(ts.Nano())
}

// fillLarge makes a collection of n elements at key.
func fillLarge(tb testing.TB, l *Lane, typ Type, key []byte, n int) {
	const each = 1000
	items := make([][]byte, each)
	args := make([][]byte, 2*each)
	scores := make([]float64, each)
	for from := 0; from < n; from += each {
		for k := range items {
			items[k] = fmt.Appendf(items[k][:0], "key:%012d", from+k)
			args[2*k], args[2*k+1] = items[k], items[k]
			scores[k] = float64((from + k) * 7919 % n)
		}
		t := l.Begin(0)
		var err error
		switch typ {
		case TypeHash:
			_, err = t.HSet(key, args)
		case TypeList:
			_, err = t.ListPush(key, ListRight, items, false)
		case TypeSet:
			_, err = t.SAdd(key, items)
		case TypeZSet:
			_, err = t.ZAdd(key, scores, args, ZAddOptions{})
		}
		t.End()
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkGone reports for how long a thread is busy at a time when a collection of
// ten million elements loses its key in several ways: with the operation itself, and
// with the rounds of background work until the memory is free.
func BenchmarkGone(b *testing.B) {
	if testing.Short() {
		b.Skip("takes a minute or two")
	}
	const n = 10_000_000
	key, other := []byte("collection"), []byte("other")
	ways := []struct {
		name string
		do   func(t *Txn, clock *ManualClock) error
	}{
		{"del", func(t *Txn, _ *ManualClock) error { t.Delete(key); return nil }},
		{"set", func(t *Txn, _ *ManualClock) error { _, err := t.Set(key, []byte("x"), SetOptions{}); return err }},
		{"rename", func(t *Txn, _ *ManualClock) error { _, err := t.Rename(other, key, false); return err }},
		{"flush", func(t *Txn, _ *ManualClock) error { t.FlushAll(true); return nil }},
		{"expire", func(t *Txn, clock *ManualClock) error {
			t.ExpireAt(key, clock.NowMs()+1, 0)
			clock.Advance(time.Second)
			return nil
		}},
	}
	for _, typ := range []Type{TypeHash, TypeList, TypeSet, TypeZSet} {
		for _, way := range ways {
			b.Run(typ.String()+"/"+way.name, func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				for range b.N {
					e, clock := openTest(b, Options{Shards: 1})
					l := e.NewLane()
					fillLarge(b, l, typ, key, n)
					t := l.Begin(0)
					_, _ = t.Set(other, []byte("x"), SetOptions{})
					t.End()
					t = l.Begin(0)
					start := ownTime()
					if way.name == "rename" {
						t.LockKeys([][]byte{key, other}, 0, 1, 1)
					}
					err := way.do(t, clock)
					t.End()
					op := ownTime() - start
					if err != nil {
						b.Fatal(err)
					}
					var rounds []time.Duration
					for live(e) > 0 || e.readers.Pending() > 0 {
						start := ownTime()
						e.Maintain(l, 0, maintainBudget)
						rounds = append(rounds, ownTime()-start)
					}
					slices.Sort(rounds)
					b.ReportMetric(float64(op)/1e3, "op-us")
					for _, q := range []float64{50, 99, 99.9, 100} {
						b.ReportMetric(float64(rounds[int(float64(len(rounds)-1)*q/100)])/1e3, "round-p"+strconv.FormatFloat(q, 'f', -1, 64)+"-us")
					}
					b.ReportMetric(float64(len(rounds)), "rounds")
					l.Close()
				}
			})
		}
	}
}
