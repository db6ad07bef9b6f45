package persist

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

var update = flag.Bool("update", false, "write testdata anew; only for a new format version")

// goldenDir holds a log of version 1: two streams; a run that was closed, with a
// transaction, and one that was cut off.
const goldenDir = "testdata/v1"

func writeGolden(t *testing.T) {
	mem := vfs.NewMem("/")
	clock := &forwards{}
	clock.ms.Store(1764522000000)
	o := Options{FS: mem, Dir: "/log", Streams: 2, SegmentBytes: 4096, Policy: Always, Clock: clock, SyncEvery: time.Hour}
	l, _, _ := mustOpen(t, o)
	l.WaitDurable(ctx, l.Append(0, Record{Shard: 1, Seq: 7, Payload: []byte("alone")}))
	l.WaitDurable(ctx, l.AppendTxn([]Part{
		{Stream: 1, Record: Record{Shard: 513, Seq: 8, Txn: 0x1122334455667788, Payload: []byte("first of two")}},
		{Stream: 0, Record: Record{Shard: 2, Seq: 9, Txn: 0x1122334455667788, Payload: []byte("second of two")}},
	}))
	mustClose(t, l)
	l, _, _ = mustOpen(t, o)
	l.WaitDurable(ctx, put(l, 1, "second run"))
	l.WaitDurable(ctx, put(l, 1, ""))
	left := mem.Crash(mem.Ops(), nil)
	l.Close()
	if err := os.MkdirAll(goldenDir, 0o755); err != nil {
		t.Fatal(err)
	}
	names, _ := left.List("/log")
	for _, name := range names {
		if name != lockName {
			if err := os.WriteFile(filepath.Join(goldenDir, name), readAll(t, left, "/log/"+name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestGolden reads the log of version 1 in testdata: what was written once can
// always be read.
func TestGolden(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	mem := vfs.NewMem("/", "/log")
	entries, err := os.ReadDir(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(goldenDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFile(mem, "/log/"+e.Name(), b); err != nil {
			t.Fatal(err)
		}
	}
	var items []string
	if err := Walk(ctx, mem, "/log", func(it *Item) error {
		if it.Kind == ItemDamage {
			t.Errorf("damage at %v: %s", it.Addr, it.Problem)
		}
		items = append(items, string("?srmd"[it.Kind])+it.Addr.String()[15:16])
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(items, " "); got != "s1 r1 m1 r1 m1 s2 r2 m2 s4 r4 m4 r4 m4" {
		t.Errorf("the log has %s", got)
	}
	l, c, report := mustOpen(t, Options{FS: mem, Dir: "/log", Streams: 1, SegmentBytes: 4096})
	defer l.Close()
	for _, k := range c.all {
		if (k.payload == "first of two") != (k.shard == 513 && k.seq == 8 && k.txn == 0x1122334455667788 && k.stream == 1) {
			t.Errorf("a record came back as %+v", k)
		}
	}
	if got := payloads(c.streams[0]); got != "alone second of two" {
		t.Errorf("stream 0: %s", got)
	}
	if report.LastRound != 4 || report.LastMs != 1764522004000 || report.Records != 5 {
		t.Errorf("%+v", report)
	}
}

// TestEncoding holds the encoders against bytes written down by hand.
func TestEncoding(t *testing.T) {
	seed := seedOf(0x0807060504030201)
	b := appendRecord(nil, &Record{Shard: 0x0201, Seq: 3, Txn: 4, Payload: []byte("xyz")})
	sealRecords(b, seed)
	if want := "\x03\x00\x00\x00\x01\x01\x01\x02\x03\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00xyz"; string(b[4:]) != want {
		t.Errorf("a record is %q", b[4:])
	}
	m := appendMark(nil, &mark{round: 2, ms: 3, synced: 1, start: 64, records: 4, streams: []uint16{0, 258}}, seed)
	want := "\x2a\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00HPKVMARK\x03\x00\x00\x00\x00\x00\x00\x00" +
		"\x01\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x02\x00\x00\x00\x02\x01"
	if string(m[4:]) != want || len(m) != markSize(2) {
		t.Errorf("a mark is %q", m[4:])
	}
	h := header{stream: 1, generation: 2, number: 3, uid: 4, first: 5, ms: 6}
	got, err := decodeHeader(h.encode())
	if err != nil || got != h || !bytes.HasPrefix(h.encode(), []byte("HPKVSEG\n\x01\x00\x01\x00\x00\x00\x00\x00\x02")) {
		t.Errorf("a header came back as %+v, %v", got, err)
	}
}
