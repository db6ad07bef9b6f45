package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tidwall/redcon"
)

// goroutineDriver serves each connection on a goroutine of its own. redcon's
// server accepts, starts the goroutine, tracks the connection and closes it.
// redcon would also parse, with a copy and three allocations a command and
// with limits and texts of its own; so what it gets to read from is a goConn,
// whose first Read serves the connection to its end and then reports EOF.
type goroutineDriver struct {
	srv   *Server
	loops sync.WaitGroup // accept loops; added to only under mu while not draining
	conns sync.WaitGroup // connections; the same
	over  chan struct{}  // closed when the loops end

	mu struct {
		sync.Mutex
		servers  []*redcon.Server
		served   []net.Listener // by the servers
		movable  []*goListener
		draining bool
	}

	awaiting struct {
		sync.Mutex
		conns map[*goConn]struct{}
	}
}

func newGoroutineDriver(s *Server) driver {
	return &goroutineDriver{srv: s, over: make(chan struct{})}
}

// halt implements driver.
func (d *goroutineDriver) halt(<-chan struct{}) <-chan struct{} {
	halted := make(chan struct{})
	close(halted)
	return halted
}

func (d *goroutineDriver) name() string { return "goroutine" }
func (d *goroutineDriver) threads() int { return 0 }
func (d *goroutineDriver) loads() []int { return nil }

func (d *goroutineDriver) busy() []time.Duration { return nil }

func (d *goroutineDriver) cpuTime() (user, sys time.Duration, ok bool) { return 0, 0, false }

func (d *goroutineDriver) serve(listeners []listening) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ln := range listeners {
		if d.mu.draining {
			ln.Close()
			continue
		}
		gl := &goListener{Listener: ln.Listener, d: d, unix: ln.Addr().Network() == "unix", rioc: ln.rioc}
		if ln.movable {
			d.mu.movable = append(d.mu.movable, gl)
		}
		// Neither handler nor accept is ever asked: see goConn.Read.
		server := redcon.NewServerNetwork(ln.Addr().Network(), ln.Addr().String(), func(redcon.Conn, redcon.Command) {}, nil, nil)
		server.AcceptError = func(err error) {
			d.srv.log.Warn().Err(err).Msg("cannot accept a connection")
			time.Sleep(cronPeriod) // out of descriptors, most likely
		}
		d.mu.servers, d.mu.served = append(d.mu.servers, server), append(d.mu.served, ln.Listener)
		d.loops.Add(1)
		go func() { // stopped by shutdown closing the listener
			defer d.loops.Done()
			if err := server.Serve(gl); err != nil {
				d.srv.log.Error().Err(err).Msg("accept loop ended")
			}
		}()
	}
	return nil
}

func (d *goroutineDriver) shutdown(ctx context.Context) (ended bool) {
	d.mu.Lock()
	d.mu.draining = true
	servers, served := d.mu.servers, d.mu.served
	d.mu.Unlock()
	for _, c := range d.srv.clients.all() {
		c.link.post(func() { c.finished = true })
	}
	done := make(chan struct{})
	go func() { // ends with the connections
		d.conns.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	// Closing redcon's server closes the connections that are left.
	close(d.over)
	for _, server := range servers {
		_ = server.Close() // the listener may be closed already
	}
	for _, ln := range served {
		ln.Close() // a server that has yet to begin has closed nothing
	}
	d.loops.Wait()
	for _, c := range d.srv.clients.all() {
		c.kill()
	}
	return endsSoon(done)
}

// retire implements driver.
func (d *goroutineDriver) retire() {
	d.mu.Lock()
	list := d.mu.movable
	d.mu.movable = nil
	d.mu.Unlock()
	for _, gl := range list {
		gl.retired.Store(true)
		gl.Listener.Close()
	}
}

// add implements driver.
func (d *goroutineDriver) add(listeners []listening) error { return d.serve(listeners) }

// goListener turns accepted connections into clients.
type goListener struct {
	net.Listener
	d    *goroutineDriver
	unix bool
	rioc bool

	retired atomic.Bool // closed, while its connections stay
}

// Accept returns the next connection that may stay.
func (l *goListener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			if l.retired.Load() {
				<-l.d.over // redcon closes a listener's connections with it
			}
			return nil, err
		}
		if c := l.welcome(nc); c != nil {
			return c, nil
		}
		nc.Close()
	}
}

func (l *goListener) welcome(nc net.Conn) *goConn {
	s := l.d.srv
	e := endpoint{fd: -1, unix: l.unix, rioc: l.rioc}
	c := &goConn{Conn: nc, d: l.d, wake: make(chan struct{}, 1)}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
			_ = raw.Control(func(fd uintptr) { e.fd = int(fd) })
		}
	}
	if l.unix {
		e.addr = l.Addr().String() + ":0"
		e.laddr = e.addr
	} else {
		e.addr, e.laddr = nc.RemoteAddr().String(), nc.LocalAddr().String()
		if ap, err := netip.ParseAddrPort(e.addr); err == nil {
			e.remote = ap.Addr()
		}
		keepAlive(nc, s.cfg.TCPKeepalive.Load())
	}
	if refusal := s.admit(&e); refusal != nil {
		_ = nc.SetWriteDeadline(time.Now().Add(cronPeriod))
		_, _ = nc.Write(refusal) // it is gone either way
		return nil
	}
	c.tryWrite = c.writeNow
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if l.d.mu.draining {
		s.clients.count.Add(-1)
		return nil
	}
	l.d.conns.Add(1)
	s.initClient(&c.client, c, &e, s.clock.NowMs())
	return c
}

func keepAlive(nc net.Conn, seconds int64) {
	tc, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	every := time.Duration(seconds) * time.Second
	_ = tc.SetKeepAliveConfig(net.KeepAliveConfig{Enable: seconds > 0, Idle: every, Interval: max(every/3, time.Second), Count: 3})
}

// goConn is a connection of the goroutine driver. The goroutine that redcon
// starts for it is its owner.
type goConn struct {
	net.Conn
	client
	d    *goroutineDriver
	raw  syscall.RawConn // nil: only blocking writes
	once sync.Once

	// Owner.
	readBuf  []byte
	tryWrite func(fd uintptr) bool
	trying   []byte // argument and results of tryWrite
	tried    int
	tryErr   error

	wake chan struct{} // capacity 1: the mailbox has something, or the backlog is gone

	mu struct {
		sync.Mutex
		mail     []func()
		inRead   bool // the owner is in, or about to enter, a blocking read
		backlog  backlog
		flushing bool // the flusher goroutine runs; it takes from backlog
		failed   bool // a write failed
		closed   bool
	}
	unsentNow atomic.Int64
}

// Read serves the connection to its end. Only redcon calls it, on the
// connection's own goroutine.
func (c *goConn) Read([]byte) (int, error) {
	c.once.Do(c.run)
	return 0, io.EOF
}

// Close is called by redcon when run is over, or to stop it.
func (c *goConn) Close() error { return c.Conn.Close() }

// goReadBytes is what a connection reads at once.
const goReadBytes = 16 << 10

func (c *goConn) run() {
	defer c.d.conns.Done()
	c.readBuf = make([]byte, goReadBytes)
	for c.step() {
	}
	c.bury()
}

// step runs what was posted, executes input that waits, or waits for more. It
// returns false when the connection is over.
func (c *goConn) step() bool {
	c.runMail()
	switch {
	case c.killed.Load() || c.writeFailed():
		return false
	case c.finished && !c.suspended && (c.withheld.len() > 0 || c.unsent() > 0):
		<-c.wake // for as long as a client's limits allow
	case c.finished && !c.suspended:
		if !c.settled(c.srv.clock.NowMs()) || c.kernelUnsent() > 0 {
			c.linger()
		}
		return false
	case c.awaited(), c.held && !c.suspended:
		return c.readAhead()
	case c.suspended || c.held || c.paused || c.crowded:
		<-c.wake
	case len(c.in) > 0 && !c.incomplete():
		c.batch(c.in, true, 0)
	default:
		return c.read()
	}
	return true
}

// batch executes the commands in data on a borrowed executor. The last fresh
// bytes of it have just been read.
func (c *goConn) batch(data []byte, own bool, fresh int) {
	x := c.srv.borrowExecutor()
	if fresh > 0 {
		x.counts.reads++
		x.counts.netIn += int64(fresh)
		c.touch(x.nowMs)
	}
	used := x.run(&c.client, data)
	x.keep(&c.client, data[used:], own)
	c.publish()
	c.srv.returnExecutor(x)
}

// read waits for input and executes it. Mail interrupts the wait by a deadline
// in the past.
func (c *goConn) read() bool {
	buf, at := c.readBuf, len(c.in)
	own := at > 0
	if own {
		need := max(at+goReadBytes, min(c.need(), max(2*at, growLimit)))
		if cap(c.in) < need {
			c.in = append(make([]byte, 0, max(need, 2*at)), c.in...)
		}
		buf = c.in[:cap(c.in)]
	}
	if !c.enterRead() {
		return true
	}
	buf = buf[:min(len(buf), at+c.room())]
	n, err := c.Conn.Read(buf[at:])
	c.leaveRead()
	if n > 0 {
		data := buf[:at+n]
		if own {
			c.in = data
			c.srv.recentIn.note(int64(len(data)), c.srv.clock.NowMs())
		}
		c.batch(data, own, n)
		if c.overfull() {
			return false
		}
	}
	switch {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		return true
	case errors.Is(err, io.EOF):
		c.finished = true
		return true
	}
	if isHandshake(c.Conn) {
		c.srv.totals.handshakes.Add(1)
	}
	return false
}

// readAhead reads input of a client that waits (see client.waits), to be executed
// later: the end of the stream ends the wait.
func (c *goConn) readAhead() bool {
	if c.finished {
		return false
	}
	at := len(c.in)
	if cap(c.in)-at < goReadBytes {
		c.in = append(make([]byte, 0, 2*at+goReadBytes), c.in...)
	}
	if !c.enterRead() {
		return true
	}
	buf := c.in[:min(cap(c.in), at+c.room())]
	n, err := c.Conn.Read(buf[at:])
	c.leaveRead()
	if n > 0 {
		c.in = buf[:at+n]
		c.forgetParsed()
		if c.overfull() {
			return false
		}
	}
	return err == nil || errors.Is(err, os.ErrDeadlineExceeded)
}

// enterRead prepares a blocking read; false: there is mail to run first.
func (c *goConn) enterRead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.mail) > 0 {
		return false
	}
	c.mu.inRead = true
	return true
}

func (c *goConn) leaveRead() {
	c.mu.Lock()
	c.mu.inRead = false
	if len(c.mu.mail) > 0 {
		_ = c.Conn.SetReadDeadline(time.Time{})
	}
	c.mu.Unlock()
}

func (c *goConn) runMail() {
	c.mu.Lock()
	mail := c.mu.mail
	c.mu.mail = nil
	c.mu.Unlock()
	for _, fn := range mail {
		fn()
	}
}

// post implements link.
func (c *goConn) post(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.closed {
		return
	}
	c.mu.mail = append(c.mu.mail, fn)
	if c.mu.inRead {
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	c.signal()
}

func (c *goConn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// await implements link.
func (c *goConn) await() {
	a := &c.d.awaiting
	a.Lock()
	if a.conns == nil {
		a.conns = make(map[*goConn]struct{})
	}
	a.conns[c] = struct{}{}
	a.Unlock()
	c.srv.durability.hurry()
}

// wakeWithheld implements driver.
func (d *goroutineDriver) wakeWithheld() {
	a := &d.awaiting
	a.Lock()
	conns := a.conns
	a.conns = nil
	a.Unlock()
	for c := range conns {
		c.post(func() {
			c.deliverWithheld()
			c.afterFlush()
		})
	}
}

// kill implements link.
func (c *goConn) kill() {
	c.Conn.Close()
	c.signal()
}
