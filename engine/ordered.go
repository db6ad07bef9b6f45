package engine

import (
	"fmt"

	"hpkv/engine/alloc"
	"hpkv/engine/ordered"
)

// orderedIndex keeps a keyspace's keys in byte order once somebody asked for
// ranges. It is built in the order of the hash index, step by step between
// other work; meanwhile changes to keys that the build has passed are applied
// to it, and keys ahead are left to the build. A nil *orderedIndex ignores
// changes: a workload without ranges pays one comparison.
//
// Owned by the shard.
type orderedIndex struct {
	s      *shard
	x      *ordered.Index
	built  bool
	cursor uint64 // position in the hash index that the build has reached
}

func newOrderedIndex(s *shard) *orderedIndex {
	o := &orderedIndex{s: s}
	o.x = ordered.New(func(ref uint64) []byte { return o.keyAt(alloc.Ref(ref)) })
	return o
}

func (o *orderedIndex) keyAt(ref alloc.Ref) []byte {
	rec := o.s.recordAt(ref)
	return rec.Key(rec.Header())
}

// complete marks the index of an empty keyspace as built.
func (o *orderedIndex) complete() { o.built = true }

// covers reports whether the build has passed a hash.
func (o *orderedIndex) covers(h uint64) bool {
	return o != nil && (o.built || uint64(uint32(h)) < o.cursor)
}

func (o *orderedIndex) insert(h uint64, ref alloc.Ref) {
	if o.covers(h) {
		o.x.Put(o.keyAt(ref), uint64(ref))
	}
}

// replace makes ref stand for its key; the old record must not be freed yet.
func (o *orderedIndex) replace(h uint64, ref alloc.Ref) { o.insert(h, ref) }

// delete removes the key of ref; the record must not be freed yet.
func (o *orderedIndex) delete(h uint64, ref alloc.Ref) {
	if o.covers(h) {
		o.x.Delete(o.keyAt(ref))
	}
}

// buildOrdered does a step of building and reports whether more is left.
// REQUIRES: s.mu.
func (s *shard) buildOrdered(ks *keyspace, budget int) (more bool) {
	if ks.ordered == nil {
		ks.ordered = newOrderedIndex(s)
	}
	o := ks.ordered
	for !o.built {
		if budget <= 0 {
			return true
		}
		o.cursor = ks.table.Scan(o.cursor, func(ref alloc.Ref) {
			o.x.Put(o.keyAt(ref), uint64(ref))
			budget--
		})
		budget--
		if o.cursor == 0 {
			o.built = true
		}
	}
	return false
}

// check verifies that a built index holds exactly the keyspace's keys.
func (o *orderedIndex) check(_ *shard, ks *keyspace) error {
	if o == nil {
		return nil
	}
	if o.built && o.x.Len() != ks.table.Len() {
		return fmt.Errorf("ordered index has %d keys of %d", o.x.Len(), ks.table.Len())
	}
	return o.x.Check()
}
