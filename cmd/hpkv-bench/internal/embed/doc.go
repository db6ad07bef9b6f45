// Package embed measures embedded stores from inside the process.
//
// # Latency
//
// Each operation lies between two readings of the monotonic clock; the cost of
// a reading (the median distance of two readings in a row) is subtracted, and
// what is left is kept as it is, not in a histogram. All values of a pass are
// sorted in the end, so percentiles are exact but for the clock's own
// resolution. A batch is timed as a whole; its figures are for one key of it.
//
// # Throughput
//
// Single operations run a second time without a clock, as the readings keep
// the processor from overlapping neighbouring operations. The throughput of
// batches comes from their latencies: two readings in a batch of 16 are
// nothing.
//
// Time in which the measuring thread was ready but had no processor, because
// of other work on the machine, is left out of throughput (the kernel counts
// it). On a quiet machine it is zero. A store's own background threads that
// push the measuring thread aside are forgiven too; with as many processors as
// threads that does not happen.
//
// # Keys and passes
//
// Keys are inserted in one random order and accessed in another, so the store
// meets every key in a place it did not just touch. The key bytes themselves
// are laid out in the order of access: the caller of a real store has just
// read them, and their cache misses are not the store's. Every pass touches
// every key once.
package embed
