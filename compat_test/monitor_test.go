package compat_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

// monitorOwn is what differs from one line of MONITOR to the same on another server.
var monitorOwn = regexp.MustCompile(`^\+[0-9]+\.[0-9]{6} (\[[0-9]+) [^\]]*\]`)

// TestMonitor compares what MONITOR shows: which commands, in which order, in which
// database, and how arguments are written.
func TestMonitor(t *testing.T) {
	pair := compat.SharedPair(t)
	if err := pair.Reset(); err != nil {
		t.Fatal(err)
	}
	watch := func(s *compat.Server) (lines []string) {
		t.Helper()
		monitor, err := s.Dial(2)
		if err != nil {
			t.Fatal(err)
		}
		defer monitor.Close()
		if got, err := monitor.Do("MONITOR"); err != nil || string(got) != "+OK\r\n" {
			t.Fatalf("MONITOR: %q, %v", got, err)
		}
		c, err := s.Dial(2)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, args := range [][]string{
			{"SET", "k", "v"}, {"get", "k"}, {"GET", "absent"}, {"LPUSH", "k", "x"}, {"NOSUCH", "a"}, {"SET", "k"},
			{"SET", "b", "\x00\x01\x7f\xff\"\\\r\n\t\a\b \xc3\xa9"}, {"SET", "", ""},
			{"SELECT", "3"}, {"INCR", "n"}, {"SELECT", "0"},
			{"MULTI"}, {"INCR", "n"}, {"PING"}, {"EXEC"}, {"MULTI"}, {"INCR", "n"}, {"DISCARD"},
			{"CONFIG", "GET", "maxclients"}, {"CLIENT", "ID"}, {"AUTH", "secret"}, {"PUBLISH", "ch", "m"},
			{"BLPOP", "list", "0.01"}, {"RPUSH", "list", "1"}, {"BLPOP", "list", "0"}, {"SORT", "nothing"},
			{"ECHO", "the end"},
		} {
			if _, err := c.Do(args...); err != nil {
				t.Fatal(err)
			}
		}
		for len(lines) == 0 || !strings.Contains(lines[len(lines)-1], "the end") {
			got, err := monitor.Receive()
			if err != nil {
				t.Fatalf("after %q: %v", lines, err)
			}
			lines = append(lines, monitorOwn.ReplaceAllString(string(got), "$1]"))
		}
		return lines
	}
	ours, ref := watch(pair.Ours), watch(pair.Ref)
	if !slices.Equal(ours, ref) {
		t.Errorf("ours:\n%s\nredis-server:\n%s", strings.Join(ours, ""), strings.Join(ref, ""))
	}
}
