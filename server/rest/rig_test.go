package rest_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/rs/zerolog"

	"hpkv/resp"
	"hpkv/server"
	"hpkv/server/config"
)

// patience bounds every wait of the tests; only a failing test uses it up.
const patience = 60 * time.Second

// API keys of the server under test.
const (
	keyAll    = "key-of-everything"
	keyRead   = "key-of-a-reader"
	keyTenant = "key-of-a-tenant"
)

// rig is a server under test that speaks RESP and HTTP.
type rig struct {
	t    *testing.T
	resp string // address
	http string // address
	cfg  *config.Config
	root *x509.CertPool // what HTTP is trusted by; nil: it is plain
	log  *logBuffer
	stop func()
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, settings ...string) *rig {
	t.Helper()
	options := []string{"--port", "0", "--workers", "2", "--shards", "16", "--pin", "no", "--save", "", "--appendonly", "no", "--shutdown-timeout", "50",
		"--rest-api-key", keyAll, "--rest-api-key", keyRead + ",readonly", "--rest-api-key", keyTenant + ",prefix=t1:"}
	cl, err := config.ParseArgs(append(options, settings...), nil)
	if err != nil {
		t.Fatal(err)
	}
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	plain, web := listen(), listen()
	r := &rig{t: t, resp: plain.Addr().String(), http: web.Addr().String(), cfg: cl.Config, log: new(logBuffer)}
	s, err := server.New(server.Options{
		Config: cl.Config, Listeners: []net.Listener{plain}, RESTListeners: []net.Listener{web}, Log: zerolog.New(r.log),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	procs := runtime.GOMAXPROCS(0)
	go func() { done <- s.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			buf := make([]byte, 1<<20)
			t.Fatalf("the server does not stop:\n%s", buf[:runtime.Stack(buf, true)])
		}
		runtime.GOMAXPROCS(procs)
	})
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			t.Logf("log:\n%s", r.log)
		}
	})
	return r
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

// ask sends a request; header holds names and values in turn. The path goes out
// as it is.
func (r *rig) ask(method, path, body string, header ...string) answer {
	r.t.Helper()
	opaque, query, _ := strings.Cut(path, "?")
	req := &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: r.http, Opaque: opaque, RawQuery: query}, Header: http.Header{}}
	if strings.HasPrefix(opaque, "//") {
		req.URL.Opaque = "//" + r.http + opaque // net/http would take its beginning for a host
	}
	if body != "" {
		req.Body = io.NopCloser(strings.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	c := http.Client{Timeout: patience}
	res, err := c.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{res, string(b)}
}

// want asks with the key that may do everything and compares the answer.
func (r *rig) want(method, path, body string, status int, answer string) {
	r.t.Helper()
	r.wantAs(keyAll, method, path, body, status, answer)
}

func (r *rig) wantAs(key, method, path, body string, status int, answer string) {
	r.t.Helper()
	got := r.ask(method, path, body, "x-api-key", key)
	if got.StatusCode != status || got.body != answer {
		r.t.Errorf("%s %s %s: %d %s\nwant %d %s", method, clip(path), clip(body), got.StatusCode, clip(got.body), status, clip(answer))
	}
	if got.body != "" && got.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("%s %s: Content-Type %q", method, path, got.Header.Get("Content-Type"))
	}
}

func clip(s string) string {
	if len(s) > 300 {
		return fmt.Sprintf("%s... (%d bytes)", s[:300], len(s))
	}
	return s
}

// quote is text as a JSON string.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func record(key, val string) string { return `{"key":` + quote(key) + `,"value":` + quote(val) + `}` }
func partial(key, val string) string {
	return `{"key":` + quote(key) + `,"value":` + quote(val) + `,"partialUpdate":true}`
}

const (
	stored   = `{"success":true,"message":"Record stored"}`
	deleted  = `{"success":true,"message":"Record deleted"}`
	notFound = `{"error":"Record not found"}`
)

func (r *rig) put(key, val string) {
	r.t.Helper()
	r.want("POST", "/record", record(key, val), 200, stored)
}

// value reads a record's value.
func (r *rig) value(key string) string {
	r.t.Helper()
	got := r.ask("GET", "/record/"+url.PathEscape(key), "", "x-api-key", keyAll)
	var body struct{ Key, Value string }
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.StatusCode != 200 {
		r.t.Fatalf("%q: %d %s", key, got.StatusCode, got.body)
	}
	return body.Value
}

// redis is a connection that speaks RESP.
func (r *rig) redis() *resp.Client {
	r.t.Helper()
	c, err := resp.Dial("tcp", r.resp)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(3 * patience))
	return c
}

func do(t *testing.T, c *resp.Client, want string, args ...any) {
	t.Helper()
	if v, err := c.Do(args...); err != nil || v.Text() != want {
		t.Errorf("%q: %v, %v, want %s", args, v, err, want)
	}
}

// socket is a WebSocket that the test speaks.
type socket struct {
	*websocket.Conn
	t     *testing.T
	early []string // notifications that came before an answer
}

// connect opens a WebSocket; query is "token=..." or "apiKey=...".
func (r *rig) connect(query string) *socket {
	r.t.Helper()
	c, res, err := websocket.DefaultDialer.Dial("ws://"+r.http+"/ws?"+query, nil)
	if err != nil {
		r.t.Fatalf("%v, %v", err, res)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(patience))
	return &socket{Conn: c, t: r.t}
}

func (s *socket) send(text string) {
	s.t.Helper()
	if err := s.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *socket) read() string {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(patience))
	kind, b, err := s.ReadMessage()
	if err != nil {
		s.t.Fatal(err)
	}
	if kind != websocket.TextMessage {
		s.t.Errorf("a frame of kind %d", kind)
	}
	return string(b)
}

func (s *socket) do(text, want string) {
	s.t.Helper()
	s.send(text)
	if got := s.read(); got != want {
		s.t.Errorf("%s: %s\nwant %s", clip(text), clip(got), clip(want))
	}
}

// notice is a notification.
type notice struct {
	Type      string
	Key       string
	Value     *string
	Timestamp int64
}

// notified reads the next message, which must be a notification, as "key=value",
// "key" for one that was deleted.
func (s *socket) notified() string {
	s.t.Helper()
	var text string
	if len(s.early) > 0 {
		text, s.early = s.early[0], s.early[1:]
	} else {
		text = s.read()
	}
	var n notice
	if err := json.Unmarshal([]byte(text), &n); err != nil || n.Type != "notification" || n.Timestamp == 0 {
		s.t.Fatalf("no notification: %s, %v", text, err)
	}
	if n.Value == nil {
		return n.Key
	}
	return n.Key + "=" + *n.Value
}

// answered reads the next answer; notifications that come before are kept.
func (s *socket) answered() string {
	s.t.Helper()
	for {
		text := s.read()
		if !strings.HasPrefix(text, `{"type":"notification"`) {
			return text
		}
		s.early = append(s.early, text)
	}
}

// token asks for one.
func (r *rig) token(key, body string) string {
	r.t.Helper()
	got := r.ask("POST", "/token/websocket", body, "x-api-key", key)
	var a struct{ Token string }
	if err := json.Unmarshal([]byte(got.body), &a); err != nil || a.Token == "" || got.StatusCode != 200 {
		r.t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	return a.Token
}

// listener is a WebSocket that hears about patterns.
func (r *rig) listener(patterns ...string) *socket {
	r.t.Helper()
	list, _ := json.Marshal(patterns)
	return r.connect("token=" + r.token(keyAll, `{"subscribePatterns":`+string(list)+`}`))
}
