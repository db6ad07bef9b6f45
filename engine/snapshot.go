package engine

import (
	"slices"

	"hpkv/engine/alloc"
)

// pins keeps the records that open snapshots may show. While any snapshot of
// the shard is open, records are never changed in place, and one that is
// replaced or removed is freed only after the last snapshot that saw it closed.
//
// Owned by the shard.
type pins struct {
	generation uint64      // number of the youngest snapshot
	held       []uint64    // numbers of the open ones, ascending
	limbo      [][]retired // in the order in which they were postponed, by limboBlock
	kept       int         // records in limbo
}

// retired is a record out of use, which snapshots up to generation may show.
type retired struct {
	ref        alloc.Ref
	generation uint64
}

// limboBlock is how many records limbo grows by: a range left open beside
// writers can make it long, and growing must not copy it.
const limboBlock = 512

func (p *pins) open() bool { return len(p.held) > 0 }

// shows reports whether an open snapshot may show what went out of use when
// generation was the youngest.
func (p *pins) shows(generation uint64) bool { return len(p.held) > 0 && p.held[0] <= generation }

// take opens a snapshot and returns its number.
func (p *pins) take() uint64 {
	p.generation++
	p.held = append(p.held, p.generation)
	return p.generation
}

// release closes a snapshot.
func (p *pins) release(generation uint64) {
	i := slices.Index(p.held, generation)
	p.held = slices.Delete(p.held, i, i+1)
}

// postpone keeps ref until the snapshots that are open now have closed.
func (p *pins) postpone(ref alloc.Ref) {
	last := len(p.limbo) - 1
	if last < 0 || len(p.limbo[last]) == cap(p.limbo[last]) {
		p.limbo = append(p.limbo, make([]retired, 0, limboBlock))
		last++
	}
	p.limbo[last] = append(p.limbo[last], retired{ref, p.generation})
	p.kept++
}

// reclaim frees up to budget records that no open snapshot shows and reports
// whether there are more.
func (p *pins) reclaim(budget int, free func(alloc.Ref)) (more bool) {
	for p.kept > 0 && !p.shows(p.limbo[0][0].generation) {
		if budget--; budget < 0 {
			return true
		}
		free(p.limbo[0][0].ref)
		p.kept--
		if p.limbo[0] = p.limbo[0][1:]; len(p.limbo[0]) == 0 {
			p.limbo[0] = nil
			p.limbo = p.limbo[1:]
		}
	}
	return false
}
