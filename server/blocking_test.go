package server

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// waiting waits until n clients are blocked.
func (in *instance) waiting(n int64) {
	in.t.Helper()
	in.eventually(fmt.Sprintf("%d blocked clients", n), func() bool { return in.blocked.count.Load() == n })
}

func popped(key, elem string) string {
	return fmt.Sprintf("*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(key), key, len(elem), elem)
}

// Those who wait are served in the order in which they came.
func TestBlockingOrder(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		pusher := in.dial()
		var waiters []*wire
		for i := range 5 {
			w := in.dial()
			switch i {
			case 1:
				w.send("BRPOP other k 0\r\n")
			case 3:
				w.send("BLMPOP 0 2 k other RIGHT COUNT 2\r\n")
			default:
				w.send("BLPOP k 0\r\n")
			}
			waiters = append(waiters, w)
			in.waiting(int64(i + 1))
		}
		pusher.do("RPUSH k a b c", ":3\r\n")
		waiters[0].expect(popped("k", "a"))
		waiters[1].expect(popped("k", "c"))
		waiters[2].expect(popped("k", "b"))
		in.waiting(2)
		pusher.send("MULTI\r\nRPUSH k d e f\r\nLLEN k\r\nEXEC\r\nLLEN k\r\n")
		pusher.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:3\r\n:3\r\n:0\r\n")
		waiters[3].expect("*2\r\n$1\r\nk\r\n*2\r\n$1\r\nf\r\n$1\r\ne\r\n")
		waiters[4].expect(popped("k", "d"))
		in.waiting(0)
		if n := in.engine.Waiting(); n != 0 {
			t.Errorf("%d queues are left", n)
		}
	})
}

// A destination in another shard is locked afterwards; nobody overtakes.
func TestBlockingMoveOrder(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		pusher := in.dial()
		for i := range 20 { // some destinations are in the source's shard, most are not
			dst := fmt.Sprintf("dst%d", i)
			first, second := in.dial(), in.dial()
			first.send("BLMOVE src %s LEFT LEFT 0\r\n", dst)
			in.waiting(1)
			second.send("BLPOP src 0\r\n")
			in.waiting(2)
			pusher.send("RPUSH src 1 2\r\nLLEN src\r\nLRANGE %s 0 -1\r\n", dst)
			pusher.expect(":2\r\n:0\r\n*1\r\n$1\r\n1\r\n")
			first.expect("$1\r\n1\r\n")
			second.expect(popped("src", "2"))
		}
	})
}

func TestBlockingOtherTypes(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w, c := in.dial(), in.dial()
		w.send("BLPOP k 0\r\n")
		in.waiting(1)
		c.do("SET k x", "+OK\r\n")
		c.do("APPEND k y", ":2\r\n")
		c.do("DEL k", ":1\r\n")
		c.do("PFADD k y", ":1\r\n")
		in.waiting(1)
		c.do("DEL k", ":1\r\n")
		c.send("MULTI\r\nRPUSH k gone\r\nDEL k\r\nEXEC\r\n")
		c.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n")
		in.waiting(1)
		c.do("FLUSHALL", "+OK\r\n")
		c.send("SELECT 1\r\nRPUSH k there\r\n")
		c.expect("+OK\r\n:1\r\n")
		in.waiting(1)
		c.do("SWAPDB 0 1", "+OK\r\n")
		w.expect(popped("k", "there"))
	})
}

func TestClientUnblock(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		c, w := in.dial(), in.dial()
		w.send("CLIENT ID\r\n")
		id := strings.TrimPrefix(w.line(), ":")
		for _, how := range []struct{ option, command, reply string }{
			{"", "BLPOP k l 0", "*-1\r\n"}, {" TIMEOUT", "BLMOVE k l LEFT LEFT 0", "*-1\r\n"},
			{" ERROR", "BLMPOP 0 1 k LEFT", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"},
		} {
			c.do("CLIENT UNBLOCK "+id, ":0\r\n")
			w.send("%s\r\nPING\r\n", how.command)
			in.waiting(1)
			in.eventually("flag b", func() bool {
				c.send("CLIENT LIST ID %s\r\n", id)
				return strings.Contains(c.bulk(), " flags=b ")
			})
			c.do("CLIENT UNBLOCK "+id+how.option, ":1\r\n")
			w.expect(how.reply + "+PONG\r\n")
		}
		c.do("RPUSH k 1", ":1\r\n")
		c.do("LLEN k", ":1\r\n")
		if n := in.engine.Waiting(); n != 0 {
			t.Errorf("%d queues are left", n)
		}
	})
}

// What a client sends while it waits, for keys or for the end of a pause, is read, up
// to client-query-buffer-limit: who sends much before ending the wait does not stand
// still.
func TestInputWhileWaiting(t *testing.T) {
	const commands, size = 12, 1 << 20 // more than sockets take
	set := fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\ns\r\n$%d\r\n%s\r\n", size, strings.Repeat("v", size))
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w, other := in.dial(), in.dial()
		w.send("BLPOP k 0\r\nSTR") // the next command comes in parts
		in.waiting(1)
		w.send("LEN s\r\n%s", strings.Repeat(set, commands))
		w.send("STRLEN s\r\n")
		other.do("RPUSH k x", ":1\r\n")
		w.expect(popped("k", "x") + ":0\r\n" + strings.Repeat("+OK\r\n", commands) + fmt.Sprintf(":%d\r\n", size))

		other.do("CLIENT PAUSE 1000000 WRITE", "+OK\r\n")
		w.send("%s", strings.Repeat(set, commands))
		other.do("CLIENT UNPAUSE", "+OK\r\n")
		w.expect(strings.Repeat("+OK\r\n", commands))

		other.do("CONFIG SET client-query-buffer-limit 1mb", "+OK\r\n")
		w.send("BLPOP k 0\r\n")
		in.waiting(1)
		for range commands {
			if _, err := w.Write([]byte(set)); err != nil {
				break // it is closed
			}
		}
		in.waiting(0)
		other.do("RPUSH k x", ":1\r\n")
		other.do("LLEN k", ":1\r\n")
	})
}

// A client that is gone takes nothing.
func TestBlockedClientsGo(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		c := in.dial()
		for name, end := range map[string]func(w *wire, id string){
			"killed": func(w *wire, id string) { c.do("CLIENT KILL ID "+id, ":1\r\n") },
			"closed": func(w *wire, id string) { w.Close(); in.waiting(0) },
			"half closed": func(w *wire, id string) {
				_ = w.Conn.(*net.TCPConn).CloseWrite()
				in.waiting(0)
				w.expectEnd()
			},
			"closed with input": func(w *wire, id string) { w.send("PING\r\n"); w.Close(); in.waiting(0) },
		} {
			w := in.dial()
			w.send("CLIENT ID\r\n")
			id := strings.TrimPrefix(w.line(), ":")
			w.send("BLPOP %q other 0\r\n", name)
			in.waiting(1)
			end(w, id)
			c.do(fmt.Sprintf("RPUSH %q x", name), ":1\r\n")
			c.do(fmt.Sprintf("LLEN %q", name), ":1\r\n")
			in.waiting(0)
		}
		in.eventually("no queue", func() bool { return in.engine.Waiting() == 0 })
		in.dial().send("BLPOP nothing 0\r\n") // the end of the server ends it
		in.waiting(1)
		c.Close()
		in.stop()
	})
}

func TestBlockingTimeouts(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		var wg sync.WaitGroup
		for i := range 50 {
			w := in.dial()
			ms := 200 - 4*i
			wg.Add(1)
			go func() {
				defer wg.Done()
				begun := time.Now()
				w.send("BLPOP k%d 0.%03d\r\n", i%3, ms)
				w.expect("*-1\r\n")
				if took := time.Since(begun); took < time.Duration(ms)*time.Millisecond {
					t.Errorf("%d ms took %v", ms, took)
				}
			}()
		}
		wg.Wait()
		if in.blocked.count.Load() != 0 || in.blocked.timed() != 0 || in.engine.Waiting() != 0 {
			t.Errorf("%d blocked, %d with a timeout, %d queues", in.blocked.count.Load(), in.blocked.timed(), in.engine.Waiting())
		}
	})
}

// TestBlockingStress has producers, consumers with short timeouts, movers, and
// one who unblocks at random. Every element must arrive exactly once.
func TestBlockingStress(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		in := start(t, setup{driver: driver})
		const producers, each, keys = 4, 1500, 3
		var left atomic.Int64
		left.Store(producers * each)
		var mu sync.Mutex
		seen := map[string]int{}
		took := func(elem string) {
			mu.Lock()
			seen[elem]++
			if seen[elem] == 1 {
				left.Add(-1)
			}
			mu.Unlock()
		}
		var wg sync.WaitGroup
		run := func(n int, f func(c *talker, r *rand.Rand, i int)) {
			for i := range n {
				c := newTalker(t, in.addr)
				r := rand.New(rand.NewPCG(seed, uint64(n*100+i)))
				wg.Add(1)
				go func() { defer wg.Done(); f(c, r, i) }()
			}
		}
		run(producers, func(c *talker, r *rand.Rand, p int) {
			for i := 0; i < each; i++ {
				key := fmt.Sprintf("q%d", r.IntN(keys))
				switch r.IntN(3) {
				case 0:
					c.call("RPUSH %s %d-%d", key, p, i)
				case 1:
					c.call("LPUSH %s %d-%d", key, p, i)
				default:
					c.write("MULTI\r\nRPUSH %s %d-%d\r\nSET x y\r\nEXEC\r\n", key, p, i)
					for range 4 {
						c.read()
					}
				}
			}
		})
		run(6, func(c *talker, r *rand.Rand, i int) {
			for left.Load() > 0 {
				var got []string
				a, b := r.IntN(keys), r.IntN(keys)
				switch r.IntN(4) {
				case 0:
					got = c.call("BLPOP q%d q%d moved 0.00%d", a, b, 1+r.IntN(9))
				case 1:
					got = c.call("BRPOP moved q%d 0.0%d", a, 1+r.IntN(5))
				case 2:
					got = c.call("BLMPOP 0.01 2 q%d moved LEFT COUNT 1", a)
				default:
					if e := c.call("LPOP q%d", a); e[0] != "" {
						got = []string{"", e[0]}
					}
				}
				if len(got) == 2 {
					took(strings.TrimSpace(got[1]))
				}
			}
		})
		run(2, func(c *talker, r *rand.Rand, i int) {
			for left.Load() > 0 {
				c.call("BLMOVE q%d moved LEFT RIGHT 0.005", r.IntN(keys))
			}
		})
		run(1, func(c *talker, r *rand.Rand, i int) {
			for left.Load() > 0 {
				c.call("CLIENT UNBLOCK %d", 1+r.IntN(14))
			}
		})
		wg.Wait()
		for elem, n := range seen {
			if n != 1 {
				t.Errorf("%q arrived %d times", elem, n)
			}
		}
		if len(seen) != producers*each {
			t.Errorf("%d elements arrived, of %d", len(seen), producers*each)
		}
		if n := in.engine.Waiting(); n != 0 {
			t.Errorf("%d queues are left", n)
		}
		if err := in.engine.Check(); err != nil {
			t.Error(err)
		}
	})
}

// talker sends commands and understands replies, roughly: what is nested is
// joined by spaces.
type talker struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

func newTalker(t *testing.T, addr string) *talker {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(3 * patience))
	return &talker{t, c, bufio.NewReader(c)}
}

func (c *talker) write(format string, args ...any) {
	if _, err := fmt.Fprintf(c.c, format, args...); err != nil {
		c.t.Error(err)
	}
}

func (c *talker) call(format string, args ...any) []string {
	c.write(format+"\r\n", args...)
	return c.read()
}

func (c *talker) read() []string {
	line, err := c.r.ReadString('\n')
	if err != nil || len(line) < 3 {
		c.t.Errorf("%q, %v", line, err)
		return []string{""}
	}
	n, _ := strconv.Atoi(line[1 : len(line)-2])
	switch line[0] {
	case '*':
		var all []string
		for range n {
			all = append(all, strings.Join(c.read(), " "))
		}
		return all
	case '$':
		if n < 0 {
			return []string{""}
		}
		b := make([]byte, n+2)
		for at := 0; at < len(b); {
			k, err := c.r.Read(b[at:])
			if err != nil {
				c.t.Error(err)
				break
			}
			at += k
		}
		return []string{string(b[:n])}
	case '-':
		if !strings.HasPrefix(line, "-UNBLOCKED") {
			c.t.Errorf("%q", line)
		}
	}
	return []string{line[1 : len(line)-2]}
}
