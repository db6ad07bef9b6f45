package persist

import (
	"testing"
	"time"
)

// BenchmarkAppend hands small records to a log whose committer drops them, as a
// disk that is never the limit would.
func BenchmarkAppend(b *testing.B) {
	l, _, _ := mustOpen(b, Options{Dir: b.TempDir() + "/log", Streams: 2, Policy: No, Gather: time.Millisecond})
	defer l.Close()
	payload := make([]byte, 64)
	b.SetBytes(int64(len(payload) + recordHead))
	b.ReportAllocs()
	for i := range uint64(b.N) {
		l.Append(0, Record{Shard: 3, Seq: i, Payload: payload})
	}
}

type discard struct{}

func (discard) Apply(int, Record, Addr) error { return nil }
func (discard) Barrier(Record, Addr) error    { return nil }

// BenchmarkReplay opens a log of 64 MB in two streams.
func BenchmarkReplay(b *testing.B) {
	o := Options{Dir: b.TempDir() + "/log", Streams: 2, Policy: No}
	l, _, _ := mustOpen(b, o)
	payload := make([]byte, 64)
	const size = 64 << 20
	for n := 0; n < size; n += len(payload) + recordHead {
		l.Append(n/8%2, Record{Payload: payload})
	}
	mustClose(b, l)
	b.SetBytes(size)
	for b.Loop() {
		l, _, err := Open(o, discard{})
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}
