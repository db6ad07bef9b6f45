package persist

import (
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestSum compares with the library, for every length and place of short pieces
// and for longer ones.
func TestSum(t *testing.T) {
	p := make([]byte, 4096)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(p)
	check := func(at, n int) {
		t.Helper()
		crc := uint32(r.Uint64())
		if got, want := sum(crc, p[at:at+n]), crc32.Update(crc, castagnoli, p[at:at+n]); got != want {
			t.Fatalf("%d bytes at %d, continued from %#x: %#x, want %#x", n, at, crc, got, want)
		}
	}
	for n := range 1100 {
		for at := range 9 {
			check(at, n)
		}
	}
	check(0, len(p))
	check(3, len(p)-3)
}

// BenchmarkSum takes the checksums of records of one size that follow each
// other, as a round has them.
func BenchmarkSum(b *testing.B) {
	p := make([]byte, 64<<10)
	for _, bc := range []struct {
		name string
		sum  func(uint32, []byte) uint32
	}{{"ours", sum}, {"library", func(crc uint32, p []byte) uint32 { return crc32.Update(crc, castagnoli, p) }}} {
		for _, size := range []int{57, 120, 400, 1000} {
			b.Run(bc.name+"/"+strconv.Itoa(size), func(b *testing.B) {
				b.SetBytes(int64(size))
				at := 0
				for b.Loop() {
					if at+size > len(p) {
						at = 0
					}
					bc.sum(7, p[at+4:at+size])
					at += size
				}
			})
		}
	}
}
