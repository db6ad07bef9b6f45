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
	redis := r.redis()
	do(t, redis, "OK", "CONFIG", "SET", "maxmemory", "3mb") // what the background gives back makes no room now
	r.want("POST", "/record", partial("k0", "more"), 500, full)
	r.want("GET", "/record/absent", "", 404, notFound)
	do(t, redis, "OK", "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	for i := range 200 {
		r.put(fmt.Sprint("new", i), val)
	}
	// The background evicts as well, and may take any key.
	wait(t, "a new record can be read", func() bool {
		r.put("last", val)
		return r.ask("GET", "/record/last", "", "x-api-key", keyAll).body == `{"key":"last","value":"`+val+`"}`
	})
}

// What was acknowledged is there after a restart, and notifications of a patch
// leave the log alone: it has the result.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	options := []string{"--dir", dir, "--appendonly", "yes", "--appendfsync", "always"}
	r := start(t, options...)
	wait(t, "the log is open", func() bool { return r.ask("GET", "/readyz", "").StatusCode == 200 })
	r.listener("*")
	r.put("k", "v")
	r.put("doc", `{"a":1}`)
	r.want("POST", "/record", partial("doc", `{"b":2}`), 200, stored)
	r.want("POST", "/record/atomic", `{"key":"n","increment":5}`, 200, `{"success":true,"result":5,"message":"Record incremented"}`)
	r.wantCommand("POST", "/multi-exec", `[["SET","a","1"],["INCR","a"]]`, 200, `[{"result":"OK"},{"result":2}]`)
	r.put("gone", "v")
	r.want("DELETE", "/record/gone", "", 200, deleted)
	r.stop()
	r = start(t, options...)
	wait(t, "the data are loaded", func() bool { return r.ask("GET", "/readyz", "").StatusCode == 200 })
	for key, want := range map[string]string{"k": "v", "doc": `{"a":1,"b":2}`, "n": "5", "a": "2"} {
		if got := r.value(key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	r.want("GET", "/record/gone", "", 404, notFound)
}
