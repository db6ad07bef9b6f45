package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// subscriber opens a WebSocket that hears of every key of database 0.
func subscriber(t *testing.T, addr, key string) *websocket.Conn {
	t.Helper()
	req, err := http.NewRequest("POST", "http://"+addr+"/token/websocket", strings.NewReader(`{"subscribePatterns":["*"]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-api-key", key)
	res, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/ws?token="+answer.Token, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestNotificationsWaitForTheDisk: with appendfsync always nobody is told of a
// change that is not on the disk, and never of one that will not be.
func TestNotificationsWaitForTheDisk(t *testing.T) {
	d := newDisk()
	in := start(t, setup{driver: drivers()[0], tuneLog: d.tune, fails: "cannot close the log", ports: []string{"rest-port"}, settings: []string{
		"--appendonly", "yes", "--dir", t.TempDir(), "--appendfsync", "always", "--rest-api-key", "key"}})
	t.Cleanup(d.release)
	in.loaded()
	sub := subscriber(t, fmt.Sprintf("127.0.0.1:%d", in.ports["rest-port"]), "key")
	told := make(chan string, 16)
	go func() { // ends with the connection
		defer close(told)
		for {
			_, text, err := sub.ReadMessage()
			if err != nil {
				return
			}
			var n struct{ Key, Value string }
			_ = json.Unmarshal(text, &n)
			told <- n.Key + "=" + n.Value
		}
	}()
	next := func() string {
		t.Helper()
		select {
		case text := <-told:
			return text
		case <-time.After(patience):
			t.Fatal("no notification")
			return ""
		}
	}
	silent := func() {
		t.Helper()
		select {
		case text, open := <-told:
			t.Errorf("%q (%v) before the change is on the disk", text, open)
		case <-time.After(30 * time.Millisecond):
		}
	}
	w := in.dial()
	w.do("SET a 1", "+OK\r\n")
	if got := next(); got != "a=1" {
		t.Fatal(got)
	}
	d.hold()
	w.send("SET a 2\r\nMULTI\r\nSET b 3\r\nSET c 4\r\nEXEC\r\n")
	look := in.engine.NewLane()
	defer look.Close()
	in.eventually("the changes are made", func() bool {
		txn := look.Begin(0)
		defer txn.End()
		_, found, _ := txn.Get(nil, []byte("c"), nil)
		return found
	})
	silent()
	d.release()
	for _, want := range []string{"a=2", "b=3", "c=4"} {
		if got := next(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	w.expect("+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n")
	// What is not durable need not be waited for.
	w.do("CONFIG SET appendfsync everysec", "+OK\r\n")
	d.hold()
	w.do("SET a 5", "+OK\r\n")
	if got := next(); got != "a=5" {
		t.Error(got)
	}
	d.release()
	w.do("CONFIG SET appendfsync always", "+OK\r\n")
	w.do("SET a 6", "+OK\r\n") // nothing else waits to be synced
	if got := next(); got != "a=6" {
		t.Error(got)
	}
	d.change(func() { d.sync = errors.New("broken") })
	w.send("SET a 7\r\n")
	select {
	case text, open := <-told:
		if open {
			t.Errorf("told of %q, which is lost", text)
		}
	case <-time.After(patience):
		t.Error("the subscriber is not disconnected")
	}
}
