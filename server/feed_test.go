package server

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// feedReader reads a feed.
type feedReader struct {
	*feed
	in    *instance
	text  strings.Builder // what was taken and not expected yet
	ended chan struct{}
}

func (in *instance) listen(args ...string) *feedReader {
	l := &feedReader{in: in, ended: make(chan struct{})}
	l.feed = (restHost{in.Server}).Listen("test", lineOf(args...), func() { close(l.ended) }).(*feed)
	return l
}

// expect takes what is expected.
func (l *feedReader) expect(want string) {
	l.in.t.Helper()
	for l.text.Len() < len(want) {
		select {
		case <-l.More():
			l.text.Write(l.Take())
		case <-time.After(patience):
			l.in.t.Fatalf("%q, want %q", l.text.String(), want)
		}
	}
	if got := l.text.String(); got != want {
		l.in.t.Fatalf("%q, want %q", got, want)
	}
	l.text.Reset()
	if p := l.Take(); len(p) > 0 {
		l.in.t.Fatalf("%q behind what is expected", p)
	}
}

func (l *feedReader) expectEnd() {
	l.in.t.Helper()
	select {
	case <-l.ended:
	case <-time.After(patience):
		l.in.t.Fatal("the feed does not end")
	}
	if p := l.Take(); p != nil {
		l.in.t.Errorf("%q after the end", p)
	}
}

func message(channel, text string) string {
	return fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(channel), channel, len(text), text)
}

func TestFeed(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		c := in.dial()
		l := in.listen("SUBSCRIBE", "a", "b")
		l.expect("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n")
		c.do("PUBLISH b 1", ":1\r\n")
		c.do("PUBLISH a 2", ":1\r\n")
		l.expect(message("b", "1") + message("a", "2"))
		if n := in.backlogged.Load(); n != 0 {
			t.Errorf("%d clients seem to have something to send", n)
		}
		l.Close()
		c.do("PUBSUB NUMSUB a b", "*4\r\n$1\r\na\r\n:0\r\n$1\r\nb\r\n:0\r\n")
		l.expectEnd()
		if in.feeds.count.Load() != 0 || len(in.feeds.all()) != 0 {
			t.Error("the feed is not forgotten")
		}
	})
}

// A pause of all clients holds back a subscription, which can be given up.
func TestFeedDuringAPause(t *testing.T) {
	in := start(t, setup{driver: "goroutine"})
	in.dial().do("CLIENT PAUSE 100000 ALL", "+OK\r\n")
	l, given := in.listen("SUBSCRIBE", "a"), in.listen("SUBSCRIBE", "a")
	given.Close()
	given.expectEnd()
	in.eventually("the other is held", func() bool {
		in.pauses.mu.Lock()
		defer in.pauses.mu.Unlock()
		return len(in.pauses.held) == 1
	})
	in.unpause()
	l.expect("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
	l.Close()
}

// Who takes nothing is cut off by client-output-buffer-limit, and nobody waits for it.
func TestFeedLimits(t *testing.T) {
	for name, limit := range map[string]string{"hard": "pubsub 100kb 0 0", "soft": "pubsub 0 100kb 0"} {
		t.Run(name, func(t *testing.T) {
			in := start(t, setup{driver: "goroutine", settings: []string{"--client-output-buffer-limit", limit}})
			c := in.dial()
			l := in.listen("SUBSCRIBE", "a")
			l.expect("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
			c.do("PUBLISH a "+strings.Repeat("x", 50<<10), ":1\r\n")
			l.expect(message("a", strings.Repeat("x", 50<<10)))
			c.send("%s", appendLine(nil, lineOf("PUBLISH", "a", strings.Repeat("x", 101<<10))))
			c.expect(":1\r\n")
			l.expectEnd()
			c.do("PUBSUB NUMSUB a", "*2\r\n$1\r\na\r\n:0\r\n")
			if got := in.totals.outputLimit.Load(); got != 1 {
				t.Errorf("%d clients cut off", got)
			}
			in.eventually("nothing waits to be sent", func() bool { return in.backlogged.Load() == 0 })
		})
	}
}

// With appendfsync always a feed does not tell of what is not on the disk, and ends
// when it never will be.
func TestFeedWaitsForTheDisk(t *testing.T) {
	d := newDisk()
	in := start(t, setup{driver: "goroutine", tuneLog: d.tune, fails: "cannot close the log", settings: []string{
		"--appendonly", "yes", "--dir", t.TempDir(), "--appendfsync", "always"}})
	t.Cleanup(d.release)
	in.loaded()
	l := in.listen("SUBSCRIBE", "news")
	l.expect("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
	maker := in.dial()
	for range 3 { // it is woken each time
		d.hold()
		maker.send("SET a 1\r\nPUBLISH news one\r\nSET a 2\r\nPUBLISH news two\r\n")
		in.eventually("the feed waits for the disk", func() bool {
			asked := make(chan bool)
			l.post(func() { asked <- l.awaiting && l.withheld.len() == len(message("news", "one")+message("news", "two")) })
			return <-asked
		})
		if p := l.Take(); len(p) > 0 {
			t.Fatalf("%q although it is not on the disk", p)
		}
		d.release()
		l.expect(message("news", "one") + message("news", "two"))
		maker.expect("+OK\r\n:1\r\n+OK\r\n:1\r\n")
	}
	d.change(func() { d.sync = syscall.EIO })
	maker.send("SET a 3\r\nPUBLISH news three\r\n")
	maker.expectEnd()
	l.expectEnd()
}
