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
		w.do("GET a", "$1\r\nb\r\n")
	})
}
