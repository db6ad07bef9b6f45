package engine

import (
	"fmt"
	"testing"
	"time"
)

// TestViewMeetsChange: a read that a change falls into is not believed,
// wherever in it that happens.
func TestViewMeetsChange(t *testing.T) {
	set := func(l *Lane, key, val string) { _, _ = l.Begin(0).Set(b(key), b(val), SetOptions{}) }
	for _, c := range []struct {
		name   string
		change func(l *Lane)
		hit    bool // a read that found the key is believed
		miss   bool // a read that found another key absent may be believed
	}{
		{"nothing", func(*Lane) {}, true, true},
		{"another read", func(l *Lane) { _, _, _ = l.Begin(0).Get(nil, b("k"), nil) }, true, true},
		{"overwrite in place", func(l *Lane) { set(l, "k", "other") }, false, true},
		{"overwrite with another size", func(l *Lane) { set(l, "k", "something much longer than before") }, false, true},
		{"delete", func(l *Lane) { l.Begin(0).Delete(b("k")) }, false, true},
		{"expiry", func(l *Lane) { l.Begin(0).ExpireAt(b("k"), l.Begin(0).Now()+1000, 0) }, false, true},
		{"swap", func(l *Lane) { _ = l.Begin(0).SwapDB(0, 1) }, false, false},
		{"swap there and back", func(l *Lane) { _ = l.Begin(0).SwapDB(0, 1); _ = l.Begin(0).SwapDB(1, 0) }, false, false},
		{"flush", func(l *Lane) { l.Begin(0).FlushDB(false) }, false, false},
		{"flush and write again", func(l *Lane) { l.Begin(0).FlushDB(false); set(l, "k", "value") }, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, key := range []string{"k", "missing"} {
				e, _ := openTest(t, Options{Shards: 1, Databases: 2})
				l, other := e.NewLane(), e.NewLane()
				defer l.Close()
				defer other.Close()
				set(l, "k", "value")
				v := l.Begin(0).look(b(key))
				v.next()
				if v.find() != (key == "k") {
					t.Fatalf("key %q: the wrong answer", key)
				}
				c.change(other)
				switch got := v.done(); {
				case key == "k" && got != c.hit:
					t.Errorf("believed: %v", got)
				case key == "missing" && got && !c.miss:
					t.Error("an absence is believed")
				}
			}
		})
	}
}

// TestViewOfSwappedDatabase: the change comes between finding the keyspace and
// starting the probe in it, so that the table itself changes no more.
func TestViewOfSwappedDatabase(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1, Databases: 2})
	l, other := e.NewLane(), e.NewLane()
	defer l.Close()
	defer other.Close()
	_, _ = l.Begin(0).Set(b("k"), b("value"), SetOptions{})
	v := l.Begin(0).look(b("k"))
	v.next()
	v.ks = v.s.dbs[0].Load()
	if err := other.Begin(0).SwapDB(0, 1); err != nil {
		t.Fatal(err)
	}
	v.probe.Start(v.ks.table, v.hash)
	if _, ok := v.probe.Next(); !ok || !v.probe.Valid() {
		t.Fatal("the table itself should be in order")
	}
	if v.done() {
		t.Error("a read from what is another database now is believed")
	}
}

// TestReaderFallsBack: a reader that always meets a writer takes the lock.
func TestReaderFallsBack(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1, Databases: 1})
	l, writer := e.NewLane(), e.NewLane()
	defer l.Close()
	defer writer.Close()
	_, _ = l.Begin(0).Set(b("k"), b("old"), SetOptions{})
	w := writer.Begin(0)
	w.LockKeys(bs("k"), 0, 0, 1)
	_, _ = w.Set(b("k"), b("new"), SetOptions{})
	got := make(chan string)
	go func() {
		val, _, _ := l.Begin(0).Get(nil, b("k"), nil)
		got <- string(val)
	}()
	for e.shards[0].mu.waits.Load() == 0 { // until the reader waits for the lock
		time.Sleep(time.Millisecond)
	}
	select {
	case val := <-got:
		t.Errorf("the reader sees %q inside the transaction", val)
	default:
	}
	w.End()
	if val := <-got; val != "new" {
		t.Errorf("the reader sees %q after the transaction", val)
	}
	l.Publish()
	if c := e.Counters(); c.Fallbacks != 1 || c.Retries == 0 {
		t.Errorf("counted %+v", c)
	}
}

// TestGracePeriod: memory that a reader may still look at keeps its kind until
// the reader has left.
func TestGracePeriod(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1, Databases: 1})
	l, reader := e.NewLane(), e.NewLane()
	defer l.Close()
	defer reader.Close()
	big := make([]byte, 1<<20)
	_, _ = l.Begin(0).Set(b("k"), big, SetOptions{})
	v := reader.Begin(0).look(b("k"))
	v.next()
	if !v.find() {
		t.Fatal("the key is missing")
	}
	l.Begin(0).Delete(b("k"))
	e.Maintain(l, 0, time.Second)
	if n := e.arena.Stats().InUseBytes; n < 1<<20 {
		t.Errorf("%d bytes in use while a reader looks at a megabyte", n)
	}
	if v.done() {
		t.Error("the read is believed")
	}
	settle(t, e, l)
	if n := e.arena.Stats().InUseBytes; n > 1<<20 {
		t.Errorf("%d bytes in use after the reader has left", n)
	}
}

// TestPeek: a look without a lane tells the same as a read, or that it cannot tell,
// as of anything but a string without expiry; and it leaves no trace.
func TestPeek(t *testing.T) {
	e, clock := openTest(t, Options{Shards: 4, Databases: 2})
	l := e.NewLane()
	defer l.Close()
	const n = 2000
	long := string(make([]byte, 70_000))
	for i := range n {
		val := fmt.Sprint("value", i)
		if i%100 == 99 {
			val = long
		}
		_, _ = l.Begin(0).Set(b(fmt.Sprint("k", i)), b(val), SetOptions{})
	}
	_, _ = l.Begin(0).Set(b("volatile"), b("value"), SetOptions{ExpireAtMs: clock.NowMs() + 1000})
	if _, err := l.Begin(0).SAdd(b("set"), [][]byte{b("member")}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"volatile", "set"} {
		if out, found, ok := e.Peek(0, b("dst"), b(key)); found || ok || string(out) != "dst" {
			t.Errorf("%s: %q, found %v, sure %v", key, out, found, ok)
		}
	}
	if _, _, ok := e.Peek(1, nil, b("k1")); ok {
		t.Error("sure of a database that does not exist yet")
	}
	before, sure := l.count, 0
	for i := range 2 * n {
		key := b(fmt.Sprint("k", i))
		out, found, ok := e.Peek(0, b("dst"), key)
		if !ok {
			continue
		}
		sure++
		want := "dst"
		if i < n {
			want = fmt.Sprint("dstvalue", i)
		}
		if string(out) != want || found != (i < n) {
			t.Fatalf("%s: %q, found %v", key, out, found)
		}
	}
	if sure < n {
		t.Errorf("sure of %d of %d keys", sure, 2*n)
	}
	if l.count != before {
		t.Error("looks were counted")
	}
}
