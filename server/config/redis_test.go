package config

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"hpkv/resp"
)

// redisServer starts a real server on a Unix socket.
func redisServer(t *testing.T) *resp.Client {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server to compare with")
	}
	dir, err := os.MkdirTemp("", "config") // short: a socket's path is at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(binary, "--port", "0", "--unixsocket", socket, "--dir", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		os.RemoveAll(dir)
	})
	said := ""
	for lines := bufio.NewScanner(out); !strings.Contains(said, "ready to accept connections"); {
		if !lines.Scan() {
			t.Fatalf("redis-server does not start:\n%s", said)
		}
		said += lines.Text() + "\n"
	}
	go io.Copy(io.Discard, out) // until the process ends
	c, err := resp.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func do(t *testing.T, c *resp.Client, args ...string) resp.Value {
	t.Helper()
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a
	}
	v, err := c.Do(list...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Names and defaults are those of Redis; what differs is listed here.
func TestDefaultsAsRedis(t *testing.T) {
	theirs := make(map[string]string)
	list := do(t, redisServer(t), "CONFIG", "GET", "*").Elems
	for i := 0; i+1 < len(list); i += 2 {
		theirs[list[i].Text()] = list[i+1].Text()
	}
	ours := make(map[string]string)
	New().Get([][]byte{[]byte("*")}, func(name, value string) { ours[name] = value })

	given := "port unixsocket dir appendonly" // the last is ours; the others on the command line of the server we compare with
	since72 := "set-max-listpack-entries set-max-listpack-value locale-collate cluster-announce-human-nodename server-cpulist bio-cpulist aof-rewrite-cpulist bgsave-cpulist"
	own := "io-driver workers shards pin ordered-index metrics-port metrics-bind metrics-pprof"
	for i := range table().rows {
		if r := &table().rows[i]; r.Topic == HTTP || r.Topic == Rioc {
			own += " " + r.Name
		}
	}
	expected := func(list, name string) bool {
		for word := range strings.FieldsSeq(list) {
			if word == name {
				return true
			}
		}
		return false
	}
	var differences []string
	for name, value := range theirs {
		if got, ok := ours[name]; !ok {
			differences = append(differences, name+": missing here")
		} else if got != value && !expected(given, name) {
			differences = append(differences, fmt.Sprintf("%s: %q here, %q there", name, got, value))
		}
	}
	for name := range ours {
		if _, ok := theirs[name]; !ok && !expected(since72, name) && !expected(own, name) {
			differences = append(differences, name+": missing there")
		}
	}
	sort.Strings(differences)
	for _, d := range differences {
		t.Error(d)
	}
}

// The same CONFIG SET gets the same reply and leaves the same value.
func TestSetAsRedis(t *testing.T) {
	redis, c := redisServer(t), New()
	f := func(args ...string) {
		t.Helper()
		their := do(t, redis, append([]string{"CONFIG", "SET"}, args...)...).Text()
		if our := set(c, args...); our != their {
			t.Errorf("CONFIG SET %q\nours   %s\ntheirs %s", args, our, their)
		}
		for i := 0; i < len(args); i += 2 {
			name := args[i]
			v := do(t, redis, "CONFIG", "GET", name)
			theirs := ""
			if len(v.Elems) == 2 {
				theirs = v.Elems[0].Text() + "=" + v.Elems[1].Text()
			}
			if ours := get(c, name); ours != theirs && name != "dir" {
				t.Errorf("CONFIG SET %q, then GET %s: %s here, %s there", args, name, ours, theirs)
			}
		}
	}
	f("a", "b", "c")
	f("nope", "1")
	f("maxclients", "100", "nope", "1")
	f("maxclients", "0")
	f("maxclients", "99")
	f("maxclients", "10", "maxclients", "20")
	f("MAXCLIENTS", "x")
	f("daemonize", "no")
	f("DATABASES", "5")
	f("databases", "5", "nope", "1")
	f("nope", "1", "databases", "5")
	f("dir", "/")
	f("maxmemory", "100kb", "dir", "/")
	f("include", "x")
	f("rename-command", "x y")
	for _, v := range []string{"1zz", "-1", "1gb", "1.5gb", "1KB", "", "kb", "5B", "1k", "1M", "1m", "1G", "1g", " 1", "1 kb", "007", "0x10", "0"} {
		f("maxmemory", v)
		f("repl-backlog-size", v)
		f("hash-max-listpack-value", v)
	}
	for _, v := range []string{"1", "-1", "+5", "005", " 5", "5 ", "", "99999999999999999999", "2147483647", "2147483648", "0x10", "1e3"} {
		f("timeout", v)
		f("slowlog-log-slower-than", v)
		f("hash-max-listpack-entries", v)
		f("list-max-ziplist-size", v)
		f("hz", v)
		f("maxmemory-samples", v)
	}
	for _, v := range []string{"yes", "no", "YES", "maybe", "", "1", "yes "} {
		f("lazyfree-lazy-expire", v)
	}
	for _, v := range []string{"debug", "Verbose", "foo", "", "notice warning"} {
		f("maxmemory-policy", v)
	}
	f("maxmemory-policy", "Volatile-TTL")
	f("oom-score-adj", "yes")
	f("oom-score-adj", "no")
	for _, v := range []string{"100", "abc 100", "100 10 60 1000", "60  1000", "5 0", "0 5", "-1 1", "1 -1", "+5 1", "1 2 3", " 1 2", ""} {
		f("save", v)
	}
	for _, v := range []string{"normal 1mb 1mb", "foo 1mb 1mb 10", "normal 1mb 1mb x", "normal 1mb 1mb -1", "normal 1mb 1mb 10 replica 1 1 1",
		"normal  0 0 0", "", "slave 1b 1k 5 NORMAL 1kb 1mb 3", "master 1 1 1", "normal 0 0 +1", "normal '' 0 0"} {
		f("client-output-buffer-limit", v)
	}
	for _, v := range []string{"KEAz", "KEA", "Kg$", "mnd", "KEAmn", "", "q", "A", "gEKnm", "g g", "KEg$lshzxetd", "KEg$lshzxe"} {
		f("notify-keyspace-events", v)
	}
	for _, v := range []string{"50 101", "50 99.99", "", "foo", "nan", " 50", "-1", "1e1", "0.1 100", "50.000"} {
		f("latency-tracking-info-percentiles", v)
	}
	for _, v := range []string{"101%", "5%", "5x%", "foo", "-5%", "-5", "1mb", "100%", "0", "%"} {
		f("maxmemory-clients", v)
	}
	for _, v := range []string{"1 2", "1 2 3", "1 2 x", "1 2 3000", ""} {
		f("oom-score-adj-values", v)
	}
	for _, v := range []string{"save now", "save nosave", "", "nosave now force", "default now", "foo", "now  force", "default"} {
		f("shutdown-on-sigint", v)
	}
	for _, v := range []string{"{foo}", "{title} {port}", "{", "plain", "{title", "}", ""} {
		f("proc-title-template", v)
	}
	f("active-defrag-threshold-lower", "5000")
	f("client-query-buffer-limit", "1")
	f("proto-max-bulk-len", "1")
	f("replica-priority", "5", "slave-priority", "7")
	f("slave-priority", "x")
	f("busy-reply-threshold", "1", "lua-time-limit", "4")
	f("tracking-table-max-keys", "-1")
	f("tracking-table-max-keys", "1k")
	f("requirepass", "")
	f("replicaof", "no one")
	f("appenddirname", "a/b")
}
