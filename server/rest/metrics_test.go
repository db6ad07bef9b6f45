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
		`hpkv_http_requests_total{code="2xx",method="POST",route="/record"} 2`,
		`hpkv_http_requests_total{code="2xx",method="POST",route="/token/websocket"} 1`,
		`hpkv_http_requests_total{code="1xx",method="GET",route="/ws"} 1`,
		`hpkv_http_requests_total{code="4xx",method="GET",route="/record/{key}"} 1`,
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

// Operations on records are commands to those who watch commands.
func TestRecordsCountAsCommands(t *testing.T) {
	r := start(t, "--slowlog-log-slower-than", "0")
	admin, monitor := r.redis(), r.redis()
	do(t, admin, "OK", "CONFIG", "RESETSTAT")
	do(t, admin, "OK", "SLOWLOG", "RESET")
	do(t, monitor, "OK", "MONITOR")
	r.put("k", "v")
	r.want("POST", "/record", partial("k", "w"), 200, stored)
	r.value("k")
	r.want("POST", "/record/atomic", `{"key":"k","increment":-2}`, 400, `{"error":"the value is not a number that can be incremented"}`)
	r.want("GET", "/records?startKey=a&endKey=z", "", 200, `{"records":[{"key":"k","value":"vw"}],"count":1,"truncated":false}`)
	r.want("DELETE", "/record/k", "", 200, deleted)
	s := r.connect("apiKey=" + keyTenant)
	s.do(`{"op":2,"key":"mine","value":"v"}`, `{"code":200,"success":true,"message":"Record stored"}`)

	lines := []string{`"set" "k" "v"`, `"set" "k" "w"`, `"get" "k"`, `"incrby" "k" "-2"`, `"hpkv.range" "a" "z"`, `"del" "k"`, `"set" "t1:mine" "v"`}
	for _, want := range lines {
		v, err := monitor.Receive()
		if err != nil || !strings.HasSuffix(v.Text(), want) || !strings.Contains(v.Text(), " [0 127.0.0.1:") {
			t.Errorf("monitored %s (%v), want %s", v.Text(), err, want)
		}
	}
	v, err := admin.Do("SLOWLOG", "GET", "-1")
	if err != nil {
		t.Fatal(err)
	}
	var slow []string
	for _, e := range v.Elems {
		var words []string
		for _, arg := range e.Elems[3].Elems {
			words = append(words, `"`+string(arg.Str)+`"`)
		}
		if line := strings.Join(words, " "); !strings.HasPrefix(line, `"SLOWLOG`) && !strings.HasPrefix(line, `"MONITOR`) {
			slow = append([]string{line}, slow...)
		}
	}
	if got, want := strings.Join(slow, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("slow log\n%s\nwant\n%s", got, want)
	}
	v, err = admin.Do("INFO", "commandstats")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cmdstat_set:calls=3,", "cmdstat_get:calls=1,", "cmdstat_incrby:calls=1,", "cmdstat_del:calls=1,", "cmdstat_hpkv.range:calls=1,"} {
		if !strings.Contains(v.Text(), want) {
			t.Errorf("no %s in\n%s", want, v.Text())
		}
	}
	if at := strings.Index(v.Text(), "cmdstat_incrby:"); at < 0 || !strings.Contains(strings.SplitN(v.Text()[at:], "\n", 2)[0], "failed_calls=1") {
		t.Errorf("the failure is not counted:\n%s", v.Text())
	}
}
