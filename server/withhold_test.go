package server

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"hpkv/engine"
)

// TestMessagesWaitForTheDisk: with appendfsync always nobody is told of a change
// that is not on the disk, by an event, by a message that its maker sends after
// it, or by MONITOR; and never of one that will not be.
func TestMessagesWaitForTheDisk(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := start(t, setup{driver: driver, tuneLog: d.tune, fails: "cannot close the log", settings: []string{
			"--appendonly", "yes", "--dir", t.TempDir(), "--appendfsync", "always", "--notify-keyspace-events", "KA"}})
		t.Cleanup(d.release)
		in.loaded()
		events, news, watcher := in.ear(), in.ear(), in.ear()
		events.do("PSUBSCRIBE __key*")
		news.do("SUBSCRIBE news")
		watcher.send("MONITOR\r\n")
		watcher.line()
		maker, other := in.dial(), in.dial()
		other.do("PUBLISH news early", ":1\r\n")
		if got := news.message(); got != "early" {
			t.Fatal(got)
		}
		if got := watcher.line(); !strings.Contains(got, `"early"`) {
			t.Fatal(got)
		}

		d.hold()
		maker.send("SET a 1\r\nPUBLISH news one\r\nMULTI\r\nSET b 2\r\nPUBLISH news two\r\nSET c 3\r\nEXEC\r\n")
		look := in.engine.NewLane()
		defer look.Close()
		in.eventually("the changes are made", func() bool {
			txn := look.Begin(0)
			defer txn.End()
			_, found, _ := txn.Get(nil, []byte("c"), nil)
			return found
		})
		events.silent()
		news.silent()
		watcher.silent()
		events.send("PING\r\n")
		events.silent() // the reply comes behind the events
		d.release()
		for i, want := range []string{"set", "set", "set", ""} {
			if got := events.message(); got != want {
				t.Fatalf("message %d is %q, want %q", i, got, want)
			}
		}
		for _, want := range []string{"one", "two"} {
			if got := news.message(); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
		for _, want := range []string{`"SET" "a"`, `"one"`, `"MULTI"`, `"SET" "b"`, `"two"`, `"SET" "c"`, `"EXEC"`} {
			if got := watcher.line(); !strings.Contains(got, want) {
				t.Fatalf("monitored %q, want %s", got, want)
			}
		}
		maker.expect("+OK\r\n:1\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n:1\r\n+OK\r\n")

		d.change(func() { d.sync = syscall.EIO })
		maker.send("SET a 4\r\n")
		maker.expectEnd()
		events.expectEnd()
	})
}

// A random course of replies and messages whose rounds become durable in order,
// while some are not known yet: nothing goes too early, too late, or out of order.
func TestWithheldModel(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 3))
	var h withheld
	type part struct {
		text  byte
		round uint64
	}
	var model []part
	taken, durable := uint64(1), uint64(0)
	next := byte(0)
	for step := range 50000 {
		switch rnd.IntN(3) {
		case 0:
			round := taken
			if rnd.IntN(4) == 0 {
				round = durable + rnd.Uint64N(taken-durable+1)
			}
			if round > durable {
				h.mark(engine.Commit{}.NotBefore(round))
			}
			if h.none() {
				if len(model) > 0 {
					t.Fatalf("seed %d, step %d: %d parts are forgotten", seed, step, len(model))
				}
				continue // it is sent at once
			}
			h.add([]byte{next})
			model = append(model, part{next, round})
			next++
		case 1:
			taken++
		case 2:
			durable += rnd.Uint64N(taken - durable + 1)
			p, marks := h.ready(durable)
			want := 0
			for want < len(model) && model[want].round <= durable {
				if p = p[:len(p):len(p)]; want >= len(p) || p[want] != model[want].text {
					t.Fatalf("seed %d, step %d: %v is ready, %+v should be", seed, step, p, model[:want+1])
				}
				want++
			}
			if want != len(p) {
				t.Fatalf("seed %d, step %d: %d parts are ready, want %d", seed, step, len(p), want)
			}
			model = model[want:]
			h.drop(len(p), marks)
			if h.len() != len(model) {
				t.Fatalf("seed %d, step %d: %d bytes are left, want %d", seed, step, h.len(), len(model))
			}
		}
	}
}
