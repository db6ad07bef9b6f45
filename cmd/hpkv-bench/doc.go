// Command hpkv-bench measures hpkv beside its peers.
//
//	hpkv-bench compare     speed, CPU per operation and memory of servers, side by side
//	hpkv-bench memory      resident memory of keys and collections, and after overwrites and deletes
//	hpkv-bench latency     p99.9 of GET under full load, and stalls
//	hpkv-bench log         what the log costs: throughput, syncs, and the disk's own
//	hpkv-bench recover     how fast a server is back with its data
//	hpkv-bench compaction  latency and memory while the log is compacted, and bytes written
//	hpkv-bench pubsub      messages to many subscribers
//	hpkv-bench load        load one server that is already running
//	hpkv-bench rioc        batches over HPKV's binary protocol
//	hpkv-bench ws          requests over WebSockets
//	hpkv-bench embedded    the Go library beside Go maps and a Go cache
//
// .ci/bench-rest measures REST beside nginx, .ci/bench-all runs everything.
//
// Results go to standard output, progress and errors to standard error.
//
// The files here read flags and put the parts together. The parts are in
// internal: workload (what is sent), redisbench, loadgen and fanout (who sends
// it), proc (the servers and what they use), disk (what syncing costs), store
// (the embedded stores), report (tables, JSON, charts), machine and progress.
//
// # How servers are compared
//
// Each server is confined to one set of processors and the load to another.
// Within a round all servers hold the same data; each cell of the matrix is
// measured on one after the other while the rest are stopped with SIGSTOP, and
// the order rotates from round to round. So a slow change of the machine (other
// work, temperature) hits all servers alike, and the median over the rounds
// drops short disturbances. Processes are fresh in each round.
//
// Without pipelining the load generator is the limit and all servers show much
// the same throughput: there the CPU time of the server process for each
// operation is the figure to watch.
package main
