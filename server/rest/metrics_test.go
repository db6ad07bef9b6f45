package rest_test

import (
	"strings"
	"testing"
)

func TestMetrics(t *testing.T) {
	r := start(t)
	r.put("k", "v")
	s := r.listener("k")
	r.put("k", "w")
	s.notified()
	r.ask("GET", "/record/k", "", "x-api-key", "wrong")
	got := r.ask("GET", "/metrics", "", "Authorization", "Bearer "+keyRead)
	if got.StatusCode != 200 || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %v", got.StatusCode, got.Header)
	}
	for _, want := range []string{
		`hpkv_connections{interface="websocket"} 1`,
		"hpkv_http_requests_total 6", // two records, a token, a handshake, a refusal, this one
		"hpkv_http_errors_total 1",
		"hpkv_http_refused_total 1",
		"hpkv_websocket_notifications_total 1",
		`hpkv_keys{db="0"} 1`,
	} {
		if !strings.Contains(got.body, want+"\n") {
			t.Errorf("no %s in\n%s", want, got.body)
		}
	}
	r.wantAs(keyTenant, "GET", "/metrics", "", 403, `{"error":"the API key does not allow this"}`)
}
