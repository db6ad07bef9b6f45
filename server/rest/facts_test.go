package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"
)

// What HPKV's own clients depend on, one test each.

// Clients escape the ends of a range and let their query builder escape again.
func TestRangeKeysAreDecodedTwice(t *testing.T) {
	r := start(t)
	r.put("a:b", "1")
	r.put("a:b%41", "2")
	r.put("a0", "between a%3Ab and a:b")
	one := `{"records":[{"key":"a:b","value":"1"}],"count":1,"truncated":false}`
	r.want("GET", "/records?startKey=a%253Ab&endKey=a%253Ab", "", 200, one)
	r.want("GET", "/records?startKey=a%3Ab&endKey=a%3Ab", "", 200, one) // once, as other clients do
	// Text that is no escape after one decoding is taken as it is.
	r.put("100%", "3")
	r.want("GET", "/records?startKey=100%25&endKey=100%25", "", 200, `{"records":[{"key":"100%","value":"3"}],"count":1,"truncated":false}`)
	r.put("x+y", "4")
	r.want("GET", "/records?startKey=x%252By&endKey=x%2By", "", 200, `{"records":[{"key":"x+y","value":"4"}],"count":1,"truncated":false}`)
}

func TestMissingRecordText(t *testing.T) {
	r := start(t)
	r.want("GET", "/record/absent", "", 404, `{"error":"Record not found"}`)
	r.want("DELETE", "/record/absent", "", 404, `{"error":"Record not found"}`)
	s := r.connect("apiKey=" + keyAll)
	s.do(`{"op":1,"key":"absent","messageId":1}`, `{"code":404,"messageId":1,"error":"Record not found","key":"absent"}`)
	s.do(`{"op":4,"key":"absent","messageId":2}`, `{"code":404,"messageId":2,"error":"Record not found","key":"absent"}`)
}

func TestBadTokenIsRefusedWith403(t *testing.T) {
	r := start(t)
	for _, query := range []string{"?token=nonsense", "?apiKey=nonsense", "", "?token=", "?apiKey=", "?token=%zz", "?token=a.b.c"} {
		_, res, err := websocket.DefaultDialer.Dial("ws://"+r.http+"/ws"+query, nil)
		if err == nil || res == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v, %v", query, res, err)
		}
	}
}

func TestWebSocketSuccess(t *testing.T) {
	r := start(t)
	s := r.connect("apiKey=" + keyAll)
	s.do(`{"op":2,"key":"k","value":"v","messageId":9007199254740991}`, `{"code":200,"messageId":9007199254740991,"success":true,"message":"Record stored"}`)
	s.do(`{"op":1,"key":"k","messageId":2}`, `{"code":200,"messageId":2,"key":"k","value":"v"}`)
	s.do(`{"op":1,"key":"k","value":"","timestamp":1.5}`, `{"code":200,"key":"k","value":"v"}`)
	s.do(`{"op":4,"key":"k","value":"","messageId":3}`, `{"code":200,"messageId":3,"success":true,"message":"Record deleted"}`)
}

func TestPartialUpdateOfAnAbsentKeyInserts(t *testing.T) {
	r := start(t)
	for i, val := range []string{"text", `{"a":null}`, `[1]`, `{"a":{}}`} {
		key := string(rune('a' + i))
		r.want("POST", "/record", partial(key, val), 200, stored)
		if got := r.value(key); got != val {
			t.Errorf("%s stored as %s", val, got)
		}
	}
}

func TestNotificationOfAPatchIsThePatch(t *testing.T) {
	r := start(t)
	r.put("doc", `{"a":1,"b":2}`)
	r.put("text", "one")
	l := r.listener("doc", "text")
	r.want("POST", "/record", partial("doc", `{"a":null,"c":3}`), 200, stored)
	r.want("POST", "/record", partial("text", ",two"), 200, stored)
	for _, want := range []string{`doc={"a":null,"c":3}`, "text=,two"} {
		if got := l.notified(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := r.value("doc"); got != `{"b":2,"c":3}` {
		t.Error(got)
	}
	// The other choice.
	do(t, r.redis(), "OK", "CONFIG", "SET", "rest-notify-patch", "merged")
	r.want("POST", "/record", partial("doc", `{"b":null}`), 200, stored)
	if got := l.notified(); got != `doc={"c":3}` {
		t.Error(got)
	}
}

func TestEmptyIsRefused(t *testing.T) {
	r := start(t)
	r.want("POST", "/record", record("k", ""), 400, `{"error":"value must not be empty"}`)
	r.want("POST", "/record", partial("k", ""), 400, `{"error":"value must not be empty"}`)
	r.want("POST", "/record", record("", "v"), 400, `{"error":"key must not be empty"}`)
	r.want("POST", "/record/atomic", `{"key":"","increment":1}`, 400, `{"error":"key must not be empty"}`)
	r.want("GET", "/record/", "", 400, `{"error":"key must not be empty"}`)
	r.want("DELETE", "/record/", "", 400, `{"error":"key must not be empty"}`)
	s := r.connect("apiKey=" + keyAll)
	s.do(`{"op":2,"key":"k","value":"","messageId":1}`, `{"code":400,"messageId":1,"error":"value must not be empty"}`)
	s.do(`{"op":3,"key":"k","value":"","messageId":1}`, `{"code":400,"messageId":1,"error":"value must not be empty"}`)
	for _, op := range []string{"1", "2", "3", "4", "6"} {
		s.do(`{"op":`+op+`,"key":"","value":1,"messageId":1}`, `{"code":400,"messageId":1,"error":"key must not be empty"}`)
	}
}

func TestValueLimit(t *testing.T) {
	r := start(t)
	long := strings.Repeat("x", 102_400)
	r.want("POST", "/record", record("k", long), 400, `{"error":"the value is too long"}`)
	r.want("POST", "/record", record("k", long[1:]), 200, stored)
	r.want("POST", "/record", partial("k", "y"), 400, `{"error":"the value would become too long"}`)
	if got := r.value("k"); got != long[1:] {
		t.Errorf("%d bytes", len(got))
	}
	s := r.connect("apiKey=" + keyAll)
	s.do(`{"op":2,"key":"k","value":"`+long+`","messageId":1}`, `{"code":400,"messageId":1,"error":"the value is too long"}`)
	r.want("POST", "/record", record(strings.Repeat("k", 513), "v"), 400, `{"error":"key is longer than 512 bytes"}`)
	r.put(strings.Repeat("k", 512), "v")
	do(t, r.redis(), "OK", "CONFIG", "SET", "rest-value-limit", "3072")
	r.want("POST", "/record", record("k", long[:3073]), 400, `{"error":"the value is too long"}`)
}
