package compat_test

import (
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

// tool finds one of Redis' own tools.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		compat.Missing(t, "%s is not installed (Debian's redis-tools)", name)
	}
	return path
}

func TestRedisCLI(t *testing.T) {
	cli := tool(t, "redis-cli")
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, options...)
		_, port, _ := net.SplitHostPort(s.Addr)
		f := func(want, stdin string, args ...string) {
			t.Helper()
			stdout, stderr, code := compat.Run(cli, stdin, append([]string{"-p", port}, args...)...)
			if code != 0 || stderr != "" || !strings.Contains(stdout, want) {
				t.Errorf("%q: exit %d, wants %q, printed\n%s%s", args, code, want, stdout, stderr)
			}
		}
		f("PONG", "", "PING")
		f("PONG", "", "-3", "PING")
		f("redis_version:7.", "", "INFO")
		f("OK\n", "", "-n", "3", "SET", "key one", "a\tb")
		f("a\tb", "", "-n", "3", "GET", "key one")
		f("(nil)", "", "--no-raw", "GET", "nokey")
		f("(integer) 1", "", "--no-raw", "-n", "3", "DBSIZE")
		f("OK\nQUEUED\nQUEUED\nOK\n2\n", "MULTI\nSET a 1\nINCR a\nEXEC\n")
		f("\"key one\"", "", "-n", "3", "--quoted-pattern", "*", "--scan", "--no-raw")
		f("ERR unknown command 'NOSUCH'", "", "NOSUCH")
	})
}

func TestRedisBenchmark(t *testing.T) {
	bench := tool(t, "redis-benchmark")
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, options...)
		_, port, _ := net.SplitHostPort(s.Addr)
		for _, extra := range [][]string{nil, {"-P", "16", "-r", "1000"}, {"-3"}, {"-c", "200", "-k", "0", "-t", "ping,set,get,incr,mset"}} {
			tests := 20 // its default run, which grows with its version
			if slices.Contains(extra, "-t") {
				tests = 6
			}
			args := append([]string{"-p", port, "-n", "1000", "-q"}, extra...)
			stdout, stderr, code := compat.Run(bench, "", args...)
			out := stdout + stderr
			if code != 0 || strings.Contains(out, "ERR") || strings.Contains(strings.ToLower(out), "error") || strings.Contains(out, "Could not fetch") ||
				strings.Count(out, "requests per second") < tests {
				t.Errorf("%q: exit %d, printed\n%s", args, code, out)
			}
		}
	})
}
