package server

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// directListener accepts connections for goroutines that read and write little at
// a time, as HTTP does. Their system calls do not tell the scheduler: those of the
// net package do, although its sockets never block, which takes time twice a call,
// and when the kernel delivers what is sent at once, long enough for the runtime's
// monitor to give the processor to another thread.
type directListener struct{ net.Listener }

// Accept implements net.Listener.
func (l directListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok && err == nil {
		if raw, err := tcp.SyscallConn(); err == nil {
			return newDirectConn(tcp, raw), nil
		}
	}
	return c, err
}

// directConn is a connection of directListener.
type directConn struct {
	net.Conn
	raw     syscall.RawConn
	in, out transfer
}

// transfer is a system call that is tried until the socket is ready for it.
type transfer struct {
	mu    sync.Mutex
	buf   []byte
	n     int
	errno syscall.Errno
	try   func(fd uintptr) bool
}

// sendBytes are sent at once at most: the scheduler knows nothing of it.
const sendBytes = 256 << 10

func newDirectConn(tcp *net.TCPConn, raw syscall.RawConn) *directConn {
	c := &directConn{Conn: tcp, raw: raw}
	in, out := &c.in, &c.out
	in.try = func(fd uintptr) bool {
		in.n, in.errno = recvNow(int(fd), in.buf)
		return in.errno != syscall.EAGAIN
	}
	out.try = func(fd uintptr) bool {
		out.n, out.errno = sendNow(int(fd), out.buf)
		return out.errno != syscall.EAGAIN
	}
	return c
}

// Read implements net.Conn.
func (c *directConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	in := &c.in
	in.mu.Lock()
	defer in.mu.Unlock()
	in.buf = p
	err := c.raw.Read(in.try)
	in.buf = nil
	switch {
	case err != nil:
		return 0, err
	case in.errno != 0:
		return 0, c.failed("read", in.errno)
	case in.n == 0:
		return 0, io.EOF
	}
	return in.n, nil
}

// Write implements net.Conn.
func (c *directConn) Write(p []byte) (done int, err error) {
	out := &c.out
	out.mu.Lock()
	defer out.mu.Unlock()
	for done < len(p) && err == nil {
		out.buf = p[done:min(done+sendBytes, len(p))]
		err = c.raw.Write(out.try)
		out.buf = nil
		switch {
		case err != nil:
		case out.errno != 0:
			err = c.failed("write", out.errno)
		default:
			done += out.n
		}
	}
	return done, err
}

// CloseWrite ends what is written, as net.TCPConn's.
func (c *directConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

func (c *directConn) failed(op string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, errno)}
}
