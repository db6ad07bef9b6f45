package server

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"hpkv/resp"
)

// Without a password only this machine may connect, unless protected mode is
// off.
func TestProtectedMode(t *testing.T) {
	b := newBench(t)
	far, near := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("127.0.0.1")
	f := func(want string, e endpoint) {
		t.Helper()
		got := string(b.admit(&e))
		if got == "" {
			b.clients.count.Add(-1)
		}
		if want != "" {
			want = "-" + want + "\r\n"
		}
		if got != want {
			t.Errorf("%+v: %q, want %q", e, got, want)
		}
	}
	f(resp.ErrProtected, endpoint{remote: far})
	f(resp.ErrProtected, endpoint{remote: netip.MustParseAddr("2001:db8::1")})
	f("", endpoint{remote: near})
	f("", endpoint{remote: netip.MustParseAddr("::1")})
	f("", endpoint{remote: netip.MustParseAddr("::ffff:127.0.0.1")})
	f("", endpoint{unix: true})
	b.run(cmdline("CONFIG", "SET", "requirepass", "secret"))
	f("", endpoint{remote: far})
	b.run(cmdline("AUTH", "secret") + cmdline("CONFIG", "SET", "requirepass", ""))
	f(resp.ErrProtected, endpoint{remote: far})
	b.run(cmdline("CONFIG", "SET", "protected-mode", "no"))
	f("", endpoint{remote: far})
}

// A client above the soft limit of its output is closed when the seconds are
// over, not before.
func TestSoftOutputLimit(t *testing.T) {
	in := start(t, setup{driver: drivers()[0], settings: []string{"--client-output-buffer-limit", "pubsub 0 100kb 1"}})
	slow, p := in.dial(), in.dial()
	slow.send("%s", cmdline("SUBSCRIBE", "c"))
	slow.expect("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
	c := in.clients.all()[0]
	payload := strings.Repeat("x", 64<<10)
	var begun time.Time // when it was below the limit for the last time
	for {
		now := time.Now()
		if n := c.link.unsent(); n < 100<<10 {
			begun = now
		} else if n >= 200<<10 {
			break
		}
		p.send("%s", cmdline("PUBLISH", "c", payload))
		if p.line() == ":0" { // the machine stood still, and the seconds are over
			break
		}
	}
	in.eventually("the subscriber is closed", func() bool { return in.totals.outputLimit.Load() == 1 })
	if took := time.Since(begun); took < 800*time.Millisecond {
		t.Errorf("closed after %v", took)
	}
	if _, err := io.Copy(io.Discard, slow); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still there")
	}
}

func TestProtoMaxBulkLen(t *testing.T) {
	in := start(t, setup{driver: drivers()[0]})
	w := in.dial()
	w.do("CONFIG SET proto-max-bulk-len 1mb", "+OK\r\n")
	w.do(cmdline("ECHO", "x"), "$1\r\nx\r\n")
	w.send("*2\r\n$4\r\nECHO\r\n$1048577\r\n")
	w.expect("-ERR Protocol error: invalid bulk length\r\n")
	w.expectEnd()
}

// Several addresses, of both kinds.
func TestListenIPv6(t *testing.T) {
	if ln, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("skipped: no IPv6 on this machine")
	} else {
		ln.Close()
	}
	in := start(t, setup{driver: drivers()[0]})
	w := in.dial()
	for range 20 {
		port := freePort(t)
		w.send("%s", cmdline("CONFIG", "SET", "port", fmt.Sprint(port), "bind", "127.0.0.1 ::1 -192.0.2.1"))
		if w.line() != "+OK" {
			continue
		}
		for _, host := range []string{"127.0.0.1", "::1"} {
			dial(t, "tcp", net.JoinHostPort(host, fmt.Sprint(port))).do("PING", "+PONG\r\n")
		}
		return
	}
	t.Fatal("no port will do")
}

// What is reported of memory is of this server now.
func TestMemoryReports(t *testing.T) {
	in := start(t, setup{driver: drivers()[0]})
	w := in.dial()
	w.do("MSET a 1 b 2 c 3", "+OK\r\n")
	w.send("MEMORY STATS\r\n")
	fields := map[string]string{}
	n := 0
	fmt.Sscanf(w.line(), "*%d", &n)
	for range n / 2 {
		key := w.bulk()
		switch value := w.line(); value[0] {
		case '$':
			fields[key] = w.line()
		case '*': // a database's
			inner := 0
			for fmt.Sscanf(value, "*%d", &inner); inner > 0; inner-- {
				if w.line()[0] == '$' {
					w.line()
				}
			}
		default:
			fields[key] = value[1:]
		}
	}
	if fields["keys.count"] != "3" || fields["total.allocated"] == "" || fields["total.allocated"] == "0" || fields["peak.allocated"] == "" {
		t.Errorf("MEMORY STATS: %v", fields)
	}
	for _, line := range []string{"MEMORY DOCTOR", "MEMORY MALLOC-STATS"} {
		if w.send("%s\r\n", line); len(w.bulk()) < 20 {
			t.Errorf("%s says nothing", line)
		}
	}
	w.send("LOLWUT\r\n")
	if text := w.bulk(); text != "Redis ver. 7.2.4\n" {
		t.Errorf("LOLWUT: %q", text)
	}
	// As large as it may be asked for: bounded all the same.
	w.send("LOLWUT VERSION 5 1000 1 200\r\n")
	if text := w.bulk(); len(text) > 4<<20 || !strings.HasSuffix(text, "Redis ver. 7.2.4\n") {
		t.Errorf("LOLWUT of %d bytes", len(text))
	}
	w.send("INFO cluster\r\n")
	if text := w.bulk(); text != "# Cluster\r\ncluster_enabled:0\r\n" {
		t.Errorf("INFO cluster: %q", text)
	}
}

// A thousand clients that come, call themselves something, pause the others, are
// killed and go at any moment leave nothing behind.
func TestClientStorm(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		const crews, each = 20, 50
		var done sync.WaitGroup
		for crew := range crews {
			done.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(crew)))
				for i := range each {
					c, err := net.Dial("tcp", in.addr)
					if err != nil {
						t.Error(err)
						return
					}
					var lines strings.Builder
					for range 1 + rng.IntN(8) {
						switch rng.IntN(10) {
						case 0:
							fmt.Fprintf(&lines, "CLIENT SETNAME c%d-%d\r\n", crew, i)
						case 1:
							fmt.Fprintf(&lines, "CLIENT PAUSE %d %s\r\n", rng.IntN(4), []string{"ALL", "WRITE"}[rng.IntN(2)])
						case 2:
							fmt.Fprintf(&lines, "CLIENT KILL ID %d\r\n", 1+rng.IntN(crews*each))
						case 3:
							lines.WriteString("CLIENT LIST\r\n")
						case 4:
							lines.WriteString("CLIENT UNPAUSE\r\n")
						case 5:
							lines.WriteString("SUBSCRIBE s\r\n")
						case 6:
							lines.WriteString("BLPOP list 0.001\r\n")
						case 7:
							lines.WriteString("WAIT 1 1\r\n")
						case 8:
							lines.WriteString("PUBLISH s m\r\nRPUSH list 1\r\n")
						default:
							fmt.Fprintf(&lines, "INCR n%d\r\n", rng.IntN(5))
						}
					}
					// Any of these fails when the client was killed.
					c.SetDeadline(time.Now().Add(patience))
					_, _ = c.Write([]byte(lines.String()))
					if rng.IntN(2) == 0 {
						_, _ = c.Read(make([]byte, 1+rng.IntN(2000)))
					}
					c.Close()
				}
			})
		}
		done.Wait()
		w := in.dial()
		in.eventually("everybody has gone", func() bool { return in.clients.count.Load() == 1 })
		w.do("CLIENT UNPAUSE", "+OK\r\n")
		in.eventually("nothing is held or waits", func() bool {
			in.pauses.mu.Lock()
			defer in.pauses.mu.Unlock()
			return len(in.pauses.held) == 0 && in.blocked.count.Load() == 0 && in.engine.Waiting() == 0
		})
		// A client whose connection ends is not counted any more, and still listens
		// until its owner is done with it.
		in.eventually("nobody listens", func() bool {
			w.do("PUBSUB NUMSUB s", "*2\r\n$1\r\ns\r\n")
			return w.line() == ":0"
		})
		w.do("SET k v", "+OK\r\n")
		if err := in.engine.Check(); err != nil {
			t.Error(err)
		}
	})
}
