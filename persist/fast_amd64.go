package persist

import (
	"hash/crc32"

	"golang.org/x/sys/cpu"
)

// prefetch asks for the cache line at p, to write to it.
//
//go:noescape
func prefetch(p *byte)

// shortBytes is the length from which on crc32.Update is faster.
const shortBytes = 512

// sum is crc32.Update for the castagnoli table. That goes byte by byte up to the
// first address that is a multiple of eight, and from the last one on. Most records
// are short and lie anywhere: a record of 57 bytes took 21 ns and takes 15.
func sum(crc uint32, p []byte) uint32 {
	if len(p) < shortBytes && cpu.X86.HasSSE42 {
		return sumShort(crc, p)
	}
	return crc32.Update(crc, castagnoli, p)
}

// sumShort is the same, for short p, on a processor with SSE 4.2.
//
//go:noescape
func sumShort(crc uint32, p []byte) uint32

// sealRecords writes the checksums into a sequence of encoded records and
// returns how many they are.
func sealRecords(b []byte, seed uint32) (count int) {
	if !cpu.X86.HasSSE42 {
		return sealEach(b, seed)
	}
	for len(b) > 0 {
		size, short := sealShort(b, seed)
		count += short
		if b = b[size:]; len(b) > 0 { // another one is next
			size = sizeOf(b)
			count += sealEach(b[:size], seed)
			b = b[size:]
		}
	}
	return count
}

// sealShort is sealEach for the records before the first whose payload has
// shortBytes or more, or which has another flag than that of a transaction, on a
// processor with SSE 4.2. It returns their size, too. With a call for each, a record
// of 57 bytes in the second level cache took 7.2 ns; it takes 5.4.
//
//go:noescape
func sealShort(b []byte, seed uint32) (size, count int)
