package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestRESTWhileSomethingIsInTheWay: what cannot be done now is 503, and what can is
// done.
func TestRESTWhileSomethingIsInTheWay(t *testing.T) {
	in := start(t, setup{driver: "goroutine", ports: []string{"rest-port"}, settings: []string{"--rest-api-key", "key"}})
	client := http.Client{Timeout: patience}
	ask := func(method, path, body string) (status int, text string) {
		t.Helper()
		req, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", in.ports["rest-port"], path), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer key")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	in.dial().do("SET n 1", "+OK\r\n")
	requests := []struct {
		method, path, body string
		write              bool
	}{
		{"GET", "/record/n", "", false},
		{"GET", "/records?startKey=a&endKey=z", "", false},
		{"POST", "/record", `{"key":"n","value":"1"}`, true},
		{"POST", "/record", `{"key":"n","value":"1","partialUpdate":true}`, true},
		{"POST", "/record/atomic", `{"key":"n","increment":1}`, true},
		{"DELETE", "/record/n", "", true},
	}
	for _, c := range []struct {
		obstacle       uint32
		text, wireText string
		onlyWrites     bool
	}{
		{obstacleLoading, "the data are being loaded", "LOADING", false},
		{obstacleDisk, "the log cannot be written", "MISCONF", true},
	} {
		in.durability.set(c.obstacle)
		for _, r := range requests {
			status, body := ask(r.method, r.path, r.body)
			refused := r.write || !c.onlyWrites
			if (status == 503) != refused || refused != strings.Contains(body, c.text) {
				t.Errorf("%s %s: %d %s", r.method, r.path, status, body)
			}
		}
		if status, body := ask("POST", "/", `["SET","k","v"]`); status != 400 || !strings.Contains(body, c.wireText) {
			t.Errorf("%d %s", status, body)
		}
		if status, _ := ask("GET", "/readyz", ""); status != 503 {
			t.Errorf("ready: %d", status)
		}
		if status, _ := ask("GET", "/healthz", ""); status != 200 {
			t.Errorf("healthy: %d", status)
		}
		in.durability.clear(c.obstacle)
	}
	for _, r := range requests {
		if status, body := ask(r.method, r.path, r.body); status != 200 {
			t.Errorf("%s %s: %d %s", r.method, r.path, status, body)
		}
	}
}
