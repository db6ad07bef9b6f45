package engine

import (
	"testing"
	"time"
)

// TestReadManyBehindExpiry: of keys that expire together, a reader whose time was
// taken before sees all or none, although some have been removed by somebody
// with a later time.
func TestReadManyBehindExpiry(t *testing.T) {
	for _, c := range []struct {
		name string
		read func(r *Txn, keys [][]byte) (found int)
	}{
		{"lock-free", func(r *Txn, keys [][]byte) int { return r.ExistsMany(keys) }},
		{"values", func(r *Txn, keys [][]byte) int {
			n := 0
			r.MGet(keys, func(_ int, _ []byte, ok bool) {
				if ok {
					n++
				}
			})
			return n
		}},
		{"locked", func(r *Txn, keys [][]byte) int {
			r.LockKeys(keys, 0, len(keys)-1, 1)
			defer r.End()
			return r.ExistsMany(keys)
		}},
		{"one by one", func(r *Txn, keys [][]byte) int {
			r.LockKeys(keys, 0, len(keys)-1, 1)
			defer r.End()
			n := 0
			for _, key := range keys {
				if r.Exists(key) {
					n++
				}
			}
			return n
		}},
		{"range", func(r *Txn, keys [][]byte) int {
			g := r.Range(nil, nil)
			defer g.Close()
			n := 0
			for g.Next() {
				n++
			}
			return n
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, clock := openTest(t, Options{Shards: 4})
			reader, writer := e.NewLane(), e.NewLane()
			defer reader.Close()
			defer writer.Close()
			keys := [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("d")}
			for _, key := range keys {
				if _, err := writer.Begin(0).Set(key, []byte("v"), SetOptions{ExpireAtMs: clock.NowMs() + 5}); err != nil {
					t.Fatal(err)
				}
			}
			reader.SetNow(clock.NowMs())
			if n := c.read(reader.Begin(0), keys); n != len(keys) {
				t.Fatalf("%d of %d keys are there before their time", n, len(keys))
			}
			clock.Advance(6 * time.Millisecond)
			if n := c.read(reader.Begin(0), keys); n != len(keys) {
				t.Errorf("%d of %d keys are there for somebody whose time is earlier, with none removed", n, len(keys))
			}
			if writer.Begin(0).Delete(keys[1]) { // removes what has expired, and finds nothing to delete
				t.Fatal("the key has not expired for the writer")
			}
			if n := c.read(reader.Begin(0), keys); n != 0 {
				t.Errorf("%d of %d keys are there, one has been removed", n, len(keys))
			}
		})
	}
}
