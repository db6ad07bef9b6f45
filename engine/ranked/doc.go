// Package ranked keeps the items of a large sorted set in order: by score, then
// by member bytes.
//
// A Tree is a B+tree in memory outside the Go heap. An item is a score and the
// reference of a record with the member; inner nodes count the items below each
// child, so that the rank of an item and the item of a rank take one way down,
// and a range by score or member is two such ways and a window of ranks.
// The scores of a node lie together, and members are read only where scores
// are equal.
//
// # Why not tidwall/btree
//
// It finds the item of a rank but not the rank of an item. And at 1M items
// inserted in random order it allocates 47 bytes an item on the Go heap, with
// 16-byte items, where a Tree has 16.1 of its own memory, returned in steps and
// bounded like all data; an insertion takes about half the time.
//
// A Tree is owned by whoever holds the lock of its shard.
package ranked

import "hpkv/engine/alloc"

// Purpose accounts the nodes.
const Purpose = alloc.Collections
