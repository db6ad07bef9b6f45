package rest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// raw is a connection that speaks bytes.
type raw struct {
	net.Conn
	in *bufio.Reader
	t  *testing.T
}

func (r *rig) dial() *raw {
	r.t.Helper()
	c, err := net.Dial("tcp", r.http)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &raw{c, bufio.NewReader(c), r.t}
}

func (c *raw) send(text string) {
	c.t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads one response to a request with the method.
func (c *raw) answer(method string) (status int, body string) {
	c.t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	res, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (c *raw) expect(status int, text string) {
	c.t.Helper()
	if got, body := c.answer("GET"); got != status || !strings.Contains(body, text) {
		c.t.Errorf("%d %s, want %d %s", got, clip(body), status, text)
	}
}

// ended waits for the server to close the connection.
func (c *raw) ended() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c.in); err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			c.t.Error("the connection is not closed")
		}
	}
}

const head = " HTTP/1.1\r\nHost: h\r\nx-api-key: " + keyAll + "\r\n"

func TestPipelining(t *testing.T) {
	r := start(t)
	c := r.dial()
	var b strings.Builder
	for i := range 100 {
		body := record(fmt.Sprint("k", i), fmt.Sprint("v", i))
		fmt.Fprintf(&b, "POST /record%sContent-Length: %d\r\n\r\n%sGET /record/k%d%s\r\n", head, len(body), body, i, head)
	}
	go c.Write([]byte(b.String()))
	for i := range 100 {
		c.expect(200, stored)
		c.expect(200, fmt.Sprintf(`{"key":"k%d","value":"v%d"}`, i, i))
	}
}

func TestHeadAndOptions(t *testing.T) {
	r := start(t)
	r.put("k", "value")
	c := r.dial()
	c.send("HEAD /record/k" + head + "\r\nHEAD /record/absent" + head + "\r\nGET /record/k" + head + "\r\n")
	for _, want := range []int{200, 404} {
		if got, body := c.answer("HEAD"); got != want || body != "" {
			t.Errorf("%d %q", got, body)
		}
	}
	c.expect(200, `{"key":"k","value":"value"}`)
	// A browser asks before it sends a key.
	got := r.ask("OPTIONS", "/record/k", "", "Origin", "http://page", "Access-Control-Request-Method", "DELETE", "Access-Control-Request-Headers", "content-type,x-api-key,upstash-telemetry-sdk")
	h := got.Header
	if got.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "DELETE") ||
		h.Get("Access-Control-Allow-Headers") != "content-type,x-api-key,upstash-telemetry-sdk" {
		t.Errorf("%d %v", got.StatusCode, h)
	}
	for _, status := range []int{200, 401} { // errors can be read as well
		key := map[int]string{200: keyAll, 401: ""}[status]
		if got := r.ask("GET", "/record/k", "", "x-api-key", key); got.StatusCode != status || got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%d %v", got.StatusCode, got.Header)
		}
	}
	do(t, r.redis(), "OK", "CONFIG", "SET", "rest-cors-origin", "")
	if got := r.ask("OPTIONS", "/record/k", ""); got.StatusCode != 204 || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
}

func TestUnknown(t *testing.T) {
	r := start(t)
	for _, path := range []string{"/nothing", "/records/", "/recor", "/ws/", "/token", "/record%2Fk", "/RECORD", "/openapi.json/"} {
		r.want("GET", path, "", 404, `{"error":"no such path"}`)
	}
	for _, c := range [][2]string{{"GET", "/record"}, {"PUT", "/record/k"}, {"PATCH", "/record/k"}, {"POST", "/record/k"}, {"DELETE", "/records"}, {"GET", "/token/websocket"}, {"POST", "/ws"}, {"BREW", "/record/k"}} {
		got := r.ask(c[0], c[1], "", "x-api-key", keyAll)
		if got.StatusCode != 405 || got.Header.Get("Allow") == "" || !strings.Contains(got.body, "method not allowed") {
			t.Errorf("%s %s: %d %v %s", c[0], c[1], got.StatusCode, got.Header, got.body)
		}
	}
	c := r.dial()
	c.send("GET http://h/record/absent" + head + "\r\n") // as proxies ask
	c.expect(404, "Record not found")
}

// What cannot be read is answered once, and the connection closed.
func TestBrokenRequests(t *testing.T) {
	patient, hasty := start(t, "--rest-body-limit", "100kb"), start(t, "--rest-request-timeout", "1")
	for _, r := range []*rig{patient, hasty} {
		r.ask("GET", "/healthz", "") // the server is up, with all goroutines of its own
	}
	before := runtime.NumGoroutine()
	for name, c := range map[string]struct {
		send   string
		status int
		text   string
	}{
		"no HTTP":         {"hello\r\n\r\n", 400, "malformed request"},
		"no version":      {"GET /record/k\r\n\r\n", 400, "malformed request"},
		"long head":       {"GET /record/k" + head + "X: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", 431, "the head of the request"},
		"long path":       {"GET /record/" + strings.Repeat("x", 20<<10) + head + "\r\n", 431, "the head of the request"},
		"long body":       {"POST /record" + head + "Content-Length: 1073741824\r\n\r\n" + strings.Repeat("x", 50<<10), 413, "the body is longer"},
		"long chunks":     {"POST /record" + head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n", 30), 413, "the body is longer"},
		"slow head":       {"GET /record/k HTTP/1.1\r\nHost: h\r\nx-ap", 408, "too long to arrive"},
		"slow body":       {"POST /record" + head + "Content-Length: 100\r\n\r\n{", 408, "too long to arrive"},
		"bad chunk":       {"POST /record" + head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "malformed request"},
		"negative length": {"POST /record" + head + "Content-Length: -1\r\n\r\n", 400, "malformed request"},
	} {
		t.Run(name, func(t *testing.T) {
			r := patient
			if c.status == 408 {
				r = hasty
			}
			c2 := r.dial()
			c2.t = t
			_, _ = io.WriteString(c2, c.send) // the answer may come before all is sent
			c2.expect(c.status, c.text)
			c2.ended()
		})
	}
	// A client that sends a byte now and then has no more time than others.
	c := hasty.dial()
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for _, b := range []byte("GET /record/k" + head + strings.Repeat("X-Header: x\r\n", 1000)) {
			<-tick.C
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
		}
	}()
	c.expect(408, "too long to arrive")
	c.ended()
	// None of them left anything behind.
	limit := time.Now().Add(patience)
	for runtime.NumGoroutine() > before+10 { // fasthttp keeps a few workers
		if time.Now().After(limit) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	r := start(t, "--rest-idle-timeout", "1")
	var c *raw
	wait(t, "an answer", func() bool { // where the machine stands still for a second, there is none
		c = r.dial()
		_, _ = io.WriteString(c, "GET /healthz"+head+"\r\n")
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			return false
		}
		b, err := io.ReadAll(res.Body)
		return err == nil && res.StatusCode == 200 && strings.Contains(string(b), "ok")
	})
	c.ended()
}

func TestMaxConnections(t *testing.T) {
	r := start(t, "--rest-max-connections", "3")
	var open []*socket
	for range 3 {
		open = append(open, r.connect("apiKey="+keyAll))
	}
	if got := r.ask("GET", "/ws?apiKey="+keyAll, "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="); got.StatusCode != 503 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	open[0].Close()
	r.put("k", "v")
}
