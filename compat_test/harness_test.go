package compat_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// TestReadFrame checks that exactly one reply is taken from a stream, and that
// parsing and printing it gives its bytes back.
func TestReadFrame(t *testing.T) {
	f := func(frame string) {
		t.Helper()
		r := bufio.NewReaderSize(strings.NewReader(frame+"+next\r\n"), 16)
		raw, err := compat.ReadFrame(r)
		if err != nil || string(raw) != frame {
			t.Fatalf("got %q, %v; want %q", raw, err, frame)
		}
		n, err := compat.ParseReply(raw)
		if err != nil || string(n.Wire()) != frame {
			t.Fatalf("%q: parsed and printed %q, %v", frame, n.Wire(), err)
		}
	}
	f("+OK\r\n")
	f("-ERR a text longer than the reader's buffer\r\n")
	f(":-1\r\n")
	f("$-1\r\n")
	f("$0\r\n\r\n")
	f("$4\r\na\r\nb\r\n")
	f("*-1\r\n")
	f("*0\r\n")
	f("*3\r\n:1\r\n*1\r\n$1\r\nx\r\n_\r\n")
	f("%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n#t\r\n")
	f("=7\r\ntxt:abc\r\n")
	f("!5\r\nERR x\r\n")
	f(",1.5\r\n")
	f("(12345678901234567890\r\n")
	f(">2\r\n+a\r\n+b\r\n")
	f("|1\r\n+ttl\r\n:1\r\n:5\r\n")

	bad := func(frame string) {
		t.Helper()
		if raw, err := compat.ReadFrame(bufio.NewReader(strings.NewReader(frame))); err == nil {
			t.Fatalf("%q was accepted as %q", frame, raw)
		}
	}
	bad("")
	bad("+OK")
	bad("+OK\n")
	bad("$3\r\nab")
	bad("$3\r\nabcd\r\n")
	bad("$x\r\n")
	bad("$-2\r\n")
	bad("*2\r\n:1\r\n")
	bad("*1\r\n?\r\n")
	bad("?1\r\n")
}

func TestSplitArgsAndQuote(t *testing.T) {
	f := func(line string, want ...string) {
		t.Helper()
		got, err := compat.SplitArgs(line)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s: %q, %v; want %q", line, got, err, want)
		}
		again, err := compat.SplitArgs(compat.JoinArgs(want))
		if err != nil || !slices.Equal(again, want) {
			t.Fatalf("%s: quoted as %s, which reads %q, %v", line, compat.JoinArgs(want), again, err)
		}
	}
	f(`SET k v`, "SET", "k", "v")
	f(`SET  k	""`, "SET", "k", "")
	f(`"a b" 'c "d' 'e\'f'`, "a b", `c "d`, "e'f")
	f(`"\x00\xff\r\n\"\\"`, "\x00\xff\r\n\"\\")
	f(`@ax5 "@ax5"`, "aaaaa", "@ax5")
	f(`@ax100`, strings.Repeat("a", 100))
	f(`"#x" "!y"`, "#x", "!y")
	for _, line := range []string{`"a`, `'a`, `a"b`, `"\xzz"`} {
		if got, err := compat.SplitArgs(line); err == nil {
			t.Errorf("%s was accepted as %q", line, got)
		}
	}
}

func TestParseScriptErrors(t *testing.T) {
	for _, text := range []string{
		"GET k", "== a\n== a", "== a\n!nosuch GET k", "== a\n!pipe", "== a\n!end", "== a\n!pipe\n!conn 2\n!end",
		"== a\n!proto 4", "== a\n!conn x", "== a\n!raw", "== a\n!v72 nosuch +OK PING", "== a\nGET \"k",
	} {
		if _, err := compat.ParseScript("t", text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// TestCompare checks that relaxations excuse what they name and nothing else.
func TestCompare(t *testing.T) {
	same := func(relax, ours, ref string) {
		t.Helper()
		if err := compat.Compare(relax, nil, 0, []byte(ours), []byte(ref)); err != nil {
			t.Error(err)
		}
	}
	differ := func(relax, ours, ref string) {
		t.Helper()
		if compat.Compare(relax, nil, 0, []byte(ours), []byte(ref)) == nil {
			t.Errorf("%s: %q passes for %q", relax, ours, ref)
		}
	}
	same("", "+OK\r\n", "+OK\r\n")
	differ("", "+OK\r\n", "+ok\r\n")
	differ("", "$2\r\nOK\r\n", "+OK\r\n")
	differ("any", "-ERR x\r\n", ":1\r\n")
	differ("any", "-ERR x\r\n", "-ERR y\r\n")
	same("any", ":1\r\n", ":2\r\n")
	differ("any", "$-1\r\n", "$1\r\na\r\n")
	differ("any", "_\r\n", "$-1\r\n")
	same("sort", "*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+a\r\n")
	differ("sort", "*2\r\n+a\r\n+a\r\n", "*2\r\n+b\r\n+a\r\n")
	differ("sort", "*1\r\n+a\r\n", "~1\r\n+a\r\n")
	same("pairs", "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "%2\r\n+b\r\n:2\r\n+a\r\n:1\r\n")
	differ("pairs", "%2\r\n+a\r\n:2\r\n+b\r\n:1\r\n", "%2\r\n+b\r\n:2\r\n+a\r\n:1\r\n")
	same("ttl", ":100\r\n", ":99\r\n")
	differ("ttl", ":100\r\n", ":90\r\n")
	differ("ttl", ":-1\r\n", ":1\r\n")
	differ("ttl", ":-1\r\n", ":-2\r\n")
	same("pttl", ":100000\r\n", ":98000\r\n")
	differ("pttl", ":100000\r\n", ":96999\r\n")
	if err := compat.Compare("pttl", nil, time.Second, []byte(":100000\r\n"), []byte(":96999\r\n")); err != nil {
		t.Errorf("a second later: %v", err)
	}
	same("error", "-ERR a\r\n", "-ERR b\r\n")
	differ("error", "-ERR a\r\n", "-WRONGTYPE b\r\n")
	same("scan", "*2\r\n$1\r\n0\r\n*2\r\n+a\r\n+b\r\n", "*2\r\n$1\r\n0\r\n*2\r\n+b\r\n+a\r\n")
	differ("scan", "*2\r\n$1\r\n0\r\n*1\r\n+a\r\n", "*2\r\n$1\r\n0\r\n*2\r\n+b\r\n+a\r\n")

	inner := []string{"", "pttl"}
	if err := compat.Compare("", inner, 0, []byte("*2\r\n+OK\r\n:5000\r\n"), []byte("*2\r\n+OK\r\n:5001\r\n")); err != nil {
		t.Error(err)
	}
	if compat.Compare("", inner, 0, []byte("*2\r\n:5000\r\n+OK\r\n"), []byte("*2\r\n:5001\r\n+OK\r\n")) == nil {
		t.Error("the relaxation of one element excused another")
	}
}

// TestHarnessSeesFaults puts a proxy before a real server that changes some of
// its replies: the cases must notice each of them.
func TestHarnessSeesFaults(t *testing.T) {
	ref := compat.Reference(t)
	pair, err := compat.StartPair(ref, ref)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := pair.Stop(); err != nil {
			t.Error(err)
		}
	}()
	fault := strings.NewReplacer(":41\r\n", ":42\r\n", "-ERR value is not", "-ERR value isn't", "$5\r\nfault\r\n", "$5\r\nFAULT\r\n")
	pair.Ours.Addr = faultyProxy(t, pair.Ours.Addr, fault)

	f := func(fails bool, lines ...string) {
		t.Helper()
		file, err := compat.ParseScript("inline", "== fault\n"+strings.Join(lines, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		for _, proto := range []int{2, 3} {
			if err := compat.RunCase(pair, "inline", file.Cases[0], proto); (err != nil) != fails {
				t.Errorf("RESP%d %q: %v", proto, lines, err)
			}
		}
	}
	f(false, "SET k 40", "GET k", "INCRBY k 3", "TTL k")
	f(true, "SET k 40", "INCR k")
	f(true, "SET k abc", "INCR k")
	f(true, "MULTI", "SET k 40", "INCR k", "EXEC")
	f(true, "!pipe", "SET k 40", "INCR k", "!end")
	f(true, "SET k fault") // only the comparison of the keyspaces can see it
	f(true, `!raw "INCRBY k 41\r\n"`, "!reply")
	f(true, `!raw "INCRBY k 41\r\nQUIT\r\n"`, "!eof")
}

// faultyProxy forwards to a server and changes its replies. Each reply of the
// test is far smaller than one read.
func faultyProxy(t *testing.T, addr string, fault *strings.Replacer) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", addr)
			if err != nil {
				down.Close()
				return
			}
			go func() {
				_, _ = io.Copy(up, down)
				up.Close()
			}()
			go func() {
				defer down.Close()
				buf := make([]byte, 64<<10)
				for {
					n, err := up.Read(buf)
					if n > 0 {
						if _, werr := io.Copy(down, bytes.NewReader([]byte(fault.Replace(string(buf[:n]))))); werr != nil {
							return
						}
					}
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
