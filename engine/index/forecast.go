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

// outlook says what is still to come into a segment that has no room for an entry at
// pos. The zero outlook expects nothing more.
type outlook struct {
	factor  int     // of growth, in units of 1/factorUnit; 0: entries come in order
	density float64 // entries for each position, where they come in order
	pos     uint64
}

// outlook returns that of segment s, which holds the given entries. Where entries come
// in the order of their positions, or bucket by bucket as from a walk of another table,
// nothing more comes between those there are, and behind them as many as before, for
// each position.
func (t *Table) outlook(s segment, pos uint64, entries []entry) outlook {
	if t.forecast == nil {
		return outlook{}
	}
	factor := int(t.forecast.factor.Load())
	if factor <= factorUnit {
		return outlook{}
	}
	behind := max(len(entries)/16, 2*slotsPerBucket)
	for _, e := range entries {
		if uint64(e.pos) <= pos {
			continue
		}
		if behind--; behind < 0 {
			return outlook{factor: factor}
		}
	}
	return outlook{density: float64(len(entries)) / float64(pos-s.start(pos)+1), pos: pos}
}

// expected returns how many entries there will be in the end from position start up
// to, not including, end, where there are n now.
func (o outlook) expected(n int, start, end uint64) int {
	switch {
	case o.factor > 0:
		return n * o.factor / factorUnit
	case end > o.pos:
		return max(n, int(o.density*float64(end-start)))
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
		end := s.end(pos)
		if n := sizeFor(d.count(pos, s)); n*4 <= s.len()*3 {
			t.shrink(pos)
		}
		pos = end
	}
}
