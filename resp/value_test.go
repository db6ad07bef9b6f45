package resp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestParseValue(t *testing.T) {
	f := func(wire, show string) {
		t.Helper()
		v, rest, err := ParseValue([]byte(wire + ":9\r\n"))
		if err != nil || string(rest) != ":9\r\n" {
			t.Errorf("%q: %v, rest %q", wire, err, rest)
			return
		}
		if got := string(v.Append(nil)); got != wire {
			t.Errorf("%q is written %q", wire, got)
		}
		if v.String() != show {
			t.Errorf("%q is shown %s, want %s", wire, v, show)
		}
		fromStream, err := ReadValue(bufio.NewReaderSize(iotest.OneByteReader(strings.NewReader(wire)), 16))
		if err != nil || !fromStream.Equal(v) {
			t.Errorf("%q: read as %v, %v", wire, fromStream, err)
		}
		for n := range len(wire) {
			if _, rest, err := ParseValue([]byte(wire[:n])); err != ErrIncomplete || len(rest) != n {
				t.Errorf("%q: %v", wire[:n], err)
			}
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF
			}
			if _, err := ReadValue(bufio.NewReader(strings.NewReader(wire[:n]))); err != want {
				t.Errorf("%q: %v", wire[:n], err)
			}
		}
	}
	f("+OK\r\n", "OK")
	f("-ERR x\r\n", "(error) ERR x")
	f("!5\r\nERR x\r\n", "(error) ERR x")
	f(":-42\r\n", "(integer) -42")
	f("$0\r\n\r\n", `""`)
	f("$4\r\na\r\nb\r\n", `"a\r\nb"`)
	f("$-1\r\n", "(nil)")
	f("*-1\r\n", "(nil array)")
	f("_\r\n", "(null)")
	f("*0\r\n", "[]")
	f("*2\r\n:1\r\n*1\r\n$1\r\na\r\n", `[(integer) 1, ["a"]]`)
	f("%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "{a: (integer) 1, b: (integer) 2}")
	f("~1\r\n+a\r\n", "set[a]")
	f(">1\r\n+a\r\n", "push[a]")
	f(",1.5\r\n", "(double) 1.5")
	f(",1e+300\r\n", "(double) 1e+300")
	f(",-inf\r\n", "(double) -inf")
	f(",nan\r\n", "(double) nan")
	f("#t\r\n", "(true)")
	f("#f\r\n", "(false)")
	f("(-123456789012345678901234567890\r\n", "(big number) -123456789012345678901234567890")
	f("=6\r\ntxt:ab\r\n", `(verbatim) "txt:ab"`)
	f("|1\r\n+a\r\n:1\r\n:2\r\n", "|a: (integer) 1| (integer) 2")
	f("*1\r\n|1\r\n+a\r\n:1\r\n:2\r\n", "[|a: (integer) 1| (integer) 2]")
	f("$100\r\n"+strings.Repeat("x", 100)+"\r\n", `"`+strings.Repeat("x", 100)+`"`)
	f("+"+strings.Repeat("x", 100)+"\r\n", strings.Repeat("x", 100))
	f(strings.Repeat("*1\r\n", 100)+":1\r\n", strings.Repeat("[", 100)+"(integer) 1"+strings.Repeat("]", 100))
}

func TestParseValueFailure(t *testing.T) {
	for _, wire := range []string{"\r\n", "x\r\n", ":\r\n", ":1x\r\n", ":01\r\n", "$a\r\n", "$-2\r\n", "*-2\r\n", "%-1\r\n", "~-1\r\n", "=-1\r\n", "$2147483648\r\n", "$1\r\naXY", "_x\r\n", "#x\r\n", "#\r\n",
		",\r\n", ",x\r\n", ",0x1\r\n", "(\r\n", "(1x\r\n", "(-\r\n", "=3\r\ntxt\r\n", "=4\r\ntxt_\r\n", "*1\r\nx\r\n", "|1\r\n+a\r\nx\r\n", strings.Repeat("*1\r\n", 200) + ":1\r\n"} {
		if v, rest, err := ParseValue([]byte(wire)); err == nil || err == ErrIncomplete || string(rest) != wire {
			t.Errorf("%q: %v, %v", wire, v, err)
		}
		if v, err := ReadValue(bufio.NewReader(strings.NewReader(wire))); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: read as %v, %v", wire, v, err)
		}
	}
	long := strings.Repeat("x", maxReplyLine+10000)
	if _, _, err := ParseValue([]byte("+" + long)); err == nil || err == ErrIncomplete {
		t.Error(err)
	}
	if _, err := ReadValue(bufio.NewReader(strings.NewReader("+" + long))); err == nil || err == io.ErrUnexpectedEOF {
		t.Error(err)
	}
}

// TestReadValueMemory: an announcement alone reserves little.
func TestReadValueMemory(t *testing.T) {
	for _, wire := range []string{"$2000000000\r\nabc", "*2000000000\r\n:1\r\n", "%2000000000\r\n:1\r\n"} {
		before := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := ReadValue(bufio.NewReader(strings.NewReader(wire))); err != io.ErrUnexpectedEOF {
					b.Fatal(err)
				}
				if b.N > 100 {
					return
				}
			}
		})
		if n := before.AllocedBytesPerOp(); n > 1<<20 {
			t.Errorf("%q: %d bytes", wire, n)
		}
	}
}

func TestValueText(t *testing.T) {
	f := func(wire, want string) {
		t.Helper()
		v, _, err := ParseValue([]byte(wire))
		if err != nil || v.Text() != want {
			t.Errorf("%q: %q, %v", wire, v.Text(), err)
		}
	}
	f("+OK\r\n", "OK")
	f(":12\r\n", "12")
	f("#t\r\n", "true")
	f(",1.50\r\n", "1.50")
	f("=6\r\ntxt:ab\r\n", "ab")
	f("$-1\r\n", "")
	f("*1\r\n:1\r\n", "")
}

// FuzzValue: what is read is written so that it reads as the same, from memory
// and from a stream alike.
func FuzzValue(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "-ERR x\r\n", ":-42\r\n", "$4\r\na\r\nb\r\n", "$-1\r\n", "*-1\r\n", "_\r\n", "*2\r\n:1\r\n*1\r\n$1\r\na\r\n",
		"%1\r\n+a\r\n:1\r\n", "~1\r\n+a\r\n", ">1\r\n+a\r\n", ",1.5\r\n", ",inf\r\n", "#t\r\n", "(12\r\n", "=6\r\ntxt:ab\r\n", "!3\r\nERR\r\n", "|1\r\n+a\r\n:1\r\n:2\r\n", "+a\nb\rc\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := ParseValue(b)
		streamed, streamErr := ReadValue(bufio.NewReaderSize(bytes.NewReader(b), 16))
		if (err == nil) != (streamErr == nil) {
			t.Fatalf("%q: %v from memory, %v from a stream", b, err, streamErr)
		}
		if err != nil {
			return
		}
		wire := v.Append(nil)
		if !streamed.Equal(v) {
			t.Fatalf("%q: %v from memory, %v from a stream", b, v, streamed)
		}
		again, none, err := ParseValue(wire)
		if err != nil || len(none) != 0 || !bytes.Equal(again.Append(nil), wire) {
			t.Fatalf("%q is written %q, which reads as %v, %v", b[:len(b)-len(rest)], wire, again, err)
		}
	})
}

func TestClient(t *testing.T) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		var p Parser
		buf, piece := []byte{}, make([]byte, 100)
		for {
			n, err := far.Read(piece)
			if err != nil {
				return
			}
			buf = append(buf, piece[:n]...)
			for {
				args, n, err := p.Next(nil, buf)
				if n == 0 || err != nil {
					break
				}
				var w Writer
				w.Reset(nil, 3)
				if string(args[0]) == "PUSH" {
					w.Push(1)
					w.BulkString("message")
				}
				if string(args[0]) == "HELLO" {
					w.Error(ErrNoProto)
				} else {
					w.Array(len(args))
					for _, a := range args {
						w.Bulk(a)
					}
				}
				far.Write(w.Bytes())
				buf = buf[n:]
			}
		}
	}()
	c := NewClient(near)
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	v, err := c.Do("A", []byte("b\r\n"), 1, int64(-2), uint64(3), 1.5, true, false)
	if err != nil || v.String() != `["A", "b\r\n", "1", "-2", "3", "1.5", "1", "0"]` {
		t.Error(v, err)
	}
	var pushed []string
	c.OnPush = func(v Value) { pushed = append(pushed, v.String()) }
	if v, err = c.Do("PUSH"); err != nil || v.String() != `["PUSH"]` || len(pushed) != 1 || pushed[0] != `push["message"]` {
		t.Error(v, err, pushed)
	}
	for _, s := range []string{"one", "two"} {
		if err := c.Send(s); err != nil {
			t.Error(err)
		}
	}
	c.SendRaw([]byte("three\r\n"))
	if err := c.Send(); err == nil {
		t.Error("a command without a name was sent")
	}
	if err := c.Send("x", struct{}{}); err == nil {
		t.Error("a struct was sent")
	}
	if err := c.Flush(); err != nil {
		t.Error(err)
	}
	for _, s := range []string{"one", "two", "three"} {
		if v, err := c.Receive(); err != nil || v.String() != `["`+s+`"]` {
			t.Error(v, err)
		}
	}
	if _, err := c.Hello(4); err == nil || !strings.Contains(err.Error(), ErrNoProto) {
		t.Error(err)
	}
	far.Close()
	if _, err := c.Do("A"); err == nil {
		t.Error("no error on a closed connection")
	}
}
