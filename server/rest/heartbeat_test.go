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

// A stream that ends says all it has to say to a peer that takes it, however long
// that lasts within closeWait, and waits no longer.
func TestEndOfAStream(t *testing.T) {
	for _, c := range []struct {
		slow time.Duration // what the peer takes to read
		want string
		at   time.Duration
	}{
		{0, "head\n" + "1a\r\ndata: message,c,the last\n\n\r\n" + "0\r\n\r\n", 0},
		{closeWait - 1, "head\n" + "1a\r\ndata: message,c,the last\n\n\r\n" + "0\r\n\r\n", closeWait - 1},
		{closeWait + 1, "head\n", closeWait},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, peer := net.Pipe()
			f := &quietFeed{more: make(chan struct{})}
			st := &stream{s: new(Service), conn: ours, head: []byte("head\n"), chunked: true, quit: make(chan struct{})}
			ended := make(chan time.Time, 1)
			go func() {
				st.write(f)
				ours.Close()
				ended <- time.Now()
			}()
			got := make([]byte, len("head\n"))
			if _, err := io.ReadFull(peer, got); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			f.next = []byte("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$8\r\nthe last\r\n")
			st.end()
			<-time.After(c.slow)
			rest, _ := io.ReadAll(peer)
			if text := string(got) + string(rest); text != c.want {
				t.Errorf("after %v: %q, want %q", c.slow, text, c.want)
			}
			if at := (<-ended).Sub(begun); at != c.at {
				t.Errorf("ended after %v, want %v", at, c.at)
			}
		})
	}
}
