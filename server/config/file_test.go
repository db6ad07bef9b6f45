package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSplitLine(t *testing.T) {
	f := func(line string, want ...string) {
		t.Helper()
		if got, ok := splitLine(line); !ok || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v", line, got, ok)
		}
	}
	f("")
	f("  \t ")
	f("a b", "a", "b")
	f(" a\t\v b ", "a", "b")
	f(`a "b c" ''`, "a", "b c", "")
	f(`"\x41\n\r\t\b\a\"\\\q"`, "A\n\r\t\b\a\"\\q")
	f(`"\x4"`, "x4")
	f(`"\xzz"`, "xzz")
	f(`'it\'s' 'a\n'`, "it's", `a\n`)
	f(`a"b c" d`, "ab c", "d")
	f("\xff \x00", "\xff", "\x00")

	bad := func(line string) {
		t.Helper()
		if got, ok := splitLine(line); ok {
			t.Errorf("%q: %q, want an error", line, got)
		}
	}
	bad(`"`)
	bad(`"a`)
	bad(`'a`)
	bad(`"a"b`)
	bad(`'a'b`)
	bad(`"a\`)
	bad(`"a\"`)
}

// load reads a configuration of several files; the first is the one started with.
func load(t *testing.T, files ...string) (*Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	first := ""
	for _, f := range files {
		name, text, _ := strings.Cut(f, ":")
		if first == "" {
			first = name
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cl, err := ParseArgs([]string{first}, nil)
	return cl.Config, err
}

func TestFile(t *testing.T) {
	c, err := load(t, "a.conf:# comment\r\n\n  PORT 7000\r\n\tbind \"127.0.0.1\" ::1\nsave 1 2\nsave 3 4 5 6\nslave-priority 9\n"+
		"include b*.conf\ninclude nothing*.conf\nclient-output-buffer-limit pubsub 1 2 3\nrequirepass 'a b'\nlua-replicate-commands yes\nreplicaof no one\ntimeout 1",
		"b1.conf:timeout 5\nmaxclients 77", "b2.conf:maxclients 78")
	if err != nil {
		t.Fatal(err)
	}
	got := get(c, "port", "bind", "save", "replica-priority", "timeout", "maxclients", "requirepass", "client-output-buffer-limit")
	want := "bind=127.0.0.1 ::1; client-output-buffer-limit=normal 0 0 0 slave 268435456 67108864 60 pubsub 1 2 3; maxclients=78; " +
		"port=7000; replica-priority=9; requirepass=a b; save=1 2 3 4 5 6; timeout=1"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !c.Given("slave-priority") || c.Given("hz") {
		t.Error("Given is wrong")
	}
}

func TestSaveLines(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		c, err := load(t, "a:"+text)
		if err != nil {
			t.Fatal(err)
		}
		if got := get(c, "save"); got != "save="+want {
			t.Errorf("%q: %s", text, got)
		}
	}
	f("", "3600 1 300 100 60 10000")
	f("save 1 2", "1 2")
	f("save 1 2\nsave 3 4", "1 2 3 4")
	f("save 1 2\nsave \"\"", "")
	f("save \"\"\nsave 3 4", "3 4")
}

func TestFileErrors(t *testing.T) {
	f := func(want string, files ...string) {
		t.Helper()
		_, err := load(t, files...)
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if strings.Contains(fmt.Sprint(err), "\n") {
			t.Error("more than one line")
		}
	}
	f("a:2: unknown setting nope", "a:\nnope 1")
	f("a:1: port 99999: argument must be between 0 and 65535 inclusive", "a:port 99999")
	f("a:1: port 1 2: wrong number of arguments", "a:port 1 2")
	f("a:3: unbalanced quotes", "a:\n\nbind \"x")
	f("a:1: appendonly maybe: argument must be 'yes' or 'no'", "a:appendonly maybe")
	f("a:1: cluster-enabled yes: cluster mode is not available", "a:cluster-enabled yes")
	f("a:1: replicaof 10.0.0.1 6379: replication is not available yet: this server would answer with data of its own", "a:replicaof 10.0.0.1 6379")
	f("a:1: rename-command: commands cannot be renamed or disabled", "a:rename-command FLUSHALL \"\"")
	f("a:1: user: ACLs are not available yet", "a:user alice on >secret ~*")
	f("a:1: tls-port 1: TLS is not available yet; a port that clients expect to be encrypted is not silently left out", "a:tls-port 1")
	f("a:1: requirepass: wrong number of arguments", "a:requirepass top secret")
	f("a:1: client-output-buffer-limit normal 1: Wrong number of arguments in buffer limit configuration", "a:client-output-buffer-limit normal 1")
	f("b/c:2: hz x: argument couldn't be parsed into an integer", "a:include b/c", "b/c:#\nhz x")
	f("a:2: cannot read configuration file \"nothing\": no such file or directory", "a:#\ninclude nothing")
	f("a:1: include: wrong number of arguments", "a:include")
	f("b:1: configuration file \"./a\" includes itself", "a:include b", "b:include ./a")
	f("a:1: dir /nonexistent: No such file or directory", "a:dir /nonexistent")
	f("a:1: dir a: Not a directory", "a:dir a")
	f("a:1: unknown setting p?rt", "a:\"p\\art\" 1")

	deep := []string{}
	for i := range 20 {
		deep = append(deep, fmt.Sprintf("f%d:include f%d", i, i+1))
	}
	f("f15:1: configuration files include each other more than 16 deep", deep...)
}

func TestMissingFile(t *testing.T) {
	_, err := ParseArgs([]string{"/nonexistent.conf"}, nil)
	want := `cannot read configuration file "/nonexistent.conf": no such file or directory`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if e := (*Error)(nil); !errors.As(err, &e) {
		t.Errorf("type %T", err)
	}
	if _, err = ParseArgs([]string{t.TempDir()}, nil); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("got %v", err)
	}
}

// A stock configuration file starts the server, and what it asks for in vain is
// said.
func TestStockFiles(t *testing.T) {
	f := func(name string, notices ...string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		l := &reader{c: New()}
		// Its directory need not be on this machine.
		err = l.text(name, strings.ReplaceAll(string(text), "dir /var/lib/redis", "dir /"))
		if err != nil {
			t.Error(err)
		}
		if got := l.c.Notices(); !slices.Equal(got, notices) {
			t.Errorf("%s: notices %q", name, got)
		}
	}
	f("debian-12-redis.conf")
	f("redis-7.2.conf")
}

func TestNotices(t *testing.T) {
	c, err := load(t, "a:appendonly yes\nio-threads 4\nactivedefrag yes\nmasterauth secret\nsave 3600 1 300 100 60 10000\nhz 10\nsave \"\"")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"masterauth has no effect: replication is not available yet",
		"settings accepted without effect, see docs/settings.md: io-threads, activedefrag, save",
	}
	if got := c.Notices(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// Errors of any text name its line; nothing panics.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"port 7000\nbind a b\n", "save 1 2\nsave \"\"", "include /nonexistent", "include *", "\"\\x00\" 'a", "client-output-buffer-limit normal 1 2 3 x",
		"maxmemory 99999999999999999999gb", "maxmemory-clients 5%", "unixsocketperm 777", "latency-tracking-info-percentiles nan inf", "proc-title-template {", "dir /",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") && strings.ContainsAny(text, "/*?[") {
			t.Skip() // would read files of this machine
		}
		l := &reader{c: New()}
		err := l.text("source", text)
		if err == nil {
			l.c.Notices()
			get(l.c, "*")
			return
		}
		e := (*Error)(nil)
		if !errors.As(err, &e) || e.Line < 1 || e.Line > strings.Count(text, "\n")+1 || e.Text == "" {
			t.Errorf("%q: error %#v", text, err)
		}
		if strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%q: error of several lines: %q", text, err)
		}
	})
}
