//go:build !amd64

package persist

import "hash/crc32"

// prefetch may ask for the cache line at p, to write to it.
func prefetch(*byte) {}

// sum is crc32.Update for the castagnoli table.
func sum(crc uint32, p []byte) uint32 { return crc32.Update(crc, castagnoli, p) }

// sealRecords writes the checksums into a sequence of encoded records and
// returns how many they are.
func sealRecords(b []byte, seed uint32) (count int) { return sealEach(b, seed) }
