// Package alloc is the engine's memory: it serves objects from a range of
// address space outside the Go heap, in size classes, accounted by purpose.
//
// # Terms
//
//	arena   one contiguous reserved range. An object's address is
//	        base + ref*8, base never changes.
//	chunk   2 MB of the range: the unit that is made accessible, bound to a
//	        NUMA node and dedicated to a kind of use (small objects, index,
//	        large objects).
//	page    64 KB, aligned: the unit that passes between arena and heaps. The
//	        first 64 bytes are its header, the rest holds objects of one
//	        class and one purpose.
//	run     consecutive pages that hold one object too large for a class. Its
//	        header is that of its first page.
//	heap    the pages of one shard, with their free lists.
//
// # Why readers never fault
//
// Readers follow references without a lock and find out afterwards that the
// object was gone. So whatever lies below the committed mark stays readable
// until Close: memory goes back to the system by MADV_DONTNEED, which keeps
// the mapping. A stale reader sees other bytes or zeros, never a fault, and
// Arena.Readable bounds what it may touch.
//
// # Why pages keep their type for a while
//
// A reader may make one shared write: a plain 4-byte store of an access stamp
// into bytes 0..3 of a record it has just read. That store may come late,
// when the record is freed already. It does no harm as long as the place is
// still the start of a record or of a free object of the same class, so
//
//   - a page that leaves its class or purpose passes through Options.Retire
//     (a grace period) before anyone else gets it. Until then only the same
//     class of the same heap may use it;
//   - the link of a free object lies in its bytes 4..5. Bytes 0..3 of a free
//     object mean nothing.
//
// # Who may call what
//
// A Heap is owned by its shard: every method under the shard's lock, no
// atomics inside. Arena methods are for any goroutine. Lock order: shard, then
// the arena's own mutex; Options.Retire is called under the shard's lock and
// must not run its argument there (it may when there are no readers).
//
// # Contents
//
// Fresh objects hold whatever was there before.
package alloc
