package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"hpkv/engine/alloc"
)

// key16 returns a 16-byte key that looks random.
func key16(dst []byte, i uint64) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, i*0x9e3779b97f4a7c15)
	return binary.LittleEndian.AppendUint64(dst, ^i*0xbf58476d1ce4e5b9)
}

// TestMemoryAfterOverwrites: after random overwrites with sizes 16 to 256 bytes
// and deletes of half the keys, defragmentation brings the pages down to little
// more than what is live in them.
func TestMemoryAfterOverwrites(t *testing.T) {
	n, rounds := 240_000, 4
	if raceEnabled || testing.Short() {
		n, rounds = 60_000, 2
	}
	// As many keys a shard as a full-sized engine of a few million has.
	e, _ := openTest(t, Options{Shards: 2, Databases: 1})
	l := e.NewLane()
	defer l.Close()
	seed := testSeed(t)
	r := rand.New(rand.NewPCG(seed, 1))
	var key []byte
	val := make([]byte, 256)
	user := int64(0)
	sizes := make([]int16, n)
	for i := range n * rounds {
		k := r.IntN(n)
		size := 16 + r.IntN(241)
		key = key16(key[:0], uint64(k))
		if _, err := l.Begin(0).Set(key, val[:size], SetOptions{}); err != nil {
			t.Fatal(err)
		}
		sizes[k] = int16(size)
		if i%4096 == 0 { // maintenance runs all the time
			e.Maintain(l, 0, 0)
		}
	}
	for _, k := range r.Perm(n)[:n/2] {
		key = key16(key[:0], uint64(k))
		l.Begin(0).Delete(key)
		sizes[k] = 0
	}
	for _, s := range sizes {
		if s != 0 {
			user += int64(s) + 16
		}
	}
	before := e.arena.Stats()
	settle(t, e, l)
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	after := e.arena.Stats()
	live := after.Purpose[alloc.Records].LiveBytes
	pages := after.Purpose[alloc.Records].PageBytes
	t.Logf("%d bytes of keys and values in %d live bytes; pages %d before, %d after maintenance (%.3f of live); index %d; in use %d (%.3f of keys and values)",
		user, live, before.Purpose[alloc.Records].PageBytes, pages, float64(pages)/float64(live), after.Purpose[alloc.Index].PageBytes,
		after.InUseBytes, float64(after.InUseBytes)/float64(user))
	if !raceEnabled && !testing.Short() && float64(pages) > 1.2*float64(live) {
		t.Errorf("records take %d bytes of pages, more than 1.2 times the %d live ones", pages, live)
	}
	if st := e.Stats(); st.Relocated == 0 || st.Defragmenting == 0 {
		t.Error("nothing was relocated")
	}
	expectEmpty(t, e)
}

// TestMemoryAccounting: what purposes say adds up, and equals what the shards
// know.
func TestMemoryAccounting(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 4, Databases: 2})
	l := e.NewLane()
	defer l.Close()
	r := rand.New(rand.NewPCG(testSeed(t), 1))
	for range 20_000 {
		key := fmt.Appendf(nil, "key%d", r.IntN(5000))
		switch r.IntN(4) {
		case 0:
			l.Begin(0).Delete(key)
		case 1:
			_, _ = l.Begin(0).Set(key, make([]byte, r.IntN(100_000)), SetOptions{})
		default:
			_, _ = l.Begin(1).Set(key, make([]byte, r.IntN(500)), SetOptions{ExpireAtMs: l.Begin(0).Now() + 1000})
		}
	}
	settle(t, e, l)
	var sum alloc.Stats
	for _, s := range e.shards {
		st := s.heap.Stats()
		for p, u := range st.Purpose {
			sum.Purpose[p].Objects += u.Objects
			sum.Purpose[p].LiveBytes += u.LiveBytes
			sum.Purpose[p].PageBytes += u.PageBytes
		}
		sum.InUseBytes += st.InUseBytes
	}
	st := e.Stats()
	inUse := int64(0)
	for p, u := range st.Memory.Purpose {
		if u.PageBytes != sum.Purpose[p].PageBytes || u.LiveBytes > u.PageBytes {
			t.Errorf("purpose %d: the arena says %+v, the shards %+v", p, u, sum.Purpose[p])
		}
		inUse += u.PageBytes
	}
	if inUse != st.Memory.InUseBytes || inUse != sum.InUseBytes || st.Memory.CommittedBytes < inUse {
		t.Errorf("in use: %d in sum, %d by the arena, %d by the shards; %d committed", inUse, st.Memory.InUseBytes, sum.InUseBytes, st.Memory.CommittedBytes)
	}
	keys := int64(l.Begin(0).DBSize() + l.Begin(1).DBSize())
	if sum.Purpose[alloc.Records].Objects != keys || int64(st.Databases[0].Keys+st.Databases[1].Keys) != keys {
		t.Errorf("%d records of %d keys", sum.Purpose[alloc.Records].Objects, keys)
	}
	usage := int64(0)
	for db := range 2 {
		var all [][]byte
		l.Begin(db).Keys(func(key []byte) { all = append(all, append([]byte(nil), key...)) })
		for _, key := range all {
			n, ok := l.Begin(db).MemoryUsage(key)
			if !ok {
				t.Fatalf("no memory usage of %q", key)
			}
			usage += n - slotBytes
		}
	}
	if live := sum.Purpose[alloc.Records].LiveBytes; usage > live || usage < live*9/10 {
		t.Errorf("MEMORY USAGE of all keys is %d, live bytes are %d", usage, live)
	}
	expectEmpty(t, e)
}

// TestNoMemory: an operation that memory does not suffice for changes nothing;
// what needs none goes on.
func TestNoMemory(t *testing.T) {
	rec := new(recorder)
	e, _ := openTest(t, Options{Shards: 2, Databases: 2, Journal: rec, Events: rec})
	l := e.NewLane()
	defer l.Close()
	for i := range 150 {
		for _, size := range []int{5, 30_000} {
			if _, err := l.Begin(0).Set(fmt.Appendf(nil, "k%d/%d", size, i), make([]byte, size), SetOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.SetMaxMemoryBytes(4 << 20)
	if !e.Full() {
		t.Fatal("not full")
	}
	rec.effects, rec.events = nil, nil
	want := contents(e)
	key, val := b("k5/1"), make([]byte, 300)
	for _, c := range []struct {
		name string
		do   func(t *Txn) error
	}{
		{"set", func(t *Txn) error { _, err := t.Set(key, val, SetOptions{}); return err }},
		{"set of a new key", func(t *Txn) error { _, err := t.Set(b("new"), val, SetOptions{}); return err }},
		{"set with expiry", func(t *Txn) error {
			_, err := t.Set(key, val, SetOptions{ExpireAtMs: t.Now() + 1000, Get: true})
			return err
		}},
		{"append", func(t *Txn) error { _, err := t.Append(key, val); return err }},
		{"append to nothing", func(t *Txn) error { _, err := t.Append(b("new"), val); return err }},
		{"incr", func(t *Txn) error { _, err := t.IncrBy(b("new"), 1); return err }},
		{"setrange", func(t *Txn) error { _, err := t.SetRange(key, 100<<20, b("x")); return err }},
		{"setbit", func(t *Txn) error { _, err := t.SetBit(key, 1<<31, 1); return err }},
		{"msetnx of one", func(t *Txn) error { _, err := t.MSetNX([][]byte{b("new"), val}); return err }},
	} {
		txn := l.Begin(0)
		err := c.do(txn)
		txn.End()
		if !errors.Is(err, ErrNoMemory) {
			t.Errorf("%s: %v", c.name, err)
		}
		got := contents(e)
		for k, v := range want {
			if got[k] != v {
				t.Fatalf("%s: key %s changed", c.name, k)
			}
		}
		if len(got) != len(want) || len(rec.effects) != 0 || len(rec.events) != 0 {
			t.Errorf("%s: %d keys of %d, %d effects, %d events", c.name, len(got), len(want), len(rec.effects), len(rec.events))
		}
		if err := e.Check(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
	if _, err := l.Begin(0).Set(key, make([]byte, 5), SetOptions{}); err != nil {
		t.Errorf("a value in the place of its like: %v", err)
	}
	if !l.Begin(0).ExpireAt(key, l.Begin(0).Now()+1000, 0) || !l.Begin(0).Persist(key) {
		t.Error("an expiry needs room")
	}
	if !l.Begin(0).Delete(key) {
		t.Error("delete found nothing")
	}
	// What has begun in a transaction is not left half done.
	txn := l.Begin(0)
	pairs := [][]byte{b("a"), val, b("b"), val, b("c"), val, b("d"), val}
	txn.LockKeys(pairs, 0, len(pairs)-1, 2)
	if err := txn.MSet(pairs); err != nil {
		t.Errorf("mset: %v", err)
	}
	txn.End()
	// With room again, all goes on.
	for i := range 100 {
		l.Begin(0).Delete(fmt.Appendf(nil, "k30000/%d", i))
	}
	settle(t, e, l)
	if _, err := l.Begin(0).Set(b("new"), val, SetOptions{}); err != nil {
		t.Errorf("after deletes: %v", err)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
}

// TestNoMemorySmall walks the limit page by page, with small values and index
// growth, where every kind of operation fails at some time.
func TestNoMemorySmall(t *testing.T) {
	for limit := int64(1 << 16); limit < 20<<16; limit += 1 << 16 {
		e, _ := openTest(t, Options{Shards: 2, Databases: 2, MaxMemoryBytes: limit})
		l := e.NewLane()
		r := rand.New(rand.NewPCG(1, uint64(limit)))
		model := map[string]string{}
		failed := 0
		did := func(err error) bool {
			if err != nil && err != ErrNoMemory && err != ErrNoSuchKey {
				t.Fatal(err)
			}
			if err == ErrNoMemory {
				failed++
			}
			return err == nil
		}
		for range 5000 {
			key := fmt.Sprintf("%d", r.IntN(2000))
			val := string(make([]byte, r.IntN(600)))
			switch r.IntN(6) {
			case 0:
				if l.Begin(0).Delete(b(key)) {
					delete(model, key)
				}
			case 1:
				if _, err := l.Begin(0).Append(b(key), b(val)); did(err) {
					model[key] += val
				}
			case 2:
				dst := fmt.Sprintf("%d", r.IntN(2000))
				txn := l.Begin(0)
				txn.LockKeys(bs(key, dst), 0, 1, 1)
				if ok, err := txn.Rename(b(key), b(dst), false); did(err) && ok {
					v := model[key]
					delete(model, key)
					model[dst] = v
				}
				txn.End()
			case 3:
				l.Begin(0).ExpireAt(b(key), l.Begin(0).Now()+1000, 0)
			default:
				if _, err := l.Begin(0).Set(b(key), b(val), SetOptions{}); did(err) {
					model[key] = val
				}
			}
		}
		for key, val := range model {
			if got, ok, err := l.Begin(0).Get(nil, b(key), nil); !ok || err != nil || string(got) != val {
				t.Fatalf("limit %d: key %s has %d bytes, %v, %v, want %d", limit, key, len(got), ok, err, len(val))
			}
		}
		if n := l.Begin(0).DBSize(); n != len(model) {
			t.Fatalf("limit %d: %d keys, want %d", limit, n, len(model))
		}
		if err := e.Check(); err != nil {
			t.Fatalf("limit %d: %v", limit, err)
		}
		if failed == 0 {
			t.Errorf("limit %d: nothing failed", limit)
		}
		l.Close()
	}
}

// TestTooLarge: the bound of a value is checked before memory is taken.
func TestTooLarge(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1, Databases: 1})
	l := e.NewLane()
	defer l.Close()
	if _, err := l.Begin(0).Set(b("k"), b("value"), SetOptions{}); err != nil {
		t.Fatal(err)
	}
	before := e.arena.Stats()
	var m0, m1 runtime.MemStats
	runtime.ReadMemStats(&m0)
	const maxOff = 1<<63 - 1
	for _, off := range []int64{512 << 20, 512<<20 - 1, 512<<20 + 1, 1 << 32, 1 << 40, maxOff - 3, maxOff} {
		for _, key := range []string{"k", "new"} {
			if n, err := l.Begin(0).SetRange(b(key), off, b("xy")); err != ErrTooLarge {
				t.Errorf("setrange %s %d: %d, %v", key, off, n, err)
			}
		}
	}
	if _, err := l.Begin(0).SetRange(b("k"), -1, b("x")); err != ErrOffset {
		t.Errorf("setrange -1: %v", err)
	}
	if n, err := l.Begin(0).SetRange(b("new"), 1<<40, nil); n != 0 || err != nil {
		t.Errorf("setrange of nothing: %d, %v", n, err)
	}
	e.SetMaxValueBytes(10)
	if n, err := l.Begin(0).Append(b("k"), b("123456")); err != ErrTooLarge {
		t.Errorf("append: %d, %v", n, err)
	}
	if _, err := l.Begin(0).Set(b("new"), make([]byte, 11), SetOptions{}); err != ErrTooLarge {
		t.Errorf("set: %v", err)
	}
	if n, err := l.Begin(0).Append(b("k"), b("12345")); n != 10 || err != nil {
		t.Errorf("append up to the bound: %d, %v", n, err)
	}
	runtime.ReadMemStats(&m1)
	if grown := m1.TotalAlloc - m0.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes of Go memory were taken", grown)
	}
	if after := e.arena.Stats(); after.InUseBytes > before.InUseBytes+1<<20 {
		t.Errorf("memory in use went from %d to %d", before.InUseBytes, after.InUseBytes)
	}
	if got, _, _ := l.Begin(0).Get(nil, b("k"), nil); string(got) != "value12345" {
		t.Errorf("the key holds %q", got)
	}
}

// TestMemoryAfterDeletes: databases emptied key by key keep next to nothing,
// and defragmentation comes to an end over what they keep.
func TestMemoryAfterDeletes(t *testing.T) {
	const n = 30_000
	e, _ := openTest(t, Options{Shards: 1, Databases: 8})
	l := e.NewLane()
	defer l.Close()
	r := rand.New(rand.NewPCG(testSeed(t), 1))
	for db := range 8 {
		fill(t, l, db, n, "value")
		for _, i := range r.Perm(n) {
			if !l.Begin(db).Delete(fmt.Appendf(nil, "key%06d", i)) {
				t.Fatalf("key %d is not there", i)
			}
		}
		settle(t, e, l)
	}
	settle(t, e, l)
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	st := e.arena.Stats()
	for p, u := range st.Purpose {
		if u.PageBytes > 4<<20 {
			t.Errorf("purpose %d: %d bytes of pages for %d objects of %d bytes", p, u.PageBytes, u.Objects, u.LiveBytes)
		}
	}
	t.Logf("%d bytes in use, %d of index", st.InUseBytes, st.Purpose[alloc.Index].PageBytes)
}

// TestMemoryOfEmptyTables: the segments that emptied databases keep are moved
// together too.
func TestMemoryOfEmptyTables(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1, Databases: 1000})
	l := e.NewLane()
	defer l.Close()
	for db := range 1000 {
		fill(t, l, db, 1, "value")
	}
	full := e.arena.Stats().Purpose[alloc.Index].PageBytes
	for db := range 1000 {
		if db%40 == 0 {
			l.Begin(db).Delete([]byte("key000000"))
		} else {
			l.Begin(db).FlushDB(true)
		}
	}
	settle(t, e, l)
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	if left := e.arena.Stats().Purpose[alloc.Index].PageBytes; left > full/2 {
		t.Errorf("25 empty tables of 1000 hold %d bytes of pages of %d", left, full)
	}
	fill(t, l, 40, 100, "again")
	if n := l.Begin(40).DBSize(); n != 100 {
		t.Errorf("%d keys", n)
	}
}
