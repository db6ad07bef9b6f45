package journal

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hpkv/engine"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

var update = flag.Bool("update", false, "write the golden log, if it is not there")

// golden is a log with every kind of effect, and what it stands for. It is never
// written anew: data that a server has kept can be read by every later one. A change
// of what is written needs another golden beside it.
const golden = "testdata/v1"

// TestGolden replays the golden log, for any number of shards.
func TestGolden(t *testing.T) {
	clock := engine.NewManualClock(1_700_000_000_000)
	if _, err := os.Stat(golden); *update && os.IsNotExist(err) {
		writeGolden(t, clock)
	}
	want, err := os.ReadFile(golden + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range []layout{{shards: 1, homes: 1}, {shards: 4, homes: 2}, {shards: 16, homes: 3}} {
		disk := goldenFiles(t)
		if y.shards == 1 {
			checkKinds(t, disk)
		}
		y.segment = 16 << 10
		e, j := y.open(t, disk, clock)
		got := strings.Split(listing(contents(t, e, clock.NowMs())), "\n")
		for i, line := range strings.Split(string(want), "\n") {
			if i >= len(got) || got[i] != line {
				t.Errorf("%d shards: the golden log has %.200s and reads as %.200s", y.shards, line, strings.Join(got[min(i, len(got)):], " "))
				break
			}
		}
		if err := e.Check(); err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// goldenFiles returns the golden log in memory, as /log.
func goldenFiles(t *testing.T) *vfs.Mem {
	t.Helper()
	disk := vfs.NewMem("/", "/log")
	entries, err := os.ReadDir(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		b, err := os.ReadFile(filepath.Join(golden, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		f, err := disk.Create("/log/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(b, 0); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return disk
}

// checkKinds finds every kind of effect in a log.
func checkKinds(t *testing.T, disk vfs.FS) {
	t.Helper()
	seen := map[engine.EffectKind]bool{}
	var ef engine.Effect
	err := persist.Walk(context.Background(), disk, "/log", func(it *persist.Item) error {
		if it.Kind != persist.ItemRecord {
			return nil
		}
		err := engine.DecodeEffect(&ef, it.Record.Payload)
		seen[ef.Kind] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for k := engine.EffectKind(1); k.String() != "unknown"; k++ {
		if !seen[k] {
			t.Errorf("no golden log has an effect of the kind %s", k)
		}
	}
}

// listing is contents as lines, ordered by key.
func listing(all map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%q %s\n", key, all[key])
	}
	return b.String()
}

// writeGolden writes the golden log: all types in compact and large forms, a compaction
// while that is so, changes of each kind behind it, and a crash.
func writeGolden(t *testing.T, clock *engine.ManualClock) {
	disk := vfs.NewMem("/")
	y := layout{shards: 4, homes: 2, segment: 16 << 10, policy: persist.Always}
	e, j := y.open(t, disk, clock)
	l := e.NewLane()
	at := clock.NowMs() + 1e9
	in := func(db int, do func(*engine.Txn) error) {
		t.Helper()
		txn := l.Begin(db)
		defer txn.End()
		if err := do(txn); err != nil {
			t.Fatal(err)
		}
	}
	list := func(form string, from, to int) (elems [][]byte) {
		for i := from; i < to; i++ {
			elems = append(elems, fmt.Appendf(nil, form, i))
		}
		return elems
	}
	const few, many = 5, 600 // elements: in a compact form, in a large one
	for name, n := range map[string]int{"few": few, "many": many} {
		key := func(typ string) []byte { return []byte(typ + ":" + name) }
		in(0, func(t *engine.Txn) error { _, err := t.HSet(key("hash"), pairs(list("field %d", 0, n))); return err })
		in(0, func(t *engine.Txn) error { _, err := t.SAdd(key("set"), list("member %d", 0, n)); return err })
		in(0, func(t *engine.Txn) error { _, err := t.SAdd(key("ints"), list("%d", -2, n)); return err })
		in(0, func(t *engine.Txn) error {
			_, err := t.ListPush(key("list"), engine.ListRight, list("%d of a list whose elements are long", 0, n), false)
			return err
		})
		in(0, func(t *engine.Txn) error {
			scores := []float64{math.Inf(-1), math.Inf(1), -0.5, 1e300, math.Pi}
			for i := len(scores); i < n; i++ {
				scores = append(scores, float64(i)/4)
			}
			_, err := t.ZAdd(key("zset"), scores, pairs(list("member %d", 0, n)), engine.ZAddOptions{})
			return err
		})
	}
	set := func(db int, key, val string, o engine.SetOptions) {
		t.Helper()
		in(db, func(t *engine.Txn) error { _, err := t.Set([]byte(key), []byte(val), o); return err })
	}
	set(0, "string", "value", engine.SetOptions{})
	set(0, "number", "-12345", engine.SetOptions{})
	set(0, "empty", "", engine.SetOptions{ExpireAtMs: at})
	set(0, "long", strings.Repeat("0123456789", 1000), engine.SetOptions{})
	set(0, "binary \x00\xff", "\r\n\x00", engine.SetOptions{})
	set(0, "gone", "is in the log, but not compacted", engine.SetOptions{})
	set(1, "other", "database", engine.SetOptions{})
	if err := j.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	e.SetJournal(trimming{j})

	for _, name := range []string{"few", "many"} {
		key := func(typ string) []byte { return []byte(typ + ":" + name) }
		in(0, func(t *engine.Txn) error { _, err := t.HSet(key("hash"), pairs(list("field %d", 3, 7))); return err })
		in(0, func(t *engine.Txn) error { _, err := t.HDel(key("hash"), list("field %d", 0, 2)); return err })
		in(0, func(t *engine.Txn) error { _, err := t.HIncrBy(key("hash"), []byte("count"), 42); return err })
		in(0, func(t *engine.Txn) error {
			return t.HExpire(key("hash"), list("field %d", 2, 4), at, 0, func(engine.FieldState) {})
		})
		in(0, func(t *engine.Txn) error { _, err := t.SRem(key("set"), list("member %d", 1, 3)); return err })
		in(0, func(t *engine.Txn) error { _, err := t.SAdd(key("ints"), list("%d", 1<<40, 1<<40+3)); return err })
		in(0, func(t *engine.Txn) error { _, err := t.ZRem(key("zset"), list("member %d", 2, 4)); return err })
		in(0, func(t *engine.Txn) error {
			_, err := t.ListPush(key("list"), engine.ListLeft, list("left %d", 0, 4), false)
			return err
		})
		in(0, func(t *engine.Txn) error {
			_, err := t.ListPush(key("list"), engine.ListRight, list("right %d", 0, 4), false)
			return err
		})
		in(0, func(t *engine.Txn) error { return t.ListSet(key("list"), -1, []byte("last")) })
		in(0, func(t *engine.Txn) error {
			_, err := t.ListInsert(key("list"), true, []byte("left 1"), []byte("inserted"))
			return err
		})
		in(0, func(t *engine.Txn) error { _, err := t.ListRemove(key("list"), 1, []byte("left 2")); return err })
		in(0, func(t *engine.Txn) error { return t.ListTrim(key("list"), 1, -2) })
	}
	in(0, func(t *engine.Txn) error { _, err := t.SetRange([]byte("long"), 500, []byte("spliced")); return err })
	in(0, func(t *engine.Txn) error { t.Delete([]byte("gone")); return nil })
	in(0, func(t *engine.Txn) error { t.ExpireAt([]byte("string"), at, 0); return nil })
	in(0, func(t *engine.Txn) error {
		keys := [][]byte{[]byte("a"), []byte("1"), []byte("b"), []byte("2"), []byte("c"), []byte("3")}
		t.LockKeys(keys, 0, 5, 2)
		return t.MSet(keys)
	})
	in(2, func(t *engine.Txn) error {
		_, err := t.ListPush([]byte("moved"), engine.ListLeft, list("%d", 0, many), false)
		return err
	})
	in(2, func(t *engine.Txn) error { _, err := t.Move([]byte("moved"), 0); return err })
	in(2, func(t *engine.Txn) error { _, err := t.SAdd([]byte("flushed"), list("%d", 0, 3)); return err })
	in(2, func(t *engine.Txn) error { t.FlushDB(true); return nil })
	in(0, func(t *engine.Txn) error { return t.SwapDB(1, 2) })

	if err := j.Log().Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	left := disk.Crash(disk.Ops(), nil)
	text := listing(contents(t, e, clock.NowMs()))
	l.Close()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := left.List("/log")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(golden, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name == "LOCK" {
			continue
		}
		if err := os.WriteFile(filepath.Join(golden, name), readAll(t, left, "/log/"+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(golden+".txt", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// trimming is a journal in which a trimmed list is written as it once was: nothing
// makes effects of the kind any more.
type trimming struct{ *Journal }

func (j trimming) Append(home, shard int, seq uint64, ef *engine.Effect) uint64 {
	if ef.Kind == engine.EffectListKeep {
		one := binary.LittleEndian.AppendUint64(nil, 1)
		ef = &engine.Effect{Kind: engine.EffectListTrim, DB: ef.DB, Key: ef.Key, Items: [][]byte{one, one}}
	}
	return j.Journal.Append(home, shard, seq, ef)
}

func readAll(t *testing.T, disk vfs.FS, path string) []byte {
	t.Helper()
	f, err := disk.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}
