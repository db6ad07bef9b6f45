package rest

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// timed is a connection that counts how often its timers are moved.
type timed struct {
	net.Conn
	moved int
}

func (c *timed) SetReadDeadline(t time.Time) error  { c.moved++; return c.Conn.SetReadDeadline(t) }
func (c *timed) SetWriteDeadline(t time.Time) error { c.moved++; return c.Conn.SetWriteDeadline(t) }

func lazyPair(t *testing.T) (near *lazyConn, below *timed, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if far, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); far.Close() })
	below = &timed{Conn: c}
	return &lazyConn{Conn: below}, below, far
}

func TestLazyDeadline(t *testing.T) {
	c, below, far := lazyPair(t)
	now := time.Now()
	for i := range 1000 { // each later than the one before
		if err := errors.Join(c.SetReadDeadline(now.Add(time.Hour+time.Duration(i))), c.SetWriteDeadline(now.Add(time.Hour+time.Duration(i)))); err != nil {
			t.Fatal(err)
		}
	}
	if below.moved != 2 {
		t.Errorf("the timers were moved %d times", below.moved)
	}
	// One that comes nearer counts at once, also for a read under way.
	buf := make([]byte, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(buf)
		ended <- err
	}()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
	// One that was put off holds until it has come, or something has.
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	later := time.Now().Add(60 * time.Millisecond)
	_ = c.SetReadDeadline(later)
	if _, err := c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || time.Now().Before(later) {
		t.Errorf("%v before its time: %v", err, time.Now().Before(later))
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_ = c.SetReadDeadline(time.Time{})
	go func() {
		_, err := c.Read(buf)
		ended <- err
	}()
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil || buf[0] != 'x' {
		t.Errorf("%v", err)
	}
}

// A write whose timer fires early goes on where it was.
func TestLazyWriteDeadline(t *testing.T) {
	c, _, far := lazyPair(t)
	_ = c.SetWriteDeadline(time.Now().Add(5 * time.Millisecond))
	_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
	const size = 32 << 20 // more than the kernel takes
	sum := make(chan int, 1)
	go func() {
		buf, total, next := make([]byte, 1<<20), 0, byte(0)
		for {
			n, err := far.Read(buf)
			for _, b := range buf[:n] {
				if b != next {
					t.Errorf("byte %d is %d", total, b)
					break
				}
				next++
				total++
			}
			if err != nil || t.Failed() {
				sum <- total
				return
			}
		}
	}()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i)
	}
	if n, err := c.Write(data); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	_ = c.Conn.Close()
	if got := <-sum; got != size {
		t.Errorf("%d bytes arrived", got)
	}
	_, _ = io.Copy(io.Discard, far)
}
