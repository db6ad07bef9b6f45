package server

import (
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/net/nettest"
)

// directPair is both ends of a connection through a directListener.
func directPair() (a, b net.Conn, stop func(), err error) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, nil, err
	}
	ln := directListener{plain}
	defer ln.Close()
	if a, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		return nil, nil, nil, err
	}
	if b, err = ln.Accept(); err != nil {
		a.Close()
		return nil, nil, nil, err
	}
	return a, b, func() { a.Close(); b.Close() }, nil
}

// TestDirectConn holds the connection against what net.Conn promises: both ways,
// with deadlines, closed meanwhile, used by many.
func TestDirectConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2, stop, err = directPair()
		if _, ok := c2.(*directConn); err == nil && !ok {
			err = errors.New("an ordinary connection was accepted")
		}
		return c1, c2, stop, err
	})
}

// TestDirectConnReset tells an end from an abort, and writing to who is gone fails.
func TestDirectConnReset(t *testing.T) {
	a, b, stop, err := directPair()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := a.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	a.Close()
	var op *net.OpError
	if n, err := b.Read(make([]byte, 1)); n != 0 || err == io.EOF || !errors.As(err, &op) || op.Op != "read" {
		t.Errorf("read of an aborted connection: %d, %v", n, err)
	}
	if n, err := b.Write([]byte("x")); n != 0 || !errors.As(err, &op) || op.Op != "write" {
		t.Errorf("write to an aborted connection: %d, %v", n, err)
	}
}

// TestDirectConnLargeWrite sends more than the kernel takes at once.
func TestDirectConnLargeWrite(t *testing.T) {
	a, b, stop, err := directPair()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	text := make([]byte, 32<<20)
	for i := range text {
		text[i] = byte(i >> 8 * i)
	}
	read := make(chan []byte)
	go func() { // ends with the connection
		got, _ := io.ReadAll(a)
		read <- got
	}()
	if n, err := b.Write(text); n != len(text) || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	b.Close()
	if got := <-read; string(got) != string(text) {
		t.Errorf("received %d bytes, which differ from the %d sent", len(got), len(text))
	}
}
