package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"hpkv/resp"
	"hpkv/server/config"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hpkv-server-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "hpkv-server")
	code := 1
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// call runs the program to its end.
func call(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.Dir = t.TempDir()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte("timeout 5\n\nport x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := func(want, stdin string, args ...string) {
		t.Helper()
		stdout, stderr, code := call(t, stdin, args...)
		if code != 1 || stderr != "hpkv-server: "+want+"\n" || strings.Contains(stdout, "ready") {
			t.Errorf("%q: exit %d, stdout %q, stderr\n%swant\nhpkv-server: %s", args, code, stdout, stderr, want)
		}
	}
	f("unknown option --nope", "", "--nope", "1")
	f("option --port 99999: argument must be between 0 and 65535 inclusive", "", "--port", "99999")
	f("option --port: wrong number of arguments", "", "--port")
	f("argument 7777 belongs to no option; options begin with --", "", "-", "7777")
	f(file+":3: port x: argument couldn't be parsed into an integer", "", file, "--port", "7000")
	f("standard input:1: unknown setting nope", "nope", "-")
	f(`cannot read configuration file "none.conf": no such file or directory`, "", "none.conf")
	f("option --test-memory: this server has no memory test; use memtest86+ or memtester", "", "--test-memory", "64")
	f("option --check-system: this server has no system check; see --topology for what it found", "", "--check-system")
	f("option --cluster-enabled yes: cluster mode is not available", "", "--cluster-enabled", "yes")
	f("option --dir /nonexistent: No such file or directory", "", "--dir", "/nonexistent")
	f("cannot open the log file: open /nonexistent/log: no such file or directory", "", "--port", "0", "--logfile", "/nonexistent/log")
	f("cannot open the log file: open /nonexistent/log: no such file or directory", "", "--daemonize", "yes", "--port", "0", "--logfile", "/nonexistent/log")
	f("daemonize: settings on standard input can be read only once; use a file", "daemonize yes", "-")
	f("nothing to listen on: port is 0 or bind is empty, and there is no unixsocket", "", "--port", "0", "--loglevel", "warning", "--save", "")
}

func TestPortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	log := filepath.Join(t.TempDir(), "log")
	_, stderr, code := call(t, "", "--bind", "127.0.0.1", "--port", port, "--logfile", log)
	if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "already in use") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	// Nobody may be reading standard error: the log tells it too.
	if text, err := os.ReadFile(log); err != nil || !bytes.Contains(text, []byte("already in use")) {
		t.Errorf("log: %s, %v", text, err)
	}
}

func TestInformation(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		stdout, stderr, code := call(t, "", args...)
		if code != 0 || stderr != "" || !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("%q: exit %d, stderr %q, stdout\n%s", args, code, stderr, stdout)
		}
	}
	f(`^Usage: hpkv-server`, "--help")
	f(`^Usage: hpkv-server`, "-h")
	for _, arg := range []string{"-v", "--version"} {
		f(`^hpkv-server `+regexp.QuoteMeta(config.Version)+` \(compatible with Redis v=7\.2\.\d+\) go\S+ \w+/\w+.*\n$`, arg)
	}
	f(`(?i)worker`, "--topology", "--workers", "2")
}

// instance is a running server that said to its supervisor that it is ready.
type instance struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	notify *net.UnixConn
	socket string
}

func start(t *testing.T, args ...string) *instance {
	t.Helper()
	// Not t.TempDir: the path of a Unix socket must be short.
	dir, err := os.MkdirTemp("", "hpkv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	in := &instance{socket: filepath.Join(dir, "s")}
	in.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.notify.Close() })
	in.cmd = exec.Command(binary, append(args, "--unixsocket", in.socket, "--supervised", "systemd", "--daemonize", "no")...)
	in.cmd.Dir = dir
	in.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+in.notify.LocalAddr().String())
	in.cmd.Stdout, in.cmd.Stderr = &in.stdout, &in.stdout
	if err := in.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.cmd.Process.Kill() })
	if got := in.told(t); !strings.HasPrefix(got, "READY=1\n") {
		t.Fatalf("the supervisor was told %q; output: %s", got, in.stdout.String())
	}
	return in
}

// told waits for the next message to the supervisor.
func (in *instance) told(t *testing.T) string {
	t.Helper()
	in.notify.SetReadDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 4096)
	n, err := in.notify.Read(buf)
	if err != nil {
		in.cmd.Process.Kill()
		in.cmd.Wait()
		t.Fatalf("%v; output: %s", err, in.stdout.String())
	}
	return string(buf[:n])
}

func (in *instance) dial(t *testing.T) *resp.Client {
	t.Helper()
	c, err := resp.Dial("unix", in.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// stop ends the server with a signal and returns its output.
func (in *instance) stop(t *testing.T, signal os.Signal) string {
	t.Helper()
	if err := in.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if got := in.told(t); got != "STOPPING=1" {
		t.Errorf("the supervisor was told %q", got)
	}
	if err := in.cmd.Wait(); err != nil {
		t.Errorf("%v; output: %s", err, in.stdout.String())
	}
	return in.stdout.String()
}

// Debian's configuration file, started as Debian's service unit does it: its
// settings as we keep them, and the file of this machine if there is one.
func TestStockConfiguration(t *testing.T) {
	for _, path := range []string{filepath.Join("..", "..", "server", "config", "testdata", "debian-12-redis.conf"), "/etc/redis/redis.conf"} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil && filepath.IsAbs(path) {
				t.Skipf("skipped: %v", err)
			} else if err != nil {
				t.Fatal(err)
			}
			startStock(t, string(text))
		})
	}
}

func startStock(t *testing.T, text string) {
	dir := t.TempDir()
	conf := strings.NewReplacer("dir /var/lib/redis", "dir "+dir, "/var/log/redis/", dir+"/", "/run/redis/", dir+"/", "port 6379", "port 0").Replace(text)
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	in := start(t, file)
	c := in.dial(t)
	if v, err := c.Do("PING"); err != nil || v.Text() != "PONG" {
		t.Errorf("PING: %v, %v", v, err)
	}
	if pid, err := os.ReadFile(filepath.Join(dir, "redis-server.pid")); err != nil || string(pid) != fmt.Sprintln(in.cmd.Process.Pid) {
		t.Errorf("pid file: %q, %v", pid, err)
	}
	out := in.stop(t, syscall.SIGTERM)
	if out != "" {
		t.Errorf("output beside the log file: %s", out)
	}
	if _, err := os.Stat(filepath.Join(dir, "redis-server.pid")); !os.IsNotExist(err) {
		t.Errorf("pid file after the end: %v", err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "redis-server.log"))
	if err != nil || !bytes.Contains(log, []byte(`"message":"hpkv-server is starting"`)) || !bytes.Contains(log, []byte("signal")) {
		t.Errorf("log: %s, %v", log, err)
	}
}

func TestRunTimeSettings(t *testing.T) {
	in := start(t, "--port", "0", "--enable-protected-configs", "local")
	c, dir := in.dial(t), t.TempDir()
	do := func(want string, args ...any) {
		t.Helper()
		if v, err := c.Do(args...); err != nil || v.Text() != want {
			t.Errorf("%q: %v, %v", args, v, err)
		}
	}
	do("OK", "CONFIG", "SET", "dir", dir, "loglevel", "warning")
	do("ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or directory",
		"CONFIG", "SET", "loglevel", "notice", "dir", "/nonexistent")
	if got, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", in.cmd.Process.Pid)); err == nil && got != dir {
		t.Errorf("working directory %s, want %s", got, dir)
	}
	out := in.stop(t, os.Interrupt)
	if !strings.Contains(out, "is starting") || strings.Contains(out, "stopping") {
		t.Errorf("log at loglevel notice, then warning:\n%s", out)
	}
}

// Who comes and goes is of interest at loglevel verbose, as in Redis.
func TestVerboseLog(t *testing.T) {
	in := start(t, "--port", "0", "--loglevel", "verbose")
	named := func(level string) {
		t.Helper()
		c := in.dial(t)
		for _, args := range [][]any{{"CONFIG", "SET", "loglevel", level}, {"CLIENT", "SETNAME", level}} {
			if v, err := c.Do(args...); err != nil || v.Text() != "OK" {
				t.Errorf("%q: %v, %v", args, v, err)
			}
		}
		if v, err := c.Do("QUIT"); err != nil || v.Text() != "OK" {
			t.Errorf("QUIT: %v, %v", v, err)
		}
		if _, err := c.Receive(); err == nil {
			t.Error("an answer after QUIT")
		}
	}
	named("debug")
	named("notice")
	named("notice")
	out := in.stop(t, os.Interrupt)
	if come, gone := strings.Count(out, "client connected"), strings.Count(out, "client has gone"); come != 2 || gone != 1 {
		t.Errorf("%d clients came and %d went by the log:\n%s", come, gone, out)
	}
}

// timeout(1) and make send their signal twice: the server still ends gracefully.
func TestDoubledSignal(t *testing.T) {
	for attempt := 1; ; attempt++ {
		in := start(t, "--port", "0")
		if v, err := in.dial(t).Do("PING"); err != nil || v.Text() != "PONG" { // it ends the connection with care: that takes a while
			t.Fatal(v, err)
		}
		if err := in.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		in.told(t) // it has seen the first
		if err := in.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		err := in.cmd.Wait()
		if err == nil && strings.Contains(in.stdout.String(), "bye") {
			return
		}
		// Where the machine stands still in between, the second signal is one that
		// somebody has sent later because the first did not help.
		if attempt == 5 {
			t.Fatalf("it did not end gracefully: %v\n%s", err, in.stdout.String())
		}
	}
}

// Signals that ask for nothing the server does leave it alone.
func TestHarmlessSignals(t *testing.T) {
	in := start(t, "--port", "0")
	c := in.dial(t)
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE} {
		if err := in.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if v, err := c.Do("PING"); err != nil || v.Text() != "PONG" {
			t.Errorf("after %v: %v, %v", sig, v, err)
		}
	}
	in.stop(t, syscall.SIGTERM)
}

// Log rotators rename the file and expect a new one.
func TestLogFileIsReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := openLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	write := func(s string) {
		t.Helper()
		if _, err := l.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	write("one\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write("two\n")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write("three\n")
	for name, want := range map[string]string{path + ".1": "one\n", path: "three\n"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The first process ends when the one in the background can be used.
func TestDaemonize(t *testing.T) {
	dir, err := os.MkdirTemp("", "hpkv") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, pidFile, log := filepath.Join(dir, "s"), filepath.Join(dir, "pid"), filepath.Join(dir, "log")
	stdout, stderr, code := call(t, "", "--daemonize", "yes", "--port", "0", "--save", "", "--unixsocket", socket, "--pidfile", pidFile, "--logfile", log)
	if code != 0 || stdout != "" || stderr != "" {
		t.Fatalf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	c, err := resp.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	v, err := c.Do("INFO", "server")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(pidFile)
	if err != nil || !strings.Contains(v.Text(), "\r\nprocess_id:"+strings.TrimSpace(string(pid))+"\r\n") {
		t.Errorf("pid file %q, %v; %s", pid, err, v.Text())
	}
	_, _ = c.Do("SHUTDOWN", "NOSAVE") // it answers by closing
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; {
		if _, err := os.Stat(pidFile); os.IsNotExist(err) {
			break
		} else if time.Now().After(deadline) {
			t.Fatal("the server in the background does not end")
		}
		<-tick.C
	}
}
