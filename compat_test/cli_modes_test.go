package compat_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// cliServer starts a server that counts accesses and holds a key of each type,
// and returns a runner of redis-cli on it, which wants exit code 0 and nothing on
// stderr.
func cliServer(t *testing.T) (s *compat.Server, port string, run func(stdin string, args ...string) string) {
	t.Helper()
	cli := tool(t, "redis-cli")
	s = compat.StartOurs(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lfu")
	_, port, _ = net.SplitHostPort(s.Addr)
	c := dial(t, s)
	for _, command := range []string{"SET hot 1", "SET text 0123456789", "RPUSH list a b c", "SADD set a b", "HSET hash a 1", "ZADD zset 1 a 2 b 3 c 4 d"} {
		if raw, err := c.Do(strings.Fields(command)...); err != nil || raw[0] == '-' {
			t.Fatalf("%s: %s %v", command, raw, err)
		}
	}
	return s, port, func(stdin string, args ...string) string {
		t.Helper()
		stdout, stderr, code := compat.Run(cli, stdin, append([]string{"-p", port}, args...)...)
		if code != 0 || stderr != "" {
			t.Errorf("%q: exit %d, printed\n%s%s", args, code, stdout, stderr)
		}
		return stdout
	}
}

// TestRedisCLIScans runs the modes that walk the keyspace.
func TestRedisCLIScans(t *testing.T) {
	_, _, run := cliServer(t)
	f := func(out string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	}
	var load strings.Builder
	for range 3000 {
		load.WriteString("GET hot\r\n")
	}
	f(run(load.String(), "--pipe"), "errors: 0, replies: 3000")
	f(run("", "--hotkeys"), "Sampled 6 keys", `keyname: "hot"`)
	// The hottest comes first.
	if m := regexp.MustCompile(`hot key found with counter: \d+\s+keyname: "(\w+)"`).FindStringSubmatch(run("", "--hotkeys")); m == nil || m[1] != "hot" {
		t.Errorf("the hottest key is %q", m)
	}
	f(run("", "--bigkeys"), "Sampled 6 keys", "Total key length in bytes is 22",
		`Biggest string found '"text"' has 10 bytes`, `Biggest   list found '"list"' has 3 items`, `Biggest    set found '"set"' has 2 members`,
		`Biggest   hash found '"hash"' has 1 fields`, `Biggest   zset found '"zset"' has 4 members`)
	for _, option := range [][]string{{"--memkeys"}, {"--memkeys-samples", "1"}} {
		out := run("", option...)
		f(out, "Sampled 6 keys", "1 lists with ", "2 strings with ", "1 zsets with ", "0 streams with 0 bytes")
		if strings.Contains(out, "1 lists with 0 bytes") {
			t.Errorf("%q: a list takes no memory\n%s", option, out)
		}
	}
	f(run("", "--scan", "--pattern", "*s*"), "list\n", "set\n", "zset\n", "hash\n")
	var keys strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&keys, "SET many:%d x\r\n", i)
	}
	f(run(keys.String(), "--pipe"), "errors: 0, replies: 2000")
	if n := strings.Count(run("", "--scan", "--pattern", "many:*"), "\n"); n != 2000 {
		t.Errorf("--scan lists %d of 2000 keys", n)
	}
}

// TestRedisCLIPipe sends requests of every kind in bulk.
func TestRedisCLIPipe(t *testing.T) {
	_, port, run := cliServer(t)
	const n = 5000
	var b []byte
	for i := range n {
		b = compat.AppendCommand(b, "SET", fmt.Sprint("k", i), strings.Repeat("\x00\r\n$*", i%40))
	}
	if out := run(string(b), "--pipe"); !strings.Contains(out, fmt.Sprintf("errors: 0, replies: %d", n)) {
		t.Error(out)
	}
	if out := run("", "STRLEN", "k39"); out != "195\n" {
		t.Errorf("STRLEN: %q", out)
	}
	// Errors are counted and shown, and make the exit code 1.
	stdout, stderr, code := compat.Run(tool(t, "redis-cli"), "SET a x\r\nINCR a\r\nNOSUCH\r\nGET a\r\n", "-p", port, "--pipe")
	if code != 1 || !strings.Contains(stdout, "errors: 2, replies: 4") || !strings.Contains(stdout+stderr, "not an integer") {
		t.Errorf("exit %d, printed\n%s%s", code, stdout, stderr)
	}
}

// TestRedisCLIWatches runs the modes that report until they are stopped, for as
// long as it takes to see some lines.
func TestRedisCLIWatches(t *testing.T) {
	_, port, run := cliServer(t)
	stdbuf, err := exec.LookPath("stdbuf") // a pipe would be written in blocks
	if err != nil {
		compat.Missing(t, "stdbuf is not installed (Debian's coreutils)")
	}
	f := func(lines int, pattern string, args ...string) {
		t.Helper()
		cmd := exec.Command(stdbuf, append([]string{"-oL", tool(t, "redis-cli"), "-p", port}, args...)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		limit := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		want, seen := regexp.MustCompile(pattern), ""
		for r := bufio.NewScanner(out); lines > 0 && r.Scan(); {
			seen += r.Text() + "\n"
			if want.MatchString(r.Text()) {
				lines--
			}
		}
		limit.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if lines > 0 {
			t.Errorf("%q: %d lines like %s are missing in\n%s", args, lines, pattern, seen)
		}
	}
	f(3, `^6 +\d+\.\d+M +\d+ +0 +\d+ \(\+\d+\) +\d+ *$`, "--stat", "-i", "0.05")
	f(2, `min: \d+, max: \d+, avg: \d+\.\d+ \(\d+ samples\) -- \d+\.\d+ seconds range`, "--no-raw", "--latency-history", "-i", "0.1")
	f(1, `Gets/sec \| Hits: \d+ `, "--lru-test", "50")
	if out := run("", "--latency", "-i", "0.1"); !regexp.MustCompile(`^\d+ \d+ \d+\.\d+ \d+\n$`).MatchString(out) {
		t.Errorf("--latency: %q", out)
	}
	if out := run("", "-r", "3", "-i", "0.01", "INCR", "counter"); out != "1\n2\n3\n" {
		t.Errorf("-r 3: %q", out)
	}
}

// TestRedisCLIHelp asks the interactive mode for help, which it makes of what
// COMMAND DOCS says.
func TestRedisCLIHelp(t *testing.T) {
	_, _, run := cliServer(t)
	colour := regexp.MustCompile("\x1b\\[[0-9]*m|\r")
	out := colour.ReplaceAllString(run("help get\nhelp zadd\nhelp client pause\nhelp @hash\nhelp @nosuch\nGET text\n"), "")
	for _, want := range []string{
		"\n  GET key\n  summary: ", "since: 1.0.0\n  group: string\n",
		"\n  ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]\n",
		"\n  CLIENT PAUSE timeout [WRITE|ALL]\n",
		"\n  HINCRBY key field increment\n", "\n  HSCAN key cursor [MATCH pattern] [COUNT count]",
		"\n0123456789\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if compat.OurBinary(t).IsRedis {
		return
	}
	if out := colour.ReplaceAllString(run("help hpkv.range\n"), ""); !strings.Contains(out, "\n  HPKV.RANGE start end [LIMIT count]") {
		t.Error(out)
	}
}

// TestRedisCLIEval: a script runs, or is refused with the reason.
func TestRedisCLIEval(t *testing.T) {
	s, _, run := cliServer(t)
	script := filepath.Join(t.TempDir(), "script.lua")
	if err := os.WriteFile(script, []byte("return redis.call('GET', KEYS[1])"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "0123456789\n"
	if n, err := dial(t, s).Node("COMMAND", "INFO", "EVAL"); err != nil || n.Elems[0].Null {
		want = "ERR unknown command 'EVAL', with args beginning with: 'return redis.call('GET', KEYS[1])' '1' 'text' "
	}
	if out := run("", "--eval", script, "text"); strings.TrimSpace(out) != strings.TrimSpace(want) {
		t.Errorf("--eval printed %q, want %q", out, want)
	}
}
