package server

import (
	"fmt"
	"math"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"hpkv/server/command"
)

// bench is an executor and a client without a connection, on a server that is
// not run.
type bench struct {
	*Server
	x   *executor
	c   *client
	out []byte
}

func newBench(t testing.TB, rows ...command.Row) *bench {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Config: parse(t, "--port", "0"), Listeners: []net.Listener{ln}, Log: zerolog.Nop(), rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Server: s, x: s.newExecutor(), c: new(client)}
	b.x.nowMs = s.clock.NowMs()
	s.initClient(b.c, b, &endpoint{}, b.x.nowMs)
	t.Cleanup(func() {
		b.x.lane.Close()
		ln.Close()
		s.stop()
		if err := s.engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// bench is its client's link.
func (b *bench) send(p []byte) { b.out = append(b.out, p...) }
func (b *bench) unsent() int   { return 0 }
func (b *bench) post(func())   {}
func (b *bench) await()        {}
func (b *bench) kill()         {}

func (b *bench) run(input string) string {
	b.out = b.out[:0]
	b.x.run(b.c, []byte(input))
	return string(b.out)
}

// Nothing is allocated for a command on a warm connection.
func TestNoAllocations(t *testing.T) {
	b := newBench(t)
	b.run(cmdline("CONFIG", "SET", "slowlog-log-slower-than", "-1", "latency-monitor-threshold", "0")) // a busy machine is slow
	var input strings.Builder
	for i := range 100 {
		input.WriteString(cmdline("SET", fmt.Sprint("key:", i), "some value"))
		input.WriteString(cmdline("GET", fmt.Sprint("key:", i)))
		input.WriteString(cmdline("INCR", fmt.Sprint("n:", i)))
		input.WriteString(cmdline("EXISTS", "key:1") + cmdline("TTL", "key:1") + cmdline("PING"))
		input.WriteString(strings.Repeat(cmdline("LPUSH", "list", "element"), 3) + strings.Repeat(cmdline("RPOP", "list"), 3))
		input.WriteString(strings.Repeat(cmdline("SADD", "set", fmt.Sprint("a member that is too long for a compact set, which it makes a large one ", i)), 2))
	}
	buf := []byte(input.String())
	b.run(string(buf))
	n := math.Inf(1)
	for range 5 { // what goes on in the background is counted too, but not always
		n = min(n, testing.AllocsPerRun(20, func() {
			b.out = b.out[:0]
			if used := b.x.run(b.c, buf); used != len(buf) {
				t.Fatalf("%d of %d bytes used", used, len(buf))
			}
		}))
	}
	if n > 1 { // for 1400 commands
		t.Errorf("%v allocations for 1400 commands", n)
	}
}

// An idle connection costs at most 2 KB of our memory.
func TestIdleConnectionMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the goroutine driver needs a stack for each connection")
	}
	in := start(t, setup{driver: "epoll"})
	const conns = 1000
	list := make([]*wire, conns)
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	client := func() { // what the test's own end of a connection costs is measured first
		for i := range list {
			list[i] = in.dial()
			list[i].send("SET k%d v\r\n*1\r\n", i)
			list[i].expect("+OK\r\n")
			list[i].send("$4\r\nPING\r\n")
			list[i].expect("+PONG\r\n")
		}
	}
	per := int64(math.MaxInt64)
	for range 3 { // what earlier tests have left may go meanwhile and count as the connections'
		client()
		before := heap()
		for _, w := range list {
			w.Close()
		}
		in.eventually("all are forgotten", func() bool { return in.clients.count.Load() == 0 })
		per = min(per, (before-heap())/conns)
	}
	// The difference holds both ends: ours is a third of it at most, but even
	// both together stay within twice the budget.
	if per > 4096 {
		t.Errorf("%d bytes for a connection and its peer", per)
	} else {
		t.Logf("%d bytes for a connection and its peer", per)
	}
}

func BenchmarkExecutor(b *testing.B) {
	const value = "xxxxxxxxxxxxxxxx"
	loads := []struct {
		name string
		line func(i int) []string
	}{
		{"PING", func(int) []string { return []string{"PING"} }},
		{"GETONE", func(int) []string { return []string{"GET", "key:000000000000"} }},
		{"SETONE", func(int) []string { return []string{"SET", "key:000000000000", value} }},
		{"INCR", func(int) []string { return []string{"INCR", "counter:000000000000"} }},
		{"GET", func(i int) []string { return []string{"GET", fmt.Sprintf("key:%012d", i)} }},
		{"SET", func(i int) []string { return []string{"SET", fmt.Sprintf("key:%012d", i), value} }},
		{"LPUSH", func(int) []string { return []string{"LPUSH", "mylist", value} }},
		{"RPUSH", func(int) []string { return []string{"RPUSH", "mylist", value} }},
		{"RPUSHLPOP", func(i int) []string {
			if i%2 == 0 {
				return []string{"RPUSH", "mylist", value}
			}
			return []string{"LPOP", "mylist"}
		}},
		{"SADD", func(i int) []string { return []string{"SADD", "myset", fmt.Sprintf("element:%012d", i*7919)} }},
		{"HSET", func(i int) []string { return []string{"HSET", "myhash", fmt.Sprintf("element:%012d", i*7919), value} }},
		{"ZPOPMIN", func(int) []string { return []string{"ZPOPMIN", "myzset"} }},
	}
	for _, load := range loads {
		for _, window := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/pipeline=%d", load.name, window), func(b *testing.B) {
				k := newBench(b)
				var input strings.Builder
				for i := range window {
					input.WriteString(cmdline(load.line(i)...))
				}
				buf := []byte(input.String())
				b.ReportAllocs()
				for i := 0; i < b.N; i += window {
					k.out = k.out[:0]
					k.x.run(k.c, buf)
				}
			})
		}
	}
}
