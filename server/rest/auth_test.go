package rest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hpkv/server"
	"hpkv/server/config"
	"hpkv/server/rest"
)

// No path tells anything without a key but whether the server is there.
func TestEveryPathNeedsAKey(t *testing.T) {
	r := start(t)
	open := map[string]bool{"/healthz": true, "/readyz": true, "/console/app.js": true, "/console/icon.svg": true, "/console/style.css": true}
	for path, methods := range rest.RouteMethods() {
		target := strings.NewReplacer("{key}", "k", "{command}", "get/k").Replace(path)
		for _, method := range append(methods, "PUT") {
			for _, key := range []string{"", "wrong", keyAll[1:], keyAll + "x", strings.ToUpper(keyAll)} {
				got := r.ask(method, target, "", "x-api-key", key)
				want := map[bool]int{true: 401, false: 403}[key == ""]
				switch {
				case open[path] && method != "PUT" && method != "POST":
					want = 200
				case open[path]:
					want = 405
				case path == "/" && (method == "GET" || method == "HEAD"): // the console's page, which asks for a key
					want = 200
				case path == "/ws" && (method == "GET" || method == "HEAD"):
					want = 403
				case path == "/ws":
					want = 405
				case path == "/{command}":
					want = 404
				}
				if got.StatusCode != want {
					t.Errorf("%s %s with %q: %d %s, want %d", method, target, key, got.StatusCode, got.body, want)
				}
			}
			for _, header := range []string{"Bearer wrong", "Bearer ", "Basic " + keyAll, keyAll, "Bearer"} {
				got := r.ask(method, target, "", "Authorization", header)
				if got.StatusCode < 400 && !open[path] && !(path == "/" && method != "POST" && method != "PUT") {
					t.Errorf("%s %s with %q: %d", method, target, header, got.StatusCode)
				}
			}
		}
	}
	if got := r.ask("GET", "/record/k", "", "Authorization", "bearer "+keyAll); got.StatusCode != 404 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestReadOnlyKey(t *testing.T) {
	r := start(t)
	r.put("k", "v")
	const refused = `{"error":"the API key allows reading only"}`
	r.wantAs(keyRead, "GET", "/record/k", "", 200, `{"key":"k","value":"v"}`)
	r.wantAs(keyRead, "DELETE", "/record/k", "", 403, refused)
	r.wantAs(keyRead, "POST", "/record", record("k", "w"), 403, refused)
	r.wantAs(keyRead, "POST", "/record", partial("k", "w"), 403, refused)
	r.wantAs(keyRead, "POST", "/record/atomic", `{"key":"n","increment":1}`, 403, refused)
	r.wantAs(keyRead, "GET", "/records?startKey=a&endKey=z", "", 200, `{"records":[{"key":"k","value":"v"}],"count":1,"truncated":false}`)
}

// A tenant sees its own keys under their own names, and nothing else.
func TestTenant(t *testing.T) {
	r := start(t)
	r.put("k", "everybody's")
	r.put("t1:k", "mine")
	r.put("t1:z", "mine")
	r.put("t2:k", "another's")
	r.wantAs(keyTenant, "GET", "/record/k", "", 200, `{"key":"k","value":"mine"}`)
	r.wantAs(keyTenant, "GET", "/record/t2:k", "", 404, notFound)
	r.wantAs(keyTenant, "GET", "/records?startKey=&endKey=~", "", 200, `{"records":[{"key":"k","value":"mine"},{"key":"z","value":"mine"}],"count":2,"truncated":false}`)
	r.wantAs(keyTenant, "POST", "/record", record("new", "1"), 200, stored)
	if got := r.value("t1:new"); got != "1" {
		t.Error(got)
	}
	r.wantAs(keyTenant, "DELETE", "/record/new", "", 200, deleted)
	long := strings.Repeat("k", 512) // the prefix does not count
	r.wantAs(keyTenant, "POST", "/record", record(long, "1"), 200, stored)
	// Notifications are within the prefix, and without it.
	l := r.connect("token=" + r.token(keyTenant, `{"subscribePatterns":["*"]}`))
	all := r.listener("t1:k", "t2:*")
	r.put("t2:k", "1")
	r.put("t1:k", "2")
	if got := l.notified(); got != "k=2" {
		t.Error(got)
	}
	for _, want := range []string{"t2:k=1", "t1:k=2"} {
		if got := all.notified(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	l.send(`{"op":2,"key":"w","value":"1","messageId":1}`)
	if got := l.answered(); got != `{"code":200,"messageId":1,"success":true,"message":"Record stored"}` {
		t.Error(got)
	}
	if got := r.value("t1:w"); got != "1" {
		t.Error(got)
	}
}

func TestRateLimit(t *testing.T) {
	r := start(t, "--rest-rate-limit", "5")
	s := r.connect("apiKey=" + keyAll)
	// limits asks until ten requests were refused. Of the others there must not be
	// more than the time allows that it has taken.
	limits := func(what string, refused func() bool) {
		t.Helper()
		begun, served := time.Now(), 0
		for limited := 0; limited < 10; {
			if refused() {
				limited++
			} else if served++; time.Since(begun) > patience {
				t.Fatalf("%s: %d were served, %d limited", what, served, limited)
			}
		}
		if most := 5 + 5*time.Since(begun).Seconds(); float64(served) > most {
			t.Errorf("%s: %d were served, more than %.1f", what, served, most)
		}
	}
	limits("requests", func() bool {
		got := r.ask("GET", "/record/k", "", "x-api-key", keyAll)
		return got.StatusCode == 429 && got.body == `{"error":"too many requests"}`
	})
	limits("messages", func() bool {
		s.send(`{"op":1,"key":"k","messageId":1}`)
		return s.read() == `{"code":429,"messageId":1,"error":"too many requests"}`
	})
	// Keys have budgets of their own.
	if got := r.ask("GET", "/record/k", "", "x-api-key", keyRead); got.StatusCode != 404 {
		t.Error(got.StatusCode)
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	write := func(text string) { // in one step, as the server may look at any time
		t.Helper()
		if err := errors.Join(os.WriteFile(path+".next", []byte(text), 0o600), os.Rename(path+".next", path)); err != nil {
			t.Fatal(err)
		}
	}
	write("# keys\n\nfrom-file,readonly\n")
	r := start(t, "--rest-api-key-file", path)
	status := func(key string) int { return r.ask("GET", "/record/k", "", "x-api-key", key).StatusCode }
	if status("from-file") != 404 || status(keyAll) != 404 || status("later") != 403 {
		t.Error(status("from-file"), status(keyAll), status("later"))
	}
	write("later\n")
	wait(t, "the file is read again", func() bool { return status("later") == 404 })
	if status("from-file") != 403 {
		t.Error("the old key is still good")
	}
	write("not a key\n")
	wait(t, "a bad file is reported", func() bool { return strings.Contains(r.log.String(), "keys:1: an API key has characters") })
	if status("later") != 404 {
		t.Error("a bad file took the keys away")
	}
}

// Settings that would leave the door open, or nobody able to come in, do not
// start.
func TestBadSettings(t *testing.T) {
	dir := t.TempDir()
	for want, options := range map[string][]string{
		"there is no rest-api-key":    {},
		"cannot read the API keys":    {"--rest-api-key-file", filepath.Join(dir, "none")},
		"one of them is missing":      {"--rest-api-key", "k", "--rest-tls-cert-file", "x"},
		"cannot read the certificate": {"--rest-api-key", "k", "--rest-tls-cert-file", filepath.Join(dir, "c"), "--rest-tls-key-file", filepath.Join(dir, "k")},
	} {
		cl, err := config.ParseArgs(append([]string{"--port", "0", "--unixsocket", filepath.Join(dir, "s"), "--rest-port", "1"}, options...), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.New(server.Options{Config: cl.Config}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", options, err, want)
		}
	}
}
