package hpkv_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hpkv"
)

func openDir(t *testing.T, o hpkv.Options) *hpkv.DB {
	t.Helper()
	db, err := hpkv.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func wantValue(t *testing.T, db *hpkv.DB, key, want string) {
	t.Helper()
	got, err := db.Get(nil, []byte(key))
	if want == "" && errors.Is(err, hpkv.ErrNotFound) {
		return
	}
	if err != nil || string(got) != want {
		t.Errorf("%s is %q, %v; want %q", key, got, err, want)
	}
}

// TestDurability: what was written by any method is there at the next Open, with
// any policy, any number of shards.
func TestDurability(t *testing.T) {
	for i, sync := range []hpkv.SyncPolicy{hpkv.SyncEverySecond, hpkv.SyncAlways, hpkv.SyncNever} {
		o := hpkv.Options{Dir: filepath.Join(t.TempDir(), "data"), Sync: sync, Shards: 4 << i}
		db := openDir(t, o)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		b := func(s string) []byte { return []byte(s) }
		must(db.Set(b("set"), b("1")))
		must(db.Set(b("gone"), b("1")))
		must(db.SetTTL(b("ttl"), b("1"), time.Hour))
		_, err := db.Delete(b("gone"))
		must(err)
		_, err = db.Incr(b("n"), 5)
		must(err)
		_, err = db.Append(b("n"), b("0"))
		must(err)
		must(db.SetMany([][]byte{b("m1"), b("m2")}, [][]byte{b("a"), b("b")}))
		must(db.Update(func(tx *hpkv.Tx) error {
			tx.Set(b("u1"), b("x"))
			tx.Set(b("u2"), b("y"))
			return nil
		}))
		_, err = db.Do(context.Background(), "SADD", "s", "a", "b")
		must(err)
		other, err := db.Database(3)
		must(err)
		must(other.Set(b("k"), b("three")))
		must(db.Sync(context.Background()))
		must(db.Compact(context.Background()))
		backup := filepath.Join(t.TempDir(), "backup")
		must(db.Backup(context.Background(), backup))
		must(db.Set(b("after"), b("1")))
		if _, err := hpkv.Open(o); err == nil {
			t.Error("the directory was opened twice")
		}
		must(db.Close())

		for dir, after := range map[string]string{o.Dir: "1", backup: ""} {
			db := openDir(t, hpkv.Options{Dir: dir, Shards: 16})
			for key, want := range map[string]string{"set": "1", "gone": "", "ttl": "1", "n": "50", "m1": "a", "m2": "b", "u1": "x", "u2": "y", "after": after} {
				wantValue(t, db, key, want)
			}
			if ttl, err := db.TTL(b("ttl")); err != nil || ttl < 50*time.Minute {
				t.Errorf("ttl %v, %v", ttl, err)
			}
			if v, err := db.Do(context.Background(), "SCARD", "s"); err != nil || v.Int != 2 {
				t.Errorf("set of %v, %v", v.Int, err)
			}
			other, _ := db.Database(3)
			wantValue(t, other, "k", "three")
			must(db.Check())
			must(db.Close())
		}
	}
}

// TestDirectoryGone: writes fail when their log has gone, reads do not.
func TestDirectoryGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	db := openDir(t, hpkv.Options{Dir: dir, Sync: hpkv.SyncAlways})
	if err := db.Set([]byte("k"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(time.Minute)
	for err := error(nil); !errors.Is(err, hpkv.ErrLog); err = db.Set([]byte("k"), []byte("1")) {
		if time.Now().After(limit) {
			t.Fatal("writes go on without a log")
		}
	}
	if _, err := db.Do(context.Background(), "SET", "k", "3"); !errors.Is(err, hpkv.ErrLog) {
		t.Errorf("Do: %v", err)
	}
	wantValue(t, db, "k", "1")
	if db.Close() == nil {
		t.Error("Close says that everything was kept")
	}
	if _, err := hpkv.Open(hpkv.Options{Dir: dir, Sync: 7}); err == nil {
		t.Error("a sync policy that does not exist was accepted")
	}
}

func ExampleOptions_durability() {
	dir, err := os.MkdirTemp("", "hpkv")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	o := hpkv.Options{Dir: filepath.Join(dir, "data"), Sync: hpkv.SyncAlways}
	db, err := hpkv.Open(o)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = db.Set([]byte("greeting"), []byte("hello")) // on the disk when it returns
	_ = db.Close()

	if db, err = hpkv.Open(o); err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	val, err := db.Get(nil, []byte("greeting"))
	fmt.Println(string(val), err)
	// Output: hello <nil>
}
