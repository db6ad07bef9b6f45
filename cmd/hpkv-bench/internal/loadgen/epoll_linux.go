package loadgen

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"hpkv/cmd/hpkv-bench/internal/proc"
)

// link is the connection of a conn: a non-blocking socket in the worker's
// epoll set. waiting says that it waits for room to write.
type link struct {
	fd      int
	waiting bool
}

// connect opens the connections and deals them to the workers.
func (l *load) connect() ([]*worker, error) {
	groups := make([][]*conn, l.Threads)
	for i := range l.Clients {
		c, err := dial(l.Addr)
		if err != nil {
			for _, g := range groups {
				closeConns(g)
			}
			return nil, fmt.Errorf("connection %d of %d: %w", i+1, l.Clients, err)
		}
		groups[i%l.Threads] = append(groups[i%l.Threads], c)
	}
	workers := make([]*worker, l.Threads)
	for i, g := range groups {
		workers[i] = newWorker(l, i, l.Threads, g)
	}
	return workers, nil
}

func dial(addr string) (*conn, error) {
	nc, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	// A copy of the descriptor, as the runtime polls its own: each reply would wake
	// a thread of the generator's more, maybe on the server's processor.
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, failed := -1, error(nil)
	if err := raw.Control(func(own uintptr) { fd, failed = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, os.NewSyscallError("fcntl", failed)
	}
	return &conn{link: link{fd: fd}}, nil
}

func closeAll(workers []*worker) {
	for _, w := range workers {
		closeConns(w.conns)
	}
}

func closeConns(conns []*conn) {
	for _, c := range conns {
		_ = unix.Close(c.fd)
	}
}

// run is the worker's loop, on a thread of its own.
func (w *worker) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return proc.OnCPUs(w.CPUs, w.loop)
}

func (w *worker) loop() error {
	w.ownDelay = proc.ThreadDelay()
	w.delays = w.sampleDelays(0)
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(ep)
	for i, c := range w.conns {
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, c.fd, &ev); err != nil {
			return err
		}
	}

	idle := append([]*conn(nil), w.conns...) // without a batch under way
	events := make([]unix.EpollEvent, 256)
	exhausted := false
	for {
		// Start batches: all that may run, or all that are due.
		for len(idle) > 0 && !exhausted {
			now := w.now()
			from := now
			if w.interval > 0 {
				if now < w.due {
					break
				}
				from = w.due
				w.due += w.interval
			}
			c := idle[len(idle)-1]
			if !w.fill(c, from) {
				exhausted = true
				break
			}
			idle = idle[:len(idle)-1]
			w.noteSend(now)
			if err := w.write(ep, c); err != nil {
				return err
			}
		}
		if w.outstanding == 0 && exhausted {
			return nil
		}
		if err := w.overdue(); err != nil {
			return err
		}
		n, err := unix.EpollWait(ep, events, w.patience(len(idle) > 0 && !exhausted))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		for _, ev := range events[:n] {
			c := w.conns[ev.Fd]
			if c.waiting && ev.Events&unix.EPOLLOUT != 0 {
				if err := w.write(ep, c); err != nil {
					return err
				}
			}
			if ev.Events&^uint32(unix.EPOLLOUT) == 0 {
				continue
			}
			done, err := w.read(c)
			if err != nil {
				return err
			}
			if done {
				idle = append(idle, c)
			}
		}
	}
}

// overdue returns an error when the run was told to stop long ago and the
// server still owes replies.
func (w *worker) overdue() error {
	const limit = 10 * time.Second
	if !w.stop.Load() {
		return nil
	}
	if w.stopSeen == 0 {
		w.stopSeen = w.now()
	}
	if w.now()-w.stopSeen < limit {
		return nil
	}
	return fmt.Errorf("%d connections got no reply within %s of the end of the run", w.outstanding, limit)
}

// patience is how long the loop may sleep, in milliseconds as epoll wants it:
// with a schedule and a free connection not at all once the next batch is due
// within a millisecond.
func (w *worker) patience(free bool) int {
	const most = 100 // the stop flag is seen this soon
	if w.interval == 0 || !free {
		return most
	}
	return int(min(max((w.due-w.now())/time.Millisecond, 0), most))
}

func (w *worker) read(c *conn) (done bool, err error) {
	room := c.room()
	n, err := unix.Read(c.fd, room)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read from server: %w", err)
	case n == 0:
		return false, fmt.Errorf("server closed a connection: %w", io.ErrUnexpectedEOF)
	}
	c.in = c.in[:len(c.in)+n]
	return w.received(c, w.now())
}

// write sends what is left of the batch; what the socket does not take waits
// for EPOLLOUT.
func (w *worker) write(ep int, c *conn) error {
	for c.sent < len(c.out) {
		n, err := unix.Write(c.fd, c.out[c.sent:])
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			return w.waitToWrite(ep, c, true)
		}
		if err != nil {
			return fmt.Errorf("write to server: %w", err)
		}
		c.sent += n
	}
	return w.waitToWrite(ep, c, false)
}

func (w *worker) waitToWrite(ep int, c *conn, wait bool) error {
	if c.waiting == wait {
		return nil
	}
	c.waiting = wait
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(w.indexOf(c))}
	if wait {
		ev.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(ep, unix.EPOLL_CTL_MOD, c.fd, &ev)
}

// indexOf is linear: a full socket buffer is rare.
func (w *worker) indexOf(c *conn) int {
	for i, other := range w.conns {
		if other == c {
			return i
		}
	}
	panic("connection of another worker")
}
