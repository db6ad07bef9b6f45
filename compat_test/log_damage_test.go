package compat_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	compat "hpkv/compat_test"
)

// tree is the names and contents of a log's files.
func tree(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "log", "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%v: %v", names, err)
	}
	var all strings.Builder
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s: %d %q\n", name, len(b), bytes.TrimRight(b, "\x00"))
	}
	return all.String()
}

// TestDamagedLog: a server does not start on a damaged log and leaves it as it is;
// hpkv-admin tells what is wrong and makes it usable, keeping what it leaves out.
func TestDamagedLog(t *testing.T) {
	compat.NeedOurs(t)
	admin := filepath.Join(t.TempDir(), "hpkv-admin")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", admin, "hpkv/cmd/hpkv-admin").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const keys = 500
	flip := func(at int) func(b []byte) []byte {
		return func(b []byte) []byte { b[at] ^= 4; return b }
	}
	for _, c := range []struct {
		name, file string // a pattern; the first match is damaged
		change     func(b []byte) []byte
		survive    int // keys of the first run that a repair saves
	}{
		{"segment", "*.seg", flip(1000), keys - 10},
		{"header", "*.seg", flip(20), keys},
		{"missing segment", "*.seg", nil, 0},
		{"manifest", "MANIFEST", flip(30), keys},
		{"missing manifest", "MANIFEST", nil, keys},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := compat.StartOurs(t, logOf("log", "always")...)
			for run := range 2 { // a segment for each
				conn := dial(t, s)
				for i := range keys {
					if got := ask(t, conn, "SET", fmt.Sprint("run:", run, ":", i), "value"); got != "+OK" {
						t.Fatal(got)
					}
				}
				conn.Close()
				if err := s.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				<-s.Exited()
				if run == 0 {
					if err := s.Restart(); err != nil {
						t.Fatal(err)
					}
				}
			}
			names, _ := filepath.Glob(filepath.Join(s.Dir, "log", c.file))
			if len(names) == 0 {
				t.Fatal("no file")
			}
			damage(t, names[0], c.change)
			before := tree(t, s.Dir)
			refused(t, s.Dir, "hpkv-admin repair", filepath.Join(s.Dir, "log"))
			if tree(t, s.Dir) != before {
				t.Error("a refused start has changed the log")
			}
			out, _, code := compat.Run(admin, "", "check", filepath.Join(s.Dir, "log"))
			if code != 1 || !strings.Contains(out, filepath.Base(names[0])) {
				t.Errorf("check: exit %d, printed\n%s", code, out)
			}
			out, errs, code := compat.Run(admin, "", "repair", "--skip", filepath.Join(s.Dir, "log"))
			if code != 0 {
				t.Fatalf("repair: exit %d, printed\n%s%s", code, out, errs)
			}
			if err := s.Restart(); err != nil {
				t.Fatal(err)
			}
			conn := dial(t, s)
			for run, least := range []int{c.survive, keys} {
				n := 0
				for i := range keys {
					if ask(t, conn, "EXISTS", fmt.Sprint("run:", run, ":", i)) == ":1" {
						n++
					}
				}
				if n < least {
					t.Errorf("of run %d only %d keys are left, want %d or more", run, n, least)
				}
				t.Logf("of run %d %d keys are left", run, n)
			}
		})
	}
}

// damage changes a file, or removes it if change is nil.
func damage(t *testing.T, name string, change func(b []byte) []byte) {
	t.Helper()
	if change == nil {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, change(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
