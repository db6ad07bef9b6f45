package compat_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// What the real server does when its disk fails it. package persist has the same
// and more against a file system in memory.

// startWrapped starts the server by a shell command that ends in exec "$@", with
// what precedes it there.
func startWrapped(t *testing.T, script string, options ...string) *compat.Server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wrapped")
	text := fmt.Sprintf("#!/bin/sh\nset -- '%s' \"$@\"\n%s\n", compat.OurBinary(t).Path, script)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := compat.Start("ours", compat.Binary{Path: path, Options: compat.OurBinary(t).Options}, options...)
	if err != nil {
		t.Fatal(err)
	}
	s.StopAfter(t)
	return s
}

// needMounts skips a test where a process may not have file systems of its own.
func needMounts(t *testing.T) {
	if out, err := exec.Command(tool(t, "unshare"), "-Urm", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("no file system of one's own here: %v: %s", err, out)
	}
}

// needTracing skips a test where a process may not trace another.
func needTracing(t *testing.T) {
	if out, err := exec.Command(tool(t, "strace"), "-f", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("no tracing here: %v: %s", err, out)
	}
}

// logOf are options for a server with a log in a directory of the name below its own.
func logOf(name, policy string) []string {
	return []string{"--appendonly", "yes", "--appenddirname", name, "--appendfsync", policy}
}

// ask sends a command and returns the reply as it came, without its last line end.
func ask(t *testing.T, c *compat.Conn, args ...string) string {
	t.Helper()
	raw, err := c.Do(args...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return strings.TrimSuffix(string(raw), "\r\n")
}

// await repeats a command until its reply is as wanted.
func await(t *testing.T, c *compat.Conn, ok func(reply string) bool, args ...string) (reply string) {
	t.Helper()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		if reply = ask(t, c, args...); ok(reply) {
			return reply
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%q still gives %q", args, reply)
		}
	}
}

func isMisconf(reply string) bool { return strings.HasPrefix(reply, "-MISCONF ") }
func isOK(reply string) bool      { return reply == "+OK" }

// filler sets one key after the other on a connection of its own.
type filler struct {
	stop    atomic.Bool
	done    chan struct{} // closed when it has ended
	acked   int           // valid then
	refusal string        // likewise: the last reply, if it was another one than OK
}

func startFiller(t *testing.T, s *compat.Server, size int) *filler {
	c, f := dial(t, s), &filler{done: make(chan struct{})}
	value := strings.Repeat("v", size)
	go func() { // ends with stop, a refusal, or the connection
		defer close(f.done)
		for !f.stop.Load() {
			raw, err := c.Do("SET", fmt.Sprint("key:", f.acked), value)
			if err != nil {
				return
			}
			if string(raw) != "+OK\r\n" {
				f.refusal = string(raw)
				return
			}
			f.acked++
		}
	}()
	return f
}

// stillThere checks that the keys that a filler was told are set can be read.
func stillThere(t *testing.T, c *compat.Conn, acked int) {
	t.Helper()
	for i := range acked {
		if got := ask(t, c, "EXISTS", fmt.Sprint("key:", i)); got != ":1" {
			t.Fatalf("of %d acknowledged keys key:%d gives %s", acked, i, got)
		}
	}
}

// TestRealDiskFull: on a full disk changes are refused and reads served; when there is
// room again changes go on by themselves, and nothing acknowledged is lost.
func TestRealDiskFull(t *testing.T) {
	compat.NeedOurs(t)
	needMounts(t)
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			disk := t.TempDir()
			s := startWrapped(t, fmt.Sprintf(`exec unshare -Urm sh -c 'mount -t tmpfs -o size=4m none "$0" && head -c 3m /dev/zero > "$0/ballast" && exec "$@"' '%s' "$@"`, disk),
				append(logOf("log", policy), "--dir", disk, "--enable-debug-command", "yes")...)
			c := dial(t, s)
			f := startFiller(t, s, 4<<10)
			await(t, c, func(reply string) bool { return strings.Contains(reply, "aof_last_write_status:err") }, "INFO", "persistence")
			if got := ask(t, c, "SET", "more", "1"); !isMisconf(got) || !strings.Contains(got, "No space left on device") {
				t.Errorf("the refusal says %q", got)
			}
			if got := ask(t, c, "EXISTS", "key:0"); got != ":1" {
				t.Errorf("a read: %q", got)
			}
			f.stop.Store(true) // with always it waits for its last reply, which must come yet
			// The disk belongs to the server's own tree of mounts.
			if err := os.Remove(filepath.Join("/proc", strconv.Itoa(s.PID), "root", disk, "ballast")); err != nil {
				t.Fatal(err)
			}
			await(t, c, isOK, "SET", "resumed", "1")
			await(t, c, func(reply string) bool { return strings.Contains(reply, "aof_last_write_status:ok") }, "INFO", "persistence")
			<-f.done
			if policy == "always" && f.refusal != "" {
				t.Errorf("the change that met the full disk got %q", f.refusal)
			}
			if got := ask(t, c, "DEBUG", "LOADAOF"); got != "+OK" { // from the disk, within the same tree
				t.Fatal(got)
			}
			stillThere(t, c, f.acked)
			if got := ask(t, c, "GET", "resumed"); got != "$1\r\n1" {
				t.Errorf("after loading again: %q", got)
			}
		})
	}
}

// TestSignalsOnFullDisk: a signal does not end a server that has acknowledged what it
// cannot save, as it does not end redis-server, unless the settings have it end without
// saving.
func TestSignalsOnFullDisk(t *testing.T) {
	compat.NeedOurs(t)
	needMounts(t)
	disk := t.TempDir()
	s := startWrapped(t, fmt.Sprintf(`exec unshare -Urm sh -c 'mount -t tmpfs -o size=4m none "$0" && head -c 3m /dev/zero > "$0/ballast" && exec "$@"' '%s' "$@"`, disk),
		append(logOf("log", "everysec"), "--dir", disk)...)
	c := dial(t, s)
	f := startFiller(t, s, 4<<10)
	await(t, c, func(reply string) bool { return strings.Contains(reply, "aof_last_write_status:err") }, "INFO", "persistence")
	f.stop.Store(true)
	<-f.done
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGTERM} {
		refusals := strings.Count(s.Log(), "the signal is without effect")
		if err := s.Signal(sig); err != nil {
			t.Fatal(err)
		}
		await(t, c, func(string) bool { return strings.Count(s.Log(), "the signal is without effect") > refusals }, "PING")
	}
	stillThere(t, c, f.acked)
	if got := ask(t, c, "CONFIG", "SET", "shutdown-on-sigint", "nosave"); got != "+OK" {
		t.Fatal(got)
	}
	if err := s.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Exited():
	case <-time.After(time.Minute):
		t.Error("it goes on although it need not save")
	}
}

// TestDiskErrors: after a write or a sync that failed once nothing is written any more,
// although the next would succeed: what the disk has is not known. A new start goes on
// with all that was acknowledged.
func TestDiskErrors(t *testing.T) {
	compat.NeedOurs(t)
	needTracing(t)
	for _, call := range []string{"pwrite64", "fdatasync"} {
		t.Run(call, func(t *testing.T) {
			// The tracer counts the calls of each thread by itself. The start makes fewer.
			s := startWrapped(t, fmt.Sprintf(`exec strace -D -f -o /dev/null -e trace=%s -e inject=%s:error=EIO:when=20 "$@"`, call, call),
				append(logOf("log", "always"), "--workers", "1")...)
			c := dial(t, s)
			acked := 0
			var refusal string
			for ; acked < 10_000; acked++ {
				raw, err := c.Do("SET", fmt.Sprint("key:", acked), "v")
				if err != nil { // its change will never be durable: it is not told anything
					break
				}
				if refusal = string(raw); raw[0] == '-' {
					break
				}
			}
			if acked == 0 || acked == 10_000 {
				t.Fatalf("%d changes were acknowledged: %q", acked, refusal)
			}
			c = dial(t, s)
			refusal = await(t, c, isMisconf, "SET", "more", "1")
			if !strings.Contains(refusal, "Input/output error") {
				t.Errorf("the refusal says %q", refusal)
			}
			stillThere(t, c, acked)
			for range 50 { // no later success makes it go on
				if got := ask(t, c, "SET", "more", "1"); !isMisconf(got) {
					t.Fatalf("a change after the failure: %q", got)
				}
			}
			again := restartPlainly(t, s)
			stillThere(t, again, acked)
			if got := ask(t, again, "GET", "more"); got != "$-1" {
				t.Errorf("a refused change is there: %q", got)
			}
			if got := ask(t, again, "SET", "more", "1"); got != "+OK" {
				t.Errorf("after a new start: %q", got)
			}
		})
	}
}

// restartPlainly kills a wrapped server and starts one without the wrapper on its log.
func restartPlainly(t *testing.T, s *compat.Server) *compat.Conn {
	t.Helper()
	if err := s.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Exited()
	return dial(t, compat.StartOurs(t, append(logOf("log", "always"), "--dir", s.Dir)...))
}

// TestDirectoryRemoved: a log whose directory is taken away under it stops, and so do
// changes; reads go on.
func TestDirectoryRemoved(t *testing.T) {
	compat.NeedOurs(t)
	s := compat.StartOurs(t, logOf("log", "everysec")...)
	c := dial(t, s)
	if got := ask(t, c, "SET", "k", "v"); got != "+OK" {
		t.Fatal(got)
	}
	if err := os.RemoveAll(filepath.Join(s.Dir, "log")); err != nil {
		t.Fatal(err)
	}
	await(t, c, isMisconf, "SET", "k", "w") // noticed within a second
	if got := ask(t, c, "EXISTS", "k"); got != ":1" {
		t.Errorf("a read: %q", got)
	}
	s.ExpectEnd()
	if _, err := c.Do("SHUTDOWN", "NOSAVE"); err == nil { // a signal would not end it
		t.Error("SHUTDOWN NOSAVE has an answer")
	}
	<-s.Exited()
}

// refused runs the server where it must not start, and returns what it said.
func refused(t *testing.T, dir string, mentions ...string) {
	t.Helper()
	port, err := compat.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	args := append(logOf("log", "always"), "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir)
	stdout, stderr, code := compat.Run(compat.OurBinary(t).Path, "", args...)
	out := stdout + stderr
	if code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	for _, m := range mentions {
		if !strings.Contains(out, m) {
			t.Errorf("does not mention %q", m)
		}
	}
	if t.Failed() {
		t.Fatalf("it printed:\n%s", out)
	}
}

// TestTwoServers: a second server on a directory does not start and does no harm.
func TestTwoServers(t *testing.T) {
	compat.NeedOurs(t)
	s := compat.StartOurs(t, logOf("log", "always")...)
	c := dial(t, s)
	ask(t, c, "SET", "k", "v")
	refused(t, s.Dir, filepath.Join(s.Dir, "log"), "in use")
	if got := ask(t, c, "SET", "k", "w"); got != "+OK" {
		t.Fatal(got)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, dial(t, s), "GET", "k"); got != "$1\r\nw" {
		t.Errorf("after a restart: %q", got)
	}
}

// TestReadOnlyDirectory: the server does not start on a directory it cannot write.
func TestReadOnlyDirectory(t *testing.T) {
	compat.NeedOurs(t)
	needMounts(t)
	s := compat.StartOurs(t, logOf("log", "always")...)
	ask(t, dial(t, s), "SET", "k", "v")
	if err := s.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.Exited()
	before := tree(t, s.Dir)
	port, err := compat.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-Urm", "sh", "-c", `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"`, s.Dir, compat.OurBinary(t).Path,
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", s.Dir}, logOf("log", "always")...)
	stdout, stderr, code := compat.Run(tool(t, "unshare"), "", args...)
	if out := stdout + stderr; code != 1 || !strings.Contains(out, "read-only file system") {
		t.Errorf("exit %d, printed\n%s", code, out)
	}
	if tree(t, s.Dir) != before {
		t.Error("the directory has changed")
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, dial(t, s), "GET", "k"); got != "$1\r\nv" {
		t.Errorf("after a restart: %q", got)
	}
}
