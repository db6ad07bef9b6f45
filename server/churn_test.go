package server

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hpkv/resp"
)

// TestThousandClients has a thousand clients at once name themselves, count,
// queue, wait, subscribe and leave in every way, while operators pause the
// server and kill, unblock and list them. What was answered has happened, no
// element is delivered twice, and nothing is left of any client.
func TestThousandClients(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		goroutines := runtime.NumGoroutine()
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		files, err := raiseFiles(4096)
		if err != nil {
			t.Fatal(err)
		}
		in := start(t, setup{driver: driver})
		<-in.ready
		quiet := runtime.NumGoroutine() + 10 // of a server without clients; some may be about to begin
		x := &churn{in: in, begin: make(chan struct{}), clients: min(1000, int(files-200)/2), popped: map[string]bool{}, names: map[string]bool{}}
		var clients, operators sync.WaitGroup
		x.named.Add(x.clients)
		x.active.Add(x.clients)
		for i := range x.clients {
			clients.Go(func() { x.client(i, rand.New(rand.NewPCG(seed, uint64(i)))) })
		}
		admin := newCaller(x)
		x.named.Wait()
		x.checkNames(admin)
		close(x.begin)
		over := make(chan struct{})
		for i := range 3 {
			operators.Go(func() { x.operator(over, rand.New(rand.NewPCG(seed, uint64(10_000+i)))) })
		}
		x.active.Wait()
		close(over)
		operators.Wait()
		// Those who are left wait or listen until they are killed. Nobody who was
		// asked as a plain client can have begun to listen afterwards.
		admin.must("CLIENT", "KILL", "TYPE", "normal")
		admin.must("CLIENT", "KILL", "TYPE", "pubsub")
		clients.Wait()
		x.checkEnd(admin)
		_ = admin.Close()
		in.eventually("no client is left", func() bool { return in.clients.count.Load() == 0 && len(in.clients.all()) == 0 })
		in.eventually("no goroutine is left", func() bool { return runtime.NumGoroutine() <= quiet })
		in.stop()
		in.eventually("none of the server's either", func() bool { return runtime.NumGoroutine() <= goroutines })
	})
}

// churn is what a run of TestThousandClients knows.
type churn struct {
	in            *instance
	clients       int
	named, active sync.WaitGroup // all have a name; all but those who wait for the end are done
	begin         chan struct{}

	dialled        atomic.Int64
	asked, counted atomic.Int64 // INCR: sent, answered
	pushed         atomic.Int64

	mu     sync.Mutex
	ids    []int64
	names  map[string]bool
	popped map[string]bool
}

// caller is a connection that may end at any moment.
type caller struct {
	*resp.Client
	conn net.Conn
	x    *churn
}

func newCaller(x *churn) *caller {
	conn, err := net.Dial("tcp", x.in.addr)
	if err != nil {
		x.in.t.Error(err)
		conn, _ = net.Pipe()
	}
	x.dialled.Add(1)
	c := &caller{resp.NewClient(conn), conn, x}
	_ = c.SetDeadline(time.Now().Add(3 * patience))
	return c
}

// must is Do of one that nobody kills.
func (c *caller) must(args ...any) resp.Value {
	v, err := c.Do(args...)
	if err != nil || v.IsError() {
		c.x.in.t.Errorf("%v: %s, %v", args, v.Text(), err)
	}
	return v
}

// call is Do of one that may be killed. A timeout is an error of the test:
// everybody is answered or cut off.
func (c *caller) call(args ...any) (v resp.Value, alive bool) {
	v, err := c.Do(args...)
	return v, c.check(args, v, err)
}

func (c *caller) check(args []any, v resp.Value, err error) (alive bool) {
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		c.x.in.t.Errorf("%v: neither an answer nor the end", args)
	}
	if err == nil && v.IsError() && !strings.HasPrefix(v.Text(), "UNBLOCKED ") {
		c.x.in.t.Errorf("%v: %s", args, v.Text())
	}
	return err == nil
}

// client is the life of one client.
func (x *churn) client(i int, r *rand.Rand) {
	c := newCaller(x)
	defer c.Close()
	lingers := false
	defer func() {
		if !lingers {
			x.active.Done()
		}
	}()
	name := fmt.Sprint("client-", i)
	c.must("HELLO", 2+i%2)
	c.must("CLIENT", "SETNAME", name)
	id := c.must("CLIENT", "ID").Int
	x.mu.Lock()
	x.ids = append(x.ids, id)
	x.names[name] = true
	x.mu.Unlock()
	x.named.Done()
	<-x.begin

	for step := range 2 + r.IntN(6) {
		if !x.act(c, name, step, r) {
			return
		}
	}
	switch r.IntN(6) {
	case 0: // waits until it is killed
		lingers = true
		x.active.Done()
		c.call("BLPOP", "never", 0)
	case 1: // listens until it is killed
		lingers = true
		x.active.Done()
		_ = c.Send("SUBSCRIBE", "news")
		_ = c.Send("PSUBSCRIBE", "n*")
		err := c.Flush()
		for err == nil {
			_, err = c.Receive()
		}
	case 2:
		_ = c.conn.(*net.TCPConn).SetLinger(0) // a reset
	case 3:
		_ = c.Send("QUIT")
		_ = c.Flush()
		for err := error(nil); err == nil; {
			_, err = c.Receive()
		}
	case 4: // in the middle of a command
		c.SendRaw([]byte("*3\r\n$3\r\nSET\r\n$5\r\nhal"))
		_ = c.Flush()
	}
}

// act does one of the things that clients do, and says whether the connection is
// still there.
func (x *churn) act(c *caller, name string, step int, r *rand.Rand) (alive bool) {
	queue := fmt.Sprint("queue", r.IntN(5))
	switch r.IntN(6) {
	case 0:
		v, alive := c.call("CLIENT", "GETNAME")
		if alive && v.Text() != name {
			x.in.t.Errorf("%s is called %q", name, v.Text())
		}
		return alive
	case 1: // a pipeline
		n := 1 + r.IntN(10)
		for range n {
			_ = c.Send("INCR", "counter")
		}
		x.asked.Add(int64(n))
		if c.Flush() != nil {
			return false
		}
		last := int64(0)
		for range n {
			v, err := c.Receive()
			if !c.check([]any{"INCR"}, v, err) {
				return false
			}
			if v.Int <= last {
				x.in.t.Errorf("INCR answered %d after %d", v.Int, last)
			}
			last = v.Int
			x.counted.Add(1)
		}
	case 2:
		for _, args := range [][]any{{"WATCH", name}, {"MULTI"}, {"INCR", "counter"}, {"RPUSH", queue, fmt.Sprint(name, " tx ", step)}} {
			if _, alive := c.call(args...); !alive {
				return false
			}
		}
		x.asked.Add(1)
		if _, alive := c.call("EXEC"); !alive {
			return false
		}
		x.counted.Add(1)
		x.pushed.Add(1)
	case 3:
		_, alive := c.call("RPUSH", queue, fmt.Sprint(name, " ", step))
		if alive {
			x.pushed.Add(1)
		}
		return alive
	case 4:
		v, alive := c.call("BLPOP", queue, "queue9", 0.001*float64(1+r.IntN(20)))
		if alive && len(v.Elems) == 2 {
			x.mu.Lock()
			if elem := v.Elems[1].Text(); x.popped[elem] {
				x.in.t.Errorf("%q was delivered twice", elem)
			} else {
				x.popped[elem] = true
			}
			x.mu.Unlock()
		}
		return alive
	case 5: // listens for a while
		for _, command := range []string{"SUBSCRIBE", "UNSUBSCRIBE"} {
			_ = c.Send(command, "news")
			if c.Flush() != nil {
				return false
			}
			for confirmed := false; !confirmed; {
				v, err := c.Receive()
				if err != nil {
					return false
				}
				confirmed = len(v.Elems) == 3 && v.Elems[0].Text() == strings.ToLower(command)
			}
		}
	}
	return true
}

// operator kills, pauses and looks, at random, until it is over. Another
// operator's CLIENT KILL does not reach it: it goes by the clients' ids.
func (x *churn) operator(over chan struct{}, r *rand.Rand) {
	c := newCaller(x)
	defer c.Close()
	anybody := func() int64 { return x.ids[r.IntN(len(x.ids))] } // complete by now
	pauses := 0
	for {
		select {
		case <-over:
			c.must("CLIENT", "UNPAUSE")
			return
		default:
		}
		switch n := r.IntN(20); {
		case n < 5:
			c.must("CLIENT", "KILL", "ID", anybody())
		case n < 10:
			c.must("CLIENT", "UNBLOCK", anybody(), []string{"TIMEOUT", "ERROR"}[r.IntN(2)])
		case n < 14:
			c.must("PUBLISH", "news", "x")
		case n < 16 && pauses < 20:
			pauses++
			c.must("CLIENT", "PAUSE", 1+r.IntN(15), []string{"WRITE", "ALL"}[r.IntN(2)])
			if r.IntN(2) == 0 {
				c.must("CLIENT", "UNPAUSE")
			}
		case n < 17:
			for line := range strings.Lines(c.must("CLIENT", "LIST").Text()) {
				if !strings.HasPrefix(line, "id=") || !strings.Contains(line, " lib-ver=") {
					x.in.t.Errorf("CLIENT LIST: %q", line)
				}
			}
		case n < 18:
			c.must("INFO", "everything")
		}
	}
}

// checkNames looks at all clients while all are there.
func (x *churn) checkNames(admin *caller) {
	list := admin.must("CLIENT", "LIST").Text()
	seen := map[string]bool{}
	for line := range strings.Lines(list) {
		_, rest, _ := strings.Cut(line, " name=")
		name, _, _ := strings.Cut(rest, " ")
		seen[name] = true
	}
	for name := range x.names {
		if !seen[name] {
			x.in.t.Errorf("CLIENT LIST has no %s", name)
		}
	}
	if n := strings.Count(list, "\n"); n != x.clients+1 {
		x.in.t.Errorf("CLIENT LIST has %d clients, not %d and one", n, x.clients)
	}
	x.wantInfo(admin, fmt.Sprintf("connected_clients:%d", x.clients+1))
}

// wantInfo waits until INFO has all the lines: the counters of a thread are seen
// by the others a moment later.
func (x *churn) wantInfo(admin *caller, lines ...string) {
	x.in.t.Helper()
	info := ""
	for limit := time.Now().Add(patience); ; {
		info = admin.must("INFO", "everything").Text()
		missing := 0
		for _, line := range lines {
			if !strings.Contains(info, "\r\n"+line) {
				missing++
				if time.Now().After(limit) {
					x.in.t.Errorf("INFO has no %q", line)
				}
			}
		}
		if missing == 0 || time.Now().After(limit) {
			return
		}
	}
}

// checkEnd looks at what is left when all clients have gone.
func (x *churn) checkEnd(admin *caller) {
	in, t := x.in, x.in.t
	in.eventually("only the administrator is there", func() bool { return in.clients.count.Load() == 1 })
	x.wantInfo(admin, "connected_clients:1\r", "blocked_clients:0\r", "pubsub_channels:0\r", "pubsub_patterns:0\r", "rejected_connections:0\r",
		fmt.Sprintf("total_connections_received:%d\r", x.dialled.Load()),
		fmt.Sprintf("cmdstat_client|setname:calls=%d,", x.clients))
	var counter string
	in.eventually("every INCR is counted", func() bool { // one who was killed may have been in the middle of some
		counter = admin.must("GET", "counter").Text()
		return strings.Contains(admin.must("INFO", "commandstats").Text(), fmt.Sprintf("cmdstat_incr:calls=%s,", counter))
	})
	var n int64
	if _, err := fmt.Sscan(counter, &n); err != nil || n < x.counted.Load() || n > x.asked.Load() {
		t.Errorf("the counter is %s: %d were answered, %d asked for", counter, x.counted.Load(), x.asked.Load())
	}
	left := int64(0)
	for i := range 5 {
		for _, elem := range admin.must("LRANGE", fmt.Sprint("queue", i), 0, -1).Elems {
			left++
			if x.popped[elem.Text()] {
				t.Errorf("%q was delivered and is still there", elem.Text())
			}
		}
	}
	t.Logf("%d counted, %d queued, %d delivered, %d left", n, x.pushed.Load(), len(x.popped), left)
	in.eventually("nobody waits", func() bool {
		return in.engine.Waiting() == 0 && in.blocked.count.Load() == 0 && in.blocked.timed() == 0 && in.backlogged.Load() == 0
	})
	in.eventually("nobody listens", func() bool {
		return in.hub.channels.ChannelCount() == 0 && in.hub.channels.PatternCount() == 0
	})
	in.pauses.mu.Lock()
	if pauseMode(in.pauses.mode.Load()) != pauseNone || len(in.pauses.held) != 0 {
		t.Errorf("a pause is left, with %d clients", len(in.pauses.held))
	}
	in.pauses.mu.Unlock()
	if err := in.engine.Check(); err != nil {
		t.Error(err)
	}
}
