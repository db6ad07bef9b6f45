package command

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hpkv/engine"
	"hpkv/resp"
)

func texts(v resp.Value) (s []string) {
	for _, e := range v.Elems {
		if e.IsNull() {
			s = append(s, "(null)")
		} else {
			s = append(s, string(e.Str))
		}
	}
	return s
}

func TestScanVisitsEverything(t *testing.T) {
	r := newRig(t, engine.Options{})
	for i := range 3000 {
		r.do(fmt.Sprintf("set user:%d v", i))
		r.do(fmt.Sprintf("set other:%d v", i))
	}
	f := func(options string, want int) {
		t.Helper()
		seen := map[string]bool{}
		cursor := "0"
		for {
			v := r.do("scan " + cursor + options)
			for _, key := range texts(v.Elems[1]) {
				seen[key] = true
			}
			if cursor = string(v.Elems[0].Str); cursor == "0" {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("scan%s found %d keys, want %d", options, len(seen), want)
		}
	}
	f("", 6000)
	f(" count 5000", 6000)
	f(" match user:*", 3000)
	f(" match user:?? type string", 90)
	f(" type hash", 0)
	if n := len(r.do("keys *").Elems); n != 6000 {
		t.Errorf("KEYS * returns %d keys", n)
	}
	if n := len(r.do("keys other:1?").Elems); n != 10 {
		t.Errorf("KEYS other:1? returns %d keys", n)
	}
}

// Patterns and keys over few bytes, against the reference's matcher.
func TestKeysBesideRedis(t *testing.T) {
	ref := startReference(t)
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	word := func(alphabet string, n int) []byte {
		b := make([]byte, rnd.IntN(n+1))
		for i := range b {
			b[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		return b
	}
	r := newRig(t, engine.Options{})
	for range 60 {
		line := [][]byte{[]byte("set"), word("ab-]\\\xff", 4), nil}
		r.value(line)
		ref.value(line)
	}
	for range 1500 {
		line := [][]byte{[]byte("keys"), word("ab-*?[]^\\\xff", 8)}
		got, want := texts(r.value(line)), texts(ref.value(line))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: KEYS %q: %q, want %q", seed, line[1], got, want)
		}
	}
}

// rangeOf reads a range and writes the reply as one line.
func rangeOf(r *rig, line string) string {
	v := r.do("hpkv.range " + line)
	if v.IsError() {
		return string(v.Str)
	}
	cursor := "end"
	if !v.Elems[0].IsNull() {
		cursor = fmt.Sprintf("%q", v.Elems[0].Str)
	}
	return cursor + " " + strings.Join(texts(v.Elems[1]), " ")
}

func TestRange(t *testing.T) {
	r := newRig(t, engine.Options{})
	for _, k := range []string{"a", "aa", "b", "b\x00", "c", "user:1", "user:2", "user:\xfe", "uses"} {
		r.value([][]byte{[]byte("set"), []byte(k), []byte("=" + k)})
	}
	r.do("set d x px 1")
	r.do(`set "" empty`)
	r.do("del d")
	f := func(line, want string) {
		t.Helper()
		if got := rangeOf(r, line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	f(`a b`, "end a =a aa =aa b =b")
	f(`a b KEYS`, "end a aa b")
	f(`a b values`, "end =a =aa =b")
	f(`a b LIMIT 2`, `"aa\x00" a =a aa =aa`)
	f(`"aa\x00" b LIMIT 2`, "end b =b")
	f(`a b LIMIT 3`, "end a =a aa =aa b =b")
	f(`b "b\x00" KEYS LIMIT 1`, `"b\x00" b`)
	f(`"b\x00" "b\x00" KEYS LIMIT 1`, "end b\x00")
	f(`"" "" KEYS`, "end  a aa b b\x00 c user:1 user:2 user:\xfe uses")
	f(`"" "" KEYS LIMIT 1`, `"\x00" `)
	f(`"\x00" "" KEYS LIMIT 1`, `"a\x00" a`)
	f(`user: "user:\xff" keys`, "end user:1 user:2 user:\xfe")
	f(`z "" keys`, "end ")
	f(`b a`, "end ")
	f(`bb bc`, "end ")
	f(`a b LIMIT 0`, resp.ErrNotPositive)
	f(`a b LIMIT -1`, resp.ErrNotPositive)
	f(`a b LIMIT x`, resp.ErrNotPositive)
	f(`a b LIMIT`, resp.ErrSyntax)
	f(`a b KEYS VALUES`, resp.ErrSyntax)
	f(`a b VALUES KEYS`, resp.ErrSyntax)
	f(`a b foo`, resp.ErrSyntax)
	f(`a`, resp.WrongArgs("hpkv.range"))
}

// A walk by pages returns each key once, in order, whatever is written behind
// or deleted ahead of it meanwhile.
func TestRangePages(t *testing.T) {
	r := newRig(t, engine.Options{})
	var want []string
	for i := range 1000 {
		k := fmt.Sprintf("k%03d", i)
		r.do("set " + k + " v")
		want = append(want, k)
	}
	var got []string
	start := []byte("")
	for pages := 0; ; pages++ {
		v := r.value([][]byte{[]byte("hpkv.range"), start, nil, []byte("keys"), []byte("limit"), []byte("7")})
		got = append(got, texts(v.Elems[1])...)
		if v.Elems[0].IsNull() {
			break
		}
		start = v.Elems[0].Str
		r.do(fmt.Sprintf("set j%d v", pages)) // behind
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d keys in pages, want %d", len(got), len(want))
	}
}

// spoiler is a host that does what an event loop does: runs deferred work
// later, after the arguments have been overwritten by other input.
type spoiler struct {
	r    *rig
	args [][]byte
	work func(*Ctx)
}

func (*spoiler) Wait(*Ctx, Wait) { panic("waits") }

func (h *spoiler) Defer(c *Ctx, work func(*Ctx)) {
	if h.work != nil {
		h.r.t.Error("deferred twice")
	}
	h.work = work
	h.args = nil
	for _, a := range c.Args {
		h.args = append(h.args, slices.Clone(a))
	}
	for _, a := range c.Args {
		for i := range a {
			a[i] = 0xEE
		}
	}
}

func TestDefer(t *testing.T) {
	r := newRig(t, engine.Options{})
	for i := range visitInline + 10 {
		r.do(fmt.Sprintf("set user:%d v", i))
	}
	r.do("setrange long 2000000 \"\x01\"")
	r.value([][]byte{[]byte("set"), []byte("text"), []byte(strings.Repeat("ab", lcsInline))})
	r.value([][]byte{[]byte("set"), []byte("other"), []byte(strings.Repeat("b", 10))})
	f := func(line string, deferred bool) {
		t.Helper()
		args := commandLine(t, line)
		want := r.value(args)
		lane := r.e.NewLane()
		defer lane.Close()
		host := &spoiler{r: r}
		var w resp.Writer
		c := Ctx{Args: args, Row: r.table.Resolve(args), W: &w, S: &Session{}, Table: r.table, Host: host, Txn: lane.Begin(0)}
		c.LockKeys()
		c.Row.Run(&c)
		c.Txn.End()
		if (host.work != nil) != deferred {
			t.Errorf("%s: deferred: %v", line, host.work != nil)
		}
		if host.work != nil {
			if w.Len() > 0 {
				t.Errorf("%s: replied %q before it deferred", line, w.Bytes())
			}
			c.Args, c.Txn, c.Host = host.args, lane.Begin(0), nil
			c.LockKeys()
			host.work(&c)
			c.Txn.End()
		}
		got, rest, err := resp.ParseValue(w.Bytes())
		if err != nil || len(rest) > 0 || !got.Equal(want) {
			t.Errorf("%s: %.100v, want %.100v", line, got, want)
		}
	}
	f("keys user:1*", true)
	f("scan 0 match user:* count 5000 type string", true)
	f("scan 0 match user:* count 10", false)
	f("bitcount long 0 -1", true)
	f("bitcount user:1", false)
	f("bitpos long 1 5 -1 byte", true)
	f("bitop or dst long", true)
	f("bitop or dst user:1", false)
	f("lcs text other", true)
	f("lcs user:1 user:2", false)
	f("hpkv.range user:1 user:3 keys", true)
	f("hpkv.range user:1 user:3 keys limit 10", false)
	f("flushdb", true)
	f("flushdb async", false)
}
