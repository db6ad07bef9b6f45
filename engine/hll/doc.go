// Package hll counts distinct elements approximately, in the byte format that
// Redis keeps HyperLogLogs in, so that values move between servers.
//
// # Format
//
//	offset  size  field
//	0       4     "HYLL"
//	4       1     encoding: 0 dense, 1 sparse
//	5       3     zero
//	8       8     cached estimate, little endian; top bit set: out of date
//	16            registers
//
// There are 16384 registers. An element's 64-bit MurmurHash2 chooses one by its
// low 14 bits; the register holds the longest run of zero bits, plus one, seen in
// the other 50.
//
// Dense registers have 6 bits each, from the low bits of a byte upwards: 12288
// bytes. Sparse ones are runs, in order:
//
//	00nnnnnn            n+1 registers are 0
//	01nnnnnn nnnnnnnn   n+1 registers are 0, high bits first
//	1vvvvvnn            n+1 registers are v+1
//
// A sparse value becomes dense when it would pass a size that the caller sets, or
// a register 32.
//
// # Estimate
//
// The estimator is that of Otmar Ertl, "New cardinality estimation algorithms for
// HyperLogLog sketches" (2017), which needs no tables and is good from 0 on. The
// arithmetic keeps to 64-bit floats in a fixed order: equal registers give
// equal estimates on every machine.
//
// # Garbage
//
// Any string may be given to these functions: [Check] tells what cannot be a
// HyperLogLog, and runs that make no sense are reported as ErrCorrupt.
package hll
