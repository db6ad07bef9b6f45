package server

import (
	"fmt"
	"strings"
	"testing"

	"hpkv/server/config"
)

// A client that sends a long pipeline of big reads before it reads any reply:
// reading stops at pauseBytes, goes on when nothing moves, and every reply
// arrives in order.
func TestSlowReader(t *testing.T) {
	const size, gets = 1 << 20, 80
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w := in.dial()
		value := strings.Repeat("v", size)
		w.send("%s", cmdline("SET", "big", value))
		w.expect("+OK\r\n")
		for i := range gets {
			w.send("GET big\r\nECHO %d\r\n", i)
		}
		c := in.newest()
		in.eventually("the client is paused", func() bool { return int64(c.link.unsent()) >= pauseBytes })
		in.eventually("its threshold grows while nothing moves", func() bool { return c.public.pauseAt.Load() > pauseBytes })
		other := in.dial()
		other.do("PING", "+PONG\r\n")
		for i := range gets {
			if got := w.bulk(); got != value {
				t.Fatalf("reply %d is wrong", i)
			}
			if got := w.bulk(); got != fmt.Sprint(i) {
				t.Fatalf("after reply %d came %q", i, got)
			}
		}
		in.eventually("the backlog is gone", func() bool { return c.link.unsent() == 0 && in.backlogged.Load() == 0 })
		if n := in.recentOut.ever(); n < pauseBytes {
			t.Errorf("the largest output noted is %d bytes, want %d at least", n, pauseBytes)
		}
	})
}

// stuckLink has bytes that its peer does not take.
type stuckLink struct {
	link
	bytes int
}

func (l *stuckLink) unsent() int    { return l.bytes }
func (l *stuckLink) post(fn func()) { fn() }

// Commands wait while many replies do, but not where a lot of input waits as well.
func TestSated(t *testing.T) {
	in := start(t, setup{driver: "goroutine"})
	x := in.borrowExecutor()
	defer in.returnExecutor(x)
	l := &stuckLink{}
	c := &client{link: l, sateAt: sateBytes}
	c.public.pauseAt.Store(pauseBytes)
	for _, step := range []struct {
		unsent int
		hungry bool
		sated  bool
	}{
		{sateBytes - 1, false, false},
		{sateBytes, false, true},
		{sateBytes / 2, false, true},
		{sateBytes/2 - 1, false, false},
		{sateBytes / 2, false, false},
		{2 * sateBytes, true, false},
		{2 * sateBytes, false, true},
		{0, false, false},
	} {
		l.bytes, x.hungry = step.unsent, step.hungry
		if x.checkBacklog(c); c.sated != step.sated || c.runnable() == step.sated || !c.listening() {
			t.Fatalf("%+v: sated %v, runnable %v, listening %v", step, c.sated, c.runnable(), c.listening())
		}
	}
	l.bytes, c.session.Listens = 2*sateBytes, true
	if x.checkBacklog(c); c.sated {
		t.Fatal("sated although others send to it")
	}
	c.sateAt, c.session.Listens = 0, false
	if x.checkBacklog(c); c.sated {
		t.Fatal("sated although its driver cannot read on")
	}
}

// Whose replies are stuck goes on, wherever between a threshold and its half they are.
func TestStuck(t *testing.T) {
	in := start(t, setup{driver: "goroutine"})
	x := in.borrowExecutor()
	defer in.returnExecutor(x)
	for _, threshold := range []int{sateBytes, pauseBytes} {
		for _, left := range []int{threshold, threshold - 1, threshold / 2} {
			l := &stuckLink{bytes: threshold}
			c := &client{link: l, sateAt: sateBytes}
			c.public.pauseAt.Store(pauseBytes)
			if x.checkBacklog(c); c.runnable() {
				t.Fatalf("%d bytes do not stop it", threshold)
			}
			l.bytes = left
			if x.checkBacklog(c); c.runnable() {
				t.Fatalf("it goes on at once with %d of %d bytes left", left, threshold)
			}
			in.cronBacklog(c, left, config.BufferLimit{}, 0)
			if x.checkBacklog(c); !c.runnable() {
				t.Errorf("%d of %d bytes hold it up for ever", left, threshold)
			}
		}
	}
}

// A client that sends all of a pipeline before it reads any reply gets through,
// whether the commands are many or their replies are long.
func TestSendBeforeReading(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		for _, c := range []struct{ commands, reply int }{{2 * hungryBytes / 16, 500}, {300, 100_000}} {
			w := in.dial()
			value := strings.Repeat("v", c.reply)
			w.send("%s", cmdline("SET", "k", value))
			w.expect("+OK\r\n")
			var all strings.Builder
			for i := range c.commands / 2 {
				fmt.Fprintf(&all, "GET k\r\nECHO %d\r\n", i)
			}
			w.send("%s", all.String())
			for i := range c.commands / 2 {
				if got := w.bulk(); got != value {
					t.Fatalf("reply %d is wrong", i)
				}
				if got := w.bulk(); got != fmt.Sprint(i) {
					t.Fatalf("after reply %d came %q", i, got)
				}
			}
		}
		in.eventually("nothing is left", func() bool { return in.backlogged.Load() == 0 })
	})
}

func TestOutputLimit(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--client-output-buffer-limit", "normal 1mb 0 0"}})
		w := in.dial()
		w.send("%s", cmdline("SET", "big", strings.Repeat("v", 1<<20)))
		w.expect("+OK\r\n")
		w.send("%s", strings.Repeat("GET big\r\n", 60))
		in.eventually("the client is closed", func() bool { return in.clients.count.Load() == 0 })
		if in.totals.outputLimit.Load() != 1 {
			t.Error("not counted")
		}
	})
}
