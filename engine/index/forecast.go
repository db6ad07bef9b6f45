package index

import "sync/atomic"

// Forecast says how much is still to come into the tables that follow it, while many
// entries are inserted one after the other. They then make a segment as large as it
// will need to be, or as it can be, and so rebuild it fewer times; Fit ends that. The
// zero Forecast says nothing. Any goroutine may use it.
type Forecast struct {
	factor atomic.Uint32 // of growth, in units of 1/factorUnit; 0: unknown
}

const (
	factorUnit = 16
	maxFactor  = 1 << 16 // more than any segment has room for
)

// Set says that done parts of total are there.
func (f *Forecast) Set(done, total int64) {
	factor := uint32(0)
	if done > 0 && total > done {
		factor = uint32(min(float64(total)/float64(done)*factorUnit, maxFactor))
	}
	f.factor.Store(factor)
}

// Follow makes the table grow as f says.
func (t *Table) Follow(f *Forecast) { t.forecast = f }

// expected returns how many entries there will be in the end, for n there are now, in
// a segment that holds the given entries and has no room for one at pos. Where entries
// come in the order of their positions, or bucket by bucket as from a walk of another
// table, nothing more comes between those there are.
func (t *Table) expected(n int, pos uint64, entries []entry) int {
	if t.forecast == nil {
		return n
	}
	factor := int(t.forecast.factor.Load())
	if factor <= factorUnit {
		return n
	}
	behind := max(len(entries)/16, 2*slotsPerBucket)
	for _, e := range entries {
		if uint64(e.pos) <= pos {
			continue
		}
		if behind--; behind < 0 {
			return n * factor / factorUnit
		}
	}
	return n
}

// Fit rebuilds segments that a forecast made much too large. REQUIRES: the shard's
// lock.
func (t *Table) Fit() {
	d := t.dir.Load()
	if d == nil {
		return
	}
	for pos := uint64(0); pos <= posMask; {
		d = t.dir.Load()
		s := d.segment(pos)
		end := s.start(pos) + 1<<(32-s.depth())
		if n := sizeFor(d.count(pos, s)); n*4 <= s.len()*3 {
			t.shrink(pos)
		}
		pos = end
	}
}
