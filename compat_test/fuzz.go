package compat

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// sequenceLen is the number of commands between two comparisons of the whole
// keyspace: long enough for state to build up over six keys, short enough that
// a shrink of a failing sequence takes seconds.
const sequenceLen = 120

// Generate makes the case of a seed: commands from the grammar on two
// connections, in RESP2 or RESP3.
func Generate(g *Grammar, seed uint64) (Case, int) {
	r := rand.New(rand.NewPCG(seed, 0))
	c := Case{Name: fmt.Sprintf("fuzz seed %d", seed)}
	proto := 2 + r.IntN(2)
	conn := 1
	for range sequenceLen {
		if r.IntN(12) == 0 {
			conn = 3 - conn
			c.Steps = append(c.Steps, Step{Op: OpConn, N: conn})
		}
		c.Steps = append(c.Steps, Step{Args: g.Command(r)})
	}
	return c, proto
}

// protocolPieces are put together at random to nearly valid requests.
var protocolPieces = []string{
	"*1\r\n", "*2\r\n", "*3\r\n", "*0\r\n", "*-1\r\n", "*", "$", "$1\r\n", "$3\r\n", "$4\r\n", "$0\r\n", "$-1\r\n", "\r\n", "\n", "\r", "\r\n\r\n",
	"GET\r\n", "PING\r\n", "SET\r\n", "k\r\n", "GET", "PING", "ECHO", "k", "v", " ", "\t", "\"", "'", "\\x41", "\\n", "\\", "\x00", "\xff", ":1\r\n", "+OK\r\n",
	"1", "-", "99999999999999999999", "*2147483647\r\n", "*2147483648\r\n", "$536870912\r\n", "$536870913\r\n", "*1\r\n$4\r\nPING\r\n",
	"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", "SET k \"a b\"\r\n", "ECHO 'x'\r\n", "INCR n\r\n", "MULTI\r\n", "EXEC\r\n", "QUIT\r\n",
}

// GenerateProtocol makes a case of raw bytes from a seed: pieces of requests in
// any order, sent in several writes, then the end of input.
func GenerateProtocol(seed uint64) (Case, int) {
	r := rand.New(rand.NewPCG(seed, 1))
	c := Case{Name: fmt.Sprintf("protocol seed %d", seed)}
	proto := 2 + r.IntN(2)
	for range 1 + r.IntN(24) {
		c.Steps = append(c.Steps, Step{Op: OpRaw, Args: []string{protocolPieces[r.IntN(len(protocolPieces))]}})
	}
	c.Steps = append(c.Steps, Step{Op: OpFinish})
	return c, proto
}

// FormatCase writes a case as text that ParseScript reads back. Only the steps
// that Generate and its kin make are supported.
func FormatCase(c Case, proto int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "== %s\n", c.Name)
	if proto != 0 {
		fmt.Fprintf(&b, "!proto %d\n", proto)
	}
	for _, s := range c.Steps {
		switch s.Op {
		case OpConn:
			fmt.Fprintf(&b, "!conn %d\n", s.N)
		case OpRaw:
			fmt.Fprintf(&b, "!raw %s\n", JoinArgs(s.Args))
		case OpTalk:
			fmt.Fprintf(&b, "!talk %s\n", JoinArgs(s.Args))
		case OpFinish:
			fmt.Fprintln(&b, "!finish")
		default:
			fmt.Fprintln(&b, JoinArgs(s.Args))
		}
	}
	return b.String()
}
