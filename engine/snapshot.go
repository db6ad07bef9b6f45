package engine

import (
	"slices"

	"hpkv/engine/alloc"
)

// pins keeps the records that open snapshots may show. While any snapshot of
// the shard is open, records are never changed in place, and one that is
// replaced or removed is freed only when the last snapshot that saw it closes.
//
// Owned by the shard.
type pins struct {
	generation uint64   // number of the youngest snapshot
	held       []uint64 // numbers of the open ones, ascending
	limbo      []retired
}

// retired is a record out of use, which snapshots up to generation may show.
type retired struct {
	ref        alloc.Ref
	generation uint64
}

func (p *pins) open() bool { return len(p.held) > 0 }

// take opens a snapshot and returns its number.
func (p *pins) take() uint64 {
	p.generation++
	p.held = append(p.held, p.generation)
	return p.generation
}

// postpone keeps ref until the snapshots that are open now have closed.
func (p *pins) postpone(ref alloc.Ref) {
	p.limbo = append(p.limbo, retired{ref, p.generation})
}

// release closes a snapshot and frees what only it was keeping.
func (p *pins) release(generation uint64, free func(alloc.Ref)) {
	i := slices.Index(p.held, generation)
	p.held = slices.Delete(p.held, i, i+1)
	n := len(p.limbo)
	if len(p.held) > 0 {
		n = 0
		for n < len(p.limbo) && p.limbo[n].generation < p.held[0] {
			n++
		}
	}
	for _, r := range p.limbo[:n] {
		free(r.ref)
	}
	p.limbo = slices.Delete(p.limbo, 0, n)
	if len(p.limbo) == 0 {
		p.limbo = nil
	}
}
