//go:build !amd64

package persist

import "hash/crc32"

// prefetch may ask for the cache line at p, to write to it.
func prefetch(*byte) {}

// sum is crc32.Update for the castagnoli table.
func sum(crc uint32, p []byte) uint32 { return crc32.Update(crc, castagnoli, p) }
