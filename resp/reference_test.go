package resp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reference starts a redis-server of its own on a Unix socket and returns the
// socket's path. Without redis-server on this machine the test is skipped.
func reference(t *testing.T, options ...string) (socket string) {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("skipped: no redis-server on this machine (Debian: apt-get install redis-server)")
	}
	dir, err := os.MkdirTemp("", "resp") // short: a socket's path is at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	args := []string{"--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir, "--logfile", ""}
	cmd := exec.Command(bin, append(args, options...)...)
	log, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		os.RemoveAll(dir)
	})
	said := ""
	for lines := bufio.NewScanner(log); lines.Scan(); {
		said += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "eady to accept connections") {
			go io.Copy(io.Discard, log) // until the process ends
			return socket
		}
	}
	t.Fatalf("redis-server does not start:\n%s", said)
	return ""
}

func dialReference(t *testing.T, socket string) *Client {
	t.Helper()
	c, err := Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() { c.Close() })
	return c
}

// TestReferenceProtocol sends raw input to redis-server and to our parser: both
// must execute as many commands and end with the same protocol error, or wait
// for more.
func TestReferenceProtocol(t *testing.T) {
	socket := reference(t)
	const ping = "*1\r\n$4\r\nPING\r\n"
	inputs := []string{
		ping, ping + ping, "*0\r\n" + ping, "*-1\r\n" + ping, "*-10\r\n" + ping, "*-9999999999\r\n" + ping, "*-0\r\n" + ping,
		"*a\r\n", "*\r\n", "*+1\r\n$4\r\nPING\r\n", "* 1\r\n", "*01\r\n", "*1 \r\n", "*2147483647\r\n", "*2147483648\r\n", "*18446744073709551617\r\n",
		"*1\rX$4\r\nPING\r\n", "*1\r\n$4\rXPING\r\n", "*1\r\n$4\r\nPINGXX" + ping, "*1\n$4\nPING\n", "*1\r", "*1\r\n$4\r",
		"*1\r\nfoo", "*1\r\nfoo\r", "*1\r\nfoo\r\n", "*1\r\n\r\n", "*1\r\n\n\r\n", "*1\r\n\x00oo\r\n", "*1\r\n\xff\r\n", "*1\r\n \r\n", "*1\r\n'\r\n",
		"*1\r\n$-1\r\n", "*1\r\n$a\r\n", "*1\r\n$\r\n", "*1\r\n$04\r\nPING\r\n", "*1\r\n$4 \r\nPING\r\n", "*1\r\n$536870912\r\n", "*1\r\n$536870913\r\n", "*1\r\n$-9223372036854775808\r\n",
		"*1\r\n$0\r\n\r\n" + ping, ping + "*1\r\n%\r\n" + ping,
		"*" + strings.Repeat("1", 65535), "*" + strings.Repeat("1", 65536), "*1\r\n$" + strings.Repeat("1", 65535), "*1\r\n$" + strings.Repeat("1", 65536),
		strings.Repeat("x", 65536), strings.Repeat("x", 65537), strings.Repeat("x", 65536) + "\n",
		"\x00" + strings.Repeat("\n", 65537), "*\x00" + strings.Repeat("\r\n", 32769), "*1\r\n\x00" + strings.Repeat("\r\n", 32769),
		"\r\n\n\r\n" + ping, "   \r\n" + ping, "PING\x00\r\n" + ping, "PING\x00foo\r\n\r\n", "$4\r\nPING\r\n", "PING\n", "PING\r\r\n", "\"PING\"\v\r\n", "\v\fPING\r\n",
		"ECHO \"abc\r\n", "ECHO \"abc\"d\r\n", "ECHO 'abc'd\r\n", "ECHO 'abc\r\n", "ECHO \"\\", "ECHO \"a\\\r\n", "ECHO 'a\\'\r\n", "ECHO \"a\\\"\r\n",
	}
	for _, echo := range []string{`"a\x41b"`, `'a\x41\'b'`, `foo"bar"`, `fo'o b'`, `"a\n\r\t\b\a\q\\\""`, `"\x4"`, `"\xZZ"`, `"\xfF"`, `""`, `''`, "a\vb", "\"\"\t", "a\\b", `a\"b"`, `"\x00"`} {
		inputs = append(inputs, "ECHO "+echo+"\r\n")
	}
	f := func(input string, l Limits, wantNoAuth bool) {
		t.Helper()
		commands, err := runParser(&Parser{Limits: l}, []byte(input), whole)
		replies, theirs := converse(t, socket, input)
		ours := ""
		if err != nil {
			ours = err.Error()
		}
		if ours != theirs || len(commands) != len(replies) {
			t.Errorf("%.60q: ours %d commands, %q; redis-server %d, %q", input, len(commands), ours, len(replies), theirs)
			return
		}
		for i, r := range replies {
			// An ECHO shows what its argument became.
			if r.Kind == KindBulk {
				if want := fmt.Sprintf("%q", []string{"ECHO", string(r.Str)}); commands[i] != want {
					t.Errorf("%.60q: ours %s; redis-server %s", input, commands[i], want)
				}
			}
			if wantNoAuth && string(r.Str) != ErrNoAuth {
				t.Errorf("%.60q: %v", input, r)
			}
		}
	}
	for _, input := range inputs {
		f(input, Limits{}, false)
	}

	c := dialReference(t, socket)
	if v, err := c.Do("CONFIG", "SET", "proto-max-bulk-len", 1<<20, "requirepass", "x"); err != nil || v.IsError() {
		t.Fatal(v, err)
	}
	un := Limits{MaxBulk: 1 << 20, Unauthenticated: true}
	for _, input := range []string{
		"*10\r\n" + strings.Repeat("$4\r\nPING\r\n", 10), "*11\r\n" + strings.Repeat("$4\r\nPING\r\n", 11), "*11\r\n", "*2147483648\r\n", "*-11\r\n" + ping,
		"*1\r\n$16384\r\n", "*1\r\n$16385\r\n", "*1\r\n$1048577\r\n", "*2\r\n$4\r\nPING\r\n$16385\r\n", "PING" + strings.Repeat(" a", 20) + "\r\n", "PING " + strings.Repeat("a", 20000) + "\r\n",
	} {
		f(input, un, true)
	}
	if v, err := c.Do("CONFIG", "SET", "requirepass", ""); err != nil || v.IsError() {
		t.Fatal(v, err)
	}
	f("*1\r\n$1048577\r\n", Limits{MaxBulk: 1 << 20}, false)
	f("*1\r\n$1048576\r\n", Limits{MaxBulk: 1 << 20}, false)
}

// converse sends input, shuts its side down and reads all replies. A protocol
// error is returned apart.
func converse(t *testing.T, socket, input string) (replies []Value, protocolError string) {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	go func() {
		io.WriteString(conn, input) // fails if the server closes first
		conn.(*net.UnixConn).CloseWrite()
	}()
	r := bufio.NewReader(conn)
	for {
		v, err := ReadValue(r)
		if err != nil {
			if err != io.EOF && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
				t.Fatalf("%.60q: %v", input, err)
			}
			return replies, protocolError
		}
		if v.Kind == KindError && strings.HasPrefix(string(v.Str), "ERR Protocol error") {
			protocolError = string(v.Str)
			continue
		}
		replies = append(replies, v)
	}
}
