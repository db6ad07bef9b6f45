package index

import "hpkv/engine/alloc"

// Table is the index of one shard in one database.
type Table struct{}

// Probe is one lock-free lookup.
type Probe struct{}

// Slot is a handle on an entry, valid under the lock until the next Insert,
// Delete or Clear.
type Slot struct{}

// Stats describes a table's shape.
type Stats struct {
	Entries, Buckets, Segments, Directory int
	Bytes                                 int64
	Splits, Rebuilds, Merges              int64
	LongestRebuildNs                      int64
	Stashed                               int
}

func New(heap *alloc.Heap, arena *alloc.Arena, hashOf func(alloc.Ref) uint64) *Table {
	panic("unfinished")
}

// Readers: no lock.
func (p *Probe) Start(t *Table, h uint64)       { panic("unfinished") }
func (p *Probe) Next() (ref alloc.Ref, ok bool) { panic("unfinished") }
func (p *Probe) Valid() bool                    { panic("unfinished") }
func (t *Table) Prefetch(h uint64)              { panic("unfinished") }
func (t *Table) PrefetchRecords(h uint64)       { panic("unfinished") }
func (t *Table) Len() int                       { panic("unfinished") } // any goroutine

// Writers: under the lock.
func (t *Table) First(h uint64) (Slot, bool)                  { panic("unfinished") }
func (s *Slot) Next() bool                                    { panic("unfinished") }
func (s *Slot) Ref() alloc.Ref                                { panic("unfinished") }
func (t *Table) FindRef(h uint64, ref alloc.Ref) (Slot, bool) { panic("unfinished") }
func (t *Table) Insert(h uint64, ref alloc.Ref) error         { panic("unfinished") }
func (t *Table) Replace(s Slot, ref alloc.Ref)                { panic("unfinished") }
func (t *Table) Delete(s Slot)                                { panic("unfinished") }
func (t *Table) Lock(s Slot)                                  { panic("unfinished") }
func (t *Table) Unlock(s Slot)                                { panic("unfinished") }

// Freeze makes every lock-free reader of the table fail validation until
// Thaw: it brackets writes of several keys that must appear as one.
func (t *Table) Freeze() { panic("unfinished") }
func (t *Table) Thaw()   { panic("unfinished") }

// Scan visits the entries of one bucket and returns the next cursor, 0 at the end.
func (t *Table) Scan(pos uint64, visit func(ref alloc.Ref)) (next uint64) { panic("unfinished") }
func (t *Table) Random(rnd func() uint64) (alloc.Ref, bool)               { panic("unfinished") }

// Clear empties the table at once; Drain then frees what it held, step by step.
func (t *Table) Clear()                                                 { panic("unfinished") }
func (t *Table) Drain(budget int, drop func(ref alloc.Ref)) (done bool) { panic("unfinished") }

// Relocate moves the segment at old elsewhere if it belongs to this table (for alloc.Heap.Evacuate).
func (t *Table) Relocate(old alloc.Ref) bool { panic("unfinished") }
func (t *Table) Check() error                { panic("unfinished") }
func (t *Table) Stats() Stats                { panic("unfinished") }
