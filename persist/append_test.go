package persist

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

// TestBegin appends in both ways from several goroutines, with as much room
// as was asked for and with more, up to records larger than a chunk, while rounds are taken.
func TestBegin(t *testing.T) {
	o := Options{FS: vfs.NewMem("/"), Dir: "/log", Streams: 2, SegmentBytes: 1 << 20, Gather: time.Microsecond}
	l, _, _ := mustOpen(t, o)
	const each = 300
	payload := func(g, n int) string {
		size := n % 50
		if n%100 == 99 {
			size = chunkSize + n
		}
		return fmt.Sprintf("%d/%d/", g, n) + strings.Repeat("x", size)
	}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			var last uint64
			for n := range each {
				p, seq, round := payload(g, n), uint64(n), uint64(0)
				switch n % 3 {
				case 0:
					round = l.Append(g%2, Record{Shard: uint16(g), Seq: seq, Payload: []byte(p)})
				case 1:
					round = l.End(g%2, uint16(g), seq, copy(l.Begin(g%2, len(p)), p))
				case 2: // less than was said
					round = l.End(g%2, uint16(g), seq, copy(l.Begin(g%2, len(p)+n), p))
				}
				if round < last {
					t.Errorf("round %d follows round %d", round, last)
				}
				last = round
			}
		})
	}
	all.Wait()
	mustClose(t, l)
	l, c, report := mustOpen(t, o)
	defer l.Close()
	if len(report.Cuts) > 0 || len(c.all) != 4*each {
		t.Fatalf("%d records, cuts %v", len(c.all), report.Cuts)
	}
	var next [4]int
	for _, k := range c.all {
		g := int(k.shard)
		if want := payload(g, next[g]); k.payload != want || k.seq != uint64(next[g]) || k.stream != g%2 {
			t.Fatalf("record %d of %d: number %d in stream %d, %.20q; want %.20q", next[g], g, k.seq, k.stream, k.payload, want)
		}
		next[g]++
	}
}
