package numa

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

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

// defaultShardsPerWorker keeps two workers from meeting on one shard's lock often
// without making the per-shard parts (index, heap pages, wheel) too small to be
// used well.
const defaultShardsPerWorker = 8

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

// pinWholeMachine is how many workers a plan that has the whole machine must
// have to be pinned by default. On a smaller machine the clients, the log's
// threads and the garbage collector regularly need a core a worker sits on, and
// a pinned worker cannot step aside.
const pinWholeMachine = 4

// slot is a CPU that may carry a worker, with what it is ordered by.
type slot struct {
	cpu    *CPU
	thread int // position among the usable threads of its core
	far    int // 1 where the node's memory is on another node
	level  int // of the CPU's highest cache
}

// Plan lays out workers and shards. It has no error: wishes out of range are cut
// to what is possible (fields of PlanOptions below zero count as zero). t must
// come from Detect or DetectAt, which promise a usable CPU and a node.
func (t *Topology) Plan(o PlanOptions) *Plan {
	p := &Plan{}
	threads := t.slots()
	slots, cores := coresFirst(threads)
	n := cores
	p.Reason = "one for each usable core"
	if o.SMT {
		slots, n = threads, len(threads)
		p.Reason = "one for each usable thread"
	}
	if q := t.Limits.CPUs; q > 0 && q < float64(n) {
		n = max(1, int(q))
		p.Reason = fmt.Sprintf("whole part of the CPU quota of %.4g", q)
	}
	if o.Workers > 0 {
		n, p.Reason = o.Workers, "as configured"
	}
	n = min(n, MaxWorkers)

	p.Workers = make([]Worker, n)
	for i := range p.Workers {
		// More workers than CPUs begin again with the first CPU.
		c := slots[i%len(slots)].cpu
		p.Workers[i] = Worker{
			CPU: c.ID, Core: c.Core, Socket: c.Socket, Node: c.Node,
			Memory: t.memoryNode(c.Node), Cache: c.Cache, Kind: c.Kind,
		}
	}
	// Workers were given CPUs in the order of need (cores, then second threads,
	// then from the start again); the plan lists them by place.
	rank := map[int]int{}
	for i, s := range threads {
		rank[s.cpu.ID] = i
	}
	slices.SortStableFunc(p.Workers, func(a, b Worker) int { return cmp.Compare(rank[a.CPU], rank[b.CPU]) })

	p.Shards = shardCount(o, n)
	p.ShardHome = make([]int, p.Shards)
	for i := range p.ShardHome {
		p.ShardHome[i] = i * n / p.Shards
	}
	p.Pinned, p.PinReason = t.pinAdvice(o.Pin, n, len(slots))
	return p
}

func shardCount(o PlanOptions, workers int) int {
	want := o.Shards
	if want <= 0 {
		per := o.ShardsPerWorker
		if per <= 0 {
			per = defaultShardsPerWorker
		}
		// Cut before the product can overflow.
		want = max(MinShards, workers*min(per, MaxShards))
	}
	want = min(want, MaxShards)
	return 1 << bits.Len(uint(want-1))
}

// slots returns the usable CPUs in the order of doc.go. Where threads of a core
// share a group with other cores, first threads come before second ones.
func (t *Topology) slots() []slot {
	var slots []slot
	threads := map[int]int{}
	for i := range t.CPUs {
		c := &t.CPUs[i]
		if !c.Usable {
			continue
		}
		s := slot{cpu: c, thread: threads[c.Core]}
		threads[c.Core]++
		if t.memoryNode(c.Node) != c.Node {
			s.far = 1
		}
		if c.Cache >= 0 {
			s.level = t.Caches[c.Cache].Level
		}
		slots = append(slots, s)
	}
	slices.SortFunc(slots, func(a, b slot) int {
		return cmp.Or(a.place(b), cmp.Compare(a.thread, b.thread), cmp.Compare(a.cpu.ID, b.cpu.ID))
	})
	return slots
}

// coresFirst moves the first thread of each core to the front, keeping the order
// otherwise, and returns the number of cores.
func coresFirst(threads []slot) ([]slot, int) {
	slots := make([]slot, 0, len(threads))
	for _, s := range threads {
		if s.thread == 0 {
			slots = append(slots, s)
		}
	}
	cores := len(slots)
	for _, s := range threads {
		if s.thread > 0 {
			slots = append(slots, s)
		}
	}
	return slots, cores
}

// place compares by what workers are grouped by: first those who have what the
// others lack, then the group's number.
func (s slot) place(o slot) int {
	return cmp.Or(
		cmp.Compare(s.far, o.far),
		cmp.Compare(s.cpu.Node, o.cpu.Node),
		cmp.Compare(s.cpu.Kind, o.cpu.Kind), // Performance before Efficiency
		// Low-power cores stand outside the last-level cache: after the rest.
		cmp.Compare(o.level, s.level),
		cmp.Compare(s.cpu.Cache, o.cpu.Cache),
	)
}

// memoryNode returns the node that memory for CPUs of node id should come from:
// itself if it has memory we may use, else the nearest that has. Of equally near
// ones those with CPUs are preferred: a memory-only node is slower memory.
func (t *Topology) memoryNode(id int) int {
	own := slices.IndexFunc(t.Nodes, func(n Node) bool { return n.ID == id })
	if own < 0 {
		return t.Nodes[0].ID
	}
	distances := t.Nodes[own].Distances
	best, bestDistance := -1, 0
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if !n.Allowed || n.Memory == 0 {
			continue
		}
		if i == own {
			return id
		}
		d := 20 // the kernel's REMOTE_DISTANCE, where the table is unknown
		if len(distances) > 0 {
			d = distances[i]
		}
		if best < 0 || d < bestDistance || d == bestDistance && t.Nodes[best].CPUs.Empty() && !n.CPUs.Empty() {
			best, bestDistance = i, d
		}
	}
	if best < 0 {
		return id
	}
	return t.Nodes[best].ID
}

// pinAdvice decides whether n workers on so many usable CPUs are pinned.
func (t *Topology) pinAdvice(mode PinMode, n, cpus int) (bool, string) {
	switch {
	case !t.Pinnable:
		return false, "this system has no thread affinity"
	case n > cpus:
		return false, "more workers than CPUs"
	case mode == PinOn:
		return true, "as configured"
	case mode == PinOff:
		return false, "as configured"
	case t.Limits.CPUs > 0:
		return false, "a CPU quota means that the cores are shared"
	case t.Usable.AndNot(t.Isolated).Empty():
		return true, "the CPUs are isolated"
	case !t.Usable.Equal(t.Online):
		return true, "the process was given CPUs of its own"
	case n < pinWholeMachine:
		return false, fmt.Sprintf("fewer than %d workers on a whole machine: the cores are likely shared", pinWholeMachine)
	}
	return true, "the process has the whole machine"
}
