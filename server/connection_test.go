package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hpkv/engine"
)

func TestPipelineSplitEverywhere(t *testing.T) {
	stream := cmdline("SET", "a", "1") + "GET a\r\n" + "\r\n" + "*0\r\n" + cmdline("INCR", "a") +
		"ECHO \"x y\"\r\n" + cmdline("NOSUCH", "z") + cmdline("PING")
	want := "+OK\r\n$1\r\n1\r\n:2\r\n$3\r\nx y\r\n-ERR unknown command 'NOSUCH', with args beginning with: 'z' \r\n+PONG\r\n"
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		sent := int64(0)
		for cut := 1; cut < len(stream); cut++ {
			w := in.dial()
			w.send("%s", stream[:cut])
			sent += int64(cut)
			in.received(sent)
			w.send("%s", stream[cut:])
			sent += int64(len(stream) - cut)
			w.expect(want)
			w.Close()
		}
		w := in.dial()
		for i := range len(stream) {
			w.send("%s", stream[i:i+1])
			sent++
			in.received(sent)
		}
		w.expect(want)
	})
}

func TestProtocolErrorEndsTheConnection(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w := in.dial()
		w.send("PING\r\n*1\r\n!3\r\nfoo\r\nPING\r\n")
		w.expect("+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n")
		w.expectEnd()
		w = in.dial()
		w.send("*1\r\n$600000000\r\n")
		w.expect("-ERR Protocol error: invalid bulk length\r\n")
		w.expectEnd()
	})
}

// A big value in many pieces, and one that comes behind complete commands.
func TestBigBulk(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w := in.dial()
		value := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MB
		go func() {
			fmt.Fprintf(w, "PING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", len(value))
			for rest := value; len(rest) > 0; {
				n := min(len(rest), 100_003)
				w.Write(rest[:n])
				rest = rest[n:]
			}
			io.WriteString(w, "\r\nSTRLEN k\r\nGET k\r\n")
		}()
		w.expect(fmt.Sprintf("+PONG\r\n+OK\r\n:%d\r\n$%d\r\n", len(value), len(value)))
		got := make([]byte, len(value))
		if _, err := io.ReadFull(w, got); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("value came back changed (%v)", err)
		}
		w.expect("\r\n")
		in.eventually("the input buffer is given back", func() bool { return in.newest().public.qbuf.Load() == 0 })
		if n := in.recentIn.ever(); n < int64(len(value)) {
			t.Errorf("the largest input noted is %d bytes, want %d at least", n, len(value))
		}
	})
}

// The limit is that of redis-server: what has come whole does not count, be it
// arguments of one command or commands.
func TestInputLimit(t *testing.T) {
	const limit = 1 << 20
	set := func(n int) string { return cmdline("SET", "k", strings.Repeat("x", n)) }
	many := func(n, size int) string {
		return cmdline(slices.Insert(slices.Repeat([]string{strings.Repeat("x", size)}, n), 0, "EXISTS")...)
	}
	for name, c := range map[string]struct {
		send, want string // "": the client is closed
	}{
		"the longest argument":         {set(limit - 2), "+OK\r\n"},
		"one byte more":                {set(limit - 1), ""},
		"a long one":                   {set(5_000_000), ""},
		"most of a long one":           {set(5_000_000)[:3_000_000], ""},
		"behind others":                {cmdline("EXISTS", strings.Repeat("x", 900_000), strings.Repeat("x", 900_000), strings.Repeat("x", limit)), ""},
		"several":                      {many(20, 100_000), ":0\r\n"},
		"many":                         {many(3000, 1000), ":0\r\n"},
		"very many":                    {many(300_000, 10), ":0\r\n"},
		"commands":                     {strings.Repeat(set(900_000), 3), "+OK\r\n+OK\r\n+OK\r\n"},
		"many commands":                {strings.Repeat(set(1), 100_000), strings.Repeat("+OK\r\n", 100_000)},
		"commands before one too long": {strings.Repeat(set(900_000), 2) + set(limit), ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachDriver(t, func(t *testing.T, driver string) {
				in := start(t, setup{driver: driver, settings: []string{"--client-query-buffer-limit", "1mb"}})
				w := in.dial()
				go io.WriteString(w, c.send)
				if c.want != "" {
					w.expect(c.want)
					w.do("PING", "+PONG\r\n")
					return
				}
				in.eventually("the client is closed", func() bool { return in.totals.inputLimit.Load() == 1 && in.clients.count.Load() == 0 })
			})
		})
	}
}

// A connection that ends waits for a peer that takes its replies slowly, not for
// ever for one that takes none.
func TestLinger(t *testing.T) {
	const all = 1 << 20
	for name, c := range map[string]struct {
		left []int // when it begins, and at each look
		ends int   // after so many looks
	}{
		"nothing to take":       {[]int{0, 0}, 1},
		"taken at once":         {[]int{all, 0}, 1},
		"taken bit by bit":      {[]int{30, 20, 10, 0}, 3},
		"never taken":           {[]int{all, all, all, all, all, all, all, all, all, all, all}, 10},
		"in large steps":        {[]int{all, all, all, all, all, all, all, all, all, 9, 9, 9, 9, 9, 9, 9, 9, 0}, 17},
		"in one step, then not": {[]int{all, all, all, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, 13},
	} {
		var l linger
		for n, left := range c.left {
			if over := l.over(left); over != (n == c.ends) {
				t.Errorf("%s: after %d looks, %v", name, n, over)
			}
		}
	}
}

// Who has left stays a client until it has taken its replies, or has been idle for
// too long, or is killed.
func TestLeftWithReplies(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		const size, replies = 1 << 20, 20 // more than the kernel takes
		clock := engine.NewManualClock(1_700_000_000_000)
		in := start(t, setup{driver: driver, clock: clock, settings: []string{"--timeout", "10"}})
		in.dial().do(cmdline("SET", "k", strings.Repeat("x", size)), "+OK\r\n")
		leave := func() *wire {
			t.Helper()
			w := in.dial()
			w.send("CLIENT SETNAME left\r\n%sQUIT\r\n", strings.Repeat("GET k\r\n", replies))
			w.expect("+OK\r\n")
			in.eventually("it has left", func() bool {
				admin := in.dial()
				defer admin.Close()
				admin.send("CLIENT LIST\r\n")
				list := admin.bulk()
				return strings.Contains(list, " name=left ") && strings.Contains(list, " cmd=quit ")
			})
			return w
		}
		gone := func() {
			t.Helper()
			in.eventually("it is no client any more", func() bool {
				return !slices.ContainsFunc(in.clients.all(), func(c *client) bool { return c.link.unsent() > 0 })
			})
		}
		w := leave()
		reply := fmt.Sprintf("$%d\r\n%s\r\n", size, strings.Repeat("x", size))
		w.expect(strings.Repeat(reply, replies) + "+OK\r\n")
		w.expectEnd()
		leave()
		in.dial().send("CLIENT KILL TYPE normal\r\n")
		gone()
		leave()
		clock.Advance(12 * time.Second)
		gone()
	})
}

// Peers whose connection is over but who go on sending without end hold nobody
// up, and are rid of.
func TestEndlessInput(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		other := in.dial()
		var senders sync.WaitGroup
		for range 8 {
			w := in.dial()
			senders.Go(func() { // until the server closes the connection
				w.send("*1\r\n!3\r\n")
				for junk := make([]byte, 256<<10); ; {
					if _, err := w.Write(junk); err != nil {
						return
					}
				}
			})
		}
		for range 100 {
			other.do("PING", "+PONG\r\n")
		}
		senders.Wait()
		in.eventually("all are forgotten", func() bool { return in.clients.count.Load() == 1 })
	})
}

// What was sent before the client closed its side is executed and answered.
func TestHalfClose(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		for range 50 {
			w := in.dial()
			w.send("%sPING\r\n*1\r\n$4\r\nPI", cmdline("ECHO", "last words"))
			if err := w.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			w.expect("$10\r\nlast words\r\n+PONG\r\n")
			w.expectEnd()
		}
		in.eventually("all are forgotten", func() bool { return in.clients.count.Load() == 0 })
	})
}

func TestReset(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		for i := range 20 {
			w := in.dial()
			w.send("%sPING\r\n*3\r\n$3\r\nSET\r\n", cmdline("SET", "k", strings.Repeat("x", i*1000)))
			if i%2 == 0 {
				w.expect("+OK\r\n") // and the rest stays unread: closing resets
			}
			w.Conn.(*net.TCPConn).SetLinger(0)
			w.Close()
		}
		in.eventually("all are forgotten", func() bool { return in.clients.count.Load() == 0 && in.backlogged.Load() == 0 })
	})
}

// What the peer has sent before it resets the connection is executed: it may not
// care for replies, and closing a socket with unread ones resets it.
func TestResetBehindCommands(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w, other := in.dial(), in.dial()
		w.do("PING", "+PONG\r\n")
		resume := make(chan struct{})
		<-in.driver.halt(resume)
		w.send("%s", strings.Repeat("INCR k\r\n", 100))
		w.Conn.(*net.TCPConn).SetLinger(0)
		w.Close()
		close(resume)
		in.eventually("it is forgotten", func() bool { return in.clients.count.Load() == 1 })
		other.do("GET k", "$3\r\n100\r\n")
	})
}

func TestManyConnections(t *testing.T) {
	const conns, rounds = 1000, 3
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		list := make([]*wire, conns)
		for i := range list {
			list[i] = in.dial()
		}
		for round := range rounds {
			for i, w := range list {
				w.send("%s%s", cmdline("SET", fmt.Sprint("k", i), fmt.Sprint(round)), cmdline("GET", fmt.Sprint("k", i)))
			}
			for _, w := range list {
				w.expect(fmt.Sprintf("+OK\r\n$1\r\n%d\r\n", round))
			}
		}
		if loads := in.driver.loads(); loads != nil {
			for _, n := range loads {
				if n != conns/len(loads) {
					t.Errorf("connections are spread unevenly: %v", loads)
				}
			}
		}
		for _, w := range list {
			w.Close()
		}
		in.eventually("all are forgotten", func() bool { return in.clients.count.Load() == 0 })
	})
}

func TestMaxClients(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--maxclients", "2"}})
		a, b := in.dial(), in.dial()
		a.do("PING", "+PONG\r\n")
		b.do("PING", "+PONG\r\n")
		c := in.dial()
		c.expect("-ERR max number of clients reached\r\n")
		c.expectEnd()
		b.Close()
		in.eventually("a place is free", func() bool { return in.clients.count.Load() == 1 })
		in.dial().do("PING", "+PONG\r\n")
		if in.totals.rejected.Load() != 1 {
			t.Error("not counted")
		}
	})
}

func TestTimeout(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		clock := engine.NewManualClock(1_700_000_000_000)
		in := start(t, setup{driver: driver, clock: clock, settings: []string{"--timeout", "10"}})
		idle, busy := in.dial(), in.dial()
		idle.do("PING", "+PONG\r\n")
		busy.do("PING", "+PONG\r\n")
		clock.Advance(6 * time.Second)
		busy.do("PING", "+PONG\r\n")
		in.eventually("both are still there", func() bool { return in.clients.count.Load() == 2 })
		clock.Advance(6 * time.Second)
		idle.expectEnd()
		busy.do("PING", "+PONG\r\n")
	})
}

// Who waits, listens or watches the server is not idle, and neither is who has
// just been given what it waited for.
func TestTimeoutSparesListeners(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		clock := engine.NewManualClock(1_700_000_000_000)
		in := start(t, setup{driver: driver, clock: clock, settings: []string{"--timeout", "10"}})
		waits, listens, watches := in.dial(), in.dial(), in.dial()
		waits.send("BLPOP list 0\r\n")
		listens.do("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
		watches.do("MONITOR", "+OK\r\n")
		in.waiting(1)
		in.eventually("it is shown as waiting", func() bool {
			return slices.ContainsFunc(in.clients.all(), func(c *client) bool {
				return publicFlags(c.public.flags.Load())&flagSuspended != 0
			})
		})
		idle := in.dial()
		idle.do("PING", "+PONG\r\n")
		clock.Advance(5 * time.Second)
		pusher := in.dial()
		pusher.do("PING", "+PONG\r\n")
		for range 3 {
			clock.Advance(6 * time.Second)
			idle.expectEnd() // all have been looked at
			idle = in.dial()
			idle.do("PING", "+PONG\r\n")
			pusher.do("PING", "+PONG\r\n")
			clock.Advance(5 * time.Second)
			pusher.do("PING", "+PONG\r\n")
		}
		pusher.do("RPUSH list x", ":1\r\n")
		waits.expect(popped("list", "x"))
		clock.Advance(6 * time.Second)
		idle.expectEnd()
		waits.do("PING", "+PONG\r\n")
		pusher.do("PUBLISH c x", ":1\r\n")
		listens.expect("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n")
		for !strings.Contains(watches.line(), `"PUBLISH" "c" "x"`) {
		}
	})
}

func TestUnixSocket(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		path := filepath.Join(t.TempDir(), "s")
		in := start(t, setup{driver: driver, settings: []string{"--unixsocket", path, "--unixsocketperm", "700", "--port", "1", "--bind", ""}})
		if n := len(in.Addrs()); n != 2 { // the harness' and the socket
			t.Errorf("%d addresses", n)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("socket file: %v, %v", info, err)
		}
		w := dial(t, "unix", path)
		w.do("PING", "+PONG\r\n")
		w.send("CLIENT INFO\r\n")
		if line := w.bulk(); !strings.Contains(line, " addr="+path+":0 ") || !strings.Contains(line, " flags=U ") {
			t.Errorf("CLIENT INFO: %s", line)
		}
		// Closed by the peer right after sending: still executed.
		last := dial(t, "unix", path)
		last.send("SET last words\r\n")
		last.Close()
		in.eventually("the last command is executed", func() bool {
			w.send("GET last\r\n")
			return w.line() == "$5" && w.line() == "words"
		})
		if _, err := New(Options{Config: in.cfg}); err == nil || !strings.Contains(err.Error(), "already in use") {
			t.Errorf("a second server on the socket: %v", err)
		}
		in.stop()
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the socket file is left behind: %v", err)
		}
	})
}

// No reply of an executed command is lost when the server stops, and no
// connection survives it.
func TestShutdownDrains(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		const conns = 8
		executed := make([]int64, conns)
		in := start(t, setup{driver: driver, rows: countingRows(executed)})
		var answered [conns]int64
		var readers sync.WaitGroup
		for i := range conns {
			w := in.dial()
			go func() { // ends when the server closes the connection
				request := []byte(strings.Repeat(fmt.Sprintf("TEST.COUNT %d\r\n", i), 20))
				for {
					if _, err := w.Write(request); err != nil {
						return
					}
				}
			}()
			readers.Go(func() {
				buf := make([]byte, 16<<10)
				for {
					n, err := w.Read(buf)
					answered[i] += int64(bytes.Count(buf[:n], []byte("+"))) // one in each +OK
					if err != nil {
						return
					}
				}
			})
		}
		in.eventually("work is being done", func() bool { return in.stats.sum().commands > 2000 })
		in.stop()
		readers.Wait()
		for i := range conns {
			if answered[i] != executed[i] {
				t.Errorf("connection %d: %d commands executed, %d answered", i, executed[i], answered[i])
			}
		}
	})
}

func TestListenErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	f := func(want string, options ...string) {
		t.Helper()
		_, err := New(Options{Config: parse(t, options...)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", options, err, want)
		}
	}
	f("already in use", "--port", port, "--bind", "127.0.0.1")
	f("does not exist", "--port", "0", "--unixsocket", "/no/such/dir/s")
	f("nothing to listen on", "--port", "0")
	f("nothing to listen on", "--port", port, "--bind", "")
	f("no such address", "--port", port, "--bind", "192.0.2.1")
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f("is no socket", "--port", "0", "--unixsocket", plain)
}
