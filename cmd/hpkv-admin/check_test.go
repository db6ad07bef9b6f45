package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hpkv/cmd/internal/cli"
)

func TestCheck(t *testing.T) {
	dir := newLog(t, "one", "two", "three")
	out := mustAdmin(t, "check", dir)
	if !strings.Contains(out, "3 records of") || !strings.Contains(out, "sound up to its end, round 3 of 2025-11-30T17:03:00.000Z") {
		t.Errorf("a sound log:\n%s", out)
	}
	at := spoil(t, dir, "two") - 20 // where the record begins
	out, _, err := admin("check", dir)
	if !errors.Is(err, cli.ErrFound) || !strings.Contains(out, fmt.Sprintf("0000000000000001.seg, offset %d, 23 bytes: the checksum does not match", at)) {
		t.Errorf("a damaged log: %v\n%s", err, out)
	}
}

// A server's dir stands for the one log below it, and where there is none that is
// said, not taken for damage.
func TestDirectories(t *testing.T) {
	dir := newLog(t, "one", "two")
	for _, args := range [][]string{{"check"}, {"dump"}, {"restore", "x"}, {"backup", "x"}, {"repair", "--cut"}} {
		args = append([]string{args[0], filepath.Dir(dir)}, args[1:]...)
		if last := len(args) - 1; args[last] == "x" {
			args[last] = filepath.Join(t.TempDir(), "dest")
		}
		_, errOut, err := admin(args...)
		if err != nil || !strings.Contains(errOut, "the log is in "+dir) {
			t.Errorf("%v: %v, %q", args, err, errOut)
		}
	}
	empty := t.TempDir()
	for _, command := range []string{"check", "dump"} {
		if _, _, err := admin(command, empty); err == nil || !strings.Contains(err.Error(), "there is no log in "+empty) {
			t.Errorf("%s of nothing: %v", command, err)
		}
	}
	server := t.TempDir()
	if err := os.WriteFile(filepath.Join(server, "dump.rdb"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(server, "appendonlydir")
	for _, c := range []struct{ to, want string }{ // what a link leads to
		{link, "there is no log in " + server + ", unless"}, // nowhere: it cannot be read
		{filepath.Join(server, "gone"), "there is no log in " + server},
		{dir, ""},
	} {
		if err := os.Symlink(c.to, link); err != nil {
			t.Fatal(err)
		}
		_, _, err := admin("check", server)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("with a link to %s: %v", c.to, err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "MANIFEST")); err != nil {
		t.Fatal(err)
	}
	if out, _, err := admin("check", filepath.Dir(dir)); !errors.Is(err, cli.ErrFound) || !strings.Contains(out, "no manifest") {
		t.Errorf("without its manifest: %v, %q", err, out)
	}
	if err := os.CopyFS(filepath.Join(filepath.Dir(dir), "other"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := admin("check", filepath.Dir(dir)); err == nil || !strings.Contains(err.Error(), "there are 2 logs below "+filepath.Dir(dir)) {
		t.Errorf("of two none is meant: %v", err)
	}
}
