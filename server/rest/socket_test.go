package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

func TestSocketOperations(t *testing.T) {
	r := start(t)
	s := r.connect("apiKey=" + keyAll)
	done := `{"code":200,"messageId":1,"success":true,"message":"Record stored"}`
	for _, c := range [][2]string{
		{`{"op":2,"key":"a","value":"1","messageId":1}`, done},
		{`{"op":2,"key":"b","value":{"x":1},"messageId":1}`, done},
		{`{"op":3,"key":"b","value":{"y":2},"messageId":1}`, done},
		{`{"op":1,"key":"b","messageId":"text"}`, `{"code":200,"messageId":"text","key":"b","value":"{\"x\":1,\"y\":2}"}`},
		{`{"op":6,"key":"a","value":4,"messageId":2}`, `{"code":200,"messageId":2,"success":true,"newValue":5}`},
		{`{"op":6,"key":"a","increment":-7,"messageId":2}`, `{"code":200,"messageId":2,"success":true,"newValue":-2}`},
		{`{"op":6,"key":"new","value":3}`, `{"code":200,"success":true,"newValue":3}`},
		{`{"op":5,"key":"a","endKey":"b","messageId":3}`, `{"code":200,"messageId":3,"records":[{"key":"a","value":"-2"},{"key":"b","value":"{\"x\":1,\"y\":2}"}],"count":2,"truncated":false}`},
		{`{"op":5,"key":"a","endKey":"b","limit":1,"messageId":3}`, `{"code":200,"messageId":3,"records":[{"key":"a","value":"-2"}],"count":1,"truncated":true}`},
		{`{"op":5,"key":"x","endKey":"y","limit":null}`, `{"code":200,"records":[],"count":0,"truncated":false}`},
		{`{"op":5,"key":"a","endKey":"b","limit":0,"messageId":4}`, `{"code":400,"messageId":4,"error":"limit must be a positive number"}`},
		{`{"op":5,"key":"a","endKey":"b","limit":"x","messageId":4}`, `{"code":400,"messageId":4,"error":"limit must be a positive number"}`},
		{`{"op":5,"key":"a","messageId":4}`, `{"code":400,"messageId":4,"error":"endKey must not be empty"}`},
		{`{"op":7,"key":"a","messageId":5}`, `{"code":400,"messageId":5,"error":"unknown op"}`},
		{`{"key":"a","messageId":5}`, `{"code":400,"messageId":5,"error":"unknown op"}`},
		{`{"op":1,"messageId":5}`, `{"code":400,"messageId":5,"error":"key is missing"}`},
		{`{"op":2,"key":"a","messageId":5}`, `{"code":400,"messageId":5,"error":"value is missing"}`},
		{`{"op":6,"key":"a","messageId":5}`, `{"code":400,"messageId":5,"error":"value must be an integer of 64 bits"}`},
		{`{"op":6,"key":"b","value":1,"messageId":5}`, `{"code":400,"messageId":5,"error":"the value is not a number that can be incremented"}`},
		{`{"messageId":5,"op":`, `{"code":400,"messageId":5,"error":"malformed JSON: unexpected EOF after byte 20"}`},
		{`not json`, `{"code":400,"error":"malformed JSON: invalid character 'o' in literal null (expecting 'u') after byte 1"}`},
		{`[]`, `{"code":400,"error":"the body is no JSON object"}`},
		{`{"op":1,"key":"a","messageId":6}`, `{"code":200,"messageId":6,"key":"a","value":"-2"}`}, // and it goes on
	} {
		s.do(c[0], c[1])
	}
	if err := s.WriteMessage(websocket.BinaryMessage, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if got := s.read(); got != `{"code":400,"error":"messages must be text"}` {
		t.Error(got)
	}
	// Closing is answered.
	if err := s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(3001, "bye"), time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.ReadMessage(); !websocket.IsCloseError(err, 3001) {
		t.Error(err)
	}
}

func TestSocketCredentials(t *testing.T) {
	r := start(t)
	for _, header := range []http.Header{{"X-Api-Key": {keyAll}}, {"Authorization": {"Bearer " + keyAll}}} {
		c, res, err := websocket.DefaultDialer.Dial("ws://"+r.http+"/ws", header)
		if err != nil {
			t.Fatal(header, res, err)
		}
		c.Close()
	}
	s := r.connect("apiKey=" + keyRead)
	s.do(`{"op":2,"key":"k","value":"v"}`, `{"code":403,"error":"the API key allows reading only"}`)
	s.do(`{"op":1,"key":"k"}`, `{"code":404,"error":"Record not found","key":"k"}`)
	// The origin does not matter.
	c, _, err := websocket.DefaultDialer.Dial("ws://"+r.http+"/ws?apiKey="+keyAll, http.Header{"Origin": {"http://localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// Changes are told whatever interface made them, in order, once, also to who
// made them.
func TestNotifications(t *testing.T) {
	r := start(t)
	redis := r.redis()
	l := r.listener("k", "k*", "*", "^k") // four ways to match are one notification
	r.put("k", "rest")
	do(t, redis, "OK", "SET", "k", "resp")
	do(t, redis, "OK", "SET", "k", "resp") // the same again
	do(t, redis, "9", "APPEND", "k", " more")
	l.send(`{"op":2,"key":"k","value":"own"}`)
	if got := l.answered(); got != `{"code":200,"success":true,"message":"Record stored"}` {
		t.Error(got)
	}
	api := r.connect("apiKey=" + keyAll) // which hears nothing
	api.do(`{"op":4,"key":"k"}`, `{"code":200,"success":true,"message":"Record deleted"}`)
	api.do(`{"op":6,"key":"k","value":7}`, `{"code":200,"success":true,"newValue":7}`)
	do(t, redis, "OK", "SET", "k2", "\xffx")
	do(t, redis, "OK", "RENAME", "k2", "k3")
	do(t, redis, "1", "PEXPIRE", "k3", "1")
	want := []string{"k=rest", "k=resp", "k=resp", "k=resp more", "k=own", "k", "k=7", "k2=\ufffdx", "k3=\ufffdx", "k2", "k3"}
	for i, w := range want {
		if got := l.notified(); got != w {
			t.Fatalf("notification %d: %s, want %s", i, got, w)
		}
	}
	do(t, redis, "OK", "SELECT", "1")
	do(t, redis, "OK", "SET", "k", "another database")
	do(t, redis, "OK", "SELECT", "0")
	do(t, redis, "OK", "SET", "last", "one")
	if got := l.notified(); got != "last=one" {
		t.Error(got)
	}
}

func TestSubscriptionsAreKept(t *testing.T) {
	r := start(t)
	exact, prefix, none := r.listener("user:1"), r.listener("user:*"), r.listener("other")
	old := r.connect("token=" + r.token(keyAll, `{"subscribeKeys":["user:2"]}`)) // the older name
	r.put("user:1", "a")
	r.put("user:2", "b")
	r.put("other", "c")
	if got := exact.notified(); got != "user:1=a" {
		t.Error(got)
	}
	for _, want := range []string{"user:1=a", "user:2=b"} {
		if got := prefix.notified(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := none.notified(); got != "other=c" {
		t.Error(got)
	}
	if got := old.notified(); got != "user:2=b" {
		t.Error(got)
	}
}

// With many writers on many keys, each key's notifications come in the order of
// its values.
func TestNotificationOrder(t *testing.T) {
	r := start(t)
	const writers, each, keys = 4, 300, 3
	listeners := []*socket{r.listener("k*"), r.listener("k0", "k1", "k2")}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			c := r.redis()
			for i := range each {
				if _, err := c.Do("INCR", fmt.Sprint("k", i%keys)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, l := range listeners {
		last := map[string]int{}
		for range writers * each {
			key, val, _ := strings.Cut(l.notified(), "=")
			n := 0
			if _, err := fmt.Sscan(val, &n); err != nil || n != last[key]+1 {
				t.Fatalf("%s is %s after %d", key, val, last[key])
			}
			last[key] = n
		}
	}
	wg.Wait()
}

func TestTokenAccess(t *testing.T) {
	r := start(t)
	r.put("ns:a", "1")
	r.put("other", "2")
	s := r.connect("token=" + r.token(keyAll, `{"subscribePatterns":["other"],"accessPattern":"^ns:.*$"}`))
	const refused = `{"code":403,"messageId":1,"error":"the token does not give access to this key"}`
	for _, op := range []string{"1", "2", "3", "4", "6"} {
		s.do(`{"op":`+op+`,"key":"other","value":"1","messageId":1}`, refusedFor(op, refused))
	}
	s.do(`{"op":5,"key":"n","endKey":"z","messageId":1}`, refused)
	s.do(`{"op":1,"key":"ns:a"}`, `{"code":200,"key":"ns:a","value":"1"}`)
	s.do(`{"op":5,"key":"ns:","endKey":"z"}`, `{"code":200,"records":[{"key":"ns:a","value":"1"}],"count":1,"truncated":false}`)
	r.put("ns:a", "not subscribed")
	r.put("other", "3")
	if got := s.notified(); got != "other=3" { // what may be heard is not what may be used
		t.Error(got)
	}
	// Without a pattern, what is subscribed may be used.
	s = r.connect("token=" + r.token(keyAll, `{"subscribePatterns":["other"]}`))
	s.do(`{"op":1,"key":"other"}`, `{"code":200,"key":"other","value":"3"}`)
	s.do(`{"op":1,"key":"ns:a","messageId":1}`, refused)
	// A token is no more than the key that made it.
	s = r.connect("token=" + r.token(keyRead, `{"accessPattern":""}`))
	s.do(`{"op":2,"key":"k","value":"v"}`, `{"code":403,"error":"the API key allows reading only"}`)
	s.do(`{"op":1,"key":"other"}`, `{"code":200,"key":"other","value":"3"}`)
}

// An increment by a text is refused for the text before the key is looked at.
func refusedFor(op, refused string) string {
	if op == "6" {
		return `{"code":400,"messageId":1,"error":"value must be an integer of 64 bits"}`
	}
	return refused
}

func TestTokens(t *testing.T) {
	t.Parallel()
	r := start(t)
	dial := func(token string) error {
		c, _, err := websocket.DefaultDialer.Dial("ws://"+r.http+"/ws?token="+token, nil)
		if err == nil {
			c.Close()
		}
		return err
	}
	token := r.token(keyAll, `{"subscribePatterns":["a"]}`)
	if token != url.QueryEscape(token) {
		t.Errorf("not safe in a URL: %s", token)
	}
	for range 3 { // used more than once
		if err := dial(token); err != nil {
			t.Error(err)
		}
	}
	payload, signature, _ := strings.Cut(token, ".")
	other, _, _ := strings.Cut(r.token(keyRead, `{"subscribePatterns":["a"]}`), ".")
	for _, forged := range []string{payload, payload + ".", payload + "." + signature[1:], other + "." + signature, payload[:len(payload)-2] + "." + signature, "." + signature} {
		if dial(forged) == nil {
			t.Errorf("accepted: %s", forged)
		}
	}
	// Too much for a token.
	many := strings.Repeat(`"pattern",`, 1000) + `"x"`
	r.want("POST", "/token/websocket", `{"subscribePatterns":[`+many+`]}`, 400, `{"error":"too many patterns to subscribe"}`)
	r.want("POST", "/token/websocket", `{"subscribePatterns":["`+strings.Repeat("x", 9300)+`"]}`, 400, `{"error":"the patterns are too long for a token"}`)
	if err := dial(r.token(keyAll, `{"subscribePatterns":["`+strings.Repeat("x", 9000)+`"]}`)); err != nil {
		t.Error(err) // what is issued can be used
	}
	// They expire.
	do(t, r.redis(), "OK", "CONFIG", "SET", "rest-token-lifetime", "1")
	token = r.token(keyAll, `{}`)
	wait(t, "the token expires", func() bool { return dial(token) != nil })
}

// A token made before a restart is good after it, and one of an API key that is
// gone is not, nor is the connection it opened.
func TestTokenOutlivesARestart(t *testing.T) {
	r := start(t)
	token := r.token(keyRead, `{"subscribePatterns":["*"]}`)
	r.stop()
	r = start(t)
	s := r.connect("token=" + token)
	do(t, r.redis(), "OK", "CONFIG", "SET", "rest-api-key", keyAll)
	if _, _, err := s.ReadMessage(); !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
		t.Error(err)
	}
	_, res, err := websocket.DefaultDialer.Dial("ws://"+r.http+"/ws?token="+token, nil)
	if err == nil || res.StatusCode != http.StatusForbidden {
		t.Error(res, err)
	}
}

// A listener that does not read is disconnected; others are not held up.
func TestSlowListener(t *testing.T) {
	r := start(t, "--rest-push-limit", "1mb")
	slow, quick := r.listener("k"), r.listener("k")
	val := strings.Repeat("x", 90_000)
	for range 300 { // the kernel's buffers take some megabytes
		r.put("k", val)
		quick.read()
	}
	err := slow.SetReadDeadline(time.Now().Add(patience))
	for err == nil {
		_, _, err = slow.ReadMessage()
	}
	// By now the server may have given up on saying why.
	if !websocket.IsCloseError(err, websocket.CloseTryAgainLater, websocket.CloseAbnormalClosure) {
		t.Error(err)
	}
	r.put("k", "after")
	if got := quick.notified(); got != "k=after" {
		t.Error(clip(got))
	}
}

// A peer that asks but does not read is not read from either.
func TestAnswersThatNobodyTakes(t *testing.T) {
	r := start(t)
	r.put("k", strings.Repeat("x", 100_000))
	s := r.connect("apiKey=" + keyAll)
	const asked = 400 // 40 MB
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range asked {
			if s.WriteMessage(websocket.TextMessage, []byte(`{"op":1,"key":"k"}`)) != nil {
				return
			}
		}
	}()
	for range asked {
		if got := s.read(); len(got) < 100_000 {
			t.Fatal(got)
		}
	}
	<-sent
}

func TestSocketsEndWithTheServer(t *testing.T) {
	r := start(t)
	api, l := r.connect("apiKey="+keyAll), r.listener("*")
	r.ask("GET", "/healthz", "")
	r.dial() // and says nothing
	var readers sync.WaitGroup
	for _, s := range []*socket{api, l} {
		readers.Go(func() {
			if _, _, err := s.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Error(err)
			}
		})
	}
	r.stop() // within its patience
	readers.Wait()
}

func TestMessageTooLong(t *testing.T) {
	r := start(t, "--rest-body-limit", "300kb")
	s := r.connect("apiKey=" + keyAll)
	// A value at its limit in the longest form it can have.
	s.do(`{"op":2,"key":"k","value":"`+strings.Repeat(`\n`, 102_399)+`"}`, `{"code":200,"success":true,"message":"Record stored"}`)
	s.send(`{"op":2,"key":"k","value":"` + strings.Repeat("x", 310<<10) + `"}`)
	_, _, err := s.ReadMessage()
	if e := (*websocket.CloseError)(nil); !errors.As(err, &e) || e.Code != websocket.CloseMessageTooBig {
		t.Error(err)
	}
}
