package numa

// PinMode says whether workers are bound to their CPUs.
type PinMode uint8

// The pin modes.
const (
	PinAuto PinMode = iota // pin where the process has its cores to itself
	PinOn
	PinOff
)

// Bounds of a plan.
const (
	MaxWorkers = 1024
	MinShards  = 16
	MaxShards  = 1 << 16
)

// PlanOptions are the operator's wishes. The zero value is the default plan.
type PlanOptions struct {
	Workers         int     // 0: one for each usable core, within the CPU quota. At most MaxWorkers
	Shards          int     // 0: ShardsPerWorker for each worker, at least MinShards; rounded up to a power of two
	ShardsPerWorker int     // 0: 8
	SMT             bool    // one worker for each usable thread instead of each core
	Pin             PinMode // whether to pin
}

// Worker is one event loop and the place it should run at.
type Worker struct {
	CPU    int // CPU to pin to
	Core   int // as CPU.Core
	Socket int // as CPU.Socket
	Node   int // node of the CPU
	Memory int // node for the memory of its shards; differs from Node where that has none
	Cache  int // as CPU.Cache
	Kind   CoreKind
}

// Plan is where workers run and which shard is at home at which worker.
type Plan struct {
	Workers   []Worker // at least one; neighbours share node and cache
	Reason    string   // what decided the number of workers
	Shards    int      // power of two in [1, MaxShards]
	ShardHome []int    // worker index for each shard; contiguous blocks, equal within one shard
	Pinned    bool     // whether workers should call Pin
	PinReason string   // why
}

// ShardNode returns the node on which the memory of a shard should be placed.
func (p *Plan) ShardNode(shard int) int { return p.Workers[p.ShardHome[shard]].Memory }
