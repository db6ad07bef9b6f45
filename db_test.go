package hpkv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hpkv"
	"hpkv/engine"
)

func open(t testing.TB, o hpkv.Options) *hpkv.DB {
	t.Helper()
	db, err := hpkv.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil && !errors.Is(err, hpkv.ErrClosed) {
			t.Error(err)
		}
	})
	return db
}

func b(s string) []byte { return []byte(s) }

func TestValues(t *testing.T) {
	db := open(t, hpkv.Options{})
	if _, err := db.Get(nil, b("k")); !errors.Is(err, hpkv.ErrNotFound) {
		t.Fatalf("get of an absent key: %v", err)
	}
	if err := db.Set(b("k"), b("v")); err != nil {
		t.Fatal(err)
	}
	val, err := db.Get(b("-> "), b("k"))
	if err != nil || string(val) != "-> v" {
		t.Fatalf("get: %q, %v", val, err)
	}
	if ok, err := db.SetNX(b("k"), b("w")); ok || err != nil {
		t.Fatalf("setnx of a key that exists: %v, %v", ok, err)
	}
	if ok, err := db.SetXX(b("absent"), b("w")); ok || err != nil {
		t.Fatalf("setxx of an absent key: %v, %v", ok, err)
	}
	if n, err := db.Append(b("k"), b("w")); n != 2 || err != nil {
		t.Fatalf("append: %d, %v", n, err)
	}
	if _, err := db.Incr(b("k"), 1); !errors.Is(err, hpkv.ErrNotInteger) {
		t.Fatalf("incr of text: %v", err)
	}
	if n, err := db.Incr(b("n"), 41); n != 41 || err != nil {
		t.Fatalf("incr: %d, %v", n, err)
	}
	if n, _ := db.Len(); n != 2 {
		t.Fatalf("%d keys", n)
	}
	if ok, err := db.Delete(b("k")); !ok || err != nil {
		t.Fatalf("delete: %v, %v", ok, err)
	}
	if ok, _ := db.Exists(b("k")); ok {
		t.Fatal("deleted key exists")
	}
	if err := db.Check(); err != nil {
		t.Fatal(err)
	}
}

func TestExpiry(t *testing.T) {
	clock := engine.NewManualClock(1_700_000_000_000)
	db := open(t, hpkv.Options{Clock: clock})
	if err := db.SetTTL(b("k"), b("v"), time.Second); err != nil {
		t.Fatal(err)
	}
	if ttl, err := db.TTL(b("k")); ttl != time.Second || err != nil {
		t.Fatalf("ttl: %v, %v", ttl, err)
	}
	if ok, _ := db.Persist(b("k")); !ok {
		t.Fatal("persist did nothing")
	}
	if ttl, _ := db.TTL(b("k")); ttl != hpkv.NoTTL {
		t.Fatalf("ttl after persist: %v", ttl)
	}
	if ok, _ := db.Expire(b("k"), 500*time.Millisecond); !ok {
		t.Fatal("expire did nothing")
	}
	clock.Advance(500 * time.Millisecond)
	if _, err := db.TTL(b("k")); !errors.Is(err, hpkv.ErrNotFound) {
		t.Fatalf("ttl of an expired key: %v", err)
	}
}

func TestDatabases(t *testing.T) {
	db := open(t, hpkv.Options{Databases: 2})
	one, err := db.Database(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Set(b("k"), b("v")); err != nil {
		t.Fatal(err)
	}
	if ok, _ := db.Exists(b("k")); ok {
		t.Fatal("databases share keys")
	}
	if _, err := db.Database(2); err == nil {
		t.Fatal("database beyond the last opened")
	}
	if err := one.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _ := one.Len(); n != 0 {
		t.Fatalf("%d keys after flush", n)
	}
}

func TestMany(t *testing.T) {
	db := open(t, hpkv.Options{})
	var keys, vals [][]byte
	for i := range 100 {
		keys = append(keys, fmt.Appendf(nil, "key:%d", i))
		vals = append(vals, fmt.Appendf(nil, "value %d", i))
	}
	if err := db.SetMany(keys, vals[:99]); err == nil {
		t.Error("SetMany took fewer values than keys")
	}
	if err := db.SetMany(keys, vals); err != nil {
		t.Fatal(err)
	}
	if n, err := db.DeleteMany(keys[50:60]); n != 10 || err != nil {
		t.Fatalf("deleted %d, %v", n, err)
	}
	var got hpkv.Values
	if err := db.GetMany(keys, &got); err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		val, ok := got.At(i)
		if want := i < 50 || i >= 60; ok != want || ok && !bytes.Equal(val, vals[i]) {
			t.Fatalf("value %d: %q, %v", i, val, ok)
		}
	}
	allocs := testing.AllocsPerRun(100, func() {
		if err := db.GetMany(keys, &got); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 && !raceEnabled {
		t.Errorf("GetMany into used Values allocates %v times", allocs)
	}
}

func TestHotPathAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	db := open(t, hpkv.Options{})
	key, val, dst := b("key"), b("a value of some length"), make([]byte, 0, 64)
	counter := b("counter")
	for name, op := range map[string]func(){
		"Set":    func() { _ = db.Set(key, val) },
		"Get":    func() { dst, _ = db.Get(dst[:0], key) },
		"Exists": func() { _, _ = db.Exists(key) },
		"TTL":    func() { _, _ = db.TTL(key) },
		"Incr":   func() { _, _ = db.Incr(counter, 1) },
	} {
		if n := testing.AllocsPerRun(1000, op); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestRange(t *testing.T) {
	db := open(t, hpkv.Options{})
	for i := range 1000 {
		if err := db.Set(fmt.Appendf(nil, "key:%04d", i), fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	i := 100
	for key, val := range db.Range(b("key:0100"), b("key:0199")) {
		if string(key) != fmt.Sprintf("key:%04d", i) || string(val) != fmt.Sprint(i) {
			t.Fatalf("item %d is %q: %q", i, key, val)
		}
		// Changes made meanwhile do not show.
		if err := db.Set(fmt.Appendf(nil, "key:%04d", i+1), b("changed")); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Delete(fmt.Appendf(nil, "key:%04d", i+2)); err != nil {
			t.Fatal(err)
		}
		i++
	}
	if i != 200 {
		t.Fatalf("range ended before %d", i)
	}
	n := 0
	for range db.Range(b("key:0900"), nil) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Fatalf("%d items", n)
	}
	if err := db.Check(); err != nil {
		t.Fatal(err)
	}
}

func TestUpdate(t *testing.T) {
	db := open(t, hpkv.Options{})
	const accounts, transfers, clerks = 5, 400, 8
	account := func(i int) []byte { return fmt.Appendf(nil, "account:%d", i) }
	for i := range accounts {
		if err := db.Set(account(i), b("100")); err != nil {
			t.Fatal(err)
		}
	}
	balance := func(tx *hpkv.Tx, key []byte) (n int, err error) {
		val, err := tx.Get(nil, key)
		if err == nil {
			_, err = fmt.Sscan(string(val), &n)
		}
		return n, err
	}
	var wg sync.WaitGroup
	for c := range clerks {
		wg.Go(func() {
			for i := range transfers {
				from, to := account((c+i)%accounts), account((c*3+i*7+1)%accounts)
				err := db.Update(func(tx *hpkv.Tx) error {
					a, err := balance(tx, from)
					if err != nil {
						return err
					}
					tx.Set(from, fmt.Appendf(nil, "%d", a-1))
					z, err := balance(tx, to) // sees the change above
					tx.Set(to, fmt.Appendf(nil, "%d", z+1))
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	err := db.Update(func(tx *hpkv.Tx) error {
		sum = 0
		for i := range accounts {
			n, err := balance(tx, account(i))
			if err != nil {
				return err
			}
			sum += n
		}
		return nil
	})
	if err != nil || sum != 100*accounts {
		t.Fatalf("sum %d, %v", sum, err)
	}
	stop := errors.New("stop")
	err = db.Update(func(tx *hpkv.Tx) error { tx.Delete(account(0)); return stop })
	if ok, _ := db.Exists(account(0)); !errors.Is(err, stop) || !ok {
		t.Fatalf("a failed update: %v, account exists: %v", err, ok)
	}
}

// TestUpdateAllOrNothing: a change that cannot be made leaves the others
// undone, and a function that panics leaves nothing locked or watched.
func TestUpdateAllOrNothing(t *testing.T) {
	db := open(t, hpkv.Options{Shards: 1, MaxValueBytes: 10})
	err := db.Update(func(tx *hpkv.Tx) error {
		tx.Set(b("a"), b("1"))
		tx.Set(b("b"), make([]byte, 11))
		return nil
	})
	if !errors.Is(err, hpkv.ErrTooLarge) {
		t.Errorf("update with a value too large: %v", err)
	}
	if _, err := db.Do(context.Background(), "MSET", "a", "1", "b", "12345678901"); err == nil {
		t.Error("MSET of a value too large succeeded")
	}
	if n, _ := db.Len(); n != 0 {
		t.Errorf("%d of the changes were made", n)
	}
	func() {
		defer func() { _ = recover() }()
		_ = db.Update(func(tx *hpkv.Tx) error {
			_, _ = tx.Get(nil, b("a"))
			panic("as users do")
		})
	}()
	if err := db.Set(b("a"), b("2")); err != nil {
		t.Fatal(err)
	}
	for range db.Range(nil, nil) {
		if err := db.Set(b("a"), b("3")); err != nil {
			t.Fatal(err)
		}
		break
	}
	if err := db.Check(); err != nil {
		t.Error(err)
	}
}

// TestUpdateExpiry: what expired while the function ran counts as a change.
func TestUpdateExpiry(t *testing.T) {
	clock := engine.NewManualClock(1_000_000)
	db := open(t, hpkv.Options{Clock: clock})
	if err := db.SetTTL(b("k"), b("v"), time.Second); err != nil {
		t.Fatal(err)
	}
	runs := 0
	err := db.Update(func(tx *hpkv.Tx) error {
		runs++
		val, err := tx.Get(nil, b("k"))
		if (err == nil) != (runs == 1) {
			t.Errorf("run %d reads %q, %v", runs, val, err)
		}
		clock.Advance(2 * time.Second)
		tx.Set(b("copy"), val)
		return nil
	})
	if err != nil || runs != 2 {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestDo(t *testing.T) {
	db := open(t, hpkv.Options{})
	ctx := context.Background()
	if reply, err := db.Do(ctx, "SET", "k", 42, "EX", 100); err != nil || reply.Text() != "OK" {
		t.Fatalf("SET: %v, %v", reply, err)
	}
	if reply, err := db.Do(ctx, "incrby", []byte("k"), int64(8)); err != nil || reply.Int != 50 {
		t.Fatalf("INCRBY: %v, %v", reply, err)
	}
	if reply, err := db.Do(ctx, "MGET", "k", "absent"); err != nil || len(reply.Elems) != 2 || !reply.Elems[1].IsNull() {
		t.Fatalf("MGET: %v, %v", reply, err)
	}
	for _, c := range []struct{ cmd, want string }{
		{"NOSUCH", "ERR unknown command"},
		{"GET", "ERR wrong number of arguments for 'get' command"},
		{"INCR k2 k3", "ERR wrong number"},
	} {
		var args []any
		for _, f := range strings.Fields(c.cmd) {
			args = append(args, f)
		}
		if _, err := db.Do(ctx, args...); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v", c.cmd, err)
		}
	}
	for _, c := range []struct {
		cmd  string
		want error
	}{
		{"RPUSH k x", hpkv.ErrWrongType},
		{"INCRBY k 9223372036854775807", hpkv.ErrOverflow},
		{"INCR text", hpkv.ErrNotInteger},
		{"SETRANGE text 5000000000 x", hpkv.ErrTooLarge},
		{"GET", hpkv.ReplyError("ERR wrong number of arguments for 'get' command")},
	} {
		db.Set([]byte("text"), []byte("text"))
		var args []any
		for _, f := range strings.Fields(c.cmd) {
			args = append(args, f)
		}
		_, err := db.Do(ctx, args...)
		for _, one := range []error{hpkv.ErrWrongType, hpkv.ErrOverflow, hpkv.ErrNotInteger, hpkv.ErrTooLarge, hpkv.ErrNotFound, c.want} {
			if errors.Is(err, one) != (one == c.want) {
				t.Errorf("%s: %v is %v: %v", c.cmd, err, one, errors.Is(err, one))
			}
		}
		if reply := hpkv.ReplyError(""); !errors.As(err, &reply) {
			t.Errorf("%s: %v is no ReplyError", c.cmd, err)
		}
	}
	if _, err := db.Do(ctx, "SET", "k", struct{}{}); err == nil {
		t.Error("a struct was sent")
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := db.Do(done, "GET", "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
}

func TestClosed(t *testing.T) {
	db := open(t, hpkv.Options{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Set(b("k"), b("v")); !errors.Is(err, hpkv.ErrClosed) {
		t.Errorf("set after close: %v", err)
	}
	if err := db.Check(); !errors.Is(err, hpkv.ErrClosed) {
		t.Errorf("check after close: %v", err)
	}
	if err := db.Close(); !errors.Is(err, hpkv.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
}
