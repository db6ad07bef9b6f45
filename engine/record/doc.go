// Package record lays out one key with its value in off-heap memory.
//
// # Layout
//
// A record starts on an 8-byte boundary. All numbers are in the machine's byte
// order: records never leave the process.
//
//	offset  size  field
//	0       4     access stamp (see below)
//	4       1     meta: type (low 4 bits), volatile, wide, form (high 2 bits)
//	5       1     key length           narrow form only
//	6       2     value length         narrow form only
//	8       4     key length           wide form only
//	12      4     value length         wide form only
//	+0      8     expiry, Unix ms      volatile records only
//	+8      8     next in the timing wheel's list, and the list's number
//	+16     8     previous in that list
//	...           key bytes, then value bytes
//
// The narrow form serves keys below 256 bytes with values below 64 KB, which
// is nearly all of them, for 8 bytes of overhead; a volatile record pays 24
// bytes more, and membership in the wheel is exact: no stale timers.
//
// # Ownership
//
// Everything but the access stamp is written under the lock of the shard that
// owns the record, inside the index's write section for it. Lock-free readers
// may look at a record while it changes or after it was freed: they read the
// header once ([Record.Header]), validate through the index that it was true,
// only then touch key and value bytes, and validate again before they believe
// them. Record memory is never unmapped, so a stale look reads nonsense but
// does not fault.
//
// The access stamp is the one thing a reader writes: a plain 4-byte store of
// the current time at most once a second, so that OBJECT IDLETIME and eviction
// see reads. A store that comes late lands in the stamp of another record or
// in unused bytes of a free object (see the page rules of engine/alloc).
package record
