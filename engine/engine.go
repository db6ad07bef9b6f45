package engine

import (
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"hpkv/engine/alloc"
	"hpkv/engine/epoch"
	"hpkv/engine/index"
	"hpkv/engine/record"
	"hpkv/numa"
)

// Engine holds all databases. Its methods are safe for concurrent use; work on
// data goes through a Lane.
type Engine struct {
	// Immutable after Open.
	arena     *alloc.Arena
	toCome    index.Forecast // while loaders work
	readers   *epoch.Domain
	shards    []*shard
	shift     uint // 63 - log2(len(shards)), see shardOf
	databases int
	clock     Clock
	events    Events
	changes   Changes
	homes     [][]*shard // the shards of each home

	journal Journal // or nil; read under any shard's lock, changed under all

	// Atomic, any goroutine.
	loaders      atomic.Int32  // see Loader
	stamp        atomic.Uint32 // coarse time for access stamps, refreshed by Maintain
	maxValue     atomic.Int64
	maxMemory    atomic.Int64
	sparseMax    atomic.Int64
	limits       Limits
	evict        eviction
	closed       atomic.Bool
	txnID        atomic.Uint64
	expiredAt    atomic.Int64  // see noteExpired
	keepExpired  atomic.Bool   // background work leaves expired keys alone
	eventClasses atomic.Uint32 // the EventClass of events that are raised
	wanted       []atomic.Bool // databases whose ordered index was asked for

	lanes struct {
		sync.Mutex
		open map[*Lane]struct{}
		past Counters // of closed lanes
	}

	wantsMemory chan struct{}                      // the arena has something to prepare
	background  struct{ stop, done chan struct{} } // of the engine's own; nil: there is none
}

// Open returns an engine that holds nothing yet.
func Open(o Options) (*Engine, error) {
	if o.Databases == 0 {
		o.Databases = DefaultDatabases
	}
	if o.MaxValueBytes == 0 {
		o.MaxValueBytes = DefaultMaxValueBytes
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	homes := runtime.NumCPU()
	if o.Plan != nil {
		homes = len(o.Plan.Workers)
		if o.Shards == 0 {
			o.Shards = o.Plan.Shards
		}
	}
	if o.Shards == 0 {
		o.Shards = min(MaxShards, max(16, 8<<bits.Len(uint(homes-1))))
	}
	if o.Shards < 1 || o.Shards > MaxShards || o.Shards&(o.Shards-1) != 0 {
		return nil, fmt.Errorf("engine: %d shards: must be a power of two up to %d", o.Shards, MaxShards)
	}
	if o.Databases < 1 {
		return nil, fmt.Errorf("engine: %d databases: need at least one", o.Databases)
	}

	e := &Engine{
		readers:   epoch.New(alloc.ProcessBarrier()),
		shift:     uint(63 - bits.TrailingZeros(uint(o.Shards))),
		databases: o.Databases,
		clock:     o.Clock,
		journal:   o.Journal,
		events:    o.Events,
		changes:   o.Changes,
		wanted:    make([]atomic.Bool, o.Databases),
	}
	arena, err := alloc.NewArena(alloc.Options{
		ReserveBytes: o.ReserveBytes,
		HugePages:    true,
		Place:        placeMemory(o.Plan),
		Retire:       e.readers.Retire,
		Wanted:       e.wantMemory,
	})
	if err != nil {
		return nil, fmt.Errorf("engine: cannot reserve memory: %w", err)
	}
	e.arena = arena
	e.SetMaxValueBytes(o.MaxValueBytes)
	e.SetEventClasses(AllClasses)
	e.limits.setDefaults()
	e.maxMemory.Store(o.MaxMemoryBytes)
	e.sparseMax.Store(DefaultSparseMaxBytes)
	e.SetEviction(DefaultEviction)
	for db := range e.wanted {
		e.wanted[db].Store(o.OrderedIndex)
	}
	e.lanes.open = make(map[*Lane]struct{})
	e.wantsMemory = make(chan struct{}, 1)
	e.homes = make([][]*shard, homes) // with few shards some have none
	for id := range o.Shards {
		home, node := id*len(e.homes)/o.Shards, 0
		if o.Plan != nil && len(o.Plan.ShardHome) == o.Shards {
			home, node = o.Plan.ShardHome[id], o.Plan.ShardNode(id)
		}
		s := newShard(e, id, home, node)
		e.shards = append(e.shards, s)
		e.homes[home] = append(e.homes[home], s)
	}
	if o.Background {
		e.startBackground()
	}
	return e, nil
}

// placeMemory returns the hook that binds memory to a node. On one node there
// is nothing to bind; a refusal, as containers give, costs locality only.
func placeMemory(p *numa.Plan) func(addr uintptr, n, node int) error {
	if p == nil {
		return nil
	}
	for _, w := range p.Workers {
		if w.Memory != p.Workers[0].Memory {
			return numa.Bind
		}
	}
	return nil
}

// Close stops background work and returns the memory to the system. Every
// lane must be closed, and no operation may run, when Close is called.
func (e *Engine) Close() error {
	if e.closed.Swap(true) {
		return ErrClosed
	}
	e.stopBackground()
	return e.arena.Close()
}

// SetActiveExpiry turns the expiry of keys that nobody accesses on, as it is at
// first, or off. Expired keys are absent either way.
func (e *Engine) SetActiveExpiry(on bool) { e.keepExpired.Store(!on) }

// Databases returns the number of databases.
func (e *Engine) Databases() int { return e.databases }

// Shards returns the number of shards.
func (e *Engine) Shards() int { return len(e.shards) }

// Homes returns the number of homes that Maintain knows.
func (e *Engine) Homes() int { return len(e.homes) }

// SetMaxValueBytes changes the bound of one string value. A record's lengths
// have 32 bits: more than they hold is not allowed, whatever is asked for.
func (e *Engine) SetMaxValueBytes(n int64) { e.maxValue.Store(min(n, record.MaxLen)) }

// MaxValueBytes returns the bound of one string value.
func (e *Engine) MaxValueBytes() int64 { return e.maxValue.Load() }

// SetMaxMemoryBytes changes the bound of off-heap memory; 0 removes it.
func (e *Engine) SetMaxMemoryBytes(n int64) { e.maxMemory.Store(n) }

// SetSparseMaxBytes changes the size from which a HyperLogLog is dense.
func (e *Engine) SetSparseMaxBytes(n int64) { e.sparseMax.Store(n) }

// Full reports whether more memory is in use than allowed, and eviction has not
// helped or is not to be tried.
func (e *Engine) Full() bool {
	return e.Over() && (e.evict.starved.Load() || e.evict.how.Load().Policy == NoEviction)
}

// Check verifies the invariants of every shard: index against records,
// allocator, timing wheels, ordered indexes, counters. It locks everything and
// walks all data: for tests and for an operator's doubt.
func (e *Engine) Check() error {
	for _, s := range e.shards {
		s.mu.lock()
		defer s.mu.unlock()
	}
	for _, s := range e.shards {
		if err := s.check(); err != nil {
			return fmt.Errorf("shard %d: %w", s.id, err)
		}
	}
	return e.arena.Check()
}
