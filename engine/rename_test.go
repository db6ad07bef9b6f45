package engine

import (
	"fmt"
	"maps"
	"testing"
	"time"
)

// sameShard returns a key that is in the shard of another one.
func sameShard(e *Engine, key []byte) []byte {
	for i := 0; ; i++ {
		other := fmt.Appendf(nil, "other%d", i)
		if e.shardOf(hashKey(other)) == e.shardOf(hashKey(key)) {
			return other
		}
	}
}

// TestRenameHuge: within a shard a collection of any size gets another name, or
// another database, by one small effect, and stays where it is.
func TestRenameHuge(t *testing.T) {
	for _, typ := range []Type{TypeList, TypeSet, TypeHash, TypeZSet} {
		t.Run(typ.String(), func(t *testing.T) {
			rec := new(recorder)
			e, _ := openTest(t, Options{Shards: 4, Databases: 2, Journal: rec})
			l := e.NewLane()
			defer l.Close()
			key := b("huge")
			raise(t, l, typ, key, 20_000)
			other := sameShard(e, key)
			l.Begin(0).ExpireAt(key, l.Begin(0).Now()+1_000_000, 0)
			want := contents(e)
			before, sent := live(e), len(rec.effects)

			txn := l.Begin(0)
			txn.LockKeys([][]byte{key, other}, 0, 1, 1)
			if ok, err := txn.Rename(key, other, false); !ok || err != nil {
				t.Fatalf("rename: %v, %v", ok, err)
			}
			txn.End()
			if ok, err := l.Begin(0).Move(other, 1); !ok || err != nil {
				t.Fatalf("move: %v, %v", ok, err)
			}
			if ok, err := l.Begin(1).Move(other, 0); !ok || err != nil {
				t.Fatalf("move: %v, %v", ok, err)
			}
			if got := live(e); got != before {
				t.Errorf("%d objects became %d", before, got)
			}
			if n := len(rec.effects) - sent; n != 3 {
				t.Errorf("%d effects", n)
			}
			for _, r := range rec.effects[sent:] {
				if r.ef.Kind != EffectRename || len(r.payload) > 64 {
					t.Errorf("an effect %v of %d bytes", r.ef.Kind, len(r.payload))
				}
			}
			for _, shards := range []int{1, 4, 64} {
				twin, _ := openTest(t, Options{Shards: shards, Databases: 2})
				replay(t, twin, rec.effects, 4)
				sameContents(t, twin, e)
				if err := twin.Check(); err != nil {
					t.Error(err)
				}
			}

			txn = l.Begin(0)
			txn.LockKeys([][]byte{key, other}, 0, 1, 1)
			if ok, err := txn.Rename(other, key, false); !ok || err != nil {
				t.Fatalf("rename: %v, %v", ok, err)
			}
			txn.End()
			if !maps.Equal(contents(e), want) {
				t.Errorf("after renaming it back there are other contents")
			}
			if err := e.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRenameExpiringFields: a hash keeps its fields' expiries under its new name.
func TestRenameExpiringFields(t *testing.T) {
	e, clock := openTest(t, Options{Shards: 4, Databases: 2})
	l := e.NewLane()
	defer l.Close()
	key := b("h")
	other := sameShard(e, key)
	if _, err := l.Begin(0).HSet(key, bs("f", "1", "g", "2")); err != nil {
		t.Fatal(err)
	}
	at := clock.NowMs() + 1000
	if err := l.Begin(0).HExpire(key, bs("f"), at, 0, func(FieldState) {}); err != nil {
		t.Fatal(err)
	}
	txn := l.Begin(0)
	txn.LockKeys([][]byte{key, other}, 0, 1, 1)
	if ok, err := txn.Rename(key, other, false); !ok || err != nil {
		t.Fatalf("rename: %v, %v", ok, err)
	}
	txn.End()
	if ok, err := l.Begin(0).Move(other, 1); !ok || err != nil {
		t.Fatalf("move: %v, %v", ok, err)
	}
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Second)
	for home := range e.Homes() { // nobody uses the hash
		e.Maintain(l, home, time.Second)
	}
	s := e.shardOf(hashKey(other))
	var n entry
	s.find(1, hashKey(other), other, &n)
	if !n.found() || s.hashLen(&n) != 1 {
		t.Errorf("the field whose time has come is still there")
	}
}

// elsewhere returns a key that is in another shard.
func elsewhere(e *Engine, key []byte) []byte {
	for i := 0; ; i++ {
		other := fmt.Appendf(nil, "other%d", i)
		if e.shardOf(hashKey(other)) != e.shardOf(hashKey(key)) {
			return other
		}
	}
}

// TestStage: the transaction that renames or copies a staged collection makes no
// elements, and the journal has what it did.
func TestStage(t *testing.T) {
	for _, typ := range []Type{TypeList, TypeSet, TypeHash, TypeZSet} {
		for _, way := range []string{"rename", "copy", "over", "late", "unused"} {
			t.Run(typ.String()+" "+way, func(t *testing.T) {
				rec := new(recorder)
				e, clock := openTest(t, Options{Shards: 4, Databases: 2, Journal: rec})
				l := e.NewLane()
				defer l.Close()
				key := b("huge")
				other := elsewhere(e, key)
				raise(t, l, typ, key, 20_000)
				l.Begin(0).ExpireAt(key, clock.NowMs()+1_000_000, 0)
				if typ == TypeHash {
					if err := l.Begin(0).HExpire(key, bs("element:7", "element:8"), clock.NowMs()+1000, 0, func(FieldState) {}); err != nil {
						t.Fatal(err)
					}
				}
				if way == "over" {
					raise(t, l, TypeSet, other, 10_000)
				}
				want := elements(e, 0, key, typ)
				txn := l.Begin(0)
				if !txn.WantsStaging(key, other, true) || txn.WantsStaging(key, sameShard(e, key), true) {
					t.Fatal("what is worth staging has changed")
				}
				st := txn.Stage(key, other, 0)
				if st == nil {
					t.Fatal("nothing is staged")
				}
				if err := e.Check(); err != nil {
					t.Fatal(err)
				}
				if way == "late" { // it changes after all
					txn.End()
					raise(t, l, typ, key, 21_000)
					want = elements(e, 0, key, typ)
				}
				settle(t, e, l)
				txn = l.Begin(0)
				before := live(e)
				if way != "unused" {
					txn.LockKeys([][]byte{key, other}, 0, 1, 1)
					var ok bool
					var err error
					if way == "copy" {
						ok, err = txn.Copy(key, other, 0, true)
					} else {
						ok, err = txn.Rename(key, other, false)
					}
					if !ok || err != nil {
						t.Fatalf("%v, %v", ok, err)
					}
				}
				made := live(e) - before
				st.Discard()
				txn.End()
				if made > 8 && way != "late" {
					t.Errorf("%d objects are made in the transaction", made)
				}
				settle(t, e, l)
				if err := e.Check(); err != nil {
					t.Fatal(err)
				}
				at := other
				if way == "unused" {
					at = key
				}
				if got := elements(e, 0, at, typ); got != want {
					t.Errorf("there are other elements")
				}
				if len(e.shardOf(hashKey(key)).watches) != 0 || len(e.shardOf(hashKey(other)).staged) != 0 {
					t.Errorf("something is left")
				}
				twin, _ := openTest(t, Options{Shards: 2, Databases: 2})
				replay(t, twin, rec.effects, 4)
				sameContents(t, twin, e)
				if typ == TypeHash {
					clock.Advance(2 * time.Second)
					for home := range e.Homes() {
						e.Maintain(l, home, time.Second)
					}
					if n, _ := l.Begin(0).HLen(at); way != "late" && n != 19_998 {
						t.Errorf("%d fields", n)
					}
				}
			})
		}
	}
}
