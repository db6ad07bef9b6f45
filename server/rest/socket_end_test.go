package rest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"
)

// A connection ends with its token, whether it is used or not; one that was opened
// with an API key stays.
func TestTokenExpiryEndsTheConnection(t *testing.T) {
	t.Parallel()
	r := start(t, "--rest-token-lifetime", "5")
	all := r.connect("apiKey=" + keyAll)
	s := r.listener("k")
	r.put("k", "v")
	if got := s.notified(); got != "k=v" {
		t.Error(got)
	}
	_, _, err := s.ReadMessage()
	if e, ok := err.(*websocket.CloseError); !ok || e.Code != websocket.ClosePolicyViolation || e.Text != "the token has expired" {
		t.Errorf("%v", err)
	}
	all.do(`{"op":1,"key":"k"}`, `{"code":200,"key":"k","value":"v"}`)
	if got := r.ask("GET", "/metrics", "", "x-api-key", keyAll); !strings.Contains(got.body, "hpkv_websocket_closed_total{reason=\"token_expired\"} 1\n") {
		t.Error("the end is not counted")
	}
}

// Flushed and swapped databases are changes of their keys.
func TestNotificationsOfWholeDatabases(t *testing.T) {
	r := start(t)
	c := r.redis()
	do(t, c, "OK", "MSET", "a", "1", "b", "2", "other", "3")
	do(t, c, "1", "SADD", "a-set", "m")
	s := r.listener("a*", "b")
	heard := func(n int) []string {
		t.Helper()
		var list []string
		for range n {
			list = append(list, s.notified())
		}
		slices.SortStableFunc(list, func(x, y string) int { // by key: shards come in any order
			x, _, _ = strings.Cut(x, "=")
			y, _, _ = strings.Cut(y, "=")
			return strings.Compare(x, y)
		})
		return list
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if got := heard(len(want)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	do(t, c, "OK", "FLUSHDB")
	expect("FLUSHDB", "a", "a-set", "b")
	do(t, c, "OK", "SELECT", "1")
	do(t, c, "OK", "MSET", "a", "4", "c", "5")
	do(t, c, "OK", "SELECT", "0")
	do(t, c, "OK", "MSET", "a", "6", "b", "7")
	expect("MSET", "a=6", "b=7")
	do(t, c, "OK", "SWAPDB", "0", "1")
	expect("SWAPDB", "a", "a=4", "b")
	do(t, c, "OK", "SWAPDB", "2", "3") // concerns nobody
	do(t, c, "OK", "FLUSHALL", "ASYNC")
	expect("FLUSHALL", "a")
	do(t, c, "OK", "SET", "b", "8")
	expect("SET", "b=8")
}

// A database with too many keys to tell of each disconnects who listens, and
// nobody else.
func TestFlushOfALargeDatabase(t *testing.T) {
	r := start(t, "--shards", "1")
	c := r.redis()
	line := []any{"MSET"}
	for i := range 5000 {
		line = append(line, fmt.Sprintf("key:%d", i), "v")
	}
	do(t, c, "OK", line...)
	s, plain := r.listener("key:*"), r.connect("apiKey="+keyAll)
	do(t, c, "OK", "FLUSHALL")
	if _, _, err := s.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseTryAgainLater) {
		t.Error(err)
	}
	plain.do(`{"op":1,"key":"key:1"}`, `{"code":404,"error":"Record not found","key":"key:1"}`)
	again := r.listener("key:*")
	r.put("key:2", "w")
	if got := again.notified(); got != "key:2=w" {
		t.Error(got)
	}
}
