package rest_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// A connection ends with its token, whether it is used or not; one that was opened
// with an API key stays.
func TestTokenExpiryEndsTheConnection(t *testing.T) {
	t.Parallel()
	r := start(t)
	all, c := r.connect("apiKey="+keyAll), r.redis()
	// Where the machine stands still for as long as the token lives, a longer one is tried.
	for seconds := 2; ; seconds *= 2 {
		do(t, c, "OK", "CONFIG", "SET", "rest-token-lifetime", strconv.Itoa(seconds))
		ended, err := lifeOfAToken(r, time.Duration(seconds-1)*time.Second) // the seconds are those of the clock
		if err != nil {
			t.Fatal(err)
		}
		if ended {
			break
		}
	}
	all.do(`{"op":1,"key":"k"}`, `{"code":200,"key":"k","value":"v"}`)
	const count = "hpkv_websocket_closed_total{reason=\"token_expired\"} "
	if got := r.ask("GET", "/metrics", "", "x-api-key", keyAll); !strings.Contains(got.body, count) || strings.Contains(got.body, count+"0\n") {
		t.Error("the end is not counted")
	}
}

// lifeOfAToken has a connection be of use and then end with its token. It returns
// false if the time was over before the connection was of use.
func lifeOfAToken(r *rig, life time.Duration) (ended bool, err error) {
	begun := time.Now()
	token := r.token(keyAll, `{"subscribePatterns":["k"]}`)
	late := func(err error) (bool, error) {
		if time.Since(begun) >= life {
			return false, nil
		}
		return false, err
	}
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+r.http+"/ws?token="+token, nil)
	if err != nil {
		return late(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(life + patience))
	r.put("k", "v")
	if _, text, err := conn.ReadMessage(); err != nil {
		return late(err)
	} else if !strings.Contains(string(text), `"key":"k","value":"v"`) {
		return false, fmt.Errorf("told of %s", text)
	}
	_, _, err = conn.ReadMessage()
	if e, ok := err.(*websocket.CloseError); !ok || e.Code != websocket.ClosePolicyViolation || e.Text != "the token has expired" {
		return false, err
	}
	if took := time.Since(begun); took < life {
		return false, fmt.Errorf("ended after %v", took)
	}
	return true, nil
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
