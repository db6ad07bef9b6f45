package resp

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/tidwall/redcon"
)

// replies are calls with what they write in RESP2 and RESP3.
var replies = []struct {
	name         string
	write        func(w *Writer)
	resp2, resp3 string // resp3 "": the same
}{
	{"ok", func(w *Writer) { w.OK() }, "+OK\r\n", ""},
	{"status", func(w *Writer) { w.Status("QUEUED") }, "+QUEUED\r\n", ""},
	{"status of lines", func(w *Writer) { w.Status("a\r\nb") }, "+a  b\r\n", ""},
	{"error", func(w *Writer) { w.Error(ErrSyntax) }, "-ERR syntax error\r\n", ""},
	{"error of lines", func(w *Writer) { w.Error("ERR a\r\nb\nc\r\n\r\n") }, "-ERR a  b c\r\n", ""},
	{"int", func(w *Writer) { w.Int(0); w.Int(9); w.Int(-1); w.Int(10); w.Int(123456789) }, ":0\r\n:9\r\n:-1\r\n:10\r\n:123456789\r\n", ""},
	{"int ends", func(w *Writer) { w.Int(math.MaxInt64); w.Int(math.MinInt64) }, ":9223372036854775807\r\n:-9223372036854775808\r\n", ""},
	{"bulk", func(w *Writer) { w.Bulk([]byte("a\r\nb")); w.Bulk(nil); w.Bulk([]byte{}) }, "$4\r\na\r\nb\r\n$0\r\n\r\n$0\r\n\r\n", ""},
	{"bulk string", func(w *Writer) { w.BulkString("hello world") }, "$11\r\nhello world\r\n", ""},
	{"bulk lengths", func(w *Writer) {
		for _, n := range []int{9, 10, 99, 100} {
			w.BulkString(strings.Repeat("x", n))
		}
	}, "$9\r\nxxxxxxxxx\r\n$10\r\nxxxxxxxxxx\r\n$99\r\n" + strings.Repeat("x", 99) + "\r\n$100\r\n" + strings.Repeat("x", 100) + "\r\n", ""},
	{"bulk int", func(w *Writer) { w.BulkInt(-42) }, "$3\r\n-42\r\n", ""},
	{"null", func(w *Writer) { w.Null() }, "$-1\r\n", "_\r\n"},
	{"null array", func(w *Writer) { w.NullArray() }, "*-1\r\n", "_\r\n"},
	{"array", func(w *Writer) { w.Array(2); w.Int(1); w.Array(0) }, "*2\r\n:1\r\n*0\r\n", ""},
	{"map", func(w *Writer) { w.Map(1); w.BulkString("a"); w.Int(1) }, "*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n$1\r\na\r\n:1\r\n"},
	{"set", func(w *Writer) { w.Set(1); w.BulkString("a") }, "*1\r\n$1\r\na\r\n", "~1\r\n$1\r\na\r\n"},
	{"push", func(w *Writer) { w.Push(1); w.BulkString("a") }, "*1\r\n$1\r\na\r\n", ">1\r\n$1\r\na\r\n"},
	{"double", func(w *Writer) { w.Double(1.5); w.Double(3); w.Double(-0.1) }, "$3\r\n1.5\r\n$1\r\n3\r\n$4\r\n-0.1\r\n", ",1.5\r\n,3\r\n,-0.1\r\n"},
	{"double ends", func(w *Writer) { w.Double(math.Inf(1)); w.Double(math.Inf(-1)); w.Double(math.NaN()) }, "$3\r\ninf\r\n$4\r\n-inf\r\n$3\r\nnan\r\n", ",inf\r\n,-inf\r\n,nan\r\n"},
	{"bool", func(w *Writer) { w.Bool(true); w.Bool(false) }, ":1\r\n:0\r\n", "#t\r\n#f\r\n"},
	{"big number", func(w *Writer) { w.BigNumber("-1234567999999999999999999999999999999") }, "$38\r\n-1234567999999999999999999999999999999\r\n", "(-1234567999999999999999999999999999999\r\n"},
	{"verbatim bytes", func(w *Writer) { w.VerbatimBytes("md", []byte("a\nb")) }, "$3\r\na\nb\r\n", "=7\r\nmd :a\nb\r\n"},
	{"verbatim", func(w *Writer) { w.Verbatim("txt", "a\nb") }, "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n"},
	{"attribute", func(w *Writer) {
		if w.Attribute(1) {
			w.BulkString("a")
			w.Int(1)
		}
		w.Int(2)
	}, ":2\r\n", "|1\r\n$1\r\na\r\n:1\r\n:2\r\n"},
	{"raw", func(w *Writer) { w.Raw([]byte("+x\r\n")) }, "+x\r\n", ""},
	{"buffer", func(w *Writer) {
		w.Int(1)
		w.SetBuffer(append(append(AppendBulkHeader(w.Buffer(), 12), "hello, world"...), '\r', '\n'))
	}, ":1\r\n$12\r\nhello, world\r\n", ""},
}

func TestWriter(t *testing.T) {
	var w Writer
	for _, r := range replies {
		for proto, want := range map[int]string{2: r.resp2, 3: r.resp3} {
			if want == "" {
				want = r.resp2
			}
			w.Reset(w.Buffer(), proto)
			r.write(&w)
			if got := string(w.Bytes()); got != want || w.Len() != len(want) || w.Proto() != proto {
				t.Errorf("%s in RESP%d: %q, want %q", r.name, w.Proto(), got, want)
			}
			if (w.Errors() == 1) != strings.HasPrefix(want, "-") {
				t.Errorf("%s: %d errors", r.name, w.Errors())
			}
		}
	}
}

func TestWriterSetProto(t *testing.T) {
	var w Writer // RESP2
	w.Null()
	w.SetProto(3)
	w.Null()
	w.SetProto(2)
	w.Null()
	n := w.Len()
	w.Error("ERR x")
	w.Truncate(n)
	if got := string(w.Bytes()); got != "$-1\r\n_\r\n$-1\r\n" {
		t.Errorf("%q", got)
	}
}

// TestWriterDeferred: lengths known late give the same bytes as known ones, for
// every number of digits, nested, and when the slice is exactly full.
func TestWriterDeferred(t *testing.T) {
	for _, proto := range []int{2, 3} {
		for _, n := range []int{0, 1, 5, 9, 10, 49, 50, 99, 100, 999, 1000, 12345} {
			for _, spare := range []int{0, 1, 4096} {
				f := func(name string, begin func(w *Writer, n int), end func(w *Writer, mark, n int)) {
					var known, deferred Writer
					known.Reset(nil, proto)
					known.Int(7)
					begin(&known, n)
					deferred.Reset(make([]byte, 0, spare), proto)
					deferred.Int(7)
					mark := deferred.BeginArray()
					for range n {
						known.Array(1)
						known.BulkString("x")
						inner := deferred.BeginArray()
						deferred.BulkString("x")
						deferred.EndArray(inner, 1)
					}
					deferred.SetBuffer(deferred.Buffer()[:deferred.Len():deferred.Len()])
					end(&deferred, mark, n)
					known.Int(8)
					deferred.Int(8)
					if !bytes.Equal(known.Bytes(), deferred.Bytes()) {
						t.Errorf("%s of %d in RESP%d: %.60q, want %.60q", name, n, proto, deferred.Bytes(), known.Bytes())
					}
				}
				f("array", (*Writer).Array, (*Writer).EndArray)
				f("map", (*Writer).Map, (*Writer).EndMap)
				f("set", (*Writer).Set, (*Writer).EndSet)
			}
		}
	}
}

func TestWriterNoAllocs(t *testing.T) {
	var w Writer
	buf := make([]byte, 0, 4096)
	for _, proto := range []int{2, 3} {
		for _, r := range replies {
			if strings.HasSuffix(r.name, "lengths") {
				continue // makes its strings
			}
			if n := testing.AllocsPerRun(10, func() {
				w.Reset(buf, proto)
				r.write(&w)
			}); n != 0 {
				t.Errorf("%s in RESP%d: %v allocations", r.name, proto, n)
			}
		}
	}
}

// TestReferenceReplies compares with what redis-server's DEBUG PROTOCOL writes.
func TestReferenceReplies(t *testing.T) {
	c := dialReference(t, reference(t, "--enable-debug-command", "yes"))
	f := func(proto int, name string, write func(w *Writer)) {
		t.Helper()
		v, err := c.Do("DEBUG", "PROTOCOL", name)
		if err != nil {
			t.Fatal(err)
		}
		var w Writer
		w.Reset(nil, proto)
		write(&w)
		if got := v.Append(nil); !bytes.Equal(got, w.Bytes()) {
			t.Errorf("%s in RESP%d: %q; redis-server %q", name, proto, w.Bytes(), got)
		}
	}
	for _, proto := range []int{2, 3} {
		if _, err := c.Hello(proto); err != nil {
			t.Fatal(err)
		}
		f(proto, "string", func(w *Writer) { w.BulkString("Hello World") })
		f(proto, "integer", func(w *Writer) { w.Int(12345) })
		f(proto, "null", (*Writer).Null)
		f(proto, "array", func(w *Writer) { w.Array(3); w.Int(0); w.Int(1); w.Int(2) })
		f(proto, "set", func(w *Writer) { w.Set(3); w.Int(0); w.Int(1); w.Int(2) })
		f(proto, "map", func(w *Writer) {
			w.Map(3)
			for i := range 3 {
				w.Int(int64(i))
				w.Bool(i == 1)
			}
		})
		f(proto, "attrib", func(w *Writer) {
			if w.Attribute(1) {
				w.BulkString("key-popularity")
				w.Array(2)
				w.BulkString("key:123")
				w.Int(90)
			}
			w.BulkString("Some real reply following the attribute")
		})
		f(proto, "verbatim", func(w *Writer) { w.Verbatim("txt", "This is a verbatim\nstring") })
		f(proto, "true", func(w *Writer) { w.Bool(true) })
		f(proto, "false", func(w *Writer) { w.Bool(false) })
		f(proto, "bignum", func(w *Writer) { w.BigNumber("1234567999999999999999999999999999999") })
		for _, text := range []string{"inf", "-inf", "0", "3", "-17", "1.5", "0.25", "1e300", "123456789012"} {
			if _, err := c.Do("ZADD", "z", text, "m"); err != nil {
				t.Fatal(err)
			}
			v, err := c.Do("ZSCORE", "z", "m")
			if err != nil {
				t.Fatal(err)
			}
			number, _ := ParseFloat([]byte(text))
			var w Writer
			w.Reset(nil, proto)
			w.Double(number)
			ours, _, err := ParseValue(w.Bytes())
			if err != nil || ours.Kind != v.Kind {
				t.Errorf("double %s in RESP%d: %v; redis-server %v", text, proto, ours, v)
			}
			// 7.0 prints %.17g: the same for these but for 1e300.
			if text != "1e300" && !ours.Equal(v) {
				t.Errorf("double %s in RESP%d: %v; redis-server %v", text, proto, ours, v)
			}
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	value := bytes.Repeat([]byte("x"), 16)
	var w Writer
	buf := make([]byte, 0, 64<<10)
	run := func(name string, write func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w.Reset(buf, 2)
			for range b.N {
				if w.Len() > 60<<10 {
					w.Reset(w.Buffer(), 2)
				}
				write()
			}
		})
	}
	run("OK", func() { w.OK() })
	run("Bulk16", func() { w.Bulk(value) })
	run("Bulk16/redcon", func() { w.SetBuffer(redcon.AppendBulk(w.Buffer(), value)) })
	run("Int1", func() { w.Int(1) })
	run("Int7", func() { w.Int(1234567) })
	run("Null", func() { w.Null() })
	run("Array64", func() { w.Array(64) })
	run("Array64/redcon", func() { w.SetBuffer(redcon.AppendArray(w.Buffer(), 64)) })
	run("Double", func() { w.Double(1.5) })
	run("Error", func() { w.Error(ErrWrongType) })
}
