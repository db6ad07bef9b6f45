package index

import (
	"slices"
	"testing"
)

// fill inserts hashes with a forecast; told says after how many of them what is told
// of progress, nil: nothing.
func fill(t *testing.T, hashes []uint64, told func(done int) (n, total int64)) Stats {
	t.Helper()
	r := newRig(t)
	var f Forecast
	r.table.Follow(&f)
	for i, h := range hashes {
		if i%256 == 0 && told != nil {
			f.Set(told(i))
		}
		r.insert(t, h)
	}
	f.Set(1, 1)
	r.table.Fit()
	r.mustCheck(t)
	for i, h := range hashes {
		if _, ok := r.find(h); !ok {
			t.Fatalf("entry %d is lost", i)
		}
	}
	return r.table.Stats()
}

// TestForecast: with a forecast a table is rebuilt half as often while it grows, and
// ends up as large as one without, and a third as often where entries come in order, as
// in a rewritten log; when the forecast was wrong, Fit makes up for it.
func TestForecast(t *testing.T) {
	rnd := seeded(t)
	changes := func(s Stats) int64 { return s.Rebuilds + s.Splits + s.Shrinks + s.Merges }
	sizes := []int{500, 20_000, 61_000, 100_000, 140_000, 190_000}
	if raceEnabled {
		sizes = sizes[:2]
	}
	for _, n := range sizes {
		hashes := make([]uint64, n)
		for i := range hashes {
			hashes[i] = rnd.Uint64()
		}
		plain := fill(t, hashes, nil)
		right := fill(t, hashes, func(done int) (int64, int64) { return int64(done), int64(n) })
		wrong := fill(t, hashes, func(int) (int64, int64) { return 1, 1000 })
		t.Logf("%d entries: %+v; forecast right %+v; wrong %+v", n, plain, right, wrong)
		if n >= 20_000 && changes(right)*2 > changes(plain) {
			t.Errorf("%d entries: %d changes of segments with a forecast, %d without", n, changes(right), changes(plain))
		}
		for _, s := range []Stats{right, wrong} {
			if float64(s.Bytes) > 1.4*float64(plain.Bytes)+8192 {
				t.Errorf("%d entries take %d bytes with a forecast, %d without", n, s.Bytes, plain.Bytes)
			}
		}
		// A walk gives buckets in order, and in a bucket any.
		slices.SortFunc(hashes, func(a, b uint64) int { return int(a&posMask) - int(b&posMask) })
		for i := 0; i+7 <= n; i += 7 {
			rnd.Shuffle(7, func(a, b int) { hashes[i+a], hashes[i+b] = hashes[i+b], hashes[i+a] })
		}
		plain = fill(t, hashes, nil)
		right = fill(t, hashes, func(done int) (int64, int64) { return int64(done), int64(n) })
		wrong = fill(t, hashes, func(int) (int64, int64) { return 1, 1000 })
		t.Logf("in order: %+v; forecast right %+v; wrong %+v", plain, right, wrong)
		if n >= 20_000 && changes(right)*3 > changes(plain) {
			t.Errorf("%d entries in order: %d changes of segments with a forecast, %d without", n, changes(right), changes(plain))
		}
		for _, s := range []Stats{right, wrong} {
			if float64(s.Bytes) > 1.2*float64(plain.Bytes)+8192 {
				t.Errorf("%d entries in order take %d bytes with a forecast, %d without", n, s.Bytes, plain.Bytes)
			}
		}
	}
}
