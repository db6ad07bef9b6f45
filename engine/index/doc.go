// Package index is the hash table of one shard in one database: it maps
// hashes to references and knows neither keys nor records.
//
// # Shape
//
// The position of an entry is the low half of its hash (the shard was chosen by
// the high half). The top bits of the position select a segment through the
// directory, the bits below them a bucket in proportion to the segment's size,
// so the order of entries in the table is the order of their positions, always.
// A SCAN cursor is a position and keeps its meaning through every growth,
// split, shrink and merge.
//
//	directory  2^depth words, each {segment, its buckets, its local depth};
//	           2^(depth-local) neighbours share a segment
//	segment    8..63 buckets, one object of the arena
//	bucket     one cache line: a head word and 7 slots
//	head       version 39 | stashed 1 | reach 3 | displacement 7 x 3
//	slot       tag 24 | ref 40; 0 is free
//
// The tag is the low 24 bits of the position. An entry sits in its home bucket
// or, when that is full, in one of the next seven (around the segment's end);
// the displacement of a slot is how far its home is behind, the reach of a head
// how far ahead its entries have gone.
//
// # Growth
//
// A segment without room for an entry is rebuilt into a somewhat larger one, or
// into two once it has reached its largest size. That moves at most 441
// entries, a few microseconds, and reads no record: bucket, directory
// and tag together give back the whole position (posOf), except in a table of
// fewer than 256 buckets. A segment that has become sparse is rebuilt smaller,
// together with its buddy if both fit. A directory of another size is copied
// ahead of its use, a few segments with each rebuild (see directory.go).
//
// Entries that fit nowhere although their segment has room are put into a
// stash, a plain list. With honest hashes few ever are, and for a while only: of
// millions that come in the order of their positions (see mayDeepen). With forged
// ones it bounds the damage to a list walk.
//
// # Protocol
//
// Everything that changes the table runs under the shard's lock. Readers take
// no lock and write nothing: a Probe notes the table's structure counter and
// the heads of the buckets it looks into, the caller reads the records, and
// Valid confirms that the counter and the heads are still the same. What makes
// that sound:
//
//   - A slot is one atomic word, written after the record behind it is complete.
//   - Whatever happens to an entry changes the version in the head of its home
//     bucket, and of the bucket that holds it, after the slot and before the
//     caller can free or reuse the record. A reader that saw any later state of
//     the record therefore finds the version changed.
//   - The home's version is odd while the slot changes, and between Lock and
//     Unlock, while a record changes in place. Between Freeze and Thaw the
//     structure counter is odd. Probes do not start then. So nobody sees a
//     change before all probes begun earlier have become invalid, and several
//     probes that are valid one after the other were true at one moment.
//   - A segment is replaced by a complete copy, then the structure counter
//     changes, then the old one is freed. The counter is never reset, so a
//     stale segment is not believed whatever its memory holds by then, and that
//     memory stays readable (see alloc).
//   - Versions have 39 bits: a reader would have to sleep through exactly a
//     multiple of 2^38 changes of one bucket to take a change for none.
//
// On amd64 loads are not reordered with loads nor stores with stores, so plain
// moves do; elsewhere the functions of order_*.go contain the barriers.
package index
