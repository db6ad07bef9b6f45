package engine

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"hpkv/engine/zset"
)

// raise makes a collection of a type with many elements, a thousand at a time.
func raise(t *testing.T, l *Lane, typ Type, key []byte, n int) {
	t.Helper()
	batch := make([][]byte, 0, 2000)
	scores := make([]float64, 0, 1000)
	var room []byte
	for i := 0; i < n; {
		batch, scores, room = batch[:0], scores[:0], room[:0]
		for range 1000 {
			from := len(room)
			room = fmt.Appendf(room, "element:%d", i)
			elem := room[from:len(room):len(room)]
			switch typ {
			case TypeHash:
				batch = append(batch, elem)
			case TypeZSet:
				scores = append(scores, float64(i))
				batch = append(batch, nil)
			}
			batch = append(batch, elem)
			i++
		}
		var err error
		switch txn := l.Begin(0); typ {
		case TypeHash:
			_, err = txn.HSet(key, batch)
		case TypeZSet:
			_, err = txn.ZAdd(key, scores, batch, ZAddOptions{})
		case TypeSet:
			_, err = txn.SAdd(key, batch)
		default:
			_, err = txn.ListPush(key, ListRight, batch, false)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestLoseHuge: in whatever way a key with a huge collection goes, it goes at
// once, and its memory in steps of bounded work: how long others wait does not
// depend on how many elements there were. The work is counted, so that a busy
// machine does not matter.
func TestLoseHuge(t *testing.T) {
	sizes := map[Type]int{TypeList: 10_000_000, TypeSet: 2_000_000, TypeHash: 300_000, TypeZSet: 300_000}
	ways := []struct {
		name string
		lose func(t *testing.T, l *Lane, clock *ManualClock, key []byte)
	}{
		{"delete", func(t *testing.T, l *Lane, _ *ManualClock, key []byte) { l.Begin(0).Delete(key) }},
		{"overwrite", func(t *testing.T, l *Lane, _ *ManualClock, key []byte) {
			if _, err := l.Begin(0).Set(key, b("v"), SetOptions{}); err != nil {
				t.Fatal(err)
			}
		}},
		{"expire", func(t *testing.T, l *Lane, clock *ManualClock, key []byte) {
			l.Begin(0).ExpireAt(key, clock.NowMs()+1, 0)
			clock.Advance(2 * time.Millisecond)
			_, _ = l.Begin(0).ListLen(key) // a use under the lock removes it
		}},
		{"rename over", func(t *testing.T, l *Lane, _ *ManualClock, key []byte) {
			_, _ = l.Begin(0).Set(b("other"), b("v"), SetOptions{})
			txn := l.Begin(0)
			txn.LockKeys([][]byte{key, b("other")}, 0, 1, 1)
			if ok, err := txn.Rename(b("other"), key, false); !ok || err != nil {
				t.Errorf("rename: %v, %v", ok, err)
			}
			txn.End()
		}},
		{"store", func(t *testing.T, l *Lane, _ *ManualClock, key []byte) {
			txn := l.Begin(0)
			txn.LockKeys([][]byte{key, b("none")}, 0, 1, 1)
			if _, err := txn.SetAlgebraStore(SetUnion, key, [][]byte{b("none")}); err != nil {
				t.Error(err)
			}
			txn.End()
		}},
		{"flush", func(t *testing.T, l *Lane, _ *ManualClock, key []byte) { l.Begin(0).FlushDB(true) }},
	}
	for typ, size := range sizes {
		if raceEnabled || testing.Short() {
			size = 40_000
		}
		t.Run(typ.String(), func(t *testing.T) {
			e, clock := openTest(t, Options{Shards: 1, Databases: 1})
			l := e.NewLane()
			defer l.Close()
			s := e.shards[0]
			for i, way := range ways {
				n := size
				if i > 0 { // it is one size that has to be huge
					n = 20_000
				}
				key := b("huge")
				raise(t, l, typ, key, n)
				before, start := live(e), time.Now()
				way.lose(t, l, clock, key)
				took := time.Since(start)
				if freed := before - live(e); freed > 2*buryAtOnce+8 {
					t.Fatalf("%s: %d of %d objects are freed at once", way.name, freed, before)
				}
				steps, longest := 0, time.Duration(0)
				for more := true; more; steps++ {
					before = live(e)
					start = time.Now()
					s.mu.lock()
					more = s.reclaim(reclaimStep)
					s.mu.unlock()
					longest = max(longest, time.Since(start))
					if freed := before - live(e); freed > 2*reclaimStep {
						t.Fatalf("%s: a step frees %d objects", way.name, freed)
					}
				}
				t.Logf("%s of %d elements: %v, then %d steps of %v at most", way.name, n, took, steps, longest)
				l.Begin(0).Delete(key)
				l.Begin(0).Delete(b("other"))
				settle(t, e, l)
				if left := live(e); left > 4 {
					t.Errorf("%s: %d objects are left", way.name, left)
				}
				if err := e.Check(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestCountUnfreed: values that lose their key before they are freed are counted
// until they are, and thereafter.
func TestCountUnfreed(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 2, Databases: 2})
	l := e.NewLane()
	defer l.Close()
	expect := func(what string, unfreed int, freed uint64) {
		t.Helper()
		if st := e.Stats(); st.Unfreed != unfreed || st.Freed != freed {
			t.Errorf("%s: %d are to be freed, %d have been; want %d, %d", what, st.Unfreed, st.Freed, unfreed, freed)
		}
	}
	for i := range 100 {
		if _, err := l.Begin(0).Set(fmt.Appendf(nil, "k%d", i), b("v"), SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	raise(t, l, TypeList, b("a"), 50_000)
	raise(t, l, TypeSet, b("b"), 50_000)
	l.Begin(0).Delete(b("k1")) // is freed with its key
	expect("nothing", 0, 0)
	l.Begin(0).Delete(b("a"))
	expect("a list", 1, 0)
	settle(t, e, l)
	expect("it is freed", 0, 1)
	l.Begin(0).FlushDB(true)
	expect("99 strings and a set", 100, 1)
	settle(t, e, l)
	expect("they are freed", 0, 101)
	if _, err := l.Begin(0).Set(b("k"), b("v"), SetOptions{}); err != nil {
		t.Fatal(err)
	}
	l.Begin(0).FlushDB(true)
	if _, err := l.Begin(0).Set(b("l"), b("v"), SetOptions{}); err != nil {
		t.Fatal(err)
	}
	l.Begin(0).FlushDB(true) // before the first is freed
	expect("two flushes", 2, 101)
	settle(t, e, l)
	expect("both are freed", 0, 103)
}

// TestEmptyHuge: what a huge collection loses of its elements, all of them or most,
// goes in bounded steps, too.
func TestEmptyHuge(t *testing.T) {
	n := int64(100_000)
	if raceEnabled || testing.Short() {
		n = 20_000
	}
	key := b("huge")
	none, ignore := func(int) {}, func([]byte, float64) {}
	ways := []struct {
		name string
		typ  Type
		left int64
		do   func(t *Txn) error
	}{
		{"fields expire", TypeHash, 0, func(t *Txn) error {
			_, err := t.HLen(key) // before it is done in the background
			return err
		}},
		{"trim to few", TypeList, 100, func(t *Txn) error { return t.ListTrim(key, n-100, -1) }},
		{"trim to many", TypeList, n - n/3, func(t *Txn) error { return t.ListTrim(key, n/3, -1) }},
		{"trim the right", TypeList, n/3 + 1, func(t *Txn) error { return t.ListTrim(key, 0, n/3) }},
		{"trim both ends", TypeList, n/2 - n/3 + 1, func(t *Txn) error { return t.ListTrim(key, n/3, n/2) }},
		{"trim all", TypeList, 0, func(t *Txn) error { return t.ListTrim(key, n, n) }},
		{"pop", TypeList, 1, func(t *Txn) error {
			_, err := t.ListPop(key, ListRight, n-1, nil, func(ListValue) {})
			return err
		}},
		{"spop all", TypeSet, 0, func(t *Txn) error { return t.SPopMany(key, n+1, none, func([]byte) {}) }},
		{"spop most", TypeSet, 10, func(t *Txn) error { return t.SPopMany(key, n-10, none, func([]byte) {}) }},
		{"zpop all", TypeZSet, 0, func(t *Txn) error { _, err := t.ZPop(key, n, true, none, ignore); return err }},
		{"zpop most", TypeZSet, 10, func(t *Txn) error { _, err := t.ZPop(key, n-10, true, none, ignore); return err }},
		{"zremrange all", TypeZSet, 0, func(t *Txn) error {
			_, err := t.ZRemRange(key, &ZRange{By: ByScore, Score: zset.ScoreRange{Max: float64(n)}})
			return err
		}},
		{"zremrange most", TypeZSet, 10, func(t *Txn) error {
			_, err := t.ZRemRange(key, &ZRange{Start: 5, Stop: -6})
			return err
		}},
	}
	for _, way := range ways {
		rec := new(recorder)
		e, clock := openTest(t, Options{Shards: 1, Databases: 1, Journal: rec})
		l := e.NewLane()
		s := e.shards[0]
		raise(t, l, way.typ, key, int(n))
		if way.typ == TypeHash {
			expireAll(t, l, key, clock.NowMs()+1000)
			clock.Advance(2 * time.Second)
		}
		l.Begin(0).ExpireAt(key, 1<<42, 0)
		before, effects := live(e), len(rec.effects)
		if err := way.do(l.Begin(0)); err != nil {
			t.Fatal(err)
		}
		if freed := before - live(e); freed > 3*buryAtOnce {
			t.Errorf("%s: %d of %d objects are freed at once", way.name, freed, before)
		}
		if more := rec.effects[effects:]; len(more) != 1 || len(more[0].payload) > 2000 {
			t.Errorf("%s: %d effects, the first of %d bytes", way.name, len(more), len(more[0].payload))
		}
		if way.left > 0 {
			if at, _ := l.Begin(0).ExpireTime(key); at != 1<<42 {
				t.Errorf("%s: the key expires at %d", way.name, at)
			}
		}
		left := int64(0)
		switch txn := l.Begin(0); way.typ {
		case TypeHash:
			left, _ = txn.HLen(key)
		case TypeList:
			left, _ = txn.ListLen(key)
		case TypeSet:
			left, _ = txn.SCard(key)
			if form, _ := txn.Encoding(key); left > 0 && form != "listpack" {
				t.Errorf("%s: what is left is a %s", way.name, form)
			}
		case TypeZSet:
			left, _ = txn.ZCard(key)
		}
		if left != way.left {
			t.Errorf("%s: %d elements are left, want %d", way.name, left, way.left)
		}
		for more := true; more; {
			before = live(e)
			s.mu.lock()
			more = s.reclaim(reclaimStep)
			s.mu.unlock()
			if freed := before - live(e); freed > 2*reclaimStep {
				t.Errorf("%s: a step frees %d objects", way.name, freed)
			}
		}
		if err := e.Check(); err != nil {
			t.Errorf("%s: %v", way.name, err)
		}
		l.Close()
	}
}

// expireAll makes all fields of a hash expire, at atMs or a bit before.
func expireAll(t *testing.T, l *Lane, key []byte, atMs int64) {
	t.Helper()
	var fields [][]byte
	if err := l.Begin(0).HGetAll(key, func(int) {}, func(f, _ []byte) { fields = append(fields, bytes.Clone(f)) }); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		half := fields[i*len(fields)/2 : (i+1)*len(fields)/2]
		if err := l.Begin(0).HExpire(key, half, atMs-int64(i), 0, func(FieldState) {}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEmptyWhenFull: what leaves little of a collection needs no memory when there
// is none.
func TestEmptyWhenFull(t *testing.T) {
	const n = 5_000
	e, _ := openTest(t, Options{Shards: 1, Databases: 1})
	l := e.NewLane()
	defer l.Close()
	raise(t, l, TypeSet, b("s"), n)
	raise(t, l, TypeZSet, b("z"), n)
	e.SetMaxMemoryBytes(1)
	if _, err := l.Begin(0).Set(b("k"), b("v"), SetOptions{}); err != ErrNoMemory {
		t.Fatalf("set: %v", err)
	}
	popped := map[string]bool{}
	if err := l.Begin(0).SPopMany(b("s"), n-10, func(int) {}, func(m []byte) { popped[string(m)] = true }); err != nil || len(popped) != n-10 {
		t.Errorf("spop: %d, %v", len(popped), err)
	}
	if n, err := l.Begin(0).SCard(b("s")); n != 10 || err != nil {
		t.Errorf("scard: %d, %v", n, err)
	}
	if k, err := l.Begin(0).ZRemRange(b("z"), &ZRange{Start: 10, Stop: -1}); k != n-10 || err != nil {
		t.Errorf("zremrange: %d, %v", k, err)
	}
	if n, err := l.Begin(0).ZCard(b("z")); n != 10 || err != nil {
		t.Errorf("zcard: %d, %v", n, err)
	}
	e.SetMaxMemoryBytes(0)
	settle(t, e, l)
	if err := e.Check(); err != nil {
		t.Error(err)
	}
}
