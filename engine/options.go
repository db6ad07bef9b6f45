package engine

import "hpkv/numa"

// Defaults of Options.
const (
	DefaultDatabases     = 16
	DefaultMaxValueBytes = 512 << 20
	// DefaultSparseMaxBytes is the size from which a HyperLogLog is dense.
	DefaultSparseMaxBytes = 3000
	// MaxShards bounds Options.Shards: a transaction keeps one bit a shard.
	MaxShards = numa.MaxShards
)

// Options configure Open. The zero value is usable.
type Options struct {
	// Databases is the number of databases; 0 means DefaultDatabases.
	Databases int
	// Shards is a power of two up to MaxShards; 0 takes it from Plan.
	Shards int
	// Plan places shards on workers and memory nodes; nil means one node and
	// one home for each core.
	Plan *numa.Plan
	// Clock tells the time; nil means the system's.
	Clock Clock
	// Journal receives every effect; nil keeps nothing.
	Journal Journal
	// Events receives keyspace events; nil means nobody listens.
	Events Events
	// Changes receives the values of changed keys; nil means nobody listens.
	Changes Changes
	// MaxValueBytes bounds one string value; 0 means DefaultMaxValueBytes, and
	// record.MaxLen, a byte less than 4 GB, is the most.
	MaxValueBytes int64
	// MaxMemoryBytes bounds off-heap memory; 0 means no bound. While more is in
	// use, operations that need memory fail with ErrNoMemory; a transaction
	// that holds shards is let finish, so check Full before.
	MaxMemoryBytes int64
	// ReserveBytes is the address space to reserve, which bounds the data;
	// 0 lets the allocator choose. It costs no memory.
	ReserveBytes int64
	// OrderedIndex builds the ordered index from the start instead of at the
	// first range query.
	OrderedIndex bool
	// Background makes the engine do its background work by itself, until it is
	// closed. Without it the owner must call RunBackground.
	Background bool
}
