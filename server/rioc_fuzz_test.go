package server

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/rs/zerolog"

	"hpkv/resp/rioc"
	"hpkv/server/config"
)

// FuzzRiocRequests sends arbitrary bytes as a connection would bring them. Every
// operation that is there as a whole gets one answer, of the form that clients
// read; nothing else is sent.
func FuzzRiocRequests(f *testing.F) {
	batch := func(ops ...rioc.Op) []byte { return rioc.AppendBatch(nil, ops) }
	key, val := []byte("k"), []byte("value")
	all := batch(rioc.Op{Command: rioc.Put, Key: key, Value: val}, rioc.Op{Command: rioc.Get, Key: key}, rioc.Op{Command: rioc.Range, Key: key, Value: []byte("z")},
		rioc.Op{Command: rioc.Add, Key: []byte("n"), Delta: -1}, rioc.Op{Command: rioc.Update, Key: key, Value: val}, rioc.Op{Command: rioc.Delete, Key: key}, rioc.Op{Command: 9, Key: key})
	f.Add(all)
	f.Add(all[:len(all)-3])
	f.Add(append(batch(rioc.Op{Command: rioc.Get, Key: key}), all...))
	f.Add([]byte("*1\r\n$4\r\nPING\r\n"))
	huge := batch(rioc.Op{Command: rioc.Get, Key: key})
	huge[rioc.HeaderBytes+2], huge[rioc.HeaderBytes+3] = 0xff, 0xff
	f.Add(huge)
	cl, err := config.ParseArgs([]string{"--port", "0", "--workers", "1", "--shards", "4", "--pin", "no", "--io-driver", "goroutine", "--save", "", "--appendonly", "no"}, nil)
	if err != nil {
		f.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	defer ln.Close()
	s, err := New(Options{Config: cl.Config, Listeners: []net.Listener{ln}, Log: zerolog.Nop()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := s.newVirtualClient("fuzz")
		v.rioc = new(riocState)
		for input := data; ; {
			x := s.borrowExecutor()
			used := x.run(&v.client, input)
			s.returnExecutor(x)
			input = input[used:]
			for v.suspended {
				<-v.wake
				v.readMail()
			}
			if used == 0 || !v.runnable() {
				break
			}
		}
		ops, closes := riocRequests(data)
		if closes != v.finished {
			t.Errorf("closed: %v, want %v", v.finished, closes)
		}
		checkRiocAnswers(t, ops, v.output())
		if n := s.totals.panics.Load(); n > 0 {
			t.Errorf("%d panics", n)
		}
		x := s.borrowExecutor()
		v.release(x)
		s.returnExecutor(x)
	})
}

// riocRequests are the commands of the operations in b that are answered, by the
// layout of the protocol, -1 for one that is too large; closes says whether the
// connection ends by what comes then.
func riocRequests(b []byte) (ops []int, closes bool) {
	le := binary.LittleEndian
	for len(b) >= 12 {
		count := int(le.Uint16(b[6:]))
		if string(b[:4]) != "CIOR" || le.Uint16(b[4:]) != 2 || count < 1 || count > 128 {
			return ops, true
		}
		b = b[12:]
		for range count {
			if len(b) < 16 {
				return ops, false
			}
			k, n := int(le.Uint16(b[2:])), int(le.Uint32(b[4:]))
			if k > 512 || n > 102_400 {
				return append(ops, -1), true
			}
			if len(b) < 16+k+n {
				return ops, false
			}
			ops = append(ops, int(le.Uint16(b)))
			b = b[16+k+n:]
		}
	}
	return ops, false
}

// checkRiocAnswers reads answers as clients do: a body only where the command has
// one, and only with status 0.
func checkRiocAnswers(t *testing.T, ops []int, b []byte) {
	t.Helper()
	le := binary.LittleEndian
	take := func(n int) []byte {
		if n > len(b) {
			t.Fatalf("%d bytes are missing", n-len(b))
		}
		p := b[:n]
		b = b[n:]
		return p
	}
	for i, op := range ops {
		head := take(8)
		status, n := int32(le.Uint32(head)), int(le.Uint32(head[4:]))
		switch {
		case status > 0, status < 0 && n != 0, op == -1 && status != -1, (op == 0 || op == 5 || op > 7) && status != -4:
			t.Fatalf("answer %d, to command %d: status %d, length %d", i, op, status, n)
		case status < 0:
		case op == 1 && n <= 102_400:
			take(n)
		case op == 6:
			size := 0
			for range n {
				k := le.Uint16(take(2))
				take(int(k))
				v := le.Uint64(take(8))
				take(int(v))
				size += 10 + int(k) + int(v)
			}
			if size >= 1_024_000 {
				t.Fatalf("a range of %d bytes", size)
			}
		case op == 7 && n == 8:
			take(8)
		case n != 0 || op == 1 || op == 7:
			t.Fatalf("answer %d, to command %d: length %d", i, op, n)
		}
	}
	if len(b) > 0 {
		t.Fatalf("%d bytes too many", len(b))
	}
}
