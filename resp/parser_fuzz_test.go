package resp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tidwall/redcon"
)

// FuzzParser checks that the pieces in which input arrives do not matter, that
// the two ways through the parser agree, and that redcon reads the same command
// where both accept.
func FuzzParser(f *testing.F) {
	for _, s := range []string{
		"*1\r\n$4\r\nPING\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n*0\r\n",
		"*-1\r\nPING\r\n", "*1\rX$4\rYPING??", "*a\r\n", "*1\r\n$-1\r\n", "*1\r\nfoo\r\n", "$4\r\nPING\r\n", "ECHO \"a\\x41b\" 'c\\'d'\r\n",
		"ECHO \"abc\r\n", "PING\x00\r\n", "\r\n\n  \r\nPING a  b\n", "*2147483648\r\n", "*1\r\n$536870913\r\n", "*10\r\n$1\r\na\r\n",
	} {
		f.Add([]byte(s), uint64(len(s)))
	}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		if len(input) > 4096 {
			return // byte by byte is quadratic here: each piece moves the buffer
		}
		rnd := rand.New(rand.NewPCG(seed, 1))
		checkSplits(t, input, Limits{}, rnd)
		checkSplits(t, input, Limits{MaxBulk: 8, MaxInline: 16, MaxArgs: 4, Unauthenticated: seed&1 == 0}, rnd)

		var p, slow Parser
		args, n, err := p.Next(nil, bytes.Clone(input))
		args2, n2, err2 := slow.advance(nil, bytes.Clone(input))
		if n != n2 || fmt.Sprint(err) != fmt.Sprint(err2) || fmt.Sprintf("%q", args) != fmt.Sprintf("%q", args2) {
			t.Errorf("Next: %q %d %v; advance: %q %d %v", args, n, err, args2, n2, err2)
		}
		if err != nil || n == 0 || len(args) == 0 || !comparable(input[:n]) {
			return
		}
		theirs, rest, ok := readRedcon(bytes.Clone(input))
		if ok && (len(input)-len(rest) != n || fmt.Sprintf("%q", theirs) != fmt.Sprintf("%q", args)) {
			t.Errorf("%q: %q and %d bytes; redcon: %q and %d", input, args, n, theirs, len(input)-len(rest))
		}
	})
}

// comparable says whether redcon claims to read a command as Redis does. Inline
// commands with quotes or control characters, and those with a leading '$', it
// reads in ways of its own.
func comparable(command []byte) bool {
	if command[0] == '*' {
		return true
	}
	for _, c := range bytes.TrimSuffix(bytes.TrimSuffix(command, []byte("\n")), []byte("\r")) {
		if c < ' ' || c == '"' || c == '\'' {
			return false
		}
	}
	return command[0] != '$'
}

// readRedcon is redcon.ReadNextCommand, which panics at some negative lengths.
func readRedcon(input []byte) (args [][]byte, rest []byte, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	ok, args, _, rest, err := redcon.ReadNextCommand(input, nil)
	return args, rest, ok && err == nil
}
