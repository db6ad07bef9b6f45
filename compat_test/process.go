package compat

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// startTimeout bounds the time from exec to the first accepted connection.
	startTimeout = time.Minute
	// stopTimeout bounds a graceful end after SIGTERM.
	stopTimeout = time.Minute
)

// Server is one server process that the suite started.
type Server struct {
	Name string // "ours" or "reference", for messages
	Addr string // host:port
	Dir  string // working directory, holds the log
	PID  int

	bin     Binary
	cmd     *exec.Cmd
	stdin   string // configuration read from standard input, or ""
	logPath string
	exited  chan struct{} // closed once the process was waited for
	waitErr error         // valid after exited
	stopped bool          // the suite asked for the end
}

// Start runs a binary with the suite's standing options (own port, loopback, a
// temporary directory, nothing persisted) followed by extra ones, and returns
// when it accepts connections.
func Start(name string, bin Binary, extra ...string) (*Server, error) {
	return StartWithConfig(name, bin, "", "", extra...)
}

// StartWithConfig is Start with a configuration file given before all options;
// "-" reads the configuration from stdin, which gets the text.
func StartWithConfig(name string, bin Binary, file, stdin string, extra ...string) (*Server, error) {
	// Another process may take the free port between our look and the
	// server's bind; a fresh port is tried then.
	var last error
	for range 3 {
		s, err := startOnce(name, bin, file, stdin, extra)
		if err == nil {
			return s, nil
		}
		last = err
		if !strings.Contains(strings.ToLower(err.Error()), "in use") {
			break
		}
	}
	return nil, last
}

func startOnce(name string, bin Binary, file, stdin string, extra []string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "hpkv-compat-")
	if err != nil {
		return nil, err
	}
	args := []string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"}
	if bin.IsRedis {
		args = append(args, "--enable-debug-command", "yes")
	}
	if file != "" {
		args = append([]string{file}, args...)
	}
	args = append(args, bin.Options...)
	args = append(args, extra...)
	s := &Server{stdin: stdin, Name: name, Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Dir: dir, bin: bin}
	if err := s.exec(args); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := s.awaitReady(); err != nil {
		log := s.Log()
		s.Kill()
		return nil, fmt.Errorf("%s (%s %s): %w\n%s", name, bin.Path, strings.Join(args, " "), err, log)
	}
	return s, nil
}

func (s *Server) exec(args []string) error {
	s.logPath = filepath.Join(s.Dir, "server.log")
	out, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	s.cmd = exec.Command(s.bin.Path, args...)
	s.cmd.Dir = s.Dir
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if s.stdin != "" {
		s.cmd.Stdin = strings.NewReader(s.stdin)
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.PID = s.cmd.Process.Pid
	s.exited = make(chan struct{})
	s.stopped = false
	go func() {
		s.waitErr = s.cmd.Wait()
		close(s.exited)
	}()
	return nil
}

// awaitReady connects until the server answers PING. A password or a client
// limit may make it answer with an error: it is up all the same.
func (s *Server) awaitReady() error {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := Dial("tcp", s.Addr, 2); err == nil {
			raw, err := c.Do("PING")
			c.Close()
			if err == nil && !bytes.HasPrefix(raw, []byte("-LOADING")) && s.Alive() { // else another server has the port
				return nil
			}
		}
		select {
		case <-s.exited:
			return fmt.Errorf("ended before it was ready: %v", s.waitErr)
		case <-deadline.C:
			return errors.New("not ready in time")
		case <-tick.C:
		}
	}
}

// Restart ends the process and runs it again on the same port with the same
// options.
func (s *Server) Restart() error {
	if err := s.terminate(); err != nil {
		return err
	}
	if err := s.exec(s.cmd.Args[1:]); err != nil {
		return err
	}
	return s.awaitReady()
}

// Launch runs the ended process again as Restart does, without waiting until it
// is ready.
func (s *Server) Launch() error { return s.exec(s.cmd.Args[1:]) }

// Signal sends a signal to the process and marks its end as wanted.
func (s *Server) Signal(sig syscall.Signal) error {
	s.stopped = true
	return s.cmd.Process.Signal(sig)
}

// Exited is closed when the process is gone.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// ExitCode is the exit status, or -1 while the process runs or after a signal.
func (s *Server) ExitCode() int {
	select {
	case <-s.exited:
		return s.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// Alive reports whether the process still runs.
func (s *Server) Alive() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

func (s *Server) terminate() error {
	if s.Alive() {
		if err := s.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	select {
	case <-s.exited:
		return nil
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Kill()
		<-s.exited
		return fmt.Errorf("%s did not end within %v of SIGTERM", s.Name, stopTimeout)
	}
}

// Stop ends the process gracefully, removes its directory and reports what a
// sound run does not show: an end nobody asked for, a late end, a panic in the
// log.
func (s *Server) Stop() error {
	err := s.Health()
	if terr := s.terminate(); err == nil {
		err = terr
	}
	if err == nil {
		err = s.Health()
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, s.Log())
	}
	os.RemoveAll(s.Dir)
	return err
}

// Kill ends the process at once.
func (s *Server) Kill() {
	s.stopped = true
	if s.Alive() {
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	os.RemoveAll(s.Dir)
}

// panicMarks are what a Go program prints when it fails, whether or not it
// recovered from it.
var panicMarks = []string{"panic", "fatal error:", "goroutine 1 [", "DATA RACE", "unexpected fault address"}

// Health returns an error when the process ended by itself or when its log
// shows a panic.
func (s *Server) Health() error {
	if !s.Alive() && !s.stopped {
		return fmt.Errorf("%s ended by itself: %v", s.Name, s.waitErr)
	}
	log := s.Log()
	for _, mark := range panicMarks {
		if strings.Contains(log, mark) {
			return fmt.Errorf("the log of %s shows %q", s.Name, mark)
		}
	}
	return nil
}

// logTailBytes is how much of a log is kept in a failure message.
const logTailBytes = 16 << 10

// Log returns the end of what the process printed.
func (s *Server) Log() string {
	b, err := os.ReadFile(s.logPath)
	if err != nil {
		return ""
	}
	if len(b) > logTailBytes {
		b = b[len(b)-logTailBytes:]
	}
	return string(b)
}

// Dial opens a raw connection to the server.
func (s *Server) Dial(proto int) (*Conn, error) { return Dial("tcp", s.Addr, proto) }

// StartOurs starts the binary under test for one test and ends it with it.
func StartOurs(t testing.TB, extra ...string) *Server {
	t.Helper()
	s, err := Start("ours", OurBinary(t), extra...)
	if err != nil {
		t.Fatal(err)
	}
	s.StopAfter(t)
	return s
}

// StopAfter ends the server with the test, shows its log if the test failed,
// and fails the test if the server was not well.
func (s *Server) StopAfter(t testing.TB) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of %s:\n%s", s.Name, s.Log())
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// runTimeout bounds a command that is expected to end by itself.
const runTimeout = 2 * time.Minute

// Run runs a binary until it ends by itself and returns what it printed and
// its exit code, -1 if it had to be killed.
func Run(path, stdin string, args ...string) (stdout, stderr string, code int) {
	cmd := exec.Command(path, args...)
	var out, errs bytes.Buffer
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		return "", err.Error(), -1
	}
	kill := time.AfterFunc(runTimeout, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	_ = cmd.Wait()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// FreePort returns a TCP port that was free a moment ago. It is below those
// that systems deal out by themselves: no connection that another test makes
// meanwhile can be given it.
func FreePort() (int, error) {
	for {
		port := 10_000 + rand.IntN(20_000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return 0, err
		}
		return port, l.Close()
	}
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// ExpectEnd says that the process is about to end for a reason of the test's.
func (s *Server) ExpectEnd() { s.stopped = true }
