package loadgen

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/redcon"

	"hpkv/cmd/hpkv-bench/internal/workload"
)

// fakeServer answers GET with a value, counts the keys it saw, and lets a test
// put its own answer before that.
type fakeServer struct {
	addr string

	mu   sync.Mutex
	seen map[string]int
}

func startFake(t *testing.T, answer func(c redcon.Conn, cmd redcon.Command) bool) *fakeServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeServer{addr: ln.Addr().String(), seen: map[string]int{}}
	handler := func(c redcon.Conn, cmd redcon.Command) {
		if len(cmd.Args) > 1 {
			f.mu.Lock()
			f.seen[string(cmd.Args[1])]++
			f.mu.Unlock()
		}
		if answer != nil && answer(c, cmd) {
			return
		}
		c.WriteBulkString("value")
	}
	go redcon.Serve(ln, handler, nil, nil)
	t.Cleanup(func() { ln.Close() })
	return f
}

// distinct is the number of different keys seen. It locks although the load
// has ended: raw system calls tell the race detector no order.
func (f *fakeServer) distinct() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen)
}

func TestSequenceSendsEachNumberOnce(t *testing.T) {
	const n = 10_007
	f := startFake(t, nil)
	result, err := Run(context.Background(), Config{
		Addr: f.addr, Clients: 7, Pipeline: 16, Threads: 2,
		NewSource: Sequence([]string{"SET", workload.KeyName, "v"}, n),
	})
	if err != nil || result.Requests != n || result.Errors != 0 {
		t.Fatalf("%d requests, %d errors, %v", result.Requests, result.Errors, err)
	}
	if f.distinct() != n {
		t.Errorf("%d distinct keys, want %d", f.distinct(), n)
	}
	if all := result.All(); all.TotalCount() != n {
		t.Errorf("%d latencies, want %d", all.TotalCount(), n)
	}
}

func TestRequestLimitAndMix(t *testing.T) {
	f := startFake(t, func(c redcon.Conn, cmd redcon.Command) bool {
		if string(cmd.Args[0]) != "SET" {
			return false
		}
		c.WriteError("ERR no")
		return true
	})
	mix, err := workload.ParseMix("get=3,set=1")
	if err != nil {
		t.Fatal(err)
	}
	source, kinds := Mix(mix, 16, workload.Uniform, 100, 1)
	result, err := Run(context.Background(), Config{
		Addr: f.addr, Clients: 5, Pipeline: 3, Requests: 4000, Kinds: kinds, NewSource: source,
	})
	if err != nil || result.Requests != 4000 {
		t.Fatalf("%d requests, %v", result.Requests, err)
	}
	sets := result.Find("set").TotalCount()
	if result.Errors != sets || result.FirstError != "ERR no" {
		t.Errorf("%d errors (first %q) of %d failing commands", result.Errors, result.FirstError, sets)
	}
	if sets < 800 || sets > 1200 {
		t.Errorf("%d of 4000 were the kind with a quarter of the weight", sets)
	}
}

func TestDurationEndsTheRun(t *testing.T) {
	f := startFake(t, nil)
	source, kinds := Mix([]workload.Share{{Workload: mustFind(t, "get"), Weight: 1}}, 16, workload.Hot, 100, 1)
	// Where the machine stands still for as long, a run ends before it has begun.
	for attempt := 1; ; attempt++ {
		calls := 0
		result, err := Run(context.Background(), Config{
			Addr: f.addr, Clients: 2, Pipeline: 1, Duration: 250 * time.Millisecond, Kinds: kinds, NewSource: source,
			Progress: func(int64, time.Duration) { calls++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		if result.Requests > 0 && f.distinct() == 1 && calls > 0 {
			return
		}
		if attempt == 10 {
			t.Fatalf("%d requests to %d keys, %d reports of progress", result.Requests, f.distinct(), calls)
		}
	}
}

// A server that once stalls must show as one gap, and with a fixed rate the
// requests that were due meanwhile must be late as well.
func TestStallShows(t *testing.T) {
	const stall = 60 * time.Millisecond
	var once sync.Once
	begin := time.Now()
	f := startFake(t, func(redcon.Conn, redcon.Command) bool {
		if time.Since(begin) > 50*time.Millisecond {
			once.Do(func() { <-time.After(stall) })
		}
		return false
	})
	source, kinds := Mix([]workload.Share{{Workload: mustFind(t, "get"), Weight: 1}}, 16, workload.Hot, 1, 1)
	const rate = 1000
	result, err := Run(context.Background(), Config{
		Addr: f.addr, Clients: 1, Pipeline: 1, Requests: 300, Rate: rate, Gap: stall / 2, Kinds: kinds, NewSource: source,
	})
	if err != nil {
		t.Fatal(err)
	}
	if late := lateBy(result, stall/2); late < 10 {
		t.Errorf("%d requests were late by half the stall; about %d were due meanwhile", late, int(rate*stall.Seconds()/2))
	}
	if epoll && (len(result.Gaps) == 0 || result.Gaps[0].Length < stall) {
		t.Errorf("gaps: %+v", result.Gaps)
	}
	if result.Elapsed < 290*time.Millisecond {
		t.Errorf("300 requests at %d/s took %s", rate, result.Elapsed)
	}
}

func lateBy(r Result, limit time.Duration) int64 {
	var n int64
	for _, bar := range r.All().Distribution() {
		if bar.From >= int64(limit) {
			n += bar.Count
		}
	}
	return n
}

func TestRunErrors(t *testing.T) {
	source := Sequence([]string{"GET", "k"}, 10)
	if _, err := Run(context.Background(), Config{Addr: "127.0.0.1:1", Clients: 1, Pipeline: 1, NewSource: source}); err == nil {
		t.Error("no error without a server")
	}
	f := startFake(t, func(c redcon.Conn, _ redcon.Command) bool { c.Close(); return true })
	if _, err := Run(context.Background(), Config{Addr: f.addr, Clients: 1, Pipeline: 1, NewSource: source}); err == nil {
		t.Error("no error when the server closes")
	}
	f = startFake(t, func(c redcon.Conn, _ redcon.Command) bool { c.WriteRaw([]byte("hello\r\n")); return true })
	_, err := Run(context.Background(), Config{Addr: f.addr, Clients: 1, Pipeline: 1, NewSource: source})
	if err == nil || !strings.Contains(err.Error(), "not RESP") {
		t.Errorf("a reply that is no RESP gave %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f = startFake(t, nil)
	forever, kinds := Mix([]workload.Share{{Workload: mustFind(t, "get"), Weight: 1}}, 1, workload.Hot, 1, 1)
	if _, err := Run(ctx, Config{Addr: f.addr, Clients: 1, Pipeline: 1, Kinds: kinds, NewSource: forever}); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func mustFind(t *testing.T, name string) workload.Workload {
	t.Helper()
	rows, err := workload.Find([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	return rows[0]
}

func TestSkipReply(t *testing.T) {
	for _, reply := range []string{
		"+OK\r\n", "-ERR no\r\n", ":12\r\n", "$-1\r\n", "$0\r\n\r\n", "$5\r\na\r\nbc\r\n", "*-1\r\n", "*0\r\n",
		"*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n", "_\r\n", "#t\r\n", ",1.5\r\n", "(123\r\n", "=7\r\ntxt:abc\r\n",
		"%1\r\n+a\r\n*1\r\n:1\r\n", "~1\r\n:1\r\n", ">1\r\n+x\r\n",
	} {
		for cut := range len(reply) {
			if n, err := skipReply([]byte(reply[:cut])); n != 0 || err != nil {
				t.Errorf("%q, %d of its bytes: %d, %v", reply, cut, n, err)
			}
		}
		if n, err := skipReply([]byte(reply + "+next\r\n")); n != len(reply) || err != nil {
			t.Errorf("%q: %d, %v", reply, n, err)
		}
	}
	for _, bad := range []string{"hello\r\n", "$x\r\n", "$\r\n", "$-2\r\n", "\r\n", "*99999999999999999999\r\n"} {
		if n, err := skipReply([]byte(bad)); err == nil {
			t.Errorf("%q was skipped as %d bytes", bad, n)
		}
	}
}

func FuzzSkipReply(f *testing.F) {
	f.Add([]byte("*2\r\n$1\r\na\r\n:1\r\n"), 3)
	f.Add([]byte("$5\r\nhello\r\n+x"), 6)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		n, err := skipReply(b)
		if n < 0 || n > len(b) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
		if err != nil || n == 0 {
			return
		}
		// A prefix never gives another length than the whole.
		if cut >= 0 && cut < n {
			if m, err := skipReply(b[:cut]); m != 0 || err != nil {
				t.Fatalf("prefix of %d: %d, %v", cut, m, err)
			}
		}
		if m, err := skipReply(b[:n]); m != n || err != nil {
			t.Fatalf("exactly the reply: %d, %v", m, err)
		}
	})
}

func BenchmarkSkipReply(b *testing.B) {
	reply := fmt.Appendf(nil, "$16\r\n%s\r\n", workload.Value(16))
	b.ReportAllocs()
	for b.Loop() {
		skipReply(reply)
	}
}
