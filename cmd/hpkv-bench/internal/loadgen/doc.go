// Package loadgen is our own load generator: for what redis-benchmark cannot
// send or cannot show (mixes, key spreads, exact p99.9, a fixed rate, stalls,
// filling a server with a million distinct keys).
//
// # Shape
//
// A worker owns a share of the connections, a Source of commands and the
// histograms; workers share nothing but two counters for progress and are
// merged at the end. On Linux a worker is one locked thread with an epoll
// instance, which keeps the generator cheap beside the server it measures.
// Elsewhere each connection is a worker with a goroutine.
//
// A connection sends a batch of Pipeline commands, waits for all replies,
// sends the next, as redis-benchmark does. The latency of a command is the
// time from the writing of its batch to the reading of its reply.
//
// With a Rate the workers follow a schedule instead: each batch is due at a
// fixed time whatever the server does, and latency counts from that time. A
// server that stalls is charged for all requests that were due meanwhile
// (no coordinated omission).
//
// # Stalls
//
// A gap is a time of more than Config.Gap in which requests were outstanding
// and no connection of a worker received a byte. The run-queue delays of the
// generator's own thread and of the server around it are kept with the gap: a
// gap that the machine's other work explains is not the server's.
package loadgen
