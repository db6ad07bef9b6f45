package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"hpkv/engine"
	"hpkv/server/command"
	"hpkv/server/config"
	"hpkv/server/journal"
)

// patience bounds every wait of the tests; only a failing test uses it up.
const patience = 60 * time.Second

// drivers are what the suite runs with on this platform.
func drivers() []string {
	if runtime.GOOS == "linux" {
		return []string{"epoll", "goroutine"}
	}
	return []string{"goroutine"}
}

// eachDriver runs a test with every driver.
func eachDriver(t *testing.T, f func(t *testing.T, driver string)) {
	for _, d := range drivers() {
		t.Run(d, func(t *testing.T) { f(t, d) })
	}
}

// instance is a running server under test.
type instance struct {
	*Server
	t     *testing.T
	addr  string
	ports map[string]int // by setting, as asked for in setup
	log   *logBuffer
	ready chan struct{} // closed when the data are loaded
	stop  func()        // stops it and waits; also called by the test's end
}

// logBuffer collects the log of a server while it runs.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

type setup struct {
	driver   string
	settings []string // as on the command line
	ports    []string // settings that take a port: each gets one that is free
	clock    engine.Clock
	rows     []command.Row
	file     string // configuration file the settings come from
	fails    string // what Run's error must contain; "" for none
	tuneLog  func(*journal.Options)
}

// start runs a server on a free port with two workers.
func start(t *testing.T, o setup) *instance {
	t.Helper()
	var options []string
	if o.file != "" {
		options = append(options, o.file)
	}
	options = append(options, []string{"--port", "0", "--workers", "2", "--shards", "16", "--pin", "no", "--io-driver", o.driver, "--maxclients", "4000", "--appendonly", "no", "--shutdown-timeout", "50"}...)
	options = append(options, o.settings...)
	in := &instance{t: t, log: new(logBuffer), ready: make(chan struct{})}
	for in.Server == nil {
		in.ports = map[string]int{}
		given := options
		for _, name := range o.ports {
			in.ports[name] = freePort(t)
			given = append(given, "--"+name, fmt.Sprint(in.ports[name]))
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Options{
			Ready:  func() { close(in.ready) },
			Config: parse(t, given...), ConfigFile: o.file, Listeners: []net.Listener{ln}, Clock: o.clock, rows: o.rows, tuneLog: o.tuneLog,
			Log: zerolog.New(in.log),
		})
		if err == nil {
			in.Server, in.addr = s, ln.Addr().String()
			break
		}
		ln.Close()
		if len(o.ports) == 0 || !strings.Contains(err.Error(), "already in use") { // else another program was quicker
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	procs := runtime.GOMAXPROCS(0)
	go func() { done <- in.Run(ctx) }()
	stopped := false
	in.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if got := fmt.Sprint(err); err != nil && o.fails == "" || !strings.Contains(got, o.fails) {
				t.Errorf("Run: %v, want %q", err, o.fails)
			}
		case <-time.After(patience):
			buf := make([]byte, 1<<20)
			t.Fatalf("the server does not stop:\n%s", buf[:runtime.Stack(buf, true)])
		}
		runtime.GOMAXPROCS(procs)
	}
	t.Cleanup(func() {
		in.stop()
		if t.Failed() {
			t.Logf("log:\n%s", in.log)
		}
	})
	return in
}

// freePort is a port that nobody listens on at this moment, below those that the
// system deals out by itself.
func freePort(t *testing.T) int {
	t.Helper()
	for {
		port := 10_000 + rand.IntN(20_000)
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(port)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		return port
	}
}

// parse reads settings as the command line does.
func parse(t testing.TB, options ...string) *config.Config {
	t.Helper()
	cl, err := config.ParseArgs(options, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cl.Config
}

// wire is a connection that speaks bytes. Each read and write may take patience.
type wire struct {
	net.Conn
	t *testing.T
}

func (w *wire) Read(p []byte) (int, error) {
	_ = w.SetReadDeadline(time.Now().Add(patience))
	return w.Conn.Read(p)
}

func (w *wire) Write(p []byte) (int, error) {
	_ = w.SetWriteDeadline(time.Now().Add(patience))
	return w.Conn.Write(p)
}

func (in *instance) dial() *wire {
	in.t.Helper()
	return dial(in.t, "tcp", in.addr)
}

func dial(t *testing.T, network, addr string) *wire {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &wire{Conn: c, t: t}
}

func (w *wire) send(format string, args ...any) {
	w.t.Helper()
	if _, err := fmt.Fprintf(w, format, args...); err != nil {
		w.t.Fatalf("send: %v", err)
	}
}

// expect reads exactly want.
func (w *wire) expect(want string) {
	w.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(w, got)
	if string(got[:n]) != want {
		w.t.Fatalf("got %q (%v), want %q", clip(got[:n]), err, clip([]byte(want)))
	}
}

func (w *wire) do(command, want string) {
	w.t.Helper()
	w.send("%s\r\n", command)
	w.expect(want)
}

// line reads one line without its end.
func (w *wire) line() string {
	w.t.Helper()
	var b []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(b, []byte("\r\n")) {
		if _, err := io.ReadFull(w, one); err != nil {
			w.t.Fatalf("after %q: %v", b, err)
		}
		b = append(b, one...)
	}
	return string(b[:len(b)-2])
}

// bulk reads a bulk string.
func (w *wire) bulk() string {
	w.t.Helper()
	n := 0
	if head := w.line(); !strings.HasPrefix(head, "$") {
		w.t.Fatalf("not a bulk string: %q", head)
	} else if _, err := fmt.Sscanf(head, "$%d", &n); err != nil {
		w.t.Fatal(err)
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(w, b); err != nil {
		w.t.Fatal(err)
	}
	return string(b[:n])
}

// expectEnd waits for the server to close the connection.
func (w *wire) expectEnd() {
	w.t.Helper()
	b, err := io.ReadAll(w)
	if len(b) > 0 {
		w.t.Fatalf("%q instead of the end", clip(b))
	}
	if err, ok := err.(net.Error); ok && err.Timeout() {
		w.t.Fatal("the connection was not closed")
	}
}

func clip(b []byte) string {
	if len(b) > 200 {
		return fmt.Sprintf("%s... (%d bytes)", b[:200], len(b))
	}
	return string(b)
}

// eventually polls for a condition that another thread brings about.
func (in *instance) eventually(what string, cond func() bool) {
	in.t.Helper()
	for limit := time.Now().Add(patience); !cond(); {
		if time.Now().After(limit) {
			in.t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// received waits until the server has read n bytes since it started.
func (in *instance) received(n int64) {
	in.t.Helper()
	in.eventually(fmt.Sprintf("%d bytes received", n), func() bool { return in.stats.sum().netIn >= n })
}

// newest is the client that connected last.
func (in *instance) newest() *client {
	list := in.clients.all()
	if len(list) == 0 {
		in.t.Fatal("no client")
	}
	return list[len(list)-1]
}

// cmdline is a command as clients send it.
func cmdline(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}
