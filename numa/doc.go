// Package numa reads how the machine is built and says how hpkv should use it.
//
// It has three parts, which do not depend on each other's state:
//
//   - Detect reads CPUs, cores, SMT threads, shared caches, NUMA nodes and what
//     this process may use of them (affinity mask, cgroup v1 and v2 limits) into
//     a Topology. All files are found below Roots.Dir, so that a captured tree
//     gives the same answer on any machine.
//   - Topology.Plan turns that into an ordered list of workers and the home of
//     every shard. It is a pure function.
//   - Pin, Unpin and Bind ask the kernel for placement; Placer wraps them with
//     the fallback the server wants: a refusal is reported once, then ignored.
//
// # Which CPUs become workers
//
// A CPU is usable when it is online, in the process's affinity mask and in the
// cpuset of its cgroup. Usable CPUs that are SMT threads of one core form one
// core, and each core gets one worker, on its lowest usable thread. The other
// threads of the core are left free on purpose: the Go runtime (garbage
// collection, goroutines of slow commands), the log's fsync threads and the
// kernel's network interrupts need somewhere to run that does not preempt a
// pinned event loop, and two event loops on one core compete for the same first
// and second level caches. PlanOptions.SMT asks for a worker on every thread.
//
// Workers are ordered by node (those with memory of their own first), then
// performance before efficiency cores, then last-level cache (cores outside it
// last), then CPU number. Hence workers with neighbouring indexes
// share as much as possible, and a plan with fewer workers than cores takes the
// first ones: one node, one cache, fast cores.
//
// A cgroup CPU quota limits the number of workers to its whole part (floor), at
// least one. Rounding up would let the event loops alone exceed the quota, and
// an exceeded quota stops every thread of the process until the period ends,
// which is tens of milliseconds of latency for every client. The fraction is
// what background work runs on. An explicit PlanOptions.Workers is obeyed as is.
//
// # Memory
//
// A shard's memory belongs on the node of its home worker. Where that node has no
// memory, or none that the process may use (Mems_allowed), the nearest node by
// the kernel's distance table takes its place. Memory-only nodes (CXL, HBM) are
// used only this way: a node with its own memory always prefers it. Binding is a
// preference (MPOL_PREFERRED): a full node spills to others instead of failing.
//
// # Concurrency
//
// Topology, Plan and CPUSet are immutable once returned and may be shared. Pin
// and Unpin act on the calling goroutine's OS thread. Placer is safe for any
// number of goroutines. The package starts no goroutine and holds no file open.
package numa
