package rest_test

import (
	"fmt"
	"strings"
	"testing"
)

// At the memory limit writes are refused, unless a policy makes room.
func TestMemoryLimit(t *testing.T) {
	r := start(t, "--maxmemory", "4mb")
	val := strings.Repeat("x", 100_000)
	const full = `{"error":"the server is out of memory"}`
	refused := false
	for i := 0; i < 500 && !refused; i++ {
		got := r.ask("POST", "/record", record(fmt.Sprint("k", i), val), "x-api-key", keyAll)
		refused = got.StatusCode == 500 && got.body == full
	}
	if !refused {
		t.Fatal("nothing was refused")
	}
	r.want("POST", "/record", partial("k0", "more"), 500, full)
	r.want("GET", "/record/absent", "", 404, notFound)
	do(t, r.redis(), "OK", "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	for i := range 200 {
		r.put(fmt.Sprint("new", i), val)
	}
	if got := r.value("new199"); got != val {
		t.Errorf("%d bytes", len(got))
	}
}
