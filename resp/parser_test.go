package resp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// runParser runs input through a parser as a driver does: bytes arrive in the
// pieces given by cut (the number of bytes of the next piece) in a buffer that
// moves each time, and commands are taken off its front. It returns the
// commands, a line each, and the error.
func runParser(p *Parser, input []byte, cut func() int) (commands []string, err error) {
	var buf []byte
	for {
		for len(buf) > 0 {
			args, n, err := p.Next(nil, buf)
			if err != nil {
				if n != 0 || args != nil {
					panic("an error with a command")
				}
				return commands, err
			}
			if n == 0 {
				break
			}
			if len(args) > 0 {
				commands = append(commands, fmt.Sprintf("%q", args))
			}
			buf = buf[n:]
		}
		if len(input) == 0 {
			return commands, nil
		}
		n := min(max(cut(), 1), len(input))
		buf = append(append(make([]byte, 0, len(buf)+n), buf...), input[:n]...)
		input = input[n:]
	}
}

func whole() int  { return 1 << 30 }
func single() int { return 1 }

// pieces returns the ways to cut input that the tables try.
func pieces(input string) []func() int {
	if len(input) > 1000 {
		return []func() int{whole, func() int { return 777 }}
	}
	return []func() int{whole, single}
}

func TestParserSuccess(t *testing.T) {
	f := func(input string, want ...string) {
		t.Helper()
		for _, cut := range pieces(input) {
			got, err := runParser(new(Parser), []byte(input), cut)
			if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%q: %s, %v; want %s", input, got, err, want)
			}
		}
	}
	const ping = "*1\r\n$4\r\nPING\r\n"
	f(ping, `["PING"]`)
	f(ping+ping+"PING\r\n"+ping, `["PING"]`, `["PING"]`, `["PING"]`, `["PING"]`)
	f("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", `["SET" "k" ""]`)
	f("*2\r\n$3\r\nGET\r\n$12\r\n\r\n\x00\xff*1\r\n$4\r\n\r\n", `["GET" "\r\n\x00\xff*1\r\n$4\r\n"]`)
	f("*10\r\n"+strings.Repeat("$1\r\na\r\n", 10), `["a" "a" "a" "a" "a" "a" "a" "a" "a" "a"]`)
	f("*1\r\n$100\r\n"+strings.Repeat("x", 100)+"\r\n"+ping, `["`+strings.Repeat("x", 100)+`"]`, `["PING"]`)

	// Nothing to execute.
	f("*0\r\n"+ping, `["PING"]`)
	f("*-1\r\n"+ping, `["PING"]`)
	f("*-9999999999\r\n"+ping, `["PING"]`)
	f("\r\n\n\r\n   \r\n"+ping, `["PING"]`)

	// Redis looks neither at the byte after a '\r' nor at the CRLF after an argument.
	f("*1\rX$4\rYPING??"+ping, `["PING"]`, `["PING"]`)

	// Incomplete for ever.
	f("*1\r\nfoo")
	f("*1\n$4\nPING\n")
	f("*1\r")
	f("*2147483647\r\n")
	f("*1\r\n$536870912\r\nabc")
	f("*1\r\n\x00oo\r\n")
	f("PING\x00\r\n" + ping)
	f("ECHO \"\\")

	// Inline.
	f("PING\n", `["PING"]`)
	f("  PING \t foo \r\n", `["PING" "foo"]`)
	f("$4\r\nPING\r\n", `["$4"]`, `["PING"]`)
	f(`ECHO "a\x41b"`+"\r\n", `["ECHO" "aAb"]`)
	f(`ECHO 'a\x41\'b'`+"\r\n", `["ECHO" "a\\x41'b"]`)
	f(`ECHO foo"bar"`+"\r\n", `["ECHO" "foobar"]`)
	f(`ECHO fo'o b'`+"\r\n", `["ECHO" "foo b"]`)
	f(`ECHO "a\n\r\t\b\a\q\\\""`+"\r\n", `["ECHO" "a\n\r\t\b\aq\\\""]`)
	f(`ECHO "\x4" "\xZZ" "\xfF\x00"`+"\r\n", `["ECHO" "x4" "xZZ" "\xff\x00"]`)
	f(`ECHO "" ''`+"\r\n", `["ECHO" "" ""]`)
	f("ECHO a\vb\r\n", `["ECHO" "a\vb"]`)
	f("\v\fPING\r\n", `["PING"]`)
	f("PING\rfoo\n", `["PING" "foo"]`)
	f("PING\r\r\n", `["PING"]`)
	f("\"PING\"\v\r\n", `["PING"]`)
	f("P\"IN\"\tG\r\n", `["PIN" "G"]`)
	f(strings.Repeat("x", 65536)+"\n", `["`+strings.Repeat("x", 65536)+`"]`)
}

func TestParserFailure(t *testing.T) {
	f := func(input, want string) {
		t.Helper()
		for _, cut := range pieces(input) {
			p := new(Parser)
			got, err := runParser(p, []byte(input), cut)
			if err == nil || len(got) != 0 || err.Error() != "ERR Protocol error: "+want {
				t.Errorf("%.40q: %s, %v; want %s", input, got, err, want)
			}
			if _, n, again := p.Next(nil, []byte("*1\r\n$4\r\nPING\r\n")); n != 0 || again != err {
				t.Errorf("%.40q: the error is not final: %v", input, again)
			}
		}
	}
	f("*a\r\n", "invalid multibulk length")
	f("*\r\n", "invalid multibulk length")
	f("*+1\r\n", "invalid multibulk length")
	f("* 1\r\n", "invalid multibulk length")
	f("*01\r\n", "invalid multibulk length")
	f("*-0\r\n", "invalid multibulk length")
	f("*1\n\r\n", "invalid multibulk length")
	f("*2147483648\r\n", "invalid multibulk length")
	f("*18446744073709551617\r\n", "invalid multibulk length")
	f("*1\r\nfoo\r\n", "expected '$', got 'f'")
	f("*1\r\n\r\n", "expected '$', got ' '")
	f("*1\r\n\n\r\n", "expected '$', got ' '")
	f("*1\r\n\xff\r\n", "expected '$', got '\xff'")
	f("*2\r\n$1\r\na\r\n:1\r\n", "expected '$', got ':'")
	f("*1\r\n$-1\r\n", "invalid bulk length")
	f("*1\r\n$a\r\n", "invalid bulk length")
	f("*1\r\n$1a\r\n", "invalid bulk length")
	f("*1\r\n$\r\n", "invalid bulk length")
	f("*1\r\n$04\r\nPING\r\n", "invalid bulk length")
	f("*1\r\n$00\r\n\r\n", "invalid bulk length")
	f("*1\r\n$536870913\r\n", "invalid bulk length")
	f("*1\r\n$99999999999999999999\r\n", "invalid bulk length")
	f("ECHO \"abc\r\n", "unbalanced quotes in request")
	f("ECHO \"abc\"d\r\n", "unbalanced quotes in request")
	f("ECHO 'abc'd\r\n", "unbalanced quotes in request")
	f("ECHO 'abc\r\n", "unbalanced quotes in request")
	f("ECHO \"a\\\r\n", "unbalanced quotes in request")
	f("*"+strings.Repeat("1", 65536), "too big mbulk count string")
	f("*"+strings.Repeat("1", 65536)+"\r\n", "too big mbulk count string")
	f("*1\r\n$"+strings.Repeat("1", 65536), "too big bulk count string")
	f("*1\r\n\x00"+strings.Repeat("\r\n", 40000), "too big bulk count string")
	f(strings.Repeat("x", 65537), "too big inline request")
	f(strings.Repeat("x", 65537)+"\n", "too big inline request")
	f("\x00"+strings.Repeat("\n", 65536), "too big inline request")
}

func TestParserLimits(t *testing.T) {
	f := func(l Limits, input, want string) {
		t.Helper()
		for _, cut := range pieces(input) {
			got, err := runParser(&Parser{Limits: l}, []byte(input), cut)
			text := strings.Join(got, "\n")
			if err != nil {
				text = err.Error()
			}
			if text != want {
				t.Errorf("%.40q: %.80s; want %s", input, text, want)
			}
		}
	}
	args := func(n int) string {
		return fmt.Sprintf("*%d\r\n", n) + strings.Repeat("$1\r\na\r\n", n)
	}
	un := Limits{Unauthenticated: true}
	f(un, args(10), `["a" "a" "a" "a" "a" "a" "a" "a" "a" "a"]`)
	f(un, args(11), "ERR Protocol error: unauthenticated multibulk length")
	f(un, "*2147483648\r\n", "ERR Protocol error: invalid multibulk length")
	f(un, "*1\r\n$16384\r\n", "")
	f(un, "*1\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length")
	f(un, "*1\r\n$536870913\r\n", "ERR Protocol error: invalid bulk length")
	f(un, "AUTH x\r\n"+args(1), "[\"AUTH\" \"x\"]\n[\"a\"]")
	f(un, "P"+strings.Repeat(" a", 10)+" \r\n", `["P" "a" "a" "a" "a" "a" "a" "a" "a" "a" "a"]`)

	f(Limits{MaxBulk: 5}, "*1\r\n$5\r\nabcde\r\n", `["abcde"]`)
	f(Limits{MaxBulk: 5}, "*1\r\n$6\r\nabcdef\r\n", "ERR Protocol error: invalid bulk length")
	f(Limits{MaxBulk: 20}, "*1\r\n$21\r\n"+strings.Repeat("x", 21)+"\r\n", "ERR Protocol error: invalid bulk length")
	f(Limits{MaxBulk: 1 << 40}, "*1\r\n$536870913\r\n", "")
	f(Limits{MaxBulk: 1 << 40}, "*1\r\n$1099511627777\r\n", "ERR Protocol error: invalid bulk length")
	f(Limits{MaxBulk: 1<<63 - 1}, "*1\r\n$9223372036854775807\r\nabc\r\n", "ERR Protocol error: invalid bulk length")
	f(Limits{MaxBulk: 1<<63 - 1}, "*2\r\n$3\r\nabc\r\n$4611686018427387903\r\nabc\r\n", "")
	f(Limits{MaxArgs: 3}, args(3), `["a" "a" "a"]`)
	f(Limits{MaxArgs: 3}, args(4), "ERR Protocol error: invalid multibulk length")
	f(Limits{MaxInline: 4}, "PING\n", `["PING"]`)
	f(Limits{MaxInline: 4}, "PINGS\n", "ERR Protocol error: too big inline request")
}

// TestParserLimitsBetweenCommands: AUTH in a pipeline lifts the limits for what follows.
func TestParserLimitsBetweenCommands(t *testing.T) {
	p := Parser{Limits: Limits{Unauthenticated: true}}
	big := "*11\r\n" + strings.Repeat("$1\r\na\r\n", 11)
	buf := []byte("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n" + big)
	args, n, err := p.Next(nil, buf)
	if len(args) != 2 || err != nil {
		t.Fatal(args, err)
	}
	p.Unauthenticated = false
	if args, _, err = p.Next(nil, buf[n:]); len(args) != 11 || err != nil {
		t.Fatal(args, err)
	}
}

func TestParserNeed(t *testing.T) {
	var p Parser
	buf := []byte("*2\r\n$3\r\nSET\r\n$100000")
	if _, n, err := p.Next(nil, buf); n != 0 || err != nil || p.Need() != 0 || !p.Pending() {
		t.Fatal(n, err, p.Need(), p.Pending())
	}
	if p.Taken() != len("*2\r\n$3\r\nSET\r\n") {
		t.Fatal(p.Taken())
	}
	buf = append(buf, "\r\nabc"...)
	if _, n, err := p.Next(nil, buf); n != 0 || err != nil || p.Need() != len(buf)-3+100000+2 {
		t.Fatal(n, err, p.Need())
	}
	buf = append(buf, make([]byte, 100000-3+2)...)
	if len(buf) != p.Need() {
		t.Fatal(len(buf), p.Need())
	}
	args, n, err := p.Next(nil, buf)
	if n != len(buf) || err != nil || len(args) != 2 || p.Need() != 0 || p.Taken() != 0 || p.Pending() {
		t.Fatal(n, err, len(args), p.Need())
	}
	p.Next(nil, []byte("*1\r\n$9\r\n"))
	p.Reset()
	if args, n, err = p.Next(nil, []byte("PING\n")); n != 5 || len(args) != 1 || err != nil {
		t.Fatal(args, n, err)
	}
}

// TestParserArgsClipped: appending to an argument cannot reach the next one.
func TestParserArgsClipped(t *testing.T) {
	for _, input := range []string{"*2\r\n$1\r\na\r\n$1\r\nb\r\n", "a \"b\"\r\n"} {
		for _, un := range []bool{false, true} {
			p := Parser{Limits: Limits{Unauthenticated: un}}
			args, _, _ := p.Next(nil, []byte(input))
			for _, a := range args {
				if len(args) != 2 || cap(a) != len(a) {
					t.Errorf("%q: %d bytes of capacity behind an argument", input, cap(a)-len(a))
				}
			}
		}
	}
}

// TestParserWork counts the bytes examined while large commands arrive in
// pieces of 16 KB, each time in all that arrived so far.
func TestParserWork(t *testing.T) {
	const piece = 16 << 10
	f := func(name string, input []byte, wantArgs, limit int) {
		t.Helper()
		var p Parser
		for have := piece; ; have += piece {
			have = min(have, len(input))
			args, n, err := p.Next(nil, input[:have])
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if n > 0 {
				if len(args) != wantArgs || n != len(input) {
					t.Errorf("%s: %d arguments in %d bytes", name, len(args), n)
				}
				break
			}
			if have == len(input) {
				t.Fatalf("%s: incomplete", name)
			}
		}
		if p.work > limit {
			t.Errorf("%s: examined %d bytes for a command of %d", name, p.work, len(input))
		}
	}
	many := []byte("*1000000\r\n")
	for i := range 1000000 {
		many = append(AppendBulkHeader(many, 1), byte('a'+i%26), '\r', '\n')
	}
	f("1M arguments", many, 1000000, 2*len(many))
	const head = "*1\r\n$536870912\r\n"
	big := make([]byte, len(head)+512<<20+2) // costs no memory: nobody touches it
	copy(big, head)
	f("512 MB bulk", big, 1, piece+100)
	line := append(bytes.Repeat([]byte("a "), 32000), '\n')
	f("64 KB inline", line, 32000, piece+2*len(line))
	var digits Parser // one byte at a time: the worst case of a line
	for n := 1; n <= 60000; n++ {
		digits.Next(nil, many[:1:1])
		buf := bytes.Repeat([]byte("1"), n)
		buf[0] = '*'
		if _, _, err := digits.Next(nil, buf); err != nil {
			t.Fatal(err)
		}
		if n > 200 {
			n += 997
		}
	}
	if digits.work > 4*60000 {
		t.Errorf("examined %d bytes of a count line of 60000", digits.work)
	}
}

// TestParserMemory: announcing is free, memory grows with what arrived, and a
// large command's slices are not kept.
func TestParserMemory(t *testing.T) {
	input := append([]byte("*2147483647\r\n"), bytes.Repeat([]byte("$0\r\n\r\n"), 100)...)
	allocs := testing.AllocsPerRun(10, func() {
		var p Parser
		p.Next(nil, input)
		if cap(p.spans) > 512 {
			t.Fatalf("%d spans reserved for 100 arrived", cap(p.spans))
		}
	})
	if allocs > 30 {
		t.Errorf("%v allocations", allocs)
	}
	var p Parser
	large := append([]byte("*100000\r\n"), bytes.Repeat([]byte("$0\r\n\r\n"), 100000)...)
	p.Next(nil, large[:len(large)/2])
	if args, _, _ := p.Next(nil, large); len(args) != 100000 || p.spans != nil {
		t.Errorf("%d arguments, %d spans kept", len(args), cap(p.spans))
	}
}

func TestParserNoAllocs(t *testing.T) {
	input := []byte("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$16\r\nvalue-0123456789\r\nSET \"a b\" c\r\n")
	buf := make([]byte, len(input))
	var p Parser
	args := make([][]byte, 0, 8)
	allocs := testing.AllocsPerRun(100, func() {
		rest := buf[:copy(buf, input)]
		for len(rest) > 0 {
			p.Next(args, rest[:len(rest)/2]) // incomplete first
			_, n, err := p.Next(args, rest)
			if n == 0 || err != nil {
				t.Fatal(n, err)
			}
			rest = rest[n:]
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestParserRandomSplits: wherever random commands, good and bad, are cut, they
// parse alike.
func TestParserRandomSplits(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	parts := []string{"*", "$", "1", "2", "3", "10", "-1", "0", "\r\n", "\r\n", "\r\n", "\n", "\r", "a", "PING", " ", "\"", "'", "\\",
		"\\x4", "\x00", "*1\r\n$4\r\nPING\r\n", "*2\r\n$1\r\na\r\n", "$3\r\nabc\r\n", "PING x\r\n", "999", strings.Repeat("y", 30)}
	for range 3000 {
		var input []byte
		for range 1 + rnd.IntN(12) {
			input = append(input, parts[rnd.IntN(len(parts))]...)
		}
		checkSplits(t, input, Limits{MaxInline: 20, MaxBulk: 50, Unauthenticated: rnd.IntN(2) == 0}, rnd)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func checkSplits(t *testing.T, input []byte, l Limits, rnd *rand.Rand) {
	t.Helper()
	want, wantErr := runParser(&Parser{Limits: l}, bytes.Clone(input), whole)
	for _, cut := range []func() int{single, func() int { return 1 + rnd.IntN(5) }, func() int { return 1 + rnd.IntN(1+len(input)) }} {
		got, err := runParser(&Parser{Limits: l}, bytes.Clone(input), cut)
		if fmt.Sprint(got, err) != fmt.Sprint(want, wantErr) {
			t.Errorf("%q in pieces: %s, %v; at once: %s, %v", input, got, err, want, wantErr)
		}
	}
}
