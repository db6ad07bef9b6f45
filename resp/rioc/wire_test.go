package rioc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"testing"
)

// TestLayout pins the bytes of a request and of answers.
func TestLayout(t *testing.T) {
	got := hex.EncodeToString(AppendBatch(nil, []Op{
		{Command: Get, Key: []byte("k")},
		{Command: Put, Key: []byte("key"), Value: []byte("val"), Timestamp: 0x0102030405060708},
		{Command: Add, Key: []byte("n"), Delta: -2},
	}))
	want := strings.Join([]string{
		"43494f52", "0200", "0300", "06000000",
		"0100", "0100", "00000000", "0000000000000000", "6b",
		"0200", "0300", "03000000", "0807060504030201", "6b6579", "76616c",
		"0700", "0100", "08000000", "0000000000000000", "6e", "feffffffffffffff",
	}, "")
	if got != want {
		t.Errorf("batch\n%s, want\n%s", got, want)
	}
	if got := hex.EncodeToString(AppendAnswer(nil, ErrNotFound, 0)); got != "faffffff00000000" {
		t.Errorf("answer %s", got)
	}
	if got := hex.EncodeToString(AppendNumber(nil, 15)); got != "00000000080000000f00000000000000" {
		t.Errorf("number %s", got)
	}
	if got := hex.EncodeToString(AppendEntry(nil, []byte("ab"), []byte("c"))); got != "02006162010000000000000063" {
		t.Errorf("entry %s", got)
	}
	if n := EntryBytes([]byte("ab"), []byte("c")); n != 13 {
		t.Errorf("an entry of %d bytes", n)
	}
}

func TestParseHeader(t *testing.T) {
	good := AppendBatch(nil, make([]Op, MaxOps))
	if n, ok := ParseHeader(good); n != MaxOps || !ok {
		t.Errorf("%d, %v", n, ok)
	}
	if n, ok := ParseHeader(good[:HeaderBytes-1]); n != 0 || !ok {
		t.Errorf("half a header: %d, %v", n, ok)
	}
	for name, change := range map[string]func(b []byte){
		"magic":      func(b []byte) { b[0]++ },
		"version":    func(b []byte) { b[4] = 1 },
		"none":       func(b []byte) { binary.LittleEndian.PutUint16(b[6:], 0) },
		"too many":   func(b []byte) { binary.LittleEndian.PutUint16(b[6:], MaxOps+1) },
		"big-endian": func(b []byte) { binary.BigEndian.PutUint32(b, Magic) },
	} {
		b := bytes.Clone(good)
		change(b)
		if n, ok := ParseHeader(b); ok {
			t.Errorf("%s: taken for %d operations", name, n)
		}
	}
}

// FuzzParseOp parses anything: what it takes for an operation must be encoded to
// the same bytes again.
func FuzzParseOp(f *testing.F) {
	f.Add(AppendBatch(nil, []Op{{Command: Put, Key: []byte("k"), Value: []byte("v")}})[HeaderBytes:])
	f.Add(AppendBatch(nil, []Op{{Command: Add, Key: []byte("k"), Delta: 7}})[HeaderBytes:])
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		var op Op
		need := ParseOp(b, &op)
		if need == Oversized || need > len(b) {
			return
		}
		if len(op.Key) > MaxKey || len(op.Value) > MaxValue || need != OpBytes+len(op.Key)+len(op.Value) {
			t.Fatalf("%d bytes: key %d, value %d", need, len(op.Key), len(op.Value))
		}
		if op.Command == Add {
			d, ok := AddDelta(op.Value)
			if !ok {
				return
			}
			op.Delta = d
		} else if len(op.Value) > 0 && (op.Command == Get || op.Command == Delete) {
			return // a client sends none
		}
		if again := AppendBatch(nil, []Op{op})[HeaderBytes:]; !bytes.Equal(again, b[:need]) {
			t.Fatalf("%x encodes to %x", b[:need], again)
		}
	})
}

// TestClientDistrust feeds a client answers that no server may give.
func TestClientDistrust(t *testing.T) {
	for name, c := range map[string]struct {
		op     Command
		answer []byte
	}{
		"a body with an error":  {Get, append(AppendAnswer(nil, ErrNotFound, 1), 'x')},
		"a body after a put":    {Put, append(AppendAnswer(nil, OK, 1), 'x')},
		"a huge value":          {Get, AppendAnswer(nil, OK, 1<<30)},
		"a sum of three bytes":  {Add, append(AppendAnswer(nil, OK, 3), 1, 2, 3)},
		"a huge entry":          {Range, append(AppendAnswer(nil, OK, 1), 1, 0, 'k', 0, 0, 0, 0, 0, 0, 0, 1)},
		"an end before the end": {Get, append(AppendAnswer(nil, OK, 5), 'x')},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			client := NewClient(near)
			defer client.Close()
			go func() {
				_, _ = far.Read(make([]byte, 1024))
				_, _ = far.Write(c.answer)
				far.Close()
			}()
			var a [1]Answer
			err := client.Do([]Op{{Command: c.op, Key: []byte("k"), Value: []byte("v")}}, a[:])
			if err == nil {
				t.Fatalf("believed: %+v", a)
			}
			if again := client.Do([]Op{{Command: Get, Key: []byte("k")}}, a[:]); !errors.Is(again, err) {
				t.Errorf("a broken client goes on: %v", again)
			}
		})
	}
}
