package engine

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// changeLog notes changes as text, and for each key the last value.
type changeLog struct {
	mu   sync.Mutex
	text []string
	last map[string]string
}

func (c *changeLog) KeyChanged(db int, key []byte, typ Type, val []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, fmt.Sprintf("%d %s %s %q", db, key, typ, val))
	c.last[string(key)] = string(val)
}

func (c *changeLog) ManyChanged(db int, m Many) {
	n := 0
	m.Each(func(key []byte, typ Type, val []byte) {
		n++
		c.KeyChanged(db, key, typ, val)
	})
	if n != m.Len() {
		panic(fmt.Sprintf("%d keys visited of %d", n, m.Len()))
	}
}

// TestManyChanges: every key of a flushed or swapped database is told once, or
// twice if it goes and comes back.
func TestManyChanges(t *testing.T) {
	log := &changeLog{last: map[string]string{}}
	e, _ := openTest(t, Options{Shards: 4, Databases: 2, Changes: log})
	l := e.NewLane()
	defer l.Close()
	set := func(db int, key, val string) {
		txn := l.Begin(db)
		_, _ = txn.Set(b(key), b(val), SetOptions{})
		txn.End()
	}
	told := func(what, want string) {
		t.Helper()
		byKey := map[string]string{} // shards come in any order, a key's changes do not
		for _, line := range log.text {
			db, rest, _ := strings.Cut(line, " ")
			key, rest, _ := strings.Cut(rest, " ")
			byKey[db+" "+key] += " " + rest
		}
		var lines []string
		for key, changes := range byKey {
			lines = append(lines, key+changes)
		}
		slices.Sort(lines)
		if got := strings.Join(lines, ", "); got != want {
			t.Errorf("%s: %s\nwant %s", what, got, want)
		}
		log.text = nil
	}
	set(0, "a", "1")
	set(0, "both", "2")
	set(1, "both", "3")
	txn := l.Begin(1)
	_, _ = txn.SAdd(b("set"), bs("m"))
	txn.End()
	log.text = nil
	txn = l.Begin(0)
	if err := txn.SwapDB(0, 1); err != nil {
		t.Fatal(err)
	}
	txn.End()
	told("swap", `0 a none "", 0 both none "" string "3", 0 set set "", 1 a string "1", 1 both none "" string "2", 1 set none ""`)
	txn = l.Begin(0)
	txn.FlushDB(false)
	txn.End()
	told("flush", `0 both none "", 0 set none ""`)
	txn = l.Begin(0)
	txn.FlushAll(true)
	txn.End()
	told("flush all", `1 a none "", 1 both none ""`)
}

func TestChanges(t *testing.T) {
	log := &changeLog{last: map[string]string{}}
	e, clock := openTest(t, Options{Shards: 4, Databases: 2, Changes: log})
	l := e.NewLane()
	defer l.Close()
	for _, c := range []struct {
		name string
		do   func(t *Txn)
		want string
	}{
		{"set", func(t *Txn) { _, _ = t.Set(b("k"), b("v"), SetOptions{}) }, `0 k string "v"`},
		{"in place", func(t *Txn) { _, _ = t.Set(b("k"), b("w"), SetOptions{}) }, `0 k string "w"`},
		{"the same value", func(t *Txn) { _, _ = t.Set(b("k"), b("w"), SetOptions{}) }, `0 k string "w"`},
		{"append tells all of it", func(t *Txn) { _, _ = t.Append(b("k"), b("xyz")) }, `0 k string "wxyz"`},
		{"setrange", func(t *Txn) { _, _ = t.SetRange(b("k"), 1, b("--")) }, `0 k string "w--z"`},
		{"refused", func(t *Txn) { _, _ = t.IncrBy(b("k"), 1) }, ""},
		{"expiry alone", func(t *Txn) { t.ExpireAt(b("k"), clock.NowMs()+1000, 0) }, ""},
		{"announced", func(t *Txn) { t.Announce(b("patch")); _, _ = t.Set(b("k"), b("whole"), SetOptions{KeepTTL: true}) }, `0 k string "patch"`},
		{"only once", func(t *Txn) { _, _ = t.Set(b("k"), b("whole"), SetOptions{KeepTTL: true}) }, `0 k string "whole"`},
		{"expired", func(t *Txn) { clock.Advance(2 * time.Second); _, _ = t.Append(b("k"), b("a")) }, `0 k none "", 0 k string "a"`},
		{"incr in another database", func(t *Txn) { t.SetDB(1); _, _ = t.IncrBy(b("n"), 7) }, `1 n string "7"`},
		{"rename", func(t *Txn) { t.LockKeys(bs("k", "l"), 0, 1, 1); _, _ = t.Rename(b("k"), b("l"), false) }, `0 l string "a", 0 k none ""`},
		{"delete", func(t *Txn) { t.Delete(b("l")); t.Delete(b("l")) }, `0 l none ""`},
	} {
		log.text = nil
		txn := l.Begin(0)
		c.do(txn)
		txn.End()
		if got := strings.Join(log.text, ", "); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestChangesEndWithTheValue: with many writers on a key, the change told last
// is the one that stands.
func TestChangesEndWithTheValue(t *testing.T) {
	log := &changeLog{last: map[string]string{}}
	e, _ := openTest(t, Options{Shards: 4, Changes: log})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			l := e.NewLane()
			defer l.Close()
			for i := range 2000 {
				txn := l.Begin(0)
				_, _ = txn.Set(fmt.Appendf(nil, "k%d", i%5), fmt.Appendf(nil, "%d:%d", w, i), SetOptions{})
				txn.End()
			}
		})
	}
	writers.Wait()
	l := e.NewLane()
	defer l.Close()
	for i := range 5 {
		key := fmt.Sprintf("k%d", i)
		got, _, _ := l.Begin(0).Get(nil, b(key), nil)
		if string(got) != log.last[key] {
			t.Errorf("%s is %q, the last change told %q", key, got, log.last[key])
		}
	}
}

func TestSetSameType(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 4})
	l := e.NewLane()
	defer l.Close()
	txn := l.Begin(0)
	for range 2 { // absent, then a string
		if res, err := txn.Set(b("k"), b("v"), SetOptions{SameType: true}); err != nil || !res.Set {
			t.Error(res, err)
		}
	}
}
