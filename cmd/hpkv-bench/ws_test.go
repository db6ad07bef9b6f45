package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"hpkv/cmd/hpkv-bench/internal/report"
)

func TestCheckAnswer(t *testing.T) {
	if err := checkAnswer([]byte(`{"code":200,"messageId":7,"key":"k"}`), 7); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{``, `{"code":404,"messageId":7,"error":"Record not found"}`, `{"code":200,"messageId":71,"key":"k"}`} {
		if err := checkAnswer([]byte(bad), 7); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// The figures of round trips are those of a server that counts what it gets.
func TestRoundTripsOverWebSockets(t *testing.T) {
	requests := make(chan string, 1<<20)
	fail := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != wsKey {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		up := websocket.Upgrader{}
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			_, text, err := c.ReadMessage()
			if err != nil {
				return
			}
			requests <- string(text)
			var request struct {
				Op        int
				Key       string
				Value     *string
				MessageID int `json:"messageId"`
			}
			if json.Unmarshal(text, &request) != nil || request.Op != 2 || len(request.Key) != 16 || request.Value == nil || len(*request.Value) != 5 || fail {
				c.WriteMessage(websocket.TextMessage, []byte(`{"code":400}`))
				continue
			}
			c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"code":200,"messageId":%d,"success":true}`, request.MessageID))
		}
	}))
	defer server.Close()
	dial := func(i int) (caller, error) {
		return newWSCaller("ws"+strings.TrimPrefix(server.URL, "http"), wsOps[1], 10, 5, uint64(i))
	}
	trips := roundTrips{pid: os.Getpid(), clients: 3, duration: 50 * time.Millisecond, per: 2}
	r, err := trips.measure(t.Context(), dial)
	if err != nil {
		t.Fatal(err)
	}
	if n := r.latency.TotalCount(); n == 0 || n != int64(len(requests)) {
		t.Errorf("%d round trips of %d requests", n, len(requests))
	}
	if cells := r.cells(50, 99); len(cells) != 4 || cells[0] != report.Count(r.ops) || r.ops <= 0 {
		t.Errorf("got %q", cells)
	}
	fail = true
	if _, err := trips.measure(t.Context(), dial); err == nil || !strings.Contains(err.Error(), `{"code":400}`) {
		t.Errorf("a refusal gave %v", err)
	}
}

func TestPubsubOfRedis(t *testing.T) {
	needRedis(t)
	out, errOut, err := try("pubsub", "--server", "a=redis-server", "--server", "b=redis-server", "--subscribers", "1,20", "--pipelines", "2",
		"--rounds", "1", "--seconds", "0.05")
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	for _, want := range []string{"ratio: to b", "\n          1     2  a ", "\n         20     2  b ", "4 runs, about"} {
		if !strings.Contains(out+errOut, want) {
			t.Errorf("%q is missing in\n%s%s", want, out, errOut)
		}
	}
}
