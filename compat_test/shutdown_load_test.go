package compat_test

import (
	"bytes"
	"strconv"
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
	s := compat.StartOurs(t, options...)
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
		defer c.Close()
		wg.Go(func() { // writes as fast as the server takes it
			for c.Send(batch) == nil {
			}
		})
		wg.Go(func() {
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
	case <-time.After(30 * time.Second):
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
