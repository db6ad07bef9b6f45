package compat_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// forEachDriver runs a test with each of our connection drivers; a redis-server
// in our place has one.
func forEachDriver(t *testing.T, f func(t *testing.T, options []string)) {
	t.Helper()
	if compat.OurBinary(t).IsRedis {
		f(t, nil)
		return
	}
	for _, d := range []string{"epoll", "goroutine"} {
		t.Run(d, func(t *testing.T) { f(t, []string{"--io-driver", d}) })
	}
}

// setting reads one setting by CONFIG GET.
func setting(t *testing.T, s *compat.Server, name string) string {
	t.Helper()
	c, err := s.Dial(2)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n, err := c.Node("CONFIG", "GET", name)
	if err != nil || len(n.Elems) != 2 {
		t.Fatalf("CONFIG GET %s: %v %v", name, n, err)
	}
	return n.Elems[1].Text
}

func TestOptions(t *testing.T) {
	bin := compat.OurBinary(t)
	start := func(t *testing.T, file, stdin string, extra ...string) *compat.Server {
		t.Helper()
		s, err := compat.StartWithConfig("ours", bin, file, stdin, extra...)
		if err != nil {
			t.Fatal(err)
		}
		s.StopAfter(t)
		return s
	}
	want := func(t *testing.T, s *compat.Server, name, value string) {
		t.Helper()
		if got := setting(t, s, name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	text := "# a comment\n\nmaxclients 321\nTIMEOUT 99\ntcp-keepalive \"17\"\n"
	t.Run("command line", func(t *testing.T) {
		s := start(t, "", "", "--maxclients", "123", "--timeout", "77", "--databases", "3")
		want(t, s, "maxclients", "123")
		want(t, s, "timeout", "77")
		want(t, s, "databases", "3")
	})
	t.Run("file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "server.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := start(t, path, "", "--timeout", "98")
		want(t, s, "maxclients", "321")
		want(t, s, "tcp-keepalive", "17")
		want(t, s, "timeout", "98")
	})
	t.Run("stdin", func(t *testing.T) {
		s := start(t, "-", text)
		want(t, s, "maxclients", "321")
		want(t, s, "timeout", "99")
	})
}

// TestRefusals checks that what cannot work ends the server at once, with one
// line that names the trouble.
func TestRefusals(t *testing.T) {
	compat.NeedOurs(t)
	bin := compat.OurBinary(t).Path
	dir := t.TempDir()
	f := func(name string, mentions []string, stdin string, args ...string) {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := compat.Run(bin, stdin, args...)
			out := strings.TrimSpace(stdout + stderr)
			if code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			lines := strings.Split(out, "\n")
			last := lines[len(lines)-1]
			for _, m := range mentions {
				if !strings.Contains(last, m) {
					t.Errorf("does not mention %q", m)
				}
			}
			if strings.Contains(out, "goroutine ") || strings.Contains(out, "panic") {
				t.Error("shows a stack")
			}
			if t.Failed() {
				t.Logf("%q printed:\n%s", args, out)
			}
			t.Logf("says: %s", last)
			for _, a := range args {
				if strings.HasPrefix(a, "--nosuch") && len(lines) != 1 {
					t.Errorf("%d lines instead of one:\n%s", len(lines), out)
				}
			}
		})
	}
	f("unknown option", []string{"nosuchoption"}, "", "--nosuchoption", "1")
	f("bad value", []string{"maxclients"}, "", "--maxclients", "abc")
	f("value out of range", []string{"port"}, "", "--port", "70000")
	f("no value", []string{"maxclients"}, "", "--maxclients")
	f("unknown driver", []string{"io-driver"}, "", "--io-driver", "magic")
	f("no such file", []string{"nosuch.conf"}, "", filepath.Join(dir, "nosuch.conf"))
	bad := filepath.Join(dir, "bad.conf")
	if err := os.WriteFile(bad, []byte("maxclients 10\nnosuchsetting 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f("unknown setting in a file", []string{"nosuchsetting", "2"}, "", bad)
	f("unknown setting on stdin", []string{"nosuchsetting"}, "nosuchsetting 1\n", "-")
	f("missing directory", []string{"/nonexistent/dir"}, "", "--port", "0", "--dir", "/nonexistent/dir")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	f("port in use", []string{port, "in use"}, "", "--port", port, "--bind", "127.0.0.1", "--dir", dir)
	f("address of another machine", []string{"192.0.2.1"}, "", "--port", port, "--bind", "192.0.2.1", "--dir", dir)
}

func TestHelpAndVersion(t *testing.T) {
	bin := compat.OurBinary(t)
	for _, option := range []string{"--version", "--help"} {
		stdout, stderr, code := compat.Run(bin.Path, "", option)
		if code != 0 && !(bin.IsRedis && option == "--help") || stdout+stderr == "" {
			t.Errorf("%s: exit %d, printed %q %q", option, code, stdout, stderr)
		}
		if option == "--version" && !bin.IsRedis && len(strings.Split(strings.TrimSpace(stdout), "\n")) != 1 {
			t.Errorf("--version prints more than a line: %q", stdout)
		}
	}
}

// TestFewDescriptors starts the server where it cannot have the descriptors
// that its maxclients asks for: it must say so and serve fewer, or refuse.
func TestFewDescriptors(t *testing.T) {
	compat.NeedOurs(t)
	bin := compat.OurBinary(t)
	wrapper := filepath.Join(t.TempDir(), "limited")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\nulimit -n 128\nexec "+bin.Path+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	bin.Path = wrapper
	s, err := compat.Start("ours", bin, "--maxclients", "10000")
	said := ""
	if err != nil {
		said = err.Error()
	} else {
		s.StopAfter(t)
		said = s.Log()
	}
	if !strings.Contains(said, "descriptor") && !strings.Contains(said, "open files") {
		t.Errorf("the log says nothing of file descriptors:\n%s", said)
	}
}

func TestGracefulSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			forEachDriver(t, func(t *testing.T, options []string) {
				s := compat.StartOurs(t, options...)
				idle, err := s.Dial(2)
				if err != nil {
					t.Fatal(err)
				}
				defer idle.Close()
				if _, err := idle.Do("MULTI"); err != nil {
					t.Fatal(err)
				}
				if err := s.Signal(sig); err != nil {
					t.Fatal(err)
				}
				awaitExit(t, s, 0)
				if rest, err := idle.Drain(); err != nil || len(rest) > 0 {
					t.Errorf("the idle connection got %q, %v", rest, err)
				}
			})
		})
	}
}

func TestShutdownCommand(t *testing.T) {
	forEachDriver(t, func(t *testing.T, options []string) {
		for _, args := range [][]string{{"SHUTDOWN"}, {"SHUTDOWN", "NOSAVE"}, {"shutdown", "NOW", "FORCE"}} {
			s := compat.StartOurs(t, options...)
			c, err := s.Dial(2)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for _, bad := range [][]string{{"SHUTDOWN", "FOO"}, {"SHUTDOWN", "SAVE", "NOSAVE"}, {"SHUTDOWN", "ABORT"}} {
				if raw, err := c.Do(bad...); err != nil || raw[0] != '-' {
					t.Fatalf("%q: %q, %v", bad, raw, err)
				}
			}
			s.ExpectEnd()
			if err := c.Send(compat.AppendCommand(nil, args...)); err != nil {
				t.Fatal(err)
			}
			if rest, err := c.Drain(); err != nil || len(rest) > 0 {
				t.Errorf("%q answered %q, %v", args, rest, err)
			}
			awaitExit(t, s, 0)
		}
	})
}

func awaitExit(t *testing.T, s *compat.Server, code int) {
	t.Helper()
	select {
	case <-s.Exited():
		if got := s.ExitCode(); got != code {
			t.Errorf("exit code %d, want %d", got, code)
		}
	case <-time.After(2 * time.Minute): // there may be much to deliver
		t.Fatal("the server does not end")
	}
}
