package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"hpkv/resp/rioc"
	"hpkv/server/command"
)

// Requests of the other interfaces wait as well for a thread that is too busy to
// take what MONITOR and keyspace events tell of them, and nothing is lost.
func TestRequestsBesideBusyThread(t *testing.T) {
	if len(drivers()) == 1 {
		t.Skip("skipped: no driver with threads on this platform")
	}
	value := strings.Repeat("x", 100_000)
	key := strings.Repeat("k", 500)
	const fill = fullMailbox/100_000 + 40
	for _, how := range []struct {
		name, listen, key, value string
		requests                 int
	}{
		{"rioc", "MONITOR", "k", value, fill},
		{"rioc", "SUBSCRIBE __keyevent@0__:set", key, "v", fullMailbox/700 + 600},
		{"rest", "MONITOR", "k", value, fill},
	} {
		t.Run(how.name+" "+how.listen, func(t *testing.T) {
			entered, busy := make(chan struct{}), make(chan struct{})
			stall := command.Row{Name: "stall", Arity: 1, Flags: command.Admin, Run: func(ctx *command.Ctx) { close(entered); <-busy; ctx.W.OK() }}
			release := sync.OnceFunc(func() { close(busy) })
			defer release()
			in := start(t, setup{driver: "epoll", rows: []command.Row{stall}, ports: []string{"rest-port", "rioc-port"}, settings: []string{
				"--notify-keyspace-events", "KEA", "--rest-api-key", "key", "--rioc-bind", "127.0.0.1"}})
			thread := func() *outlet { return in.newest().outlet }
			s := in.ear()
			s.begin(how.listen)
			subscriber := thread()
			same := in.dial()
			for same.do("PING", "+PONG\r\n"); thread() != subscriber; same.do("PING", "+PONG\r\n") {
				same = in.dial()
			}
			one := in.maker(how.name, func() bool { return thread() != subscriber })
			same.send("STALL\r\n")
			<-entered
			done := make(chan error, 1)
			go func() {
				var err error
				for i := 0; i < how.requests && err == nil; i++ {
					err = one(how.key, how.value)
				}
				done <- err
			}()
			in.eventually("the mailbox is full", subscriber.Full)
			select {
			case err := <-done:
				t.Fatalf("all %d requests were answered before anybody was told: %v", how.requests, err)
			case <-time.After(100 * time.Millisecond):
			}
			release()
			same.expect("+OK\r\n")
			for i := range how.requests {
				if how.listen != "MONITOR" {
					if got := s.message(); got != how.key {
						t.Fatalf("event %d is of %q", i, got)
					}
					continue
				}
				for line := ""; !strings.Contains(line, how.value); {
					var err error
					if line, err = s.r.ReadString('\n'); err != nil {
						t.Fatalf("after %d of %d requests: %v", i, how.requests, err)
					}
				}
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// fullMailbox is what a mailbox takes before it is full.
const fullMailbox = 8 << 20

// maker returns a function that stores a value by an interface, on a connection
// that elsewhere says yes to.
func (in *instance) maker(name string, elsewhere func() bool) func(key, value string) error {
	if name == "rest" {
		url := fmt.Sprintf("http://127.0.0.1:%d/record", in.ports["rest-port"])
		return func(key, value string) error {
			req, err := http.NewRequest("POST", url, strings.NewReader(fmt.Sprintf(`{"key":%q,"value":%q}`, key, value)))
			if err != nil {
				return err
			}
			req.Header.Set("x-api-key", "key")
			req.Header.Set("Content-Type", "application/json")
			reply, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			defer reply.Body.Close()
			if text, _ := io.ReadAll(reply.Body); reply.StatusCode != http.StatusOK {
				return fmt.Errorf("%s: %.200s", reply.Status, text)
			}
			return nil
		}
	}
	for {
		c := dialRioc(in.t, fmt.Sprintf("127.0.0.1:%d", in.ports["rioc-port"]), nil)
		if err := c.Delete([]byte("nothing")); err != error(rioc.ErrNotFound) {
			in.t.Fatal(err)
		}
		if elsewhere() {
			return func(key, value string) error { return c.Put([]byte(key), []byte(value)) }
		}
	}
}

// What waits for room in the mailbox of a connection that ends goes on.
func TestMailboxOfEndedConnection(t *testing.T) {
	entered, busy := make(chan struct{}), make(chan struct{})
	stall := command.Row{Name: "stall", Arity: 1, Flags: command.Admin, Run: func(ctx *command.Ctx) { close(entered); <-busy; ctx.W.OK() }}
	release := sync.OnceFunc(func() { close(busy) })
	defer release()
	in := start(t, setup{driver: "goroutine", rows: []command.Row{stall}, settings: []string{"--client-output-buffer-limit", "pubsub 0 0 0"}})
	s, p, admin := in.dial(), in.dial(), in.dial()
	s.send("HELLO 3\r\n")
	for s.line() != "*0" { // no modules: the last that HELLO tells
	}
	s.do("SUBSCRIBE c", ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
	var box *client
	for _, c := range in.clients.all() {
		if c.outlet != nil {
			box = c
		}
	}
	s.send("STALL\r\n") // it does not look into its mailbox
	<-entered
	const messages = 3 * fullMailbox >> 20
	publish := cmdline("PUBLISH", "c", strings.Repeat("x", 1<<20))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range messages {
			p.send("%s", publish)
		}
	}()
	in.eventually("the mailbox is full", box.outlet.Full)
	admin.do("CLIENT KILL TYPE pubsub", ":1\r\n")
	release()
	for range messages {
		if line := p.line(); line != ":1" && line != ":0" {
			t.Fatal(line)
		}
	}
	<-sent
}
