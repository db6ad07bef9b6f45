package server

import (
	"fmt"
	"strings"
	"testing"

	"hpkv/server/command"
)

// statOf is what was counted of one command.
func (b *bench) statOf(t testing.TB, name string) commandStat {
	t.Helper()
	stats := b.commandStats()
	found := -1
	b.table.Each(func(r *command.Row) {
		if r.FullName() == name {
			found = r.ID()
		}
	})
	if found < 0 {
		t.Fatalf("no command is called %q", name)
	}
	return stats[found]
}

// Every execution is counted once, in its command's row, whatever way it came.
func TestCommandStats(t *testing.T) {
	b := newBench(t)
	var input strings.Builder
	for i := range 100 {
		input.WriteString(cmdline("SET", fmt.Sprint("k", i), "v") + cmdline("GET", "k1") + cmdline("GET", "k2"))
	}
	b.run(input.String())
	b.run(cmdline("GET") + cmdline("SET", "k", "v", "bad") + cmdline("INCR", "k1") + cmdline("CONFIG", "GET", "port") + cmdline("KEYS", "nothing*"))
	b.run(cmdline("MULTI") + cmdline("SET", "k", "v") + cmdline("INCR", "k") + cmdline("EXEC"))
	b.run(cmdline("MULTI") + cmdline("GET") + cmdline("EXEC"))
	b.run("NOSUCHCOMMAND\r\n")
	for _, c := range []struct {
		name                    string
		calls, rejected, failed int64
	}{
		{"set", 102, 0, 1},
		{"get", 200, 2, 0},
		{"incr", 2, 0, 2},
		{"config|get", 1, 0, 0},
		{"multi", 2, 0, 0},
		{"exec", 2, 0, 1},
		{"del", 0, 0, 0},
	} {
		got := b.statOf(t, c.name)
		if got.Calls != c.calls || got.Rejected != c.rejected || got.Failed != c.failed {
			t.Errorf("%s: %d calls, %d rejected, %d failed, want %d, %d, %d", c.name,
				got.Calls, got.Rejected, got.Failed, c.calls, c.rejected, c.failed)
		}
		if c.calls > 0 && (got.Ns <= 0 || got.Latency.Total() != c.calls) {
			t.Errorf("%s: %d calls took %d ns, %d of them in the histogram", c.name, got.Calls, got.Ns, got.Latency.Total())
		}
	}
	b.run(cmdline("CONFIG", "RESETSTAT") + cmdline("GET", "k1"))
	if got := b.statOf(t, "get"); got.Calls != 1 || got.Latency.Total() != 1 || got.Rejected != 0 {
		t.Errorf("after CONFIG RESETSTAT and one GET: %+v", got)
	}
	b.run(cmdline("CONFIG", "SET", "latency-tracking", "no"))
	b.run(cmdline("GET", "k1"))
	if got := b.statOf(t, "get"); got.Calls != 2 || got.Latency.Total() != 1 {
		t.Errorf("without latency-tracking: %d calls, %d in the histogram", got.Calls, got.Latency.Total())
	}
}
