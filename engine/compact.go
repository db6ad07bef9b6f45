package engine

import "hpkv/engine/alloc"

// The parts of large collections do not tell whose they are: eight bytes an
// element more would be the price. Compaction therefore condemns the pages of the
// shard's heap that could be spared, goes through all large collections, which
// move what they have there, and pardons what is left. Much of a shard's memory
// for collections has to be free for that.

const (
	// compactStep bounds what is looked at and moved under one hold of the
	// shard's lock, in units of alloc.MoveCost: some 30 us.
	compactStep = 1024
	compactUnit = 64
	// compactPages is how many pages are condemned, or pardoned, in a step.
	compactPages = 64
	// compactShare: a twelfth of the pages must be to spare for it to begin.
	compactShare = 12
	// compactRest is how many milliseconds it rests after it has achieved next
	// to nothing.
	compactRest = 10_000
)

// compaction is where the compaction of a shard's large collections is.
type compaction struct {
	phase  compactPhase
	found  int    // pages condemned
	handle int    // of the collection it is at
	at     large  // that collection
	cursor uint64 // in it
	rest   int64  // not to begin again before this time
}

type compactPhase uint8

const (
	compactIdle compactPhase = iota
	compactCondemn
	compactMove
	compactPardon
)

var compacted = [...]alloc.Purpose{alloc.Collections, alloc.CollectionIndex}

// compact does a step of compaction, if it is worth while, and reports whether
// there is more to do. REQUIRES: s.mu.
func (s *shard) compact(now int64) (more bool) {
	c := &s.compaction
	switch c.phase {
	case compactIdle:
		if len(s.larges.objs) == 0 || len(s.buried) > 0 || len(s.dropped) > 0 || now < c.rest {
			return false
		}
		spare, pages := 0, 0
		for _, p := range compacted {
			a, b := s.heap.Spare(p)
			spare, pages = spare+a, pages+b
		}
		if spare == 0 || spare*compactShare < pages {
			return false
		}
		*c = compaction{phase: compactCondemn}
	case compactCondemn:
		n := 0
		for _, p := range compacted {
			n += s.heap.Condemn(p, compactPages)
		}
		if c.found += n; n == 0 {
			c.phase = compactMove
		}
	case compactMove:
		s.mu.slices(compactStep, compactUnit, func(unit int) (more bool) {
			s.compactObjects(unit)
			return c.phase == compactMove
		})
	case compactPardon:
		n := 0
		for _, p := range compacted {
			n += s.heap.Pardon(p, compactPages)
		}
		// Pages that were found again are no gain.
		if c.found -= n; n == 0 {
			rest := int64(0)
			if c.found <= 0 {
				rest = now + compactRest
			}
			*c = compaction{rest: rest}
		}
	}
	return true
}

// compactObjects goes on with moving.
func (s *shard) compactObjects(budget int) {
	c := &s.compaction
	for ; c.handle < len(s.larges.objs); c.handle++ {
		if budget <= 0 {
			return
		}
		budget--
		l := s.larges.objs[c.handle]
		if l == nil {
			continue
		}
		if l != c.at {
			c.at, c.cursor = l, 0
		}
		cost := 0
		if c.cursor, cost = l.leave(c.cursor, budget); c.cursor != 0 {
			return
		}
		budget -= cost
	}
	c.at, c.phase = nil, compactPardon
}
