package server

import (
	"fmt"
	"strings"
	"testing"
)

// A server at its limit of memory goes on taking writes and evicts.
func TestEviction(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--maxmemory", "8mb", "--maxmemory-policy", "allkeys-lru"}})
		w := in.dial()
		value := strings.Repeat("v", 1000)
		const batch, batches = 500, 60
		for i := range batches {
			var b strings.Builder
			for k := range batch {
				fmt.Fprintf(&b, "SET key:%d:%d %s\r\n", i, k, value)
			}
			w.send("%s", b.String())
			w.expect(strings.Repeat("+OK\r\n", batch))
		}
		w.do("MULTI", "+OK\r\n")
		w.do("SET a b", "+QUEUED\r\n")
		w.do("EXEC", "*1\r\n+OK\r\n")
		w.send("INFO stats\r\n")
		if text := w.bulk(); strings.Contains(text, "\r\nevicted_keys:0\r\n") {
			t.Errorf("nothing was evicted:\n%s", text)
		}
		w.do("CONFIG SET maxmemory-policy volatile-ttl", "+OK\r\n")
		refused := false
		for i := 0; i < 20_000 && !refused; i++ {
			w.send("SET more:%d %s\r\n", i, value)
			refused = strings.HasPrefix(w.line(), "-OOM ")
		}
		if !refused {
			t.Error("with nothing to evict, no write was refused")
		}
		w.send("RANDOMKEY\r\n") // any: the first policy may have taken each of them
		key := w.bulk()
		if w.send("STRLEN %s\r\n", key); w.line() == ":0" {
			t.Errorf("%s is not there", key)
		}
	})
}

// The clients with the largest buffers go first, but for those that are exempt, which
// count nevertheless.
func TestEvictClients(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--maxmemory-clients", "4mb"}})
		half := "*2\r\n$4\r\nECHO\r\n$8000000\r\n"
		exempt, small, large := in.dial(), in.dial(), in.dial()
		exempt.do("CLIENT NO-EVICT ON", "+OK\r\n")
		exempt.send("*2\r\n$4\r\nECHO\r\n$3000000\r\n%s", strings.Repeat("x", 2_900_000))
		in.eventually("the exempt client's input is counted", func() bool { return in.clientMemory() > 2_900_000 })
		small.send("%s%s", half, strings.Repeat("x", 300_000))
		_, _ = fmt.Fprintf(large, "%s%s", half, strings.Repeat("x", 2_000_000)) // an error if it goes before all is sent
		large.expectEnd()
		w := in.dial()
		if got := w.info("evicted_clients"); got != "1" {
			t.Errorf("evicted_clients:%s", got)
		}
		w.do("CONFIG SET maxmemory-clients 50%", "+OK\r\n") // of no limit: input and reply together would be above the one before
		w.do("CONFIG GET maxmemory-clients", "*2\r\n$17\r\nmaxmemory-clients\r\n$3\r\n50%\r\n")
		exempt.send("%s", strings.Repeat("x", 100_000)+"\r\n")
		exempt.expect("$3000000\r\n" + strings.Repeat("x", 3_000_000) + "\r\n")
	})
}
