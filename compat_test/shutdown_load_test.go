package compat_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

const (
	loadClients  = 24
	loadPipeline = 64
)

// TestShutdownLosesNoReply ends the server while many connections increment one
// counter in deep pipelines. Each executed INCR took a number of its own, and
// only its reply tells which; so if every reply was delivered, the numbers that
// all clients received together are 1..n without a gap. A lost reply leaves a
// gap unless all later increments were lost as well, which the number of
// connections, each with commands under way, makes practically impossible.
func TestShutdownLosesNoReply(t *testing.T) {
	// redis-server may end between executing a batch and writing its replies.
	compat.NeedOurs(t)
	forEachDriver(t, func(t *testing.T, options []string) {
		for range 3 {
			shutdownUnderLoad(t, options)
			if t.Failed() {
				return
			}
		}
	})
}

func shutdownUnderLoad(t *testing.T, options []string) {
	t.Helper()
	// Millions of replies wait to be read: give slow readers the time.
	s := compat.StartOurs(t, append([]string{"--shutdown-timeout", "120"}, options...)...)
	var (
		wg       sync.WaitGroup
		received [loadClients][]int
		total    atomic.Int64
		enough   = make(chan struct{})
		once     sync.Once
	)
	batch := bytes.Repeat(compat.AppendCommand(nil, "INCR", "counter"), loadPipeline)
	for i := range loadClients {
		c, err := s.Dial(2)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { // writes as fast as the server takes it
			for c.Send(batch) == nil {
			}
		})
		wg.Go(func() {
			defer c.Close() // at the end of the replies, as a real client does
			for {
				raw, err := c.Receive()
				if err != nil {
					return
				}
				n, err := strconv.Atoi(string(raw[1 : len(raw)-2]))
				if err != nil || raw[0] != ':' {
					t.Errorf("reply %q", raw)
					return
				}
				received[i] = append(received[i], n)
				if total.Add(1) == 40_000 {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(2 * time.Minute):
		t.Fatal("too little load")
	}
	if err := s.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	awaitExit(t, s, 0)
	wg.Wait()

	seen := make([]bool, total.Load()+loadClients*1_000_000)
	highest := 0
	for i := range received {
		last := 0
		for _, n := range received[i] {
			if n <= last || seen[n] {
				t.Fatalf("client %d received %d after %d", i, n, last)
			}
			seen[n], last = true, n
		}
		highest = max(highest, last)
	}
	lost := 0
	for n := 1; n <= highest; n++ {
		if !seen[n] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d executed commands got no reply", lost, highest)
	}
}

// TestShutdownWaitsForSlowReaders ends the server while a client has not yet
// taken the replies of commands that were executed, and goes on sending. It
// must get all of them, however the replies are spread over the server's
// buffers and the kernel's, as long as it takes them at a steady pace.
func TestShutdownWaitsForSlowReaders(t *testing.T) {
	compat.NeedOurs(t)
	t.Parallel() // it mostly waits for the slow client
	forEachDriver(t, func(t *testing.T, options []string) {
		t.Parallel()
		// On a busy machine the reader takes more than its four seconds.
		s := compat.StartOurs(t, append([]string{"--shutdown-timeout", "60"}, options...)...)
		c, other := dial(t, s), dial(t, s)
		// More than the kernel keeps for a reader that does not read, less
		// than what makes the server stop reading.
		const (
			replies    = 80
			valueBytes = 100_000
		)
		value := strings.Repeat("v", valueBytes)
		do(t, c, "+OK", "SET", "big", value)
		pipeline := bytes.Repeat(compat.AppendCommand(nil, "GET", "big"), replies)
		if err := c.Send(compat.AppendCommand(pipeline, "INCR", "done")); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			raw, err := other.Do("GET", "done")
			if err != nil {
				t.Fatal(err)
			}
			if string(raw) == "$1\r\n1\r\n" {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the pipeline is not executed")
			}
		}
		if err := s.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		writer := time.NewTicker(5 * time.Millisecond)
		defer writer.Stop()
		go func() { // a client that does not know yet
			for range writer.C {
				if c.Send(compat.AppendCommand(nil, "PING")) != nil {
					return
				}
			}
		}()
		pace := time.NewTicker(50 * time.Millisecond) // 2 MB/s: four seconds in all
		defer pace.Stop()
		want := fmt.Sprintf("$%d\r\n%s\r\n", valueBytes, value)
		for i := range replies {
			<-pace.C
			raw, err := c.Receive()
			if err != nil || string(raw) != want {
				t.Fatalf("reply %d of %d: %d bytes, %v", i+1, replies, len(raw), err)
			}
		}
		if raw, err := c.Receive(); err != nil || string(raw) != ":1\r\n" {
			t.Fatalf("the last reply: %q, %v", raw, err)
		}
		// PINGs may or may not have been read before the signal took effect.
		if rest, err := c.Drain(); err != nil || len(bytes.ReplaceAll(rest, []byte("+PONG\r\n"), nil)) > 0 {
			t.Errorf("after the replies: %q, %v", rest, err)
		}
		c.Close()
		awaitExit(t, s, 0)
	})
}
