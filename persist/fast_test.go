package persist

import (
	"bytes"
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

// TestSeal compares with what seals record by record, in sequences of random
// records, of which some are long, some have a transaction, and some a barrier.
func TestSeal(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	payload := make([]byte, 1024)
	for i := range payload {
		payload[i] = byte(r.Uint32())
	}
	for records := range 200 {
		var ours []byte
		for range records {
			size := r.IntN(100)
			if r.IntN(4) == 0 {
				size = r.IntN(len(payload) + 1)
			}
			at := r.IntN(len(payload) - size + 1)
			rec := Record{Shard: uint16(r.Uint32()), Seq: r.Uint64(), Txn: r.Uint64() * r.Uint64N(2), Payload: payload[at : at+size]}
			switch {
			case r.IntN(8) > 0:
				ours = appendRecord(ours, &rec)
			case rec.Txn != 0:
				ours = appendBarrier(ours, &rec, flagTxn|flagBarrier, 1+r.Uint64N(9))
			default:
				ours = appendBarrier(ours, &rec, flagBarrier, 1+r.Uint64N(9))
			}
		}
		each := bytes.Clone(ours)
		crc := r.Uint32()
		if a, b := sealRecords(ours, crc), sealEach(each, crc); a != records || b != records {
			t.Fatalf("%d and %d records, want %d", a, b, records)
		}
		if !bytes.Equal(ours, each) {
			t.Fatalf("the checksums of %d records differ", records)
		}
		for e := (entry{}); len(each) > 0; each = each[e.size:] {
			if err := e.decode(each, crc, int64(len(each))); err != nil {
				t.Fatal(err)
			}
		}
	}
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

// BenchmarkSeal seals chunks of small records that are not in the first level cache.
func BenchmarkSeal(b *testing.B) {
	for _, bc := range []struct {
		name string
		seal func([]byte, uint32) int
	}{{"ours", sealRecords}, {"each", sealEach}} {
		for _, size := range []int{37, 40, 300} {
			b.Run(bc.name+"/"+strconv.Itoa(size), func(b *testing.B) {
				var p []byte
				records := 0
				for len(p) < chunkSize {
					p = appendRecord(p, &Record{Shard: 7, Seq: uint64(len(p)), Payload: make([]byte, size)})
					records++
				}
				for b.Loop() {
					bc.seal(p, 7)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
			})
		}
	}
}
