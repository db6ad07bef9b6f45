package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// content is a value's content as text, whatever its type.
func (w *wire) content(key, kind string) string {
	switch kind {
	case "string":
		w.send("GET %s\r\n", key)
	case "list":
		w.send("LRANGE %s 0 -1\r\n", key)
	case "set":
		w.send("SORT %s ALPHA\r\n", key)
	case "zset":
		w.send("ZRANGE %s 0 -1 WITHSCORES\r\n", key)
	case "hash":
		w.send("HMGET %s f0 f1 f2 f3 f4 f5 f6 f7 f8 f9\r\n", key)
	}
	head := w.line()
	n := 0
	if _, err := fmt.Sscanf(head, "*%d", &n); err != nil {
		return head + w.line()
	}
	var b strings.Builder
	for range n {
		if head := w.line(); head == "$-1" {
			b.WriteString(" nil")
			continue
		}
		b.WriteString(" " + w.line())
	}
	return b.String()
}

// What was there before is there after DEBUG RELOAD and LOADAOF, with and without
// a log, and what others do meanwhile is not lost.
func TestDebugReload(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		for _, log := range []string{"yes", "no"} {
			t.Run("appendonly "+log, func(t *testing.T) { testReload(t, driver, log) })
		}
	})
}

func testReload(t *testing.T, driver, log string) {
	dir := t.TempDir()
	in := start(t, setup{driver: driver, settings: []string{"--enable-debug-command", "yes", "--dir", dir, "--appendonly", log}})
	<-in.ready
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	w := in.dial()
	kinds := map[string]string{}
	for i := range 400 {
		key := fmt.Sprintf("key%d", rng.IntN(60))
		var line, kind string
		switch v := rng.IntN(10); rng.IntN(6) {
		case 0:
			kind, line = "string", fmt.Sprintf("SET %s %d", key, i)
		case 1:
			kind, line = "list", fmt.Sprintf("RPUSH %s a%d b%d c%d", key, i, v, i%7)
		case 2:
			kind, line = "set", fmt.Sprintf("SADD %s m%d m%d", key, v, i%13)
		case 3:
			kind, line = "zset", fmt.Sprintf("ZADD %s %d m%d", key, v, i%13)
		case 4:
			kind, line = "hash", fmt.Sprintf("HSET %s f%d %d", key, v, i)
		default:
			kind, line = "", "DEL "+key
		}
		if kind != "" && kinds[key] != "" && kinds[key] != kind {
			w.send("DEL %s\r\n", key)
			w.line()
		}
		w.send("%s\r\n", line)
		w.line()
		kinds[key] = kind
	}
	w.do("SET due v PXAT 99999999999999", "+OK\r\n")
	w.do("SELECT 3", "+OK\r\n")
	w.do("SET elsewhere v", "+OK\r\n")
	w.do("SELECT 0", "+OK\r\n")
	before := map[string]string{}
	for key, kind := range kinds {
		if kind != "" {
			before[key] = w.content(key, kind)
		}
	}

	const writers = 4
	var wg sync.WaitGroup
	stop := make(chan struct{})
	acked := make([]int, writers)
	for i := range writers {
		c := in.dial()
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				select {
				case <-stop:
					return
				default:
					c.do(fmt.Sprintf("INCR counter%d", i), fmt.Sprintf(":%d\r\n", acked[i]+1))
					acked[i]++
				}
			}
		}()
	}
	forms := []string{"DEBUG RELOAD", "DEBUG RELOAD NOFLUSH MERGE"}
	if log == "yes" {
		forms = append(forms, "DEBUG LOADAOF", "DEBUG RELOAD NOSAVE")
	} else {
		w.do("DEBUG RELOAD NOSAVE", "-ERR Error trying to load the RDB dump\r\n")
		w.do("DEBUG LOADAOF", "-ERR the log is off: see the setting appendonly\r\n")
	}
	watcher := in.dial()
	for _, form := range forms {
		watcher.do("WATCH due", "+OK\r\n")
		w.do(form, "+OK\r\n")
		watcher.do("MULTI", "+OK\r\n")
		watcher.do("EXEC", "*-1\r\n") // the keys were gone for a while
	}
	close(stop)
	wg.Wait()
	for i := range writers {
		text := fmt.Sprint(acked[i])
		w.do(fmt.Sprintf("GET counter%d", i), fmt.Sprintf("$%d\r\n%s\r\n", len(text), text))
	}
	for key, kind := range kinds {
		if kind == "" {
			w.do("EXISTS "+key, ":0\r\n")
		} else if got := w.content(key, kind); got != before[key] {
			t.Errorf("%s, a %s: %q, was %q", key, kind, got, before[key])
		}
	}
	w.do("PEXPIRETIME due", ":99999999999999\r\n")
	w.do("SELECT 3", "+OK\r\n")
	w.do("GET elsewhere", "$1\r\nv\r\n")
	w.do("MULTI", "+OK\r\n")
	w.do("DEBUG RELOAD", "+QUEUED\r\n")
	w.do("EXEC", "*1\r\n-ERR the data cannot be loaded inside a transaction\r\n")
	if err := in.engine.Check(); err != nil {
		t.Error(err)
	}
	if log == "yes" { // and it is still in the log
		in.stop()
		again := start(t, setup{driver: driver, settings: []string{"--dir", dir, "--appendonly", "yes"}})
		<-again.ready
		text := fmt.Sprint(acked[0])
		again.dial().do("GET counter0", fmt.Sprintf("$%d\r\n%s\r\n", len(text), text))
	}
}

// DEBUG SLEEP holds everybody.
func TestDebugSleep(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--enable-debug-command", "yes"}})
		w := in.dial()
		others := []*wire{in.dial(), in.dial(), in.dial()}
		for _, o := range others {
			o.do("PING", "+PONG\r\n")
		}
		for _, line := range []string{"DEBUG SLEEP 0.2", "MULTI\r\nDEBUG SLEEP 0.2\r\nEXEC"} {
			begun := time.Now()
			w.send("%s\r\nPING\r\n", line)
			if line[0] == 'D' {
				in.eventually("the server stands still", func() bool {
					in.executors.mu.Lock()
					defer in.executors.mu.Unlock()
					return in.executors.gate != nil || time.Since(begun) > 200*time.Millisecond
				})
				for _, o := range others {
					o.do("PING", "+PONG\r\n")
				}
				if took := time.Since(begun); took < 200*time.Millisecond {
					t.Errorf("others were served after %v", took)
				}
				w.expect("+OK\r\n")
			} else {
				w.expect("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
				if took := time.Since(begun); took < 200*time.Millisecond {
					t.Errorf("slept %v", took)
				}
			}
			w.expect("+PONG\r\n")
		}
		w.do("DEBUG SLEEP nonsense", "+OK\r\n")
		w.do("DEBUG SLEEP -1", "+OK\r\n")
		w.send("DEBUG SLEEP 1000\r\n")
		in.eventually("the server stands still", func() bool {
			in.executors.mu.Lock()
			defer in.executors.mu.Unlock()
			return in.executors.gate != nil
		})
		in.stop() // does not wait for it
	})
}

// What redis-server 7.0 and, where encodings have changed, 7.2 say of the same
// values, but for addresses and times.
func TestDebugObject(t *testing.T) {
	in := start(t, setup{driver: drivers()[0], settings: []string{"--enable-debug-command", "yes"}})
	w := in.dial()
	long := strings.Repeat("0123456789", 20)
	for _, c := range []struct{ build, want string }{
		{"SET k hello", "embstr serializedlength:6"},
		{"SET k 12", "int serializedlength:2"},
		{"SET k 70000", "int serializedlength:5"},
		{"SET k " + long, "raw serializedlength:202"},
		{"HSET k a b", "listpack serializedlength:14"},
		{"SADD k 1 2", "intset serializedlength:13"},
		{"SADD k 1 70000", "intset serializedlength:17"},
		{"SADD k " + long, "hashtable serializedlength:203"},
		{"ZADD k 1 a", "listpack serializedlength:13"},
		{"ZADD k 1 " + long, "skiplist serializedlength:211"},
		{"RPUSH k a b c", "listpack serializedlength:17"},
		{"RPUSH k" + strings.Repeat(" "+long, 50), "quicklist serializedlength:10221 ql_nodes:2 ql_avg_node:25.00 ql_listpack_max:-2 ql_compressed:0 ql_uncompressed_size:10214"},
	} {
		w.send("FLUSHALL\r\n%s\r\nDEBUG OBJECT k\r\n", c.build)
		w.expect("+OK\r\n")
		w.line()
		line := w.line()
		_, rest, _ := strings.Cut(line, "encoding:")
		sizes, rest, _ := strings.Cut(rest, " lru:")
		if _, list, ok := strings.Cut(rest, " ql_"); ok {
			sizes += " ql_" + list
		}
		if sizes != c.want || !strings.HasPrefix(line, "+Value at:0x") || !strings.Contains(line, " refcount:1 encoding:") || !strings.Contains(line, " lru_seconds_idle:") {
			t.Errorf("after %.40s: %s, want %s", c.build, line, c.want)
		}
	}
	w.do("DEBUG OBJECT nokey", "-ERR no such key\r\n")
	w.do("DEBUG LISTPACK nokey", "-ERR no such key\r\n")
	w.do("DEBUG LISTPACK k", "-ERR Not a listpack encoded object.\r\n")
	w.do("HSET h f v", ":1\r\n")
	w.do("DEBUG LISTPACK h", "+Listpack structure printed on stdout\r\n")
	in.eventually("the log tells of it", func() bool { return strings.Contains(in.log.String(), `"elements":2,"bytes":13`) })
}
