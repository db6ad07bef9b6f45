package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hpkv/resp/rioc"
)

// startRioc runs a server that speaks RIOC too and returns its address.
func startRioc(t *testing.T, driver string, settings ...string) (*instance, string) {
	t.Helper()
	in := start(t, setup{driver: driver, ports: []string{"rioc-port"}, settings: append([]string{"--rioc-bind", "127.0.0.1"}, settings...)})
	return in, fmt.Sprintf("127.0.0.1:%d", in.ports["rioc-port"])
}

func dialRioc(t *testing.T, addr string, config *tls.Config) *rioc.Client {
	t.Helper()
	c, err := rioc.Dial(addr, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(3 * patience))
	return c
}

func TestRiocOperations(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver)
		c, resp := dialRioc(t, addr, nil), in.dial()
		key, val := []byte{0, 1, 2, 3}, []byte("a\x00value")
		fails := func(what string, err error, want rioc.Status) {
			t.Helper()
			if want == rioc.OK && err == nil {
				return
			}
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
		_, err := c.Get(key)
		fails("get of nothing", err, rioc.ErrNotFound)
		fails("put", c.Put(key, val), rioc.OK)
		if got, err := c.Get(key); err != nil || !bytes.Equal(got, val) {
			t.Errorf("get: %q, %v", got, err)
		}
		fails("delete", c.Delete(key), rioc.OK)
		fails("delete of nothing", c.Delete(key), rioc.ErrNotFound)
		fails("an empty key", c.Put(nil, val), rioc.ErrInvalid)
		fails("an empty value", c.Put(key, nil), rioc.ErrInvalid)
		if n, err := c.Add([]byte("n"), -5); n != -5 || err != nil {
			t.Errorf("add: %d, %v", n, err)
		}
		if n, err := c.Add([]byte("n"), 0); n != -5 || err != nil {
			t.Errorf("add of nothing: %d, %v", n, err)
		}
		resp.do("GET n", "$2\r\n-5\r\n")
		resp.do("SET text abc", "+OK\r\n")
		_, err = c.Add([]byte("text"), 1)
		fails("add to a text", err, rioc.ErrInvalid)
		resp.do("SET big 9223372036854775807", "+OK\r\n")
		_, err = c.Add([]byte("big"), 1)
		fails("overflow", err, rioc.ErrInvalid)
		resp.do("SETRANGE long 102400 x", ":102401\r\n")
		_, err = c.Get([]byte("long"))
		fails("a value no client has room for", err, rioc.ErrOverflow)
		fails("an update of nothing", c.Update([]byte("doc"), []byte(`{"a":1,"b":2}`)), rioc.OK)
		fails("an update", c.Update([]byte("doc"), []byte(`{"b":null,"c":3}`)), rioc.OK)
		resp.do("GET doc", "$13\r\n{\"a\":1,\"c\":3}\r\n")
		fails("an update of a text", c.Update([]byte("text"), []byte("def")), rioc.OK)
		resp.do("GET text", "$6\r\nabcdef\r\n")
		resp.do("SADD set a", ":1\r\n")
		fails("a put in place of a set", c.Put([]byte("set"), val), rioc.ErrInvalid)
		fails("an update of a set", c.Update([]byte("set"), val), rioc.ErrInvalid)
		_, err = c.Get([]byte("set"))
		fails("a get of a set", err, rioc.ErrNotFound)
		whole := bytes.Repeat([]byte("v"), rioc.MaxValue)
		fails("the longest", c.Put(bytes.Repeat([]byte("k"), rioc.MaxKey), whole), rioc.OK)
		if got, err := c.Get(bytes.Repeat([]byte("k"), rioc.MaxKey)); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("the longest: %d bytes, %v", len(got), err)
		}
	})
}

func TestRiocRange(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver)
		c, resp := dialRioc(t, addr, nil), in.dial()
		if got, err := c.Range([]byte("a"), []byte("z")); err != nil || len(got) != 0 {
			t.Errorf("an empty range: %d entries, %v", len(got), err)
		}
		for i := range 1000 {
			resp.do(fmt.Sprintf("SET r:%03d v%d", i, i), "+OK\r\n")
		}
		for _, span := range [][2]int{{0, 999}, {10, 20}, {500, 500}, {0, 199}, {0, 200}} {
			got, err := c.Range(fmt.Appendf(nil, "r:%03d", span[0]), fmt.Appendf(nil, "r:%03d", span[1]))
			if err != nil || len(got) != span[1]-span[0]+1 {
				t.Fatalf("%v: %d entries, %v", span, len(got), err)
			}
			for i, e := range got {
				n := span[0] + i
				if string(e.Key) != fmt.Sprintf("r:%03d", n) || string(e.Value) != "v"+strconv.Itoa(n) {
					t.Fatalf("%v: entry %d is %q %q", span, i, e.Key, e.Value)
				}
			}
		}
		if got, err := c.Range([]byte("z"), []byte("a")); err != nil || len(got) != 0 {
			t.Errorf("ends in the wrong order: %d entries, %v", len(got), err)
		}
		// One byte less than a client's buffer is too little, as much is too much.
		for i := range 10 {
			resp.do(fmt.Sprintf("SETRANGE w:%d 102387 x", i), ":102388\r\n") // 102,401 with its key and lengths
		}
		if _, err := c.Range([]byte("w:0"), []byte("w:9")); !errors.Is(err, rioc.ErrOverflow) {
			t.Errorf("too large an answer: %v", err)
		}
		if got, err := c.Range([]byte("w:0"), []byte("w:8")); err != nil || len(got) != 9 {
			t.Errorf("a large answer: %d entries, %v", len(got), err)
		}
		if got, err := c.Get([]byte("r:001")); string(got) != "v1" || err != nil {
			t.Errorf("behind ranges: %q, %v", got, err)
		}
	})
}

// TestRiocModel compares batches of random operations with a map.
func TestRiocModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	eachDriver(t, func(t *testing.T, driver string) {
		r := mrand.New(mrand.NewPCG(seed, 1))
		_, addr := startRioc(t, driver)
		c := dialRioc(t, addr, nil)
		model := map[string]string{}
		for range 300 {
			ops := make([]rioc.Op, 1+r.IntN(rioc.MaxOps))
			for i := range ops {
				ops[i] = rioc.Op{
					Command: []rioc.Command{rioc.Get, rioc.Get, rioc.Get, rioc.Put, rioc.Delete, rioc.Add, rioc.Range, 5, 99}[r.IntN(9)],
					Key:     fmt.Appendf(nil, "k%d", r.IntN(30)),
					Value:   fmt.Appendf(nil, "%d", r.IntN(1000)),
					Delta:   int64(r.IntN(9) - 4),
				}
				if ops[i].Command == rioc.Range {
					ops[i].Value = fmt.Appendf(nil, "k%d", r.IntN(30))
				}
			}
			answers := make([]rioc.Answer, len(ops))
			if err := c.Do(ops, answers); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for i := range ops {
				if got, want := describe(&answers[i]), riocStep(model, &ops[i]); got != want {
					t.Fatalf("seed %d: operation %d, %d %q %q: %s, want %s", seed, i, ops[i].Command, ops[i].Key, ops[i].Value, got, want)
				}
			}
		}
	})
}

func describe(a *rioc.Answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %q %d", a.Status, a.Value, a.Number)
	for _, e := range a.Entries {
		fmt.Fprintf(&b, " %s=%s", e.Key, e.Value)
	}
	return b.String()
}

// riocStep is what an operation does to the model and answers.
func riocStep(m map[string]string, op *rioc.Op) string {
	var a rioc.Answer
	key := string(op.Key)
	old, found := m[key]
	switch op.Command {
	case rioc.Get:
		if !found {
			a.Status = rioc.ErrNotFound
		}
		a.Value = []byte(old)
	case rioc.Put:
		m[key] = string(op.Value)
	case rioc.Delete:
		if !found {
			a.Status = rioc.ErrNotFound
		}
		delete(m, key)
	case rioc.Add:
		n, _ := strconv.ParseInt(old, 10, 64)
		a.Number = n + op.Delta
		m[key] = strconv.FormatInt(a.Number, 10)
	case rioc.Range:
		for k, v := range m {
			if k >= key && k <= string(op.Value) {
				a.Entries = append(a.Entries, rioc.Entry{Key: []byte(k), Value: []byte(v)})
			}
		}
		slices.SortFunc(a.Entries, func(x, y rioc.Entry) int { return bytes.Compare(x.Key, y.Key) })
	default:
		a.Status = rioc.ErrProtocol
	}
	return describe(&a)
}

// TestRiocPieces sends batches byte by byte, and several at once.
func TestRiocPieces(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		_, addr := startRioc(t, driver)
		one := rioc.AppendBatch(nil, []rioc.Op{
			{Command: rioc.Put, Key: []byte("k"), Value: []byte("v")},
			{Command: rioc.Get, Key: []byte("k")},
		})
		want := string(rioc.AppendAnswer(nil, rioc.OK, 0)) + string(rioc.AppendAnswer(nil, rioc.OK, 1)) + "v"
		w := dial(t, "tcp", addr)
		for i := range one {
			if _, err := w.Write(one[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		w.expect(want)
		if _, err := w.Write(bytes.Repeat(one, 500)); err != nil {
			t.Fatal(err)
		}
		w.expect(strings.Repeat(want, 500))
		large := rioc.AppendBatch(nil, slices.Repeat([]rioc.Op{{Command: rioc.Put, Key: []byte("large"), Value: bytes.Repeat([]byte("x"), rioc.MaxValue)}}, rioc.MaxOps))
		if _, err := w.Write(large); err != nil {
			t.Fatal(err)
		}
		w.expect(strings.Repeat(string(rioc.AppendAnswer(nil, rioc.OK, 0)), rioc.MaxOps))
	})
}

// TestRiocNonsense sends what is no request: the connection ends, with an answer
// where the protocol has one, and others go on.
func TestRiocNonsense(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver)
		put := rioc.AppendBatch(nil, []rioc.Op{{Command: rioc.Put, Key: []byte("k"), Value: []byte("v")}})
		done, invalid := string(rioc.AppendAnswer(nil, rioc.OK, 0)), string(rioc.AppendAnswer(nil, rioc.ErrInvalid, 0))
		change := func(at int, to ...byte) []byte {
			b := bytes.Clone(put)
			copy(b[at:], to)
			return b
		}
		for name, c := range map[string]struct {
			send []byte
			want string
		}{
			"RESP":                 {[]byte("*1\r\n$4\r\nPING\r\n"), ""},
			"another version":      {change(4, 1), ""},
			"no operations":        {change(6, 0), ""},
			"too many":             {change(6, 129), ""},
			"a key of 513 bytes":   {change(rioc.HeaderBytes+2, 1, 2), invalid},
			"a value of 4 GB":      {change(rioc.HeaderBytes+4, 255, 255, 255, 255), invalid},
			"garbage behind a put": {append(bytes.Clone(put), bytes.Repeat([]byte{7}, 64)...), done},
		} {
			w := dial(t, "tcp", addr)
			if _, err := w.Write(c.send); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(w)
			if string(got) != c.want || err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
				t.Errorf("%s: %x (%v), want %x", name, got, err, c.want)
			}
		}
		in.dial().do("PING", "+PONG\r\n")
	})
}

// TestRiocLimits: what refuses RESP commands refuses operations.
func TestRiocLimits(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver)
		c, resp := dialRioc(t, addr, nil), in.dial()
		if err := c.Put([]byte("k"), []byte("v")); err != nil {
			t.Fatal(err)
		}
		resp.do("CONFIG SET maxmemory 1", "+OK\r\n")
		if err := c.Put([]byte("other"), []byte("v")); !errors.Is(err, rioc.ErrNoMemory) {
			t.Errorf("a put without room: %v", err)
		}
		if got, err := c.Get([]byte("k")); string(got) != "v" || err != nil {
			t.Errorf("a get without room: %q, %v", got, err)
		}
	})
}

// TestRiocCountsAsCommands: operations are commands to those who watch commands.
func TestRiocCountsAsCommands(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver, "--slowlog-log-slower-than", "0")
		c, admin, monitor := dialRioc(t, addr, nil), in.dial(), in.dial()
		monitor.do("MONITOR", "+OK\r\n")
		admin.do("SLOWLOG RESET", "+OK\r\n")
		admin.do("CONFIG RESETSTAT", "+OK\r\n")
		answers := make([]rioc.Answer, 6)
		if err := c.Do([]rioc.Op{
			{Command: rioc.Put, Key: []byte("k"), Value: []byte("v")}, {Command: rioc.Get, Key: []byte("k")}, {Command: rioc.Get, Key: []byte("l")},
			{Command: rioc.Add, Key: []byte("k"), Delta: -7}, {Command: rioc.Delete, Key: []byte("k")}, {Command: rioc.Delete, Key: []byte("k")},
		}, answers); err != nil {
			t.Fatal(err)
		}
		var seen []string
		watched := bufio.NewReader(monitor)
		for len(seen) < 6 {
			line, err := watched.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if _, text, ok := strings.Cut(line, "] "); ok && !strings.Contains(text, "SLOWLOG") && !strings.Contains(text, "RESETSTAT") {
				seen = append(seen, strings.TrimSpace(text))
			}
		}
		want := []string{`"set" "k" "v"`, `"get" "k"`, `"get" "l"`, `"incrby" "k" "-7"`, `"del" "k"`, `"del" "k"`}
		if !slices.Equal(seen, want) {
			t.Errorf("monitored %q, want %q", seen, want)
		}
		slow := 0
		for _, e := range in.slowlog.newest(-1) {
			if slices.Contains(want, `"`+strings.Join(e.args, `" "`)+`"`) {
				slow++
			}
		}
		if slow != len(want) {
			t.Errorf("%d in the slow log", slow)
		}
		rows := in.commandStats()
		for name, n := range map[string][2]int64{"set": {1, 0}, "get": {2, 0}, "incrby": {1, 1}, "del": {2, 0}} {
			if st := rows[in.table.Lookup([]byte(name)).ID()]; st.Calls != n[0] || st.Failed != n[1] {
				t.Errorf("%s: %d calls, %d failed, want %v", name, st.Calls, st.Failed, n)
			}
		}
	})
}
