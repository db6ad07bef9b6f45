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

// FormatCase writes a case as text that ParseScript reads back. Only the steps
// that Generate makes are supported.
func FormatCase(c Case, proto int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "== %s\n", c.Name)
	if proto != 0 {
		fmt.Fprintf(&b, "!proto %d\n", proto)
	}
	for _, s := range c.Steps {
		if s.Op == OpConn {
			fmt.Fprintf(&b, "!conn %d\n", s.N)
		} else {
			fmt.Fprintln(&b, JoinArgs(s.Args))
		}
	}
	return b.String()
}
