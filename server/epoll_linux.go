package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// epollDriver is one worker for each core, each with an epoll instance of its own.
//
// Events are edge triggered. A level-triggered connection is put back on the
// ready list after each event and looked at once more by the next wait, only to
// be found quiet; and a connection that waits (for a deferred command, for a
// slow peer) would have to be taken out of the set and put back. The price is
// that a connection must remember that it is readable until a read came back
// short.
//
// EPOLLOUT is asked for only while there is a backlog: a Unix socket would
// otherwise raise an event each time its peer reads.
//
// Worker 0 accepts and deals each connection to the worker with the fewest.
// SO_REUSEPORT would let each worker accept for itself, but the kernel deals by
// a hash of the address: with 50 connections on 8 workers some worker gets
// twice the work of another, for ever.
type epollDriver struct {
	srv     *Server
	workers []*worker
	running sync.WaitGroup

	movable struct {
		sync.Mutex
		list []*listener
	}
}

func (s *Server) newEpollDriver() (driver, error) {
	d := &epollDriver{srv: s}
	for i := range s.plan.Workers {
		w, err := newWorker(d, i)
		if err != nil {
			for _, w := range d.workers {
				w.closeFiles()
			}
			return nil, err
		}
		d.workers = append(d.workers, w)
	}
	return d, nil
}

func (d *epollDriver) name() string { return "epoll" }
func (d *epollDriver) threads() int { return len(d.workers) }

func (d *epollDriver) loads() []int {
	n := make([]int, len(d.workers))
	for i, w := range d.workers {
		n[i] = int(w.load.Load())
	}
	return n
}

func (d *epollDriver) busy() []time.Duration {
	list := make([]time.Duration, len(d.workers))
	for i, w := range d.workers {
		list[i] = w.idle.busy()
	}
	return list
}

func (d *epollDriver) cpuTime() (user, sys time.Duration, ok bool) {
	for _, w := range d.workers {
		clock := w.clock.Load()
		if clock == nil {
			return 0, 0, false // it has not begun yet
		}
		u, s, err := clock.used()
		if err != nil {
			return 0, 0, false // it has ended
		}
		user, sys = user+u, sys+s
	}
	return user, sys, true
}

// serve moves the listening descriptors out of the hands of Go's own poller.
func (d *epollDriver) serve(listeners []listening) error {
	for _, ln := range listeners {
		l, err := d.newListener(ln)
		if err != nil {
			return err
		}
		if err := d.workers[0].listen(l); err != nil {
			return fmt.Errorf("cannot watch %s: %w", l.addr, err)
		}
	}
	for _, w := range d.workers {
		d.running.Add(1)
		go w.run() // stopped by shutdown
	}
	return nil
}

func (d *epollDriver) newListener(ln listening) (*listener, error) {
	fd, err := takeListener(ln.Listener)
	if err != nil {
		return nil, fmt.Errorf("cannot hand %s to the event loop: %w", ln.Addr(), err)
	}
	l := &listener{unix: ln.Addr().Network() == "unix", rioc: ln.rioc, addr: ln.Addr().String()}
	l.mu.fd = fd
	if ln.movable {
		d.movable.Lock()
		d.movable.list = append(d.movable.list, l)
		d.movable.Unlock()
	}
	return l, nil
}

// retire implements driver. The worker may be busy, so the sockets are shut here
// and closed there.
func (d *epollDriver) retire() {
	d.movable.Lock()
	list := d.movable.list
	d.movable.list = nil
	d.movable.Unlock()
	for _, l := range list {
		l.shut()
		d.workers[0].post(func() { d.workers[0].unlisten(l) })
	}
}

// add implements driver.
func (d *epollDriver) add(listeners []listening) error {
	for _, ln := range listeners {
		l, err := d.newListener(ln)
		if err != nil {
			return err
		}
		w := d.workers[0]
		w.post(func() {
			if w.draining {
				l.close()
			} else if err := w.listen(l); err != nil {
				w.srv.log.Error().Err(err).Str("listener", l.addr).Msg("cannot watch a listener")
			}
		})
	}
	return nil
}

// takeListener duplicates the listener's descriptor and closes the listener.
func takeListener(ln net.Listener) (int, error) {
	sc, ok := ln.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("a %T has no descriptor", ln)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	dup, dupErr := -1, error(nil)
	err = raw.Control(func(fd uintptr) {
		n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
		if errno != 0 {
			dupErr = os.NewSyscallError("fcntl", errno)
			return
		}
		dup = int(n)
	})
	if err == nil {
		err = dupErr
	}
	ln.Close()
	return dup, err
}

func (d *epollDriver) shutdown(ctx context.Context) (ended bool) {
	done := make(chan struct{})
	// Worker 0 first: once it has stopped accepting, no connection is dealt to
	// a worker that has ended.
	d.workers[0].post(func() {
		d.workers[0].beginDrain()
		for _, w := range d.workers[1:] {
			w.post(w.beginDrain)
		}
	})
	go func() { // ends with the workers
		d.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	for _, w := range d.workers {
		w.post(w.closeAll)
	}
	return endsSoon(done)
}

// halt implements driver.
func (d *epollDriver) halt(until <-chan struct{}) <-chan struct{} {
	halted := make(chan struct{})
	running := new(atomic.Int32)
	running.Store(int32(len(d.workers)))
	for _, w := range d.workers {
		w.post(func() {
			if running.Add(-1) == 0 {
				close(halted)
			}
			<-until
		})
	}
	return halted
}

// wakeWithheld implements driver: a worker is woken once, however many of its
// clients wait.
func (d *epollDriver) wakeWithheld() {
	for _, w := range d.workers {
		if w.hasAwaiting.Load() && w.hasAwaiting.CompareAndSwap(true, false) {
			w.post(w.wakeAwaiting)
		}
	}
}

// leastLoaded is the worker that gets the next connection.
func (d *epollDriver) leastLoaded() *worker {
	best := d.workers[0]
	for _, w := range d.workers[1:] {
		if w.load.Load() < best.load.Load() {
			best = w
		}
	}
	return best
}

// listener is a listening socket of worker 0.
type listener struct {
	unix bool
	rioc bool
	addr string

	mu struct {
		sync.Mutex
		fd int // -1: closed
	}
}

// shut stops listening. Any goroutine.
func (l *listener) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.fd >= 0 {
		_ = syscall.Shutdown(l.mu.fd, syscall.SHUT_RDWR) // what it says does not matter: it is closed soon
	}
}

// close closes the socket. Worker 0.
func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.fd >= 0 {
		syscall.Close(l.mu.fd)
		l.mu.fd = -1
	}
}

// fd is the socket's descriptor. Worker 0.
func (l *listener) fd() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.fd
}

// inbox is how other threads reach a worker.
type inbox struct {
	mu      sync.Mutex
	work    []func()
	spare   []func() // the slice of the last batch, emptied
	pending atomic.Bool
	asleep  atomic.Bool // the worker is in, or about to enter, a blocking wait
	closed  bool
	waking  sync.WaitGroup // those who were told to wake it; added to only under mu while not closed
}

// put appends fn, unless the worker has ended, and says whether the worker must
// be woken. Who is told so calls waking.Done afterwards.
func (b *inbox) put(fn func()) (wake bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.work = append(b.work, fn)
	b.pending.Store(true)
	if wake = b.asleep.Load(); wake {
		b.waking.Add(1)
	}
	return wake
}

// close ends the inbox: nobody wakes the worker once it returns.
func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.waking.Wait()
}

// take returns what was put since the last take; the slice is valid until the
// next.
func (b *inbox) take() []func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.spare)
	batch := b.work
	b.work, b.spare = b.spare[:0], batch
	b.pending.Store(false)
	return batch
}
