package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// startLimit bounds how long a server may take until it answers PING, and
// stopLimit how long it may take to end before it is killed. Both are far above
// what an empty server needs on a busy machine.
const (
	startLimit = 20 * time.Second
	stopLimit  = 5 * time.Second
)

// Process is a running server. Its methods are for one goroutine, except
// Exited.
type Process struct {
	Name string
	Port int
	Addr string   // host:port
	Line []string // the command line it runs with

	cmd    *exec.Cmd
	cpus   []int
	dir    string
	log    string        // file that holds its output
	done   chan struct{} // closed when the process was reaped
	ended  atomic.Pointer[error]
	paused bool
}

// Start starts a server on the given processors (none: wherever the system
// likes) and waits until it answers PING.
func Start(ctx context.Context, s Spec, cpus []int) (*Process, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(s.Parent, "hpkv-bench-")
	if err != nil {
		return nil, err
	}
	p := &Process{
		Name: s.Name, Port: port, Addr: fmt.Sprintf("127.0.0.1:%d", port),
		Line: s.Args(port, dir), cpus: cpus, dir: dir, log: filepath.Join(dir, "output.log"),
	}
	if err := p.launch(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := p.waitReady(ctx, startLimit); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

func (p *Process) launch() error {
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd, done := exec.Command(p.Line[0], p.Line[1:]...), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	if err := OnCPUs(p.cpus, cmd.Start); err != nil {
		return fmt.Errorf("cannot start %s: %w", p.Name, err)
	}
	p.cmd, p.done, p.paused = cmd, done, false
	p.ended.Store(nil)
	go func() {
		err := cmd.Wait()
		p.ended.Store(&err)
		close(done)
	}()
	return nil
}

// Restart ends the process, by force if kill is set, and starts it again on
// its files. ready is the time from the start until it answered PING; it and
// the end may each take limit.
func (p *Process) Restart(ctx context.Context, kill bool, limit time.Duration) (ready time.Duration, err error) {
	if kill {
		p.cmd.Process.Kill()
	} else {
		p.cmd.Process.Signal(syscall.SIGTERM)
	}
	p.Resume()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		return 0, fmt.Errorf("server %s has not ended in %s", p.Name, limit)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	start := time.Now()
	if err := p.launch(); err != nil {
		return 0, err
	}
	err = p.waitReady(ctx, limit)
	return time.Since(start), err
}

// waitReady dials until PING is answered: a listening socket alone may belong
// to a server that is still loading.
func (p *Process) waitReady(ctx context.Context, limit time.Duration) error {
	fail := func(err error) error {
		return fmt.Errorf("server %s (%s): %w%s", p.Name, strings.Join(p.Line, " "), err, p.output())
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		last := ping(p.Addr, time.Second)
		if last == nil {
			return nil
		}
		select {
		case <-p.done:
			return fail(fmt.Errorf("ended before it answered: %v", endState(p.cmd)))
		case <-ctx.Done():
			return fail(fmt.Errorf("no answer to PING: %v (%w)", last, ctx.Err()))
		case <-retry.C:
		}
	}
}

// Exited tells whether the process has ended by itself or by Stop.
func (p *Process) Exited() bool { return p.ended.Load() != nil }

// Dir is the directory of the server's files.
func (p *Process) Dir() string { return p.dir }

// Pid is the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Pause stops the process so that it uses no processor time until Resume.
func (p *Process) Pause() error {
	if p.paused {
		return nil
	}
	p.paused = true
	return p.cmd.Process.Signal(syscall.SIGSTOP)
}

// Resume continues a paused process.
func (p *Process) Resume() error {
	if !p.paused {
		return nil
	}
	p.paused = false
	return p.cmd.Process.Signal(syscall.SIGCONT)
}

// Stop ends the process, by force if it does not end when asked to, and
// removes its files. It may be called again.
func (p *Process) Stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.Resume()
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-p.done:
	case <-limit.C:
		p.cmd.Process.Kill()
		<-p.done
	}
	os.RemoveAll(p.dir)
}

// output returns the end of what the server printed, for error messages.
func (p *Process) output() string {
	const shown = 1000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return ""
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return ""
	}
	if len(text) > shown {
		text = text[len(text)-shown:]
	}
	return "\n" + string(text)
}

func endState(cmd *exec.Cmd) string {
	if cmd.ProcessState == nil {
		return "unknown state"
	}
	return cmd.ProcessState.String()
}

// Version returns the first line of what "PROGRAM --version" prints.
func (s Spec) Version(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, s.Command[0], "--version").Output()
	if err != nil {
		return "version unknown"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// FreePort returns a port that is free now, below those that the system deals
// out by itself. Another process can take it before the server does; the server
// then ends and Start says so.
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

// ping has a server answer PING within the limit.
func ping(addr string, limit time.Duration) error {
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(limit))
	if _, err := c.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return err
	}
	var reply [7]byte
	n, err := c.Read(reply[:])
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(reply[:n], []byte("+PONG")) {
		return errors.New("PING was answered with " + string(reply[:n]))
	}
	return nil
}
