package engine

import "hpkv/engine/alloc"

// Records and segments of the index are moved page by page: see defragment. The
// parts of large collections do not tell whose they are, which would cost eight
// bytes an element. So their pages are dealt with the other way round, in three
// phases: pages that could be spared are condemned; a walk over all large
// collections has each move what it has on a condemned page; pages with something
// left on them then are pardoned. A walk is worth its time only where much of a
// shard's memory for collections is free.

const (
	// partsStep bounds what is looked at and moved under one hold of the
	// shard's lock, in units of alloc.MoveCost: some 30 us.
	partsStep = 1024
	partsUnit = 64
	// partsPages is how many pages are condemned, or pardoned, in a step.
	partsPages = 64
	// partsShare: a twelfth of the pages must be to spare for it to begin.
	partsShare = 12
	// partsRest is how many milliseconds it rests after it has achieved next
	// to nothing.
	partsRest = 10_000
)

// partsDefrag is how far the defragmentation of a shard's large collections is.
type partsDefrag struct {
	phase  partsPhase
	found  int    // pages condemned
	handle int    // of the collection it is at
	at     large  // that collection
	cursor uint64 // in it
	rest   int64  // not to begin again before this time
}

type partsPhase uint8

const (
	partsIdle partsPhase = iota
	partsCondemn
	partsMove
	partsPardon
)

var partsPurposes = [...]alloc.Purpose{alloc.Collections, alloc.CollectionIndex}

// defragmentParts does a step for the parts of large collections, if it is worth
// while, and reports whether there is more to do. now is in milliseconds.
// REQUIRES: s.mu.
func (s *shard) defragmentParts(now int64) (more bool) {
	c := &s.partsDefrag
	switch c.phase {
	case partsIdle:
		if len(s.larges.objs) == 0 || len(s.buried) > 0 || len(s.dropped) > 0 || now < c.rest {
			return false
		}
		spare, pages := 0, 0
		for _, p := range partsPurposes {
			a, b := s.heap.Spare(p)
			spare, pages = spare+a, pages+b
		}
		if spare == 0 || spare*partsShare < pages {
			return false
		}
		*c = partsDefrag{phase: partsCondemn}
	case partsCondemn:
		n := 0
		for _, p := range partsPurposes {
			n += s.heap.Condemn(p, partsPages)
		}
		if c.found += n; n == 0 {
			c.phase = partsMove
		}
	case partsMove:
		s.mu.slices(partsStep, partsUnit, func(unit int) (more bool) {
			s.moveParts(unit)
			return c.phase == partsMove
		})
	case partsPardon:
		n := 0
		for _, p := range partsPurposes {
			n += s.heap.Pardon(p, partsPages)
		}
		// Pages that were found again are no gain.
		if c.found -= n; n == 0 {
			rest := int64(0)
			if c.found <= 0 {
				rest = now + partsRest
			}
			*c = partsDefrag{rest: rest}
		}
	}
	return true
}

// moveParts goes on with the walk over the large collections, for about budget
// units of alloc.MoveCost.
func (s *shard) moveParts(budget int) {
	c := &s.partsDefrag
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
	c.at, c.phase = nil, partsPardon
}
