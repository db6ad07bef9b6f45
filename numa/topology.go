package numa

// CoreKind tells the cores of a hybrid machine apart.
type CoreKind uint8

// The kinds of core. On a machine whose cores are all alike, every core is
// Uniform.
const (
	Uniform     CoreKind = iota
	Performance          // big core: P-core, or the high cpu_capacity group
	Efficiency           // small core: E-core, or below half of the largest cpu_capacity
)

// String returns "uniform", "performance" or "efficiency".
func (k CoreKind) String() string {
	switch k {
	case Performance:
		return "performance"
	case Efficiency:
		return "efficiency"
	}
	return "uniform"
}

// MarshalText writes the name.
func (k CoreKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// CPU is one logical processor: what the scheduler runs a thread on.
type CPU struct {
	ID       int      // the kernel's number
	Online   bool     // an offline CPU has nothing but its ID
	Usable   bool     // online, in the affinity mask and in the cpuset
	Socket   int      // physical package, -1 unknown
	Core     int      // index of the core, 0..Topology.Cores-1; threads of a core share it; -1 offline
	Thread   int      // position among the online threads of its core, 0 first
	Node     int      // ID of its NUMA node; -1 offline
	Cache    int      // index into Topology.Caches of the highest level it has, -1 unknown
	Kind     CoreKind // which sort of core on hybrid machines
	Capacity int      // the kernel's cpu_capacity, 1024 for the fastest; 0 not reported
}

// Node is one NUMA node: CPUs, memory, or both.
type Node struct {
	ID        int
	CPUs      CPUSet // online CPUs; empty for a memory-only node
	Memory    int64  // bytes; 0 for a node of CPUs alone; -1 unknown
	Free      int64  // bytes free when read; -1 unknown
	Allowed   bool   // the process may allocate here (cpuset.mems)
	Distances []int  // kernel's distance to Topology.Nodes[i], 10 is local; empty when unknown
}

// Cache is one second or third (or higher) level cache and the CPUs sharing it.
type Cache struct {
	Level int
	Bytes int64 // 0 unknown
	CPUs  CPUSet
}

// Limits is the tightest of what the cgroups of this process, from its own up to
// the root of what it can see, allow.
type Limits struct {
	Cgroup string  // "v1", "v2", "v1+v2" (hybrid) or "" when no cgroup was found
	CPUs   float64 // CPU quota in CPUs (quota/period); 0 when there is none
	Cpuset CPUSet  // CPUs of the cpuset; empty when it does not say
	Mems   CPUSet  // nodes of the cpuset; empty when it does not say
	Memory int64   // bytes (memory.max or memory.high, the lower); 0 when there is no limit

	// CPUsFrom and MemoryFrom are the directories of the cgroups that set the
	// quota and the memory limit.
	CPUsFrom, MemoryFrom string
}

// HugePages is one pool of reserved huge pages.
type HugePages struct {
	PageBytes   int64
	Total, Free int64 // pages
}

// Topology is what Detect found. It does not change after that.
type Topology struct {
	Model   string // processor name, "" unknown
	Vendor  string // processor vendor, "" unknown
	Sockets int
	Cores   int     // with at least one online CPU
	CPUs    []CPU   // every present CPU, ascending ID
	Nodes   []Node  // at least one, ascending ID
	Caches  []Cache // by level, then by lowest CPU

	Present  CPUSet
	Online   CPUSet
	Affinity CPUSet // the mask the process started with
	Isolated CPUSet // CPUs the kernel keeps ordinary tasks away from (isolcpus)
	Usable   CPUSet // Online, Affinity and Limits.Cpuset together; never empty
	Limits   Limits
	Memory   int64 // bytes of the whole machine, 0 unknown

	Pinnable  bool   // the system has thread affinity; true for a tree, which is Linux's
	THP       string // transparent huge pages: "always", "madvise", "never" or "" unknown
	HugePages []HugePages

	// Warnings names what was missing or could not be believed and what was
	// assumed instead, one line each.
	Warnings []string
}

// Roots says where Detect looks. The zero value is the running machine.
type Roots struct {
	// Dir goes before /sys, /proc and every cgroup mount point. When it is
	// set, nothing is asked of the running machine: the affinity mask comes
	// from Dir/proc/self/status and cpuid is not used.
	Dir string
}
