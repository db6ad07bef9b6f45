package engine

import (
	"fmt"
	"testing"
)

// Asking for the memory of elements changes nothing, whatever the key holds, waits
// for nobody and allocates nothing.
func TestPrefetchElements(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 2})
	l := e.NewLane()
	defer l.Close()
	const many = 1000
	var members, pairs [][]byte
	var scores []float64
	for i := range many {
		m := fmt.Appendf(nil, "member:%d", i)
		members = append(members, m)
		pairs = append(pairs, m, m)
		scores = append(scores, float64(i))
	}
	made := map[string]func(key []byte, n int) error{
		"string": func(key []byte, _ int) error { _, err := l.Begin(0).Set(key, members[0], SetOptions{}); return err },
		"list": func(key []byte, n int) error {
			_, err := l.Begin(0).ListPush(key, ListRight, members[:n], false)
			return err
		},
		"set":  func(key []byte, n int) error { _, err := l.Begin(0).SAdd(key, members[:n]); return err },
		"hash": func(key []byte, n int) error { _, err := l.Begin(0).HSet(key, pairs[:2*n]); return err },
		"zset": func(key []byte, n int) error {
			_, err := l.Begin(0).ZAdd(key, scores[:n], pairs[:2*n], ZAddOptions{})
			return err
		},
	}
	keys := [][]byte{[]byte("absent")}
	for kind, fill := range made {
		for _, n := range []int{1, many} {
			key := fmt.Appendf(nil, "%s:%d", kind, n)
			if err := fill(key, n); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
	}
	ask := func(key []byte) {
		txn := l.Begin(0)
		for _, n := range []int{0, 1, batch - 1, batch, many} {
			txn.PrefetchElements(key, members[:n])
			txn.PrefetchEnds(key, n, false)
			txn.PrefetchEnds(key, n, true)
		}
		txn.End()
	}
	for _, key := range keys {
		if n := testing.AllocsPerRun(10, func() { ask(key) }); n > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations", key, n)
		}
	}
	other := e.NewLane()
	defer other.Close()
	txn := other.Begin(0)
	txn.LockAll()
	for _, key := range keys {
		ask(key) // would wait for ever
		txn.PrefetchElements(key, members)
		txn.PrefetchEnds(key, many, true)
	}
	txn.End()
	if got, err := l.Begin(0).ZCard([]byte("zset:1000")); got != many || err != nil {
		t.Errorf("%d members, %v", got, err)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
}
