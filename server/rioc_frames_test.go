package server

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// The tests of this file write and read RIOC as bytes that are spelled out,
// without the Go client: what its C client puts on the wire and expects there.

// frames turns hexadecimal digits into bytes; 'text' stands for itself.
func frames(t *testing.T, spelled ...string) []byte {
	t.Helper()
	var out []byte
	for _, part := range strings.Fields(strings.Join(spelled, " ")) {
		if text, quoted := strings.CutPrefix(part, "'"); quoted {
			out = append(out, strings.TrimSuffix(text, "'")...)
			continue
		}
		b, err := hex.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

// exchange sends bytes on a connection and expects bytes.
func (w *wire) exchange(send, want string) {
	w.t.Helper()
	if _, err := w.Write(frames(w.t, send)); err != nil {
		w.t.Fatal(err)
	}
	w.receive(want)
}

func (w *wire) receive(want string) {
	w.t.Helper()
	expected := frames(w.t, want)
	got := make([]byte, len(expected))
	if n, err := io.ReadFull(w, got); err != nil || !bytes.Equal(got, expected) {
		w.t.Errorf("received %x (%v)\nwant     %x", got[:n], err, expected)
	}
}

// Pieces of requests: the header of a batch of one, with the flags clients send,
// and a time that does not matter.
const (
	single   = "43494f52 0200 0100 06000000 "
	noTime   = "0000000000000000"
	someTime = "8877665544332211"
)

// Pieces of answers.
const (
	done       = "00000000 00000000 "
	isInvalid  = "ffffffff 00000000 "
	isUnknown  = "fcffffff 00000000 "
	isMissing  = "faffffff 00000000 "
	isOverflow = "f8ffffff 00000000 "
	isStale    = "efffffff 00000000 "
)

func TestRiocFrames(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver)
		w := dial(t, "tcp", addr)
		for _, step := range []struct{ what, send, want string }{
			{"get of an absent key", single + "0100 0300 00000000 " + noTime + " 'key'", isMissing},
			{"insert", single + "0200 0300 05000000 " + someTime + " 'key' 'value'", done},
			{"get", single + "0100 0300 00000000 " + noTime + " 'key'", "00000000 05000000 'value'"},
			{"replace", single + "0200 0300 01000000 " + someTime + " 'key' 'x'", done},
			{"delete", single + "0300 0300 00000000 " + someTime + " 'key'", done},
			{"delete of an absent key", single + "0300 0300 00000000 " + someTime + " 'key'", isMissing},
			{"insert of {}", single + "0200 0100 07000000 " + someTime + ` 'd' '{"a":1}'`, done},
			{"partial update", single + "0400 0100 07000000 " + someTime + ` 'd' '{"b":2}'`, done},
			{"get of it", single + "0100 0100 00000000 " + noTime + " 'd'", `00000000 0d000000 '{"a":1,"b":2}'`},
			{"partial update that inserts", single + "0400 0100 02000000 " + someTime + " 'e' 'ab'", done},
			{"partial update that appends", single + "0400 0100 02000000 " + someTime + " 'e' 'cd'", done},
			{"get of it", single + "0100 0100 00000000 " + noTime + " 'e'", "00000000 04000000 'abcd'"},
			{"add to nothing", single + "0700 0100 08000000 " + someTime + " 'n' 0f00000000000000", "00000000 08000000 0f00000000000000"},
			{"add a negative number", single + "0700 0100 08000000 " + someTime + " 'n' ecffffffffffffff", "00000000 08000000 fbffffffffffffff"},
			{"add zero", single + "0700 0100 08000000 " + someTime + " 'n' 0000000000000000", "00000000 08000000 fbffffffffffffff"},
			{"add with 4 bytes", single + "0700 0100 04000000 " + someTime + " 'n' 01000000", isInvalid},
			{"add to a text", single + "0700 0100 08000000 " + someTime + " 'e' 0100000000000000", isInvalid},
			{"an empty key", single + "0200 0000 01000000 " + someTime + " 'v'", isInvalid},
			{"an empty value", single + "0200 0100 00000000 " + someTime + " 'k'", isInvalid},
			{"a get of an empty key", single + "0100 0000 00000000 " + noTime, isInvalid},
			{"command 5", single + "0500 0100 00000000 " + noTime + " 'k'", isUnknown},
			{"command 8", single + "0800 0100 01000000 " + noTime + " 'k' 'v'", isUnknown},
			{"a range without an end", single + "0600 0100 00000000 " + noTime + " 'd'", isInvalid},
			{"a range", single + "0600 0100 01000000 " + noTime + " 'd' 'e'",
				"00000000 02000000 0100 'd' 0d00000000000000 '{\"a\":1,\"b\":2}' 0100 'e' 0400000000000000 'abcd'"},
			{"an empty range", single + "0600 0100 01000000 " + noTime + " 'x' 'y'", done},
			{"a range with its ends reversed", single + "0600 0100 01000000 " + noTime + " 'e' 'd'", done},
			{"bytes that are no text", single + "0200 0400 03000000 " + someTime + " 00010203 00ff00", done},
			{"get of them", single + "0100 0400 00000000 " + noTime + " 00010203", "00000000 03000000 00ff00"},
		} {
			t.Log(step.what)
			w.exchange(step.send, step.want)
		}
		in.dial().do("GET n", "$2\r\n-5\r\n")
	})
}

// A batch is a header and its operations without padding; a get that comes before
// an insert of its key sees what was there before.
func TestRiocFramesOfABatch(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		_, addr := startRioc(t, driver)
		w := dial(t, "tcp", addr)
		w.exchange("43494f52 0200 0500 06000000"+
			" 0100 0100 00000000 "+noTime+" 'k'"+
			" 0200 0100 01000000 "+someTime+" 'k' '1'"+
			" 0100 0100 00000000 "+noTime+" 'k'"+
			" 0300 0100 00000000 "+someTime+" 'k'"+
			" 0100 0100 00000000 "+noTime+" 'k'",
			isMissing+done+"00000000 01000000 '1' "+done+isMissing)
		// The most operations a batch can have, and two batches under way at once.
		largest := "43494f52 0200 8000 06000000" + strings.Repeat(" 0700 0100 08000000 "+someTime+" 'c' 0100000000000000", 128)
		var sums strings.Builder
		for i := 1; i <= 256; i++ {
			fmt.Fprintf(&sums, " 00000000 08000000 %02x%02x000000000000", i&255, i>>8)
		}
		w.exchange(largest+" "+largest, sums.String())
	})
}

// Flags mean nothing to the server.
func TestRiocFlags(t *testing.T) {
	_, addr := startRioc(t, drivers()[0])
	w := dial(t, "tcp", addr)
	for _, flags := range []string{"00000000", "01000000", "02000000", "07000000", "ffffffff"} {
		w.exchange("43494f52 0200 0100 "+flags+" 0100 0100 00000000 "+noTime+" 'k'", isMissing)
	}
}

// What cannot be a batch ends the connection without an answer.
func TestRiocBadHeaders(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		_, addr := startRioc(t, driver)
		for name, header := range map[string]string{
			"magic in the other order": "524f4943 0200 0100 06000000",
			"version 1":                "43494f52 0100 0100 06000000",
			"version 3":                "43494f52 0300 0100 06000000",
			"count 0":                  "43494f52 0200 0000 06000000",
			"count 129":                "43494f52 0200 8100 06000000",
			"count 65535":              "43494f52 0200 ffff 06000000",
		} {
			t.Log(name)
			w := dial(t, "tcp", addr)
			w.exchange(header+" 0100 0100 00000000 "+noTime+" 'k'", "")
			w.expectEnd()
		}
	})
}

// The caps that protect clients: 102,400 bytes of a value in either direction,
// and a range that stays below 1,024,000 bytes.
func TestRiocCaps(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver)
		w, resp := dial(t, "tcp", addr), in.dial()
		longest := "'" + strings.Repeat("v", 102400) + "'"
		w.exchange(single+"0200 0100 00900100 "+someTime+" 'v' "+longest, done)
		w.exchange(single+"0100 0100 00000000 "+noTime+" 'v'", "00000000 00900100 "+longest)
		resp.do("APPEND v x", ":102401\r\n")
		w.exchange(single+"0100 0100 00000000 "+noTime+" 'v'", isOverflow)
		w.exchange(single+"0400 0100 01000000 "+someTime+" 'v' 'x'", isInvalid)
		resp.do("DEL v", ":1\r\n")
		key := "'" + strings.Repeat("k", 512) + "'"
		w.exchange(single+"0200 0002 01000000 "+someTime+" "+key+" 'v'", done)
		w.exchange(single+"0100 0002 00000000 "+noTime+" "+key, "00000000 01000000 'v'")
		// Ten entries of 2 + 2 + 8 + 102,388 bytes are 1,024,000: one too many.
		for i := range 10 {
			resp.do(fmt.Sprintf("SETRANGE r%d 102387 x", i), ":102388\r\n")
		}
		w.exchange(single+"0600 0200 02000000 "+noTime+" 'r0' 'r9'", isOverflow)
		resp.do("SETRANGE r9 0 y", ":102388\r\n")
		resp.do("SET r9 y", "+OK\r\n") // now there is room
		if _, err := w.Write(frames(t, single+"0600 0200 02000000 "+noTime+" 'r0' 'r9'")); err != nil {
			t.Fatal(err)
		}
		w.receive("00000000 0a000000 0200 'r0' f48f010000000000")
		if _, err := io.CopyN(io.Discard, w, 9*(2+2+8+102388)-12+2+2+8+1); err != nil {
			t.Fatal(err)
		}
		w.exchange(single+"0100 0100 00000000 "+noTime+" 'x'", isMissing) // nothing more came
	})
}

// A key or a value beyond the caps is answered, and ends the connection.
func TestRiocOversized(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		_, addr := startRioc(t, driver)
		for _, head := range []string{"0200 0102 01000000", "0200 0100 01900100"} {
			w := dial(t, "tcp", addr)
			w.exchange(single+head+" "+someTime, isInvalid)
			w.expectEnd()
		}
	})
}

// newest-wins refuses what is older than the record, with status -17.
func TestRiocTimestamps(t *testing.T) {
	at := func(n byte) string { return fmt.Sprintf("%02x00000000000000", n) }
	put := func(n byte, v string) string { return single + "0200 0100 01000000 " + at(n) + " 'k' '" + v + "'" }
	get := single + "0100 0100 00000000 " + noTime + " 'k'"
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver, "--rioc-timestamps", "newest-wins", "--databases", "2")
		w, resp := dial(t, "tcp", addr), in.dial()
		holds := func(v string) { t.Helper(); w.exchange(get, "00000000 01000000 '"+v+"'") }
		w.exchange(put(5, "a"), done)
		w.exchange(put(4, "b"), isStale)
		holds("a")
		w.exchange(put(5, "c"), done) // as late: by arrival
		holds("c")
		for _, older := range []string{
			single + "0300 0100 00000000 " + at(4) + " 'k'",
			single + "0400 0100 01000000 " + at(4) + " 'k' 'z'",
			single + "0700 0100 08000000 " + at(4) + " 'k' 0100000000000000",
		} {
			w.exchange(older, isStale)
		}
		holds("c")
		w.exchange(put(200, "1"), done)
		w.exchange(single+"0700 0100 08000000 "+at(201)+" 'k' 0100000000000000", "00000000 08000000 0200000000000000")
		w.exchange(put(200, "x"), isStale)
		w.exchange(single+"0400 0100 01000000 "+at(202)+" 'k' '3'", done)
		w.exchange(put(201, "x"), isStale)
		w.exchange(single+"0300 0100 00000000 "+at(203)+" 'k'", done)
		w.exchange(put(1, "d"), done) // a record that is gone has no time
		holds("d")
		// What another interface makes of a record has no time either.
		for _, change := range []string{"SET k e", "DEL k", "FLUSHDB", "SWAPDB 0 1", "RENAME k l"} {
			w.exchange(put(9, "f"), done)
			w.exchange(put(8, "x"), isStale)
			resp.send("%s\r\n", change)
			if reply := resp.line(); strings.HasPrefix(reply, "-") {
				t.Fatalf("%s: %s", change, reply)
			}
			w.exchange(put(2, "g"), done)
			holds("g")
			resp.do("FLUSHALL", "+OK\r\n")
			if n := in.writeTimes.len(); n != 0 {
				t.Errorf("%s: %d timestamps are left", change, n)
			}
		}
		// In a batch each operation counts for itself.
		w.exchange("43494f52 0200 0300 06000000 0200 0100 01000000 "+at(7)+" 'b' '7' 0200 0100 01000000 "+at(6)+" 'b' '6' 0100 0100 00000000 "+noTime+" 'b'",
			done+isStale+"00000000 01000000 '7'")
	})
}

// Timestamps are ignored unless they are asked for.
func TestRiocTimestampsIgnored(t *testing.T) {
	in, addr := startRioc(t, drivers()[0])
	w := dial(t, "tcp", addr)
	w.exchange(single+"0200 0100 01000000 0900000000000000 'k' 'a'", done)
	w.exchange(single+"0200 0100 01000000 0100000000000000 'k' 'b'", done)
	w.exchange(single+"0100 0100 00000000 "+noTime+" 'k'", "00000000 01000000 'b'")
	if in.writeTimes != nil {
		t.Error("timestamps are kept")
	}
}

// Answers of a batch must not wait for Nagle's algorithm.
func TestRiocNoDelay(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: only Linux numbers the option so")
	}
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver)
		w := dial(t, "tcp", addr)
		w.exchange(single+"0100 0100 00000000 "+noTime+" 'k'", isMissing)
		for _, c := range in.clients.all() {
			if c.rioc == nil {
				continue
			}
			if v, err := syscall.GetsockoptInt(c.fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY); v == 0 || err != nil {
				t.Errorf("TCP_NODELAY is %d, %v", v, err)
			}
		}
	})
}
