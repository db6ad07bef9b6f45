package rest

import (
	"bufio"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// quietFeed has only what is put into next.
type quietFeed struct {
	more chan struct{}
	next []byte
}

func (f *quietFeed) More() <-chan struct{} { return f.more }
func (f *quietFeed) Close()                {}
func (f *quietFeed) Take() (p []byte) {
	p, f.next = f.next, nil
	return p
}

// A stream that has nothing to say says so now and then.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, peer := net.Pipe()
		f := &quietFeed{more: make(chan struct{}, 1)}
		st := &stream{s: new(Service), conn: ours, head: []byte("head\n"), quit: make(chan struct{})}
		done := make(chan struct{})
		go func() { st.write(f); close(done) }()
		in := bufio.NewReader(peer)
		begun := time.Now()
		expect := func(want string, at time.Duration) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(in, got); err != nil || string(got) != want || time.Since(begun) != at {
				t.Fatalf("%q after %v, %v; want %q after %v", got, time.Since(begun), err, want, at)
			}
		}
		expect("head\n", 0)
		expect(":\n\n", heartbeat)
		expect(":\n\n", 2*heartbeat)
		<-time.After(time.Second)
		f.next = []byte("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n")
		f.more <- struct{}{}
		expect("data: message,c,m\n\n", 2*heartbeat+time.Second)
		expect(":\n\n", 3*heartbeat+time.Second)
		// A peer that takes nothing for long is given up.
		<-done
		if got := time.Since(begun); got != 4*heartbeat+time.Second+writeWait {
			t.Errorf("given up after %v", got)
		}
	})
}
