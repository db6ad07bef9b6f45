package persist

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

var update = flag.Bool("update", false, "write the last log of goldens, if it is not there; add one when what is written changes")

// golden is a log in testdata. What was written once can always be read, so none
// is ever changed or removed.
type golden struct {
	dir    string
	sum    string // of its files' names and contents
	items  string // kinds and segments of what Walk finds
	all    string // what is replayed of stream 0, and of stream 1
	rounds uint64
}

// goldens are logs of two streams: a run that was closed, with a transaction,
// and one that was cut off.
var goldens = []golden{{
	dir:    "testdata/v1", // by the first writer of version 1; with a barrier
	sum:    "bab5cb8a3208e3c2f5e82e538546f7ca6cf4841b22352402958801c57e56d680",
	items:  "s1 r1 m1 r1 m1 b1 m1 s2 r2 m2 e2 m2 s4 r4 m4 r4 m4",
	all:    "alone second of two barrier | first of two second run ",
	rounds: 5,
}, {
	dir:    "testdata/v1-without-barriers", // as it is written since barriers went
	sum:    "925b3e60eb186b4036f35a22839ef76ae3e0ce7ac5ca70f14ebb44953693b577",
	items:  "s1 r1 m1 r1 m1 s2 r2 m2 s4 r4 m4 r4 m4",
	all:    "alone second of two | first of two second run ",
	rounds: 4,
}}

func writeGolden(t *testing.T, dir string) {
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
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	names, _ := left.List("/log")
	for _, name := range names {
		if name != lockName {
			if err := os.WriteFile(filepath.Join(dir, name), readAll(t, left, "/log/"+name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// files returns the log's files in memory, as /log, and a checksum of their names
// and contents.
func (g *golden) files(t testing.TB) (mem *vfs.Mem, sum string) {
	t.Helper()
	mem = vfs.NewMem("/", "/log")
	entries, err := os.ReadDir(g.dir)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(g.dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFile(mem, "/log/"+e.Name(), b); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(hash, "%s %d %s", e.Name(), len(b), b)
	}
	return mem.Clone(), fmt.Sprintf("%x", hash.Sum(nil))
}

func (g *golden) options(mem *vfs.Mem, dir string) Options {
	return Options{FS: mem, Dir: dir, Streams: 1, SegmentBytes: 4096, Policy: Always}
}

// replayed opens a log and returns what came from stream 0 and from stream 1.
func replayed(t *testing.T, o Options) string {
	t.Helper()
	l, c, _ := mustOpen(t, o)
	mustClose(t, l)
	return payloads(c.streams[0]) + " | " + payloads(c.streams[1]) + " "
}

func eachGolden(t *testing.T, test func(t *testing.T, g *golden, mem *vfs.Mem)) {
	for i := range goldens {
		g := &goldens[i]
		t.Run(filepath.Base(g.dir), func(t *testing.T) {
			mem, _ := g.files(t)
			test(t, g, mem)
		})
	}
}

// TestGoldenFiles: the logs in testdata are those that were committed, and there
// are no others.
func TestGoldenFiles(t *testing.T) {
	if last := goldens[len(goldens)-1].dir; *update {
		writeGolden(t, last)
	}
	dirs := make(map[string]bool)
	for i := range goldens {
		if _, sum := goldens[i].files(t); sum != goldens[i].sum {
			t.Errorf("%s has changed: its files have the checksum %s", goldens[i].dir, sum)
		}
		dirs[filepath.Base(goldens[i].dir)] = true
	}
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "v") && !dirs[e.Name()] {
			t.Errorf("testdata/%s is read by no test", e.Name())
		}
	}
}

// TestGolden reads the logs in testdata.
func TestGolden(t *testing.T) {
	eachGolden(t, func(t *testing.T, g *golden, mem *vfs.Mem) {
		var items []string
		if err := Walk(ctx, mem, "/log", func(it *Item) error {
			if it.Kind == ItemDamage {
				t.Errorf("damage at %v: %s", it.Addr, it.Problem)
			}
			items = append(items, string("?srmdbe"[it.Kind])+it.Addr.String()[15:16])
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(items, " "); got != g.items {
			t.Errorf("the log has %s", got)
		}
		l, c, report := mustOpen(t, g.options(mem, "/log"))
		for _, k := range c.all {
			if (k.payload == "first of two") != (k.shard == 513 && k.seq == 8 && k.txn == 0x1122334455667788 && k.stream == 1) ||
				(k.payload == "barrier") != (k.shard == 3 && k.seq == 10 && k.txn == 5 && k.stream == 0) {
				t.Errorf("a record came back as %+v", k)
			}
			r, err := l.ReadAt(k.at)
			if err != nil || r.Shard != k.shard || r.Seq != k.seq || r.Txn != k.txn || string(r.Payload) != k.payload {
				t.Errorf("ReadAt(%v) = %+v, %v; want %+v", k.at, r, err, k)
			}
		}
		mustClose(t, l)
		records := strings.Count(g.items, "r") + strings.Count(g.items, "b")
		if report.LastRound != g.rounds || report.LastMs != 1764522000000+1000*int64(g.rounds) || report.Records != int64(records) {
			t.Errorf("%+v", report)
		}
		if got := replayed(t, g.options(mem, "/log")); got != g.all { // closed now
			t.Errorf("replayed %s", got)
		}
	})
}

// TestGoldenTools: what there is for logs works for those in testdata.
func TestGoldenTools(t *testing.T) {
	eachGolden(t, func(t *testing.T, g *golden, mem *vfs.Mem) {
		records := strings.Count(g.items, "r") + strings.Count(g.items, "b")
		sound := func(what string, image *vfs.Mem, dir, all string) {
			t.Helper()
			r := mustCheck(t, image, dir)
			if len(r.Problems) != 0 || all == g.all && (r.Records != int64(records) || r.LastRound != g.rounds) {
				t.Errorf("%s: check says %+v", what, r)
			}
			if got := replayed(t, g.options(image, dir)); got != all {
				t.Errorf("%s: %s, want %s", what, got, all)
			}
		}
		sound("as it is", mem.Clone(), "/log", g.all)
		for _, mode := range []RepairMode{RepairCut, RepairSkip} {
			image := mem.Clone()
			if r, err := Repair(ctx, image, "/log", mode, nil); err != nil || len(r.Lost) != 0 {
				t.Fatalf("repair: %+v, %v", r, err)
			}
			sound("repaired", image, "/log", g.all)
		}
		for round := range g.rounds + 1 {
			if _, err := Restore(ctx, mem, "/log", fmt.Sprint("/to", round), Target{Round: round}, nil); err != nil {
				t.Fatalf("restore to round %d: %v", round, err)
			}
		}
		sound("restored", mem, "/to0", g.all) // 0: the end
		sound("restored to the first round", mem, "/to1", "alone |  ")
		sound("restored to the end of the first run", mem, fmt.Sprint("/to", g.rounds-2), strings.Replace(g.all, " second run ", " ", 1))

		l, _, _ := mustOpen(t, g.options(mem, "/log"))
		if err := l.Backup(ctx, "/backup", nil); err != nil {
			t.Fatal(err)
		}
		sound("a backup", mem, "/backup", g.all)
		c, err := l.BeginCompaction()
		if err != nil {
			t.Fatal(err)
		}
		put(l, 0, "state")
		if err := c.Finish(ctx); err != nil {
			t.Fatal(err)
		}
		mustClose(t, l)
		sound("compacted", mem, "/log", "state |  ")
	})
}

// TestGoldenSkip: a repair that leaves a record out keeps all others, and what
// they are.
func TestGoldenSkip(t *testing.T) {
	eachGolden(t, func(t *testing.T, g *golden, mem *vfs.Mem) {
		for _, lost := range []string{"alone", "first of two"} {
			image := mem.Clone()
			spoil(t, image, lost)
			if _, err := Repair(ctx, image, "/log", RepairSkip, nil); err != nil {
				t.Fatal(err)
			}
			if r := mustCheck(t, image, "/log"); len(r.Problems) != 0 {
				t.Errorf("%+v", r.Problems)
			}
			kinds := ""
			if err := Walk(ctx, image, "/log", func(it *Item) error {
				if it.Kind == ItemBarrier || it.Kind == ItemEcho {
					kinds += string("be"[it.Kind-ItemBarrier])
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if want := strings.Contains(g.items, "b"); want != (kinds == "be") {
				t.Errorf("without %q: the barrier has become %q", lost, kinds)
			}
			if got, want := replayed(t, g.options(image, "/log")), strings.Replace(g.all, lost+" ", "", 1); got != want {
				t.Errorf("without %q: %s, want %s", lost, got, want)
			}
		}
	})
}

// spoil flips a bit of the record with a payload.
func spoil(t *testing.T, mem *vfs.Mem, payload string) {
	t.Helper()
	names, _ := mem.List("/log")
	for _, name := range names {
		b := readAll(t, mem, "/log/"+name)
		if i := bytes.Index(b, []byte(payload)); i > 0 {
			b[i] ^= 1
			overwrite(t, mem, "/log/"+name, b)
			return
		}
	}
	t.Fatalf("nothing holds %q", payload)
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
