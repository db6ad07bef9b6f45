package server

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"hpkv/server/command"
	"hpkv/server/pubsub"
)

// ear is a connection that listens.
type ear struct {
	*wire
	r *bufio.Reader
}

func (in *instance) ear() *ear {
	in.t.Helper()
	c := in.dial()
	return &ear{c, bufio.NewReader(c)}
}

// do sends a command and reads one confirmation.
func (e *ear) do(command string) {
	e.t.Helper()
	e.send("%s\r\n", command)
	e.message()
}

// message reads an array of strings and returns the last one.
func (e *ear) message() (last string) {
	e.t.Helper()
	parts, err := e.count('*')
	for ; err == nil && parts > 0; parts-- {
		var kind []byte
		if kind, err = e.r.Peek(1); err == nil && kind[0] == ':' {
			last, err = e.r.ReadString('\n')
			continue
		}
		var n int
		if n, err = e.count('$'); err == nil {
			b := make([]byte, n+2)
			_, err = io.ReadFull(e.r, b)
			last = string(b[:n])
		}
	}
	if err != nil {
		e.t.Fatalf("reading a message: %v", err)
	}
	return last
}

func (e *ear) count(kind byte) (n int, err error) {
	line, err := e.r.ReadString('\n')
	if err == nil {
		_, err = fmt.Sscanf(line, string(kind)+"%d\r\n", &n)
	}
	return n, err
}

// Every subscriber sees all messages of each publisher, in order, and
// subscribers of one channel see them in the same order, whatever threads serve
// them all.
func TestPublishOrder(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		const publishers, subscribers, messages = 3, 8, 400
		var listeners []*ear
		for range subscribers {
			s := in.ear()
			s.do("SUBSCRIBE news")
			listeners = append(listeners, s)
		}
		var done sync.WaitGroup
		for p := range publishers {
			c := in.dial()
			done.Add(1)
			go func() {
				defer done.Done()
				for i := 0; i < messages; i += 20 {
					var lines, want strings.Builder
					for j := range 20 {
						lines.WriteString(cmdline("PUBLISH", "news", fmt.Sprintf("%d:%d", p, i+j)))
						fmt.Fprintf(&want, ":%d\r\n", subscribers)
					}
					c.send("%s", lines.String())
					c.expect(want.String())
				}
			}()
		}
		var first []string
		for i, s := range listeners {
			got := make([]string, publishers*messages)
			next := [publishers]int{}
			for k := range got {
				got[k] = s.message()
				var p, n int
				if _, err := fmt.Sscanf(got[k], "%d:%d", &p, &n); err != nil || n != next[p] {
					t.Fatalf("subscriber %d, message %d: %q, want number %d of its publisher", i, k, got[k], next[p])
				}
				next[p]++
			}
			if first == nil {
				first = got
			}
			for k := range got {
				if got[k] != first[k] {
					t.Fatalf("message %d: %q for subscriber %d, %q for the first", k, got[k], i, first[k])
				}
			}
		}
		done.Wait()
	})
}

// A message that PUBLISH has counted arrives before the confirmation of an
// UNSUBSCRIBE that came later.
func TestUnsubscribeAfterPublish(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		s, p := in.dial(), in.dial()
		for i := range 200 {
			s.send("%s", cmdline("SUBSCRIBE", "c"))
			s.expect("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
			p.send("%s", cmdline("PUBLISH", "c", "m"))
			p.expect(":1\r\n")
			s.send("%s", cmdline("UNSUBSCRIBE"))
			if i%2 == 0 {
				p.send("%s", cmdline("PUBLISH", "other", "m"))
				p.expect(":0\r\n")
			}
			s.expect("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n")
		}
	})
}

// A subscriber that does not read is cut at the limit of its class; the others
// miss nothing and the publisher does not wait.
func TestSlowSubscriber(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--client-output-buffer-limit", "pubsub 1mb 0 0"}})
		slow, fast, p := in.dial(), in.ear(), in.dial()
		slow.send("%s", cmdline("SUBSCRIBE", "c"))
		slow.expect("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
		fast.do("SUBSCRIBE c")
		payload := strings.Repeat("x", 64<<10)
		deadline := time.Now().Add(patience)
		for n := 0; ; n++ {
			p.send("%s", cmdline("PUBLISH", "c", payload))
			receivers := p.line()
			if got := fast.message(); got != payload {
				t.Fatalf("message %d has %d bytes", n, len(got))
			}
			if receivers == ":1" {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the slow subscriber is still there")
			}
		}
		p.send("%s", cmdline("CLIENT", "LIST", "TYPE", "pubsub"))
		if list := p.bulk(); strings.Count(list, "\n") != 1 || !strings.Contains(list, " sub=1 psub=0 ssub=0 ") || !strings.Contains(list, " flags=P ") {
			t.Errorf("subscribers left: %q", list)
		}
		if n := in.totals.outputLimit.Load(); n != 1 {
			t.Errorf("%d clients closed for their output", n)
		}
	})
}

// Keyspace events come in the order of the changes, those of background work
// without a further command.
func TestKeyspaceEvents(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--notify-keyspace-events", "KA"}})
		s, p := in.ear(), in.dial()
		s.do("PSUBSCRIBE __key*")
		var lines, want strings.Builder
		for range 100 {
			lines.WriteString(cmdline("SET", "k", "1") + cmdline("INCR", "k") + cmdline("DEL", "k"))
			want.WriteString("+OK\r\n:2\r\n:1\r\n")
		}
		lines.WriteString(cmdline("SET", "k", "v", "PX", "30"))
		want.WriteString("+OK\r\n")
		p.send("%s", lines.String())
		p.expect(want.String())
		for i := range 300 {
			if got, want := s.message(), []string{"set", "incrby", "del"}[i%3]; got != want {
				t.Fatalf("event %d is %q, want %q", i, got, want)
			}
		}
		for _, want := range []string{"set", "expire", "expired"} {
			if got := s.message(); got != want {
				t.Fatalf("event %q, want %q", got, want)
			}
		}
	})
}

// A message that another client of the thread has made it take out of the mailbox
// comes before whatever its receiver is told next.
func TestMessagesBeforeConfirmation(t *testing.T) {
	b := newBench(t)
	o := pubsub.NewOutlet[*client](func() {})
	b.x.outlet, b.c.outlet = o, o
	link := &bench{Server: b.Server, x: b.x, c: new(client)}
	b.initClient(link.c, link, &endpoint{}, b.x.nowMs)
	link.c.outlet = o
	message := func(n string) string { return "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n" + n + "\r\n" }
	confirmed := func(what string, n int) string {
		return fmt.Sprintf("*3\r\n$%d\r\n%s\r\n$4\r\nnews\r\n:%d\r\n", len(what), what, n)
	}
	f := func(b *bench, input, want string) {
		t.Helper()
		if got := b.run(input); got != want {
			t.Errorf("%q: got %q, want %q", input, got, want)
		}
	}
	f(b, "SUBSCRIBE news\r\n", confirmed("subscribe", 1))
	f(link, "PUBLISH news 1\r\nSUBSCRIBE news\r\n", ":1\r\n"+confirmed("subscribe", 1))
	f(link, "UNSUBSCRIBE news\r\nPUBLISH news 2\r\n", confirmed("unsubscribe", 0)+":1\r\n")
	f(b, "UNSUBSCRIBE news\r\nPING\r\n", message("1")+message("2")+confirmed("unsubscribe", 0)+"+PONG\r\n")
	b.out = nil
	if b.x.flushPushes(); len(b.out) > 0 {
		t.Errorf("%q is sent again", b.out)
	}
}

// Subscribing, leaving, being killed and publishing at once: nothing is lost
// for those who stay, nothing is left of those who go.
func TestSubscriberChurn(t *testing.T) {
	seed := rand.Uint64()
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		stays, p := in.ear(), in.dial()
		stays.do("SUBSCRIBE c0")
		var done sync.WaitGroup
		for g := range 4 {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			done.Add(1)
			go func() {
				defer done.Done()
				for range 60 {
					c := in.dial()
					name := fmt.Sprint("c", r.IntN(3))
					c.send("%s", cmdline("SUBSCRIBE", name)+cmdline("PSUBSCRIBE", "c*", "[c]"+name[1:]))
					if r.IntN(2) == 0 {
						c.send("%s", cmdline("UNSUBSCRIBE")+cmdline("PUNSUBSCRIBE", "c*"))
					}
					if r.IntN(3) == 0 {
						c.send("%s", cmdline("RESET")+cmdline("PING"))
					}
					c.Close()
				}
			}()
		}
		for i := range 500 {
			p.send("%s", cmdline("PUBLISH", "c0", fmt.Sprint(i)))
			p.line()
		}
		for i := range 500 {
			if got := stays.message(); got != fmt.Sprint(i) {
				t.Fatalf("seed %d: message %q, want %d", seed, got, i)
			}
		}
		done.Wait()
		in.eventually("only who stays is left", func() bool {
			return in.hub.channels.ChannelCount() == 1 && in.hub.channels.PatternCount() == 0 && in.hub.channels.Subscribers([]byte("c0")) == 1
		})
	})
}

// MONITOR shows commands when they have run, without passwords.
func TestMonitor(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		m, c := in.dial(), in.dial()
		m.send("%s", cmdline("MONITOR"))
		m.expect("+OK\r\n")
		c.send("%s", cmdline("SET", "k", "a\n\"\xff")+cmdline("MULTI")+cmdline("SELECT", "2")+cmdline("GET", "k")+cmdline("EXEC")+
			cmdline("AUTH", "u", "p")+cmdline("HELLO", "2", "SETNAME", "AUTH", "AUTH", "default", "p")+cmdline("CONFIG", "GET", "port")+cmdline("GET"))
		addr := c.LocalAddr().String()
		for _, want := range []string{
			"0 %s] \"SET\" \"k\" \"a\\n\\\"\\xff\"", "0 %s] \"MULTI\"", "2 %s] \"SELECT\" \"2\"", "2 %s] \"GET\" \"k\"", "2 %s] \"EXEC\"",
			"2 %s] \"AUTH\" \"(redacted)\" \"(redacted)\"", "2 %s] \"HELLO\" \"2\" \"SETNAME\" \"AUTH\" \"AUTH\" \"(redacted)\" \"(redacted)\"",
		} {
			_, got, _ := strings.Cut(m.line(), " [")
			if want := fmt.Sprintf(want, addr); got != want {
				t.Errorf("shows %s, want %s", got, want)
			}
		}
		m.send("%s", cmdline("GET", "k"))
		m.expect("-ERR Replica can't interact with the keyspace\r\n")
		m.send("%s", cmdline("RESET")+cmdline("GET", "k"))
		m.expect("+RESET\r\n$4\r\na\n\"\xff\r\n")
	})
}

// A thread that is busy does not let what is published to its clients pile up:
// those who publish to them wait, those who publish to others do not, and nothing
// is lost. The same with keyspace events and MONITOR.
func TestPublishToBusyThread(t *testing.T) {
	if len(drivers()) == 1 {
		t.Skip("skipped: no driver with threads on this platform")
	}
	payload := strings.Repeat("x", 100<<10)
	for _, how := range []struct{ listen, publish, reply string }{
		{"SUBSCRIBE c", cmdline("PUBLISH", "c", payload), ":1\r\n"},
		{"PSUBSCRIBE c*", cmdline("PUBLISH", "c", payload), ":1\r\n"},
		{"SUBSCRIBE __keyevent@0__:set", cmdline("SET", payload, "v"), "+OK\r\n"},
		{"MONITOR", cmdline("ECHO", payload), fmt.Sprintf("$%d\r\n%s\r\n", len(payload), payload)},
	} {
		t.Run(how.listen, func(t *testing.T) {
			entered, busy := make(chan struct{}), make(chan struct{})
			stall := command.Row{Name: "stall", Arity: 1, Flags: command.Admin, Run: func(ctx *command.Ctx) { close(entered); <-busy; ctx.W.OK() }}
			release := sync.OnceFunc(func() { close(busy) })
			defer release()
			in := start(t, setup{driver: "epoll", rows: []command.Row{stall}, settings: []string{"--notify-keyspace-events", "KEA"}})
			thread := func() *outlet { return in.newest().outlet }
			s := in.ear()
			s.begin(how.listen)
			subscriber := thread()
			var p, same, other *wire // a publisher elsewhere, a client beside the subscriber, one who publishes to others
			for p == nil || same == nil || other == nil {
				c := in.dial()
				c.do("PING", "+PONG\r\n")
				switch {
				case thread() == subscriber && same == nil:
					same = c
				case thread() != subscriber && p == nil:
					p = c
				case thread() != subscriber && other == nil:
					other = c
				}
			}
			same.send("STALL\r\n")
			<-entered
			const messages = 300 // three times what may wait
			var sent, answered sync.WaitGroup
			sent.Go(func() {
				for range messages {
					p.send("%s", how.publish)
				}
			})
			answered.Go(func() { // whose replies are not taken is made to wait
				for range messages {
					p.expect(how.reply)
				}
			})
			in.eventually("the mailbox is full", subscriber.Full)
			if how.listen != "MONITOR" { // to which everybody publishes
				other.do("PUBLISH elsewhere m", ":0\r\n")
				other.do("GET k", "$-1\r\n")
			}
			in.received(int64(len(payload)) * 80)
			if n := subscriber.Owed(); n > 100+16 {
				t.Errorf("%d messages of 100 KB wait in the mailbox", n)
			}
			release()
			same.expect("+OK\r\n")
			for i := range messages {
				if got := s.next(how.listen == "MONITOR"); !strings.Contains(got, payload) {
					t.Fatalf("message %d has %d bytes", i, len(got))
				}
			}
			sent.Wait()
			answered.Wait()
			if n := in.totals.outputLimit.Load(); n != 0 {
				t.Errorf("%d clients closed for their output", n)
			}
		})
	}
}

// begin sends a command and reads one confirmation or status.
func (e *ear) begin(command string) {
	e.t.Helper()
	e.send("%s\r\n", command)
	if kind, err := e.r.Peek(1); err == nil && kind[0] == '+' {
		e.r.ReadString('\n')
		return
	}
	e.message()
}

// next is the next message, or line of MONITOR that shows ECHO.
func (e *ear) next(monitor bool) string {
	e.t.Helper()
	if !monitor {
		return e.message()
	}
	for {
		line, err := e.r.ReadString('\n')
		if err != nil {
			e.t.Fatal(err)
		}
		if strings.Contains(line, `"ECHO"`) {
			return line
		}
	}
}

// Who was killed listens to nothing from then on, although its thread may be too
// busy to hear of it.
func TestKilledDoNotListen(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		entered, busy := make(chan struct{}), make(chan struct{})
		stall := command.Row{Name: "stall", Arity: 1, Flags: command.Admin, Run: func(ctx *command.Ctx) { close(entered); <-busy; ctx.W.OK() }}
		release := sync.OnceFunc(func() { close(busy) })
		defer release()
		in := start(t, setup{driver: driver, rows: []command.Row{stall}})
		victim := in.ear()
		victim.begin("SUBSCRIBE a b")
		victim.message()
		victim.begin("PSUBSCRIBE a*")
		victim.begin("SSUBSCRIBE s")
		thread := in.newest().outlet
		var admin, same, waits *wire // a client elsewhere, and with that driver two beside the victim
		for admin == nil || waits == nil && driver == "epoll" {
			c := in.dial()
			c.do("PING", "+PONG\r\n")
			switch {
			case in.newest().outlet != thread:
				admin = c
			case same == nil:
				same = c
			default:
				waits = c
			}
		}
		if waits == nil {
			waits = in.dial()
		}
		waits.send("CLIENT ID\r\nBLPOP none 0\r\n")
		id := strings.TrimPrefix(waits.line(), ":")
		in.waiting(1)
		admin.do("PUBSUB NUMSUB a", "*2\r\n$1\r\na\r\n:1\r\n")
		if same != nil {
			same.send("STALL\r\n")
			<-entered
		}
		admin.send("CLIENT KILL TYPE pubsub\r\nPUBLISH a m\r\nSPUBLISH s m\r\nPUBSUB NUMSUB a b\r\nPUBSUB NUMPAT\r\nPUBSUB SHARDCHANNELS\r\n")
		admin.expect(":1\r\n:0\r\n:0\r\n*4\r\n$1\r\na\r\n:0\r\n$1\r\nb\r\n:0\r\n:0\r\n*0\r\n")
		admin.do("CLIENT KILL ID "+id, ":1\r\n")
		if n := in.blocked.count.Load(); n != 0 {
			t.Errorf("%d clients are blocked", n)
		}
	})
}

// Who has left listens to nothing, and is in no list once the connection has ended,
// although the socket lingers until the peer closes, too.
func TestLeftDoNotListen(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		admin := in.dial()
		for _, c := range []struct{ leave, reply string }{{"QUIT", "+OK\r\n"}, {"CLIENT KILL TYPE pubsub SKIPME no", ":1\r\n"}} {
			w := in.dial()
			w.send("HELLO 3\r\n")
			for w.line() != "*0" { // no modules: the last that HELLO tells
			}
			w.send("SUBSCRIBE a\r\nPSUBSCRIBE a*\r\nSSUBSCRIBE s\r\n")
			w.expect(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n" +
				">3\r\n$10\r\npsubscribe\r\n$2\r\na*\r\n:2\r\n>3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n")
			w.do(c.leave, c.reply)
			admin.send("PUBLISH a m\r\nSPUBLISH s m\r\nPUBSUB CHANNELS\r\nPUBSUB NUMPAT\r\nPUBSUB SHARDCHANNELS\r\n")
			admin.expect(":0\r\n:0\r\n*0\r\n:0\r\n*0\r\n")
			w.expectEnd()
			admin.do("CLIENT KILL TYPE pubsub", ":0\r\n")
		}
		m := in.dial()
		m.do("MONITOR", "+OK\r\n")
		m.do("QUIT", "+OK\r\n")
		in.eventually("no monitors", func() bool { return in.monitored.Load() == 0 })
	})
}
