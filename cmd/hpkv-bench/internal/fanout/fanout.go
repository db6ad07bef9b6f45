// Package fanout publishes to many subscribers and times each delivery.
//
// Messages carry the time they were sent at, and frames are all of one length,
// so a subscriber does no more than to read and look at a few bytes: the server
// is to be the slow part as far as that can be. All subscribers share the
// load's processors.
package fanout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/resp"
)

// LeastBytes is the size of the smallest message: a time in digits.
const LeastBytes = 19

const channel = "bench"

// dialers connect at the same time: more would overrun the listeners' queues.
const dialers = 16

// Config describes a load.
type Config struct {
	Addr        string
	Subscribers int
	Pipeline    int // messages published at once
	Size        int // of a message, LeastBytes or more
	CPUs        []int
	Duration    time.Duration

	Begin func() error // called when everybody has subscribed
	End   func()       // called when everything was delivered
}

// Result is what it measured.
type Result struct {
	Deliveries int64
	Elapsed    time.Duration
	Latency    *hdrhistogram.Histogram // nanoseconds
}

// load is what publisher and subscribers share.
type load struct {
	Config
	start     time.Time
	delivered atomic.Int64
	all       chan struct{} // has one when a batch was delivered to everybody
	failed    chan error    // of capacity 1: the first subscriber that cannot go on
	ending    atomic.Bool

	mu      sync.Mutex
	latency *hdrhistogram.Histogram
}

// Run connects, publishes for the duration and disconnects.
func Run(ctx context.Context, c Config) (r Result, err error) {
	l := &load{Config: c, start: time.Now(), all: make(chan struct{}, 1), failed: make(chan error, 1),
		latency: hdrhistogram.New(1000, int64(time.Minute), 3)}
	err = proc.SelfOnCPUs(c.CPUs, func() error {
		r, err = l.run(ctx)
		return err
	})
	return r, err
}

func (l *load) run(ctx context.Context) (r Result, err error) {
	conns, err := l.subscribe()
	var reading sync.WaitGroup
	defer func() {
		l.ending.Store(true)
		for _, c := range conns {
			c.Close()
		}
		reading.Wait()
	}()
	if err != nil {
		return r, err
	}
	for _, c := range conns {
		reading.Go(func() {
			if err := l.read(c); !l.ending.Load() {
				select {
				case l.failed <- err:
				default:
				}
			}
		})
	}
	publisher, err := resp.Dial("tcp", l.Addr)
	if err != nil {
		return r, err
	}
	defer publisher.Close()
	if err := l.Begin(); err != nil {
		return r, err
	}
	began := time.Now()
	for r.Deliveries == 0 || time.Since(began) < l.Duration {
		if err := l.batch(ctx, publisher); err != nil {
			return r, err
		}
		r.Deliveries += int64(l.Subscribers * l.Pipeline)
	}
	r.Elapsed = time.Since(began)
	l.End()
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Latency = l.latency
	return r, nil
}

// subscribe connects all subscribers. Those it returns with an error are the
// caller's to close, too.
func (l *load) subscribe() ([]net.Conn, error) {
	conns := make([]net.Conn, l.Subscribers)
	errs := make([]error, dialers)
	var group sync.WaitGroup
	for d := range dialers {
		group.Go(func() {
			for i := d; i < len(conns) && errs[d] == nil; i += dialers {
				conns[i], errs[d] = subscribeOne(l.Addr)
			}
		})
	}
	group.Wait()
	open := conns[:0]
	for _, c := range conns {
		if c != nil {
			open = append(open, c)
		}
	}
	return open, errors.Join(errs...)
}

func subscribeOne(addr string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 30*time.Second)
	if err != nil {
		return nil, err
	}
	const done = "*3\r\n$9\r\nsubscribe\r\n$5\r\nbench\r\n:1\r\n"
	if _, err = c.Write(workload.AppendCommand(nil, "SUBSCRIBE", channel)); err == nil {
		err = expect(c, done)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// expect reads exactly want.
func expect(c net.Conn, want string) error {
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	defer c.SetReadDeadline(time.Time{})
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		n, err := c.Read(got[len(got):cap(got)])
		if err != nil {
			return err
		}
		got = got[:len(got)+n]
		if !bytes.HasPrefix([]byte(want), got) {
			return fmt.Errorf("SUBSCRIBE was answered with %q", got)
		}
	}
	return nil
}

// batch publishes and waits until everybody has everything.
func (l *load) batch(ctx context.Context, publisher *resp.Client) error {
	message := workload.Value(l.Size - LeastBytes)
	for range l.Pipeline {
		if err := publisher.Send("PUBLISH", channel, fmt.Sprintf("%0*d", LeastBytes, time.Since(l.start))+message); err != nil {
			return err
		}
	}
	if err := publisher.Flush(); err != nil {
		return err
	}
	for range l.Pipeline {
		switch v, err := publisher.Receive(); {
		case err != nil:
			return err
		case v.Int != int64(l.Subscribers):
			return fmt.Errorf("PUBLISH was answered with %s, not %d", v.Text(), l.Subscribers)
		}
	}
	select {
	case <-l.all:
		return nil
	case err := <-l.failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// frame is what a subscriber receives, up to the message, and its whole length.
func (l *load) frame() (begins []byte, length int) {
	begins = []byte("*3\r\n$7\r\nmessage\r\n$5\r\n" + channel + "\r\n$" + strconv.Itoa(l.Size) + "\r\n")
	return begins, len(begins) + l.Size + len("\r\n")
}

// read takes messages until the connection ends, and returns why it did.
func (l *load) read(c net.Conn) error {
	begins, length := l.frame()
	batch := int64(l.Subscribers * l.Pipeline)
	buf := make([]byte, 0, max(2048, 2*length))
	for {
		n, err := c.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return err
		}
		now := time.Since(l.start)
		buf = buf[:len(buf)+n]
		rest := buf
		l.mu.Lock()
		for len(rest) >= length && err == nil {
			var sent time.Duration
			if sent, err = parse(rest[:length], begins); err == nil {
				// More than a minute does not count as delivered in time, nor as less.
				_ = l.latency.RecordValue(min(int64(now-sent), int64(time.Minute)))
				rest = rest[length:]
			}
		}
		l.mu.Unlock()
		if err != nil {
			return err
		}
		got := int64((len(buf) - len(rest)) / length)
		if total := l.delivered.Add(got); got > 0 && total%batch == 0 {
			l.all <- struct{}{}
		}
		buf = buf[:copy(buf, rest)]
	}
}

// parse returns the time in a frame.
func parse(frame, begins []byte) (time.Duration, error) {
	digits, ok := bytes.CutPrefix(frame, begins)
	if !ok {
		return 0, fmt.Errorf("received %q instead of a message", frame)
	}
	n, err := strconv.ParseInt(string(digits[:LeastBytes]), 10, 64)
	return time.Duration(n), err
}
