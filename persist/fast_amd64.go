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
