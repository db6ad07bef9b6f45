package compat_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

func dial(t *testing.T, s *compat.Server) *compat.Conn {
	t.Helper()
	c, err := s.Dial(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// do sends a command and wants a reply, given without its CRLF.
func do(t *testing.T, c *compat.Conn, want string, args ...string) {
	t.Helper()
	raw, err := c.Do(args...)
	if err != nil || string(raw) != want+"\r\n" {
		t.Fatalf("%.80q: got %s, %v; want %s", args, compat.Show(raw), err, want)
	}
}

func TestUnixSocket(t *testing.T) {
	forEachDriver(t, func(t *testing.T, options []string) {
		path := filepath.Join(t.TempDir(), "s")
		s := compat.StartOurs(t, append(options, "--unixsocket", path, "--unixsocketperm", "700")...)
		for _, proto := range []int{2, 3} {
			c, err := compat.Dial("unix", path, proto)
			if err != nil {
				t.Fatal(err)
			}
			do(t, c, "+OK", "SET", "k", "v")
			do(t, dial(t, s), "$1\r\nv", "GET", "k")
			n, err := c.Node("CLIENT", "INFO")
			if err != nil || !strings.Contains(n.Text, path+":0") {
				t.Errorf("CLIENT INFO shows %q, %v", n.Text, err)
			}
			c.Close()
		}
	})
}

func TestMaxClients(t *testing.T) {
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, append(options, "--maxclients", "5")...)
		var held []*compat.Conn
		for len(held) < 5 {
			c := dial(t, s)
			// The connection by which the harness saw the server come up may
			// take a moment to go.
			raw, err := c.Do("PING")
			if err == nil && string(raw) == "+PONG\r\n" {
				held = append(held, c)
			} else if string(raw) != "-ERR max number of clients reached\r\n" {
				t.Fatalf("%q, %v", raw, err)
			}
		}
		extra, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer extra.Close()
		// The refusal comes without a request.
		if err := extra.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := got.ReadFrom(extra); err != nil || got.String() != "-ERR max number of clients reached\r\n" {
			t.Fatalf("the sixth connection got %q, %v", got.String(), err)
		}
		do(t, held[0], "+OK", "CONFIG", "SET", "maxclients", "6")
		do(t, dial(t, s), "+PONG", "PING")
	})
}

// TestTimeout closes an idle client and keeps a busy one.
func TestTimeout(t *testing.T) {
	t.Parallel() // it mostly waits
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, append(options, "--timeout", "1")...)
		for attempt := 1; !idleEnds(t, s); attempt++ {
			if attempt == 20 {
				t.Fatal("the machine never lets a client be busy for a second")
			}
		}
	})
}

// idleEnds has an idle and a busy client, and returns when the idle one was
// closed, or false if the machine kept the busy one from being so.
func idleEnds(t *testing.T, s *compat.Server) bool {
	busy, idle := dial(t, s), dial(t, s)
	began := time.Now()
	do(t, idle, "+PONG", "PING")
	gone := make(chan error, 1)
	go func() {
		_, err := idle.Drain()
		gone <- err
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := time.Now() // before the last command that was answered
	ping := func() bool {
		sent := time.Now()
		raw, err := busy.Do("PING")
		if err == nil && string(raw) == "+PONG\r\n" {
			last = sent
			return true
		}
		if quiet := time.Since(last); quiet < 900*time.Millisecond {
			t.Fatalf("the busy client was closed %v after a command: %q, %v", quiet, raw, err)
		}
		return false
	}
	for ping() {
		select {
		case err := <-gone:
			if d := time.Since(began); err != nil || d < 900*time.Millisecond {
				t.Fatalf("the idle client was closed after %v: %v", d, err)
			}
			return ping()
		case <-tick.C:
		}
	}
	return false
}

// TestHalfClose sends a pipeline and closes the writing half: all replies come,
// then the end.
func TestHalfClose(t *testing.T) {
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, options...)
		for _, n := range []int{1, 1000, 20000} {
			c := dial(t, s)
			if err := c.Send(bytes.Repeat(compat.AppendCommand(nil, "ECHO", "hello"), n)); err != nil {
				t.Fatal(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			got, err := c.Drain()
			if want := strings.Repeat("$5\r\nhello\r\n", n); err != nil || string(got) != want {
				t.Errorf("%d commands: got %d bytes of %d, %v", n, len(got), len(want), err)
			}
		}
	})
}

// TestSlowReader asks for far more than socket buffers hold and does not read:
// other clients must be served meanwhile, and nothing may be lost after.
func TestSlowReader(t *testing.T) {
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, options...)
		slow, other := dial(t, s), dial(t, s)
		value := strings.Repeat("0123456789abcdef", 8<<10) // 128 KiB
		do(t, slow, "+OK", "SET", "big", value)
		const n = 300
		sent := make(chan error, 1)
		go func() { sent <- slow.Send(bytes.Repeat(compat.AppendCommand(nil, "GET", "big"), n)) }()
		for i := range 2000 {
			do(t, other, fmt.Sprintf(":%d", i+1), "INCR", "counter")
		}
		want := fmt.Sprintf("$%d\r\n%s\r\n", len(value), value)
		for i := range n {
			raw, err := slow.Receive()
			if err != nil || string(raw) != want {
				t.Fatalf("reply %d: %d bytes, %v", i, len(raw), err)
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		do(t, slow, "+PONG", "PING")
	})
}

// TestResetConnections drops connections in the middle of everything with a
// reset instead of a proper end.
func TestResetConnections(t *testing.T) {
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, options...)
		value := strings.Repeat("x", 100_000)
		setup := dial(t, s)
		do(t, setup, "+OK", "SET", "big", value)
		setup.Close()
		for i := range 200 {
			c := dial(t, s)
			b := bytes.Repeat(compat.AppendCommand(nil, "GET", "big"), 50)
			if i%2 == 0 {
				b = b[:len(b)-i%9-1] // an unfinished command at the end
			}
			if i%3 == 0 {
				b = append(compat.AppendCommand(nil, "MULTI"), b...)
			}
			if err := c.Send(b); err != nil {
				t.Fatal(err)
			}
			if err := c.Conn.(*net.TCPConn).SetLinger(0); err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
		c := dial(t, s)
		do(t, c, "+PONG", "PING")
		awaitClients(t, c, 1)
	})
}

// awaitClients polls until the server knows n clients.
func awaitClients(t *testing.T, c *compat.Conn, n int) {
	t.Helper()
	want := fmt.Sprintf("connected_clients:%d\r\n", n)
	var info compat.Node
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var err error
		if info, err = c.Node("INFO", "clients"); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(info.Text, want) {
			return
		}
	}
	t.Fatalf("wants %s, has %s", want, info.Text)
}

// cpuTime is what the server has taken of the processor.
func cpuTime(t *testing.T, c *compat.Conn) (total time.Duration) {
	t.Helper()
	info, err := c.Node("INFO", "cpu")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"used_cpu_sys:", "used_cpu_user:"} {
		_, after, _ := strings.Cut(info.Text, name)
		text, _, _ := strings.Cut(after, "\r\n")
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += time.Duration(seconds * float64(time.Second))
	}
	return total
}

// TestManyPieces sends one command in very many pieces: the cost must stay
// linear. The bound is far above what linear work takes of the processor, which is
// a tenth of a second, and below what scanning the buffer again for each piece would.
func TestManyPieces(t *testing.T) {
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, options...)
		f := func(name string, command []byte, want string) {
			c := dial(t, s)
			before := cpuTime(t, c)
			failed := make(chan error, 1)
			go func() {
				for b := range slices.Chunk(command, 16<<10) {
					if err := c.Send(b); err != nil {
						failed <- err
						return
					}
				}
				failed <- nil
			}()
			raw, err := c.Receive()
			if err != nil || string(raw) != want {
				t.Fatalf("%s: %s, %v", name, compat.Show(raw), err)
			}
			if err := <-failed; err != nil {
				t.Fatal(err)
			}
			if d := cpuTime(t, c) - before; d > 5*time.Second {
				t.Errorf("%s took %v of the processor", name, d)
			}
		}
		args := make([]string, 1_000_001)
		args[0] = "EXISTS"
		for i := range args[1:] {
			args[i+1] = "k"
		}
		f("a million arguments", compat.AppendCommand(nil, args...), ":0\r\n")
		f("a value of 64 MiB", compat.AppendCommand(nil, "SET", "big", strings.Repeat("v", 64<<20)), "+OK\r\n")
		f("its length", compat.AppendCommand(nil, "STRLEN", "big"), fmt.Sprintf(":%d\r\n", 64<<20))

		// One byte at a time, on several connections in turn.
		conns := []*compat.Conn{dial(t, s), dial(t, s), dial(t, s)}
		for _, b := range compat.AppendCommand(nil, "ECHO", "piece by piece") {
			for _, c := range conns {
				if err := c.Send([]byte{b}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, c := range conns {
			if raw, err := c.Receive(); err != nil || string(raw) != "$14\r\npiece by piece\r\n" {
				t.Errorf("%q, %v", raw, err)
			}
		}
	})
}

// TestGarbage sends random and nearly valid bytes: whatever the server makes of
// them, it must stay up and serve others.
func TestGarbage(t *testing.T) {
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, options...)
		other := dial(t, s)
		const seed = 7
		r := rand.New(rand.NewPCG(seed, 0))
		pieces := []string{"*", "$", "\r\n", "3", "-1", "GET", "SET", "k", " ", "\"", "\x00", ":", "*1\r\n$4\r\nPING\r\n", "99999999999", "\n", "\\x", "MULTI\r\n", "EXEC\r\n", "$5\r\n", "'"}
		for i := range 400 {
			c := dial(t, s)
			var b strings.Builder
			for range 1 + r.IntN(60) {
				if r.IntN(10) == 0 {
					b.WriteByte(byte(r.Uint32()))
				} else {
					b.WriteString(pieces[r.IntN(len(pieces))])
				}
			}
			if err := c.Send([]byte(b.String())); err != nil {
				t.Fatal(err)
			}
			// The end of input makes the server end the connection.
			if err := c.CloseWrite(); err != nil && !strings.Contains(err.Error(), "not connected") {
				t.Fatal(err)
			}
			if _, err := c.Drain(); err != nil {
				t.Fatalf("seed %d, round %d, %q: %v", seed, i, b.String(), err)
			}
			c.Close()
			do(t, other, "+PONG", "PING")
		}
		awaitClients(t, other, 1)
	})
}
