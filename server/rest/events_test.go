package rest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hpkv/resp"
	"hpkv/server/rest"
)

// events is a stream of server-sent events.
type events struct {
	t    *testing.T
	res  *http.Response
	in   *bufio.Reader
	hang func() // goes away
}

// events asks for a stream with a key.
func (r *rig) events(key, method, path string) *events {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	r.t.Cleanup(cancel)
	scheme := "http://"
	if r.root != nil {
		scheme = "https://"
	}
	var body io.Reader
	if method == "POST" {
		body = strings.NewReader("[]") // as Upstash's client
	}
	req, err := http.NewRequestWithContext(ctx, method, scheme+r.http+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.root}}
	r.t.Cleanup(transport.CloseIdleConnections)
	res, err := transport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { res.Body.Close() })
	return &events{r.t, res, bufio.NewReader(res.Body), cancel}
}

// next is the data of the next event. Comments come in between when the machine
// stands still.
func (e *events) next() string {
	e.t.Helper()
	text := ":"
	for text == ":" {
		text = e.line()
		if end := e.line(); end != "" {
			e.t.Fatalf("behind %q: %q", text, end)
		}
	}
	data, ok := strings.CutPrefix(text, "data: ")
	if !ok {
		e.t.Fatalf("%q", text)
	}
	return data
}

func (e *events) line() string {
	e.t.Helper()
	line, err := e.in.ReadString('\n')
	if err != nil {
		e.t.Fatalf("%q, %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (e *events) expect(want ...string) {
	e.t.Helper()
	for _, w := range want {
		if got := e.next(); got != w {
			e.t.Fatalf("%q, want %q", clip(got), clip(w))
		}
	}
}

// end reads what is left and returns the error at its end, nil for an end in order.
func (e *events) end() error {
	_, err := io.Copy(io.Discard, e.in)
	return err
}

// listeners waits until a channel has so many.
func (r *rig) listeners(c *resp.Client, channel string, n int64) {
	r.t.Helper()
	wait(r.t, fmt.Sprintf("%d subscribers of %s", n, channel), func() bool {
		v, err := c.Do("PUBSUB", "NUMSUB", channel)
		if err != nil {
			r.t.Fatal(err)
		}
		return v.Elems[1].Int == n
	})
}

func TestEvents(t *testing.T) {
	r := start(t)
	c := r.redis()
	e := r.events(keyAll, "POST", "/subscribe/a/b%2Fc/a")
	if h := e.res.Header; e.res.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream" || h.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d %v", e.res.StatusCode, h)
	}
	e.expect("subscribe,a,1", "subscribe,b/c,2", "subscribe,a,2")
	p := r.events(keyRead, "GET", "/psubscribe/?/b%2a") // as Upstash's client, which escapes no ?
	p.expect("psubscribe,?,1", "psubscribe,b*,2")
	do(t, c, "2", "PUBLISH", "a", "one, two")
	do(t, c, "2", "PUBLISH", "b/c", `{"a":[1,null]}`)
	e.expect("message,a,one, two", `message,b/c,{"a":[1,null]}`)
	p.expect("pmessage,?,a,one, two", `pmessage,b*,b/c,{"a":[1,null]}`)

	q := r.events("", "GET", "/subscribe/queue?_token="+keyAll) // as EventSource, which cannot set headers
	q.expect("subscribe,queue,1")
	r.wantCommand("POST", "/", `["PUBLISH","queue",""]`, 200, `{"result":1}`)
	q.expect("message,queue,")
}

// The messages of a publisher come in their order, large ones among them.
func TestEventsInOrder(t *testing.T) {
	r := start(t)
	c := r.redis()
	e := r.events(keyAll, "GET", "/subscribe/c")
	e.expect("subscribe,c,1")
	const messages = 2000
	text := func(i int) string {
		if i%200 == 0 {
			return fmt.Sprint(i, strings.Repeat("x", 300_000))
		}
		return fmt.Sprint(i)
	}
	sent := make(chan error, 1)
	go func() {
		for i := range messages {
			if _, err := c.Do("PUBLISH", "c", text(i)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range messages {
		e.expect("message,c," + text(i))
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// A message is one line whatever is in it.
func TestEventsOfManyLines(t *testing.T) {
	r := start(t)
	c := r.redis()
	e := r.events(keyAll, "GET", "/psubscribe/c*")
	e.expect("psubscribe,c*,1")
	for text, want := range map[string]string{
		"one\ndata: message,other,forged\n\n": `"one\ndata: message,other,forged\n\n"`,
		"{\r\n  \"a\": [1, \"x y\"]\r\n}\n":   `{"a":[1,"x y"]}`,
		"a\rb":                                `"a\rb"`,
		"\n":                                  `"\n"`,
	} {
		do(t, c, "1", "PUBLISH", "c\n1", text)
		e.expect("pmessage,c*,c 1," + want)
	}
}

func TestEventsRefused(t *testing.T) {
	r := start(t)
	for _, c := range []struct {
		key, method, path, accept string
		status                    int
		text                      string
	}{
		{keyTenant, "POST", "/subscribe/c", "text/event-stream", 400, `{"error":"NOPERM the API key does not allow SUBSCRIBE"}`},
		{keyTenant, "GET", "/psubscribe/t1:*", "text/event-stream", 400, `{"error":"NOPERM the API key does not allow PSUBSCRIBE"}`},
		{"wrong", "GET", "/subscribe/c", "text/event-stream", 401, `{"error":"Unauthorized: the API key is not valid"}`},
		{keyAll, "GET", "/subscribe/c", "application/json", 400, `{"error":"ERR SUBSCRIBE is not available over REST"}`},
		{keyAll, "HEAD", "/subscribe/c", "text/event-stream", 400, ""},
		{keyAll, "GET", "/subscribe", "text/event-stream", 400, `{"error":"ERR wrong number of arguments for 'subscribe' command"}`},
		{keyAll, "GET", "/ssubscribe/c", "text/event-stream", 400, `{"error":"ERR SSUBSCRIBE is not available over REST"}`},
		{keyAll, "GET", "/get/c", "text/event-stream", 200, `{"result":null}`},
	} {
		if got := r.command(c.key, c.method, c.path, "", "Accept", c.accept); got.StatusCode != c.status || got.body != c.text {
			t.Errorf("%s: %d %s", c.path, got.StatusCode, got.body)
		}
	}
}

func TestMaxStreams(t *testing.T) {
	r := start(t, "--rest-max-connections", "3")
	var open []*events
	for range 3 {
		e := r.events(keyAll, "GET", "/subscribe/c")
		e.expect("subscribe,c,1")
		open = append(open, e)
	}
	one := func() answer {
		return r.command(keyAll, "GET", "/subscribe/c", "", "Accept", "text/event-stream", "Connection", "close")
	}
	wait(t, "a refusal by the limit", func() bool { // fasthttp counts the connections until it has let them go
		got := one()
		return got.StatusCode == 503 && got.body == `{"error":"too many connections"}`
	})
	open[0].hang()
	r.listeners(r.redis(), "c", 2)
	wait(t, "room for one more", func() bool {
		e := r.events(keyAll, "GET", "/subscribe/c")
		return e.res.StatusCode == 200
	})
}

// Who goes away listens no more.
func TestEventsOfWhoIsGone(t *testing.T) {
	r := start(t)
	c := r.redis()
	var open []*events
	for range 3 {
		e := r.events(keyAll, "GET", "/subscribe/c")
		e.expect("subscribe,c,1")
		open = append(open, e)
	}
	r.listeners(c, "c", 3)
	open[0].hang()
	r.listeners(c, "c", 2)
	do(t, c, "2", "PUBLISH", "c", "m")
	for _, e := range open[1:] {
		e.expect("message,c,m")
		e.hang()
	}
	r.listeners(c, "c", 0)

	raw := r.dial()
	_, _ = io.WriteString(raw, "GET /subscribe/c HTTP/1.0\r\nAuthorization: Bearer "+keyAll+"\r\nAccept: text/event-stream\r\n\r\n")
	for _, want := range []string{"data: subscribe,c,1\n", "\n"} { // not in chunks
		for line := ""; line != want; {
			var err error
			if line, err = raw.in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.listeners(c, "c", 1)
	raw.Close()
	r.listeners(c, "c", 0)
}

// publishUntilCut publishes to the only listener of a channel, who does not read,
// until the server has cut it off.
func publishUntilCut(t *testing.T, c *resp.Client, channel, payload string) {
	t.Helper()
	for range 5000 { // 500 MB: what the kernel takes, and more
		v, err := c.Do("PUBLISH", channel, payload)
		if err != nil {
			t.Fatal(err)
		}
		if v.Int == 0 {
			return
		}
	}
	t.Fatal("the reader is not cut off")
}

// Who does not read is cut off, and holds nobody up.
func TestEventsOfASlowReader(t *testing.T) {
	r := start(t, "--client-output-buffer-limit", "pubsub 1mb 0 0")
	c := r.redis()
	slow := r.events(keyAll, "GET", "/subscribe/c")
	slow.expect("subscribe,c,1")
	payload := strings.Repeat("x", 100_000)
	publishUntilCut(t, c, "c", payload)
	if err := slow.end(); err == nil {
		t.Error("the stream seems complete")
	}
	if !strings.Contains(r.log.String(), "exceeded the limit of its output buffer") {
		t.Error("the log does not say why")
	}
}

// The limits for requests are not for streams.
func TestEventsOutlastTimeouts(t *testing.T) {
	t.Parallel()
	r := start(t, "--rest-request-timeout", "1", "--rest-idle-timeout", "1")
	var e *events
	wait(t, "a stream", func() bool { // where the machine stands still for a second, there is none
		e = r.events(keyAll, "GET", "/subscribe/c")
		return e.res.StatusCode == 200
	})
	e.expect("subscribe,c,1")
	for range 2 {
		r.dial().expect(408, "too long to arrive")
	}
	do(t, r.redis(), "1", "PUBLISH", "c", "late")
	e.expect("message,c,late")
}

// Streams end with the server, in order where the peer reads, and else soon.
func TestEventsEndWithTheServer(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.redis()
	e, slow := r.events(keyAll, "GET", "/subscribe/c"), r.events(keyAll, "GET", "/subscribe/large")
	e.expect("subscribe,c,1")
	slow.expect("subscribe,large,1")
	payload := strings.Repeat("x", 1<<20)
	begun := time.Now()
	for range 20 { // more than the kernel takes, less than what cuts the reader off
		if v, err := c.Do("PUBLISH", "large", payload); err != nil || v.Int != 1 && time.Since(begun) < rest.WriteWait {
			t.Fatalf("published to %d, %v", v.Int, err)
		}
	}
	do(t, c, "1", "PUBLISH", "c", "last")
	e.expect("message,c,last")
	begun = time.Now()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Where the machine stands still, a reader seems to be none.
		if err := e.end(); err != nil && time.Since(begun) < rest.CloseWait {
			t.Error(err)
		}
	}()
	r.stop()
	<-ended
	_ = slow.end()
	if strings.Contains(r.log.String(), "still open at the end") {
		t.Error("the streams did not end by themselves")
	}
}

func TestEventsEndWithTheKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte("one-more-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, "--rest-api-key-file", file)
	e := r.events("one-more-key", "GET", "/subscribe/c")
	e.expect("subscribe,c,1")
	stays := r.events(keyAll, "GET", "/subscribe/c")
	stays.expect("subscribe,c,1")
	if err := os.WriteFile(file, []byte("# none any more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.end(); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	c := r.redis()
	r.listeners(c, "c", 1)
	do(t, c, "1", "PUBLISH", "c", "m")
	stays.expect("message,c,m")
}

// Over TLS a stream is as it is without: in order, cut off when nobody reads, ended in
// order with the server.
func TestEventsOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := writeCertificate(t, dir, 1)
	r := start(t, "--client-output-buffer-limit", "pubsub 1mb 0 0",
		"--rest-tls-cert-file", filepath.Join(dir, "cert.pem"), "--rest-tls-key-file", filepath.Join(dir, "key.pem"))
	r.root = root
	c := r.redis()
	e, slow := r.events(keyAll, "POST", "/psubscribe/c*"), r.events(keyAll, "GET", "/subscribe/slow")
	e.expect("psubscribe,c*,1")
	slow.expect("subscribe,slow,1")
	for i := range 100 {
		do(t, c, "1", "PUBLISH", "c1", fmt.Sprint(i))
	}
	for i := range 100 {
		e.expect(fmt.Sprintf("pmessage,c*,c1,%d", i))
	}
	payload := strings.Repeat("x", 100_000)
	do(t, c, "1", "PUBLISH", "c2", payload)
	e.expect("pmessage,c*,c2," + payload)
	publishUntilCut(t, c, "slow", payload)
	if err := slow.end(); err == nil {
		t.Error("the stream seems complete")
	}
	do(t, c, "1", "PUBLISH", "c3", "last")
	e.expect("pmessage,c*,c3,last")
	gone := r.events(keyAll, "GET", "/subscribe/gone")
	gone.expect("subscribe,gone,1")
	gone.hang()
	r.listeners(c, "gone", 0)
	r.stop()
	if err := e.end(); err != nil {
		t.Error(err)
	}
}

func TestEventsAreCounted(t *testing.T) {
	r := start(t)
	c := r.redis()
	e := r.events(keyAll, "GET", "/subscribe/c")
	e.expect("subscribe,c,1")
	do(t, c, "1", "PUBLISH", "c", "m")
	e.expect("message,c,m")
	shows := func(text string) {
		t.Helper()
		wait(t, text, func() bool { // an event is counted when it was written
			return strings.Contains(r.ask("GET", "/metrics", "", "x-api-key", keyAll).body, text+"\n")
		})
	}
	shows(`hpkv_connections{interface="events"} 1`)
	shows("hpkv_events_sent_total 2")
	e.hang()
	shows(`hpkv_connections{interface="events"} 0`)
}

// An operator finds a stream among the clients, and ends it there.
func TestEventsAreClients(t *testing.T) {
	r := start(t)
	c := r.redis()
	e, stays := r.events(keyAll, "GET", "/subscribe/c"), r.events(keyAll, "GET", "/psubscribe/c*")
	e.expect("subscribe,c,1")
	stays.expect("psubscribe,c*,1")
	list := func() []string {
		t.Helper()
		v, err := c.Do("CLIENT", "LIST", "TYPE", "pubsub")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(v.Text()), "\n")
	}
	lines := list()
	if len(lines) != 2 || !strings.Contains(lines[0], " addr=127.0.0.1:") || !strings.Contains(lines[0], " flags=P db=0 sub=1 psub=0 ") ||
		!strings.Contains(lines[0], " cmd=subscribe ") || !strings.Contains(lines[1], " sub=0 psub=1 ") {
		t.Fatalf("%q", lines)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(lines[0], "id="), " ")
	if v, err := c.Do("CLIENT", "LIST", "ID", id); err != nil || !strings.HasPrefix(v.Text(), "id="+id+" ") {
		t.Errorf("%v, %v", v, err)
	}
	do(t, c, "1", "CLIENT", "KILL", "ID", id)
	if lines := list(); len(lines) != 1 || strings.HasPrefix(lines[0], "id="+id+" ") {
		t.Errorf("%q", lines)
	}
	_ = e.end()
	r.listeners(c, "c", 0)
	do(t, c, "1", "PUBLISH", "c", "m")
	stays.expect("pmessage,c*,c,m")
	do(t, c, "1", "CLIENT", "KILL", "TYPE", "pubsub")
	_ = stays.end()
}
