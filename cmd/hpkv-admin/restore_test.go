package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hpkv/cmd/internal/cli"
)

func TestRestore(t *testing.T) {
	dir := newLog(t, "one", "two", "three")
	for _, c := range []struct{ flag, value, want string }{
		{"", "", "one two three"},
		{"--to-seq", "2", "one two"},
		{"--to-time", "2025-11-30T17:02:30Z", "one two"},
		{"--to-time", "2025-11-30T18:01:00+01:00", "one"},
		{"--to-time", "2025-12-30", "one two three"},
	} {
		dest := filepath.Join(t.TempDir(), "dest")
		args := []string{"restore", dir, dest}
		if c.flag != "" {
			args = append(args, c.flag, c.value)
		}
		if out := mustAdmin(t, args...); !strings.Contains(out, "up to round") || !strings.Contains(out, `--appenddirname "dest"`) {
			t.Errorf("%v: %s", args, out)
		}
		if got := contents(t, dest); got != c.want {
			t.Errorf("%v: %q, want %q", args, got, c.want)
		}
	}
	if _, _, err := admin("restore", dir, filepath.Join(t.TempDir(), "dest"), "--to-seq", "4"); err == nil || !strings.Contains(err.Error(), "ends at round 3") {
		t.Errorf("too far: %v", err)
	}
	for _, c := range [][]string{
		{"--to-seq", "0"}, {"--to-seq", "-1"}, {"--to-seq", "x"}, {"--to-seq", ""}, {"--to-time", "yesterday"},
		{"--to-seq", "1", "--to-time", "1970-01-01T00:00:00Z"},
	} {
		dest := filepath.Join(t.TempDir(), "dest")
		if out, _, err := admin(append([]string{"restore", dir, dest}, c...)...); err != cli.ErrUsage {
			t.Errorf("%v: %v\n%s", c, err, out)
		}
		if _, err := os.Stat(dest); err == nil {
			t.Errorf("%v: something was restored", c)
		}
	}
	// Before its first round there is nothing to restore, and the message names a time
	// that can be: the epoch is a time like any other.
	const first = "2025-11-30T17:01:00.000Z"
	for _, when := range []string{"1970-01-01T00:00:00Z", "2025-11-30T17:00:59.999Z"} {
		dest := filepath.Join(t.TempDir(), "dest")
		_, _, err := admin("restore", dir, dest, "--to-time", when)
		if err == nil || err.Error() != "the log begins with round 1, "+first+": there is nothing before" {
			t.Errorf("%s: %v", when, err)
		}
		if _, err := os.Stat(dest); err == nil {
			t.Errorf("%s: something was restored", when)
		}
	}
	dest := filepath.Join(t.TempDir(), "dest")
	if mustAdmin(t, "restore", dir, dest, "--to-time", first); contents(t, dest) != "one" {
		t.Errorf("at the time of the first round there was %q", contents(t, dest))
	}
	// A log that is empty is empty at any time.
	dest = filepath.Join(t.TempDir(), "dest")
	if mustAdmin(t, "restore", newLog(t), dest, "--to-time", first); contents(t, dest) != "" {
		t.Errorf("an empty log: %q", contents(t, dest))
	}
}
