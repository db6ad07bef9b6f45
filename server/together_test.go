package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Commands of a pipeline that run as one step reply, change and count what they do
// one by one.
func TestTogether(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	one, many := newBench(t), newBench(t)
	word := func() string {
		switch r.IntN(8) {
		case 0:
			return strings.Repeat("x", r.IntN(300))
		case 1:
			return fmt.Sprint(r.Int64())
		}
		return fmt.Sprint("w", r.IntN(40))
	}
	args := func(line ...string) []string {
		for n := 1 + r.IntN(1+r.IntN(4)); n > 0; n-- {
			line = append(line, word())
		}
		return line
	}
	command := func(key string) []string {
		switch r.IntN(60) {
		case 0:
			return []string{"DEL", key}
		case 1:
			return []string{"SET", key, "v"}
		case 2:
			return []string{"PEXPIREAT", key, "1"}
		case 3:
			return []string{"LPOP", key, "2"}
		case 4:
			return []string{"RPOP", key, "1", "2"}
		case 5:
			return []string{"LPUSH", key}
		case 6:
			return []string{"MULTI"}
		case 7:
			return []string{"EXEC"}
		case 8:
			return []string{"CLIENT", "REPLY", "SKIP"}
		case 9:
			return []string{"HELLO", fmt.Sprint(2 + r.IntN(2)), "SETNAME", "x"}
		case 10:
			return args("SADD", key)
		}
		if key[0] == 's' {
			return args("sadd", key)
		}
		switch r.IntN(5) {
		case 0:
			return args("lpush", key)
		case 1:
			return []string{"lpop", key}
		case 2:
			return []string{"rpop", key}
		}
		return args("rpush", key)
	}
	for _, b := range []*bench{one, many} {
		b.run(cmdline("CONFIG", "SET", "list-max-listpack-size", "20", "set-max-listpack-entries", "8", "set-max-intset-entries", "6"))
	}
	state := func(b *bench, key string) string {
		return b.run(cmdline("EXEC") + cmdline("HELLO", "2") + cmdline("OBJECT", "ENCODING", key) + cmdline("LRANGE", key, "0", "-1") + cmdline("SORT", key, "ALPHA"))
	}
	for round := range 250 {
		key := fmt.Sprint(string("ls"[r.IntN(2)]), r.IntN(2))
		var lines [][]string
		for len(lines) < 40 {
			line := command(key)
			for n := 1 + r.IntN(8); n > 0; n-- {
				lines = append(lines, line)
				if r.IntN(2) == 0 && len(line) > 2 {
					line = append(args(line[:2]...), word())
				}
			}
			if r.IntN(30) == 0 {
				key = fmt.Sprint(string("ls"[r.IntN(2)]), r.IntN(2))
			}
		}
		input, want := "", ""
		for _, line := range lines {
			input += cmdline(line...)
			want += one.run(cmdline(line...))
		}
		if got := many.run(input); got != want {
			t.Fatalf("round %d, %q: replies %q, want %q", round, lines, got, want)
		}
		if want, got := state(one, key), state(many, key); got != want {
			t.Fatalf("round %d, %q: %s is %q, want %q", round, lines, key, got, want)
		}
	}
	for _, name := range []string{"lpush", "rpush", "lpop", "rpop", "sadd"} {
		want, got := one.statOf(t, name), many.statOf(t, name)
		if got.Calls != want.Calls || got.Rejected != want.Rejected || got.Failed != want.Failed || got.Latency.Total() != got.Calls {
			t.Errorf("%s: %d calls, %d rejected, %d failed, %d in the histogram, want %d, %d, %d", name,
				got.Calls, got.Rejected, got.Failed, got.Latency.Total(), want.Calls, want.Rejected, want.Failed)
		}
	}
	if a, b := one.engine.Stats().Changes, many.engine.Stats().Changes; 2*b > a {
		t.Errorf("%d changes where one by one takes %d: hardly any ran together", b, a)
	}
	for _, b := range []*bench{one, many} {
		if err := b.engine.Check(); err != nil {
			t.Error(err)
		}
	}
}

// Who waits for a list, hears of changes or monitors commands has each of a pipeline.
func TestTogetherIsUnseen(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		waits, c := in.dial(), in.dial()
		pipeline := cmdline("RPUSH", "k", "a") + cmdline("RPUSH", "k", "b") + cmdline("RPUSH", "k", "c")

		waits.send("BLPOP k 0\r\n")
		in.waiting(1)
		c.send("%s", pipeline)
		c.expect(":1\r\n:1\r\n:2\r\n")
		waits.expect(popped("k", "a"))

		monitors := in.dial()
		monitors.do("MONITOR", "+OK\r\n")
		c.send("%s", pipeline)
		c.expect(":3\r\n:4\r\n:5\r\n")
		for _, elem := range []string{"a", "b", "c"} {
			if line := monitors.line(); !strings.HasSuffix(line, fmt.Sprintf("%q", elem)) {
				t.Errorf("MONITOR shows %s, want the push of %s", line, elem)
			}
		}
		monitors.do("RESET", "+RESET\r\n")

		c.do("CONFIG SET notify-keyspace-events KEA", "+OK\r\n")
		hears := in.ear()
		hears.do("SUBSCRIBE __keyspace@0__:k")
		c.send("%s", pipeline+strings.Repeat(cmdline("LPOP", "k"), 9))
		c.expect(":6\r\n:7\r\n:8\r\n" + strings.Repeat("$1\r\nb\r\n$1\r\nc\r\n$1\r\na\r\n", 2) + "$1\r\nb\r\n$1\r\nc\r\n$-1\r\n")
		for i, want := range strings.Fields("rpush rpush rpush " + strings.Repeat("lpop ", 8) + "del") {
			if got := hears.message(); got != want {
				t.Errorf("event %d is %s, want %s", i, got, want)
			}
		}
	})
}
