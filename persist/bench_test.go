package persist

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"hpkv/persist/vfs"
)

// nowhere is a file system whose files forget what is written to them.
type nowhere struct{ vfs.FS }

type nowhereFile struct{ vfs.File }

func (n nowhere) Create(path string) (vfs.File, error) {
	f, err := n.FS.Create(path)
	return nowhereFile{f}, err
}

func (nowhereFile) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }

// BenchmarkAppend hands small records to a log on a disk that is never the
// limit: at a rate that leaves the committer time; as fast as possible from one
// goroutine; and so from all processors, each to a stream of its own.
func BenchmarkAppend(b *testing.B) {
	payload := make([]byte, 64)
	open := func(b *testing.B) *Log {
		l, _, _ := mustOpen(b, Options{FS: nowhere{vfs.OS()}, Dir: b.TempDir() + "/log", Streams: runtime.GOMAXPROCS(0), Policy: No})
		b.SetBytes(int64(len(payload) + recordHead))
		b.ReportAllocs()
		return l
	}
	b.Run("paced", func(b *testing.B) {
		l := open(b)
		defer l.Close()
		for i := range uint64(b.N) {
			if i%10_000 == 0 {
				b.StopTimer()
				mustSync(b, l)
				b.StartTimer()
			}
			l.Append(0, Record{Shard: 3, Seq: i, Payload: payload})
		}
	})
	b.Run("one", func(b *testing.B) {
		l := open(b)
		defer l.Close()
		for i := uint64(0); b.Loop(); i++ {
			l.Append(0, Record{Shard: 3, Seq: i, Payload: payload})
		}
	})
	b.Run("parallel", func(b *testing.B) {
		l := open(b)
		defer l.Close()
		var stream atomic.Int32
		b.RunParallel(func(pb *testing.PB) {
			s := int(stream.Add(1) - 1)
			for pb.Next() {
				l.Append(s, Record{Shard: 3, Payload: payload})
			}
		})
	})
}

// BenchmarkAlways waits for each record to be synced, alone and with 50 others.
func BenchmarkAlways(b *testing.B) {
	for _, writers := range []int{1, 50} {
		b.Run(strconv.Itoa(writers), func(b *testing.B) {
			l, _, _ := mustOpen(b, Options{Dir: b.TempDir() + "/log", Streams: 2, Policy: Always})
			defer l.Close()
			payload := make([]byte, 64)
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						l.WaitDurable(ctx, l.Append(i%2, Record{Payload: payload}))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			if st := l.Stats(); st.Syncs > 0 {
				b.ReportMetric(float64(st.Records)/float64(st.Rounds), "records/round")
				b.ReportMetric(float64(st.SyncTotal.Microseconds())/float64(st.Syncs), "us/sync")
			}
		})
	}
}

type discard struct{}

func (discard) Apply(int, []Placed) error { return nil }

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
