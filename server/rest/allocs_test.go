//go:build !race

package rest_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestRequestAllocations keeps requests to records from costing the collector
// anything: what they need is used again.
func TestRequestAllocations(t *testing.T) {
	r := start(t)
	c, err := net.Dial("tcp", r.http)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	head := "Host: h\r\nX-Api-Key: " + keyAll + "\r\nContent-Type: application/json\r\n"
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", path, head, len(body), body)
	}
	if got := r.ask("POST", "/record", `{"key":"k","value":"`+strings.Repeat("v", 64)+`"}`, "X-Api-Key", keyAll); got.StatusCode != 200 {
		t.Fatal(got.body)
	}
	in := make([]byte, 4096)
	for _, test := range []struct {
		name, text string
		most       float64
	}{
		{"GET", "GET /record/k HTTP/1.1\r\n" + head + "\r\n", 1},
		{"POST", post("/record", `{"key":"k","value":"`+strings.Repeat("w", 64)+`"}`), 1},
		{"atomic", post("/record/atomic", `{"key":"n","increment":1}`), 2},
	} {
		request := []byte(test.text)
		ask := func() {
			if _, err := c.Write(request); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(in); err != nil || !bytes.HasPrefix(in[:n], []byte("HTTP/1.1 200 OK\r\n")) {
				t.Fatalf("%s: %q, %v", test.name, in[:n], err)
			}
		}
		for range 100 {
			ask()
		}
		if n := testing.AllocsPerRun(500, ask); n > test.most {
			t.Errorf("%s allocates %.1f times, %.0f expected", test.name, n, test.most)
		} else {
			t.Logf("%s allocates %.1f times", test.name, n)
		}
	}
}
