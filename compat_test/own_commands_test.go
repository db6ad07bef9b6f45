package compat_test

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"testing"

	compat "hpkv/compat_test"
)

// TestRangeCommand reads key ranges through the protocol: order, limits, pages,
// what is returned, and refusals.
func TestRangeCommand(t *testing.T) {
	s := compat.StartOurs(t)
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			c, err := s.Dial(proto)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			checkRanges(t, c)
		})
	}
}

func checkRanges(t *testing.T, c *compat.Conn) {
	ask := func(args ...string) compat.Node {
		t.Helper()
		n, err := c.Node(args...)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return n
	}
	ask("FLUSHALL")
	var want []string
	for i := range 500 {
		key := fmt.Sprintf("k:%03d", i)
		ask("SET", key, strconv.Itoa(i))
		want = append(want, key, strconv.Itoa(i))
	}
	ask("SET", "a", "before")
	ask("SET", "k;", "behind")

	// page asks for one page and returns its texts and the cursor.
	page := func(args ...string) (texts []string, cursor string, more bool) {
		t.Helper()
		n := ask(append([]string{"HPKV.RANGE"}, args...)...)
		if n.Kind != '*' || len(n.Elems) != 2 || n.Elems[1].Kind != '*' {
			t.Fatalf("HPKV.RANGE %q: %+v", args, n)
		}
		for _, e := range n.Elems[1].Elems {
			texts = append(texts, e.Text)
		}
		return texts, n.Elems[0].Text, !n.Elems[0].Null
	}
	if got, _, more := page("k:", "k:\xff"); more || !slices.Equal(got, want) {
		t.Errorf("the whole range: %d texts, more %v", len(got), more)
	}
	var walked []string
	for from, more := "k:", true; more; {
		var texts []string
		texts, from, more = page(from, "k:\xff", "LIMIT", "7")
		if len(texts) > 14 || len(texts) == 0 {
			t.Fatalf("a page of %d texts", len(texts))
		}
		walked = append(walked, texts...)
	}
	if !slices.Equal(walked, want) {
		t.Errorf("walked by pages: %d texts, want %d", len(walked), len(want))
	}
	if got, _, _ := page("k:010", "k:012", "KEYS"); !slices.Equal(got, []string{"k:010", "k:011", "k:012"}) {
		t.Errorf("KEYS: %q", got)
	}
	if got, _, _ := page("k:010", "k:012", "VALUES"); !slices.Equal(got, []string{"10", "11", "12"}) {
		t.Errorf("VALUES: %q", got)
	}
	if got, _, _ := page("", "", "KEYS", "LIMIT", "1"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("from the first key: %q", got)
	}
	if got, _, more := page("z", "b"); more || len(got) != 0 {
		t.Errorf("ends in the wrong order: %q", got)
	}
	for _, bad := range []struct{ args, want []string }{
		{[]string{"HPKV.RANGE", "a"}, []string{"ERR wrong number of arguments for 'hpkv.range' command"}},
		{[]string{"HPKV.RANGE", "a", "b", "KEYS", "VALUES"}, []string{"ERR syntax error"}},
		{[]string{"HPKV.RANGE", "a", "b", "LIMIT", "0"}, []string{"ERR value is out of range, must be positive"}},
	} {
		if n := ask(bad.args...); n.Kind != '-' || n.Text != bad.want[0] {
			t.Errorf("%q: %q, want %q", bad.args, n.Text, bad.want[0])
		}
	}
}

// TestTopologyCommand asks a server how it is placed.
func TestTopologyCommand(t *testing.T) {
	s := compat.StartOurs(t, "--workers", "2", "--shards", "32")
	c, err := s.Dial(3)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n, err := c.Node("HPKV.TOPOLOGY")
	if err != nil || n.Kind != '%' {
		t.Fatalf("%+v, %v", n, err)
	}
	field := map[string]compat.Node{}
	for i := 0; i+1 < len(n.Elems); i += 2 {
		field[n.Elems[i].Text] = n.Elems[i+1]
	}
	if got := field["shards"].Text; got != "32" {
		t.Errorf("shards: %s", got)
	}
	if cpus, err := strconv.Atoi(field["cpus"].Text); err != nil || cpus < runtime.NumCPU() {
		t.Errorf("cpus: %q beside %d", field["cpus"].Text, runtime.NumCPU())
	}
	workers, shards := field["workers"].Elems, 0
	if len(workers) != 2 {
		t.Errorf("%d workers", len(workers))
	}
	for _, w := range workers {
		for i := 0; i+1 < len(w.Elems); i += 2 {
			if w.Elems[i].Text == "shards" {
				k, _ := strconv.Atoi(w.Elems[i+1].Text)
				shards += k
			}
		}
	}
	if shards != 32 {
		t.Errorf("the workers have %d shards in all", shards)
	}
}
