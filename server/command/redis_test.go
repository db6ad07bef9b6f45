package command

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"hpkv/engine"
	"hpkv/resp"
)

// reference is a connection to a redis-server of our own.
type reference struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// startReference starts Debian's redis-server on a Unix socket. Where it is not
// installed the test is skipped, except in CI.
func startReference(t testing.TB) *reference {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed")
		}
		t.Skip("redis-server is not installed")
	}
	dir, err := os.MkdirTemp("", "command") // short: a socket's path is at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	said := ""
	for lines := bufio.NewScanner(out); !strings.Contains(said, "ready to accept connections"); {
		if !lines.Scan() {
			t.Fatalf("redis-server does not start:\n%s", said)
		}
		said += lines.Text() + "\n"
	}
	go io.Copy(io.Discard, out) // until the process ends
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &reference{t, conn, bufio.NewReader(conn)}
}

func (r *reference) value(args [][]byte) resp.Value {
	r.t.Helper()
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = append(fmt.Appendf(b, "$%d\r\n", len(a)), a...)
		b = append(b, '\r', '\n')
	}
	if _, err := r.conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
	v, err := resp.ReadValue(r.r)
	if err != nil {
		r.t.Fatalf("%q: %v", args, err)
	}
	return v
}

// newer are the rows where Redis 7.2, which we report to be, differs from the
// reference's 7.0: what 7.2 says in place of a part of the row.
var newer = map[string]func(row []resp.Value){
	"scan":                    addTip("response_policy:special"),
	"randomkey":               setTips("request_policy:all_shards", "response_policy:special", "nondeterministic_output"),
	"msetnx":                  setTips(),
	"zrank":                   setArity(-3),
	"zrevrank":                setArity(-3),
	"command|getkeys":         setArity(-3),
	"command|getkeysandflags": setArity(-3),
}

func bulkValue(s string) resp.Value { return resp.Value{Kind: resp.KindBulk, Str: []byte(s)} }

func addTip(tip string) func([]resp.Value) {
	return func(row []resp.Value) { row[7].Elems = append(row[7].Elems, bulkValue(tip)) }
}

func setTips(tips ...string) func([]resp.Value) {
	return func(row []resp.Value) {
		row[7].Elems = nil
		for _, t := range tips {
			row[7].Elems = append(row[7].Elems, bulkValue(t))
		}
	}
}

func setArity(n int64) func([]resp.Value) {
	return func(row []resp.Value) { row[1].Int = n }
}

// absentSubs are subcommands of Redis that we do not have yet.
var absentSubs = []string{"memory|doctor", "memory|malloc-stats", "memory|purge", "memory|stats"}

// normalize brings a row of the reference to what we should say.
func normalize(v *resp.Value) {
	row := v.Elems
	if change := newer[string(row[0].Str)]; change != nil {
		change(row)
	}
	subs := row[9].Elems
	for i := range subs {
		normalize(&subs[i])
	}
	// Redis keeps them in a hash table.
	sort.Slice(subs, func(i, j int) bool { return string(subs[i].Elems[0].Str) < string(subs[j].Elems[0].Str) })
	row[9].Elems = slices.DeleteFunc(subs, func(s resp.Value) bool {
		return slices.Contains(absentSubs, string(s.Elems[0].Str))
	})
}

// isHashExpiry reports whether a row is of 7.4, which the reference is not.
func isHashExpiry(row *Row) bool {
	return slices.ContainsFunc(hashExpireRows, func(r Row) bool { return r.Name == row.Name })
}

func TestCommandInfoBesideRedis(t *testing.T) {
	ref := startReference(t)
	ours := newRig(t, engine.Options{})
	for ours.proto = 2; ours.proto <= 3; ours.proto++ {
		ref.value([][]byte{[]byte("hello"), fmt.Append(nil, ours.proto)})
		for _, row := range ours.table.Rows() {
			if strings.HasPrefix(row.Name, "hpkv.") || isHashExpiry(row) {
				continue
			}
			line := [][]byte{[]byte("command"), []byte("info"), []byte(row.Name)}
			want := ref.value(line)
			if want.Elems[0].IsNull() {
				t.Errorf("%s: the reference has no such command", row.Name)
				continue
			}
			normalize(&want.Elems[0])
			if got := ours.value(line); !got.Equal(want) {
				t.Errorf("RESP%d %s:\n%v\nwant\n%v", ours.proto, row.Name, got, want)
			}
		}
	}
}

// Every line is sent to both servers, in order; the replies must be equal.
func TestRepliesBesideRedis(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	ref := startReference(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for proto := 2; proto <= 3; proto++ {
				ours := newRig(t, engine.Options{})
				ours.proto = proto
				ref.value([][]byte{[]byte("hello"), fmt.Append(nil, proto)})
				ref.value([][]byte{[]byte("flushall")})
				ref.value([][]byte{[]byte("select"), []byte("0")})
				for i, line := range strings.Split(string(script), "\n") {
					if line == "" || line[0] == '#' {
						continue
					}
					args := commandLine(t, line)
					if got, want := ours.value(args), ref.value(args); !got.Equal(want) {
						t.Errorf("%s:%d: RESP%d: %s\n  ours  %v\n  redis %v", file, i+1, proto, line, got, want)
					}
				}
			}
		})
	}
}
