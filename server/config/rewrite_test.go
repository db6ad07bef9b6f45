package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	f := func(file, want string, changes ...string) {
		t.Helper()
		c, err := load(t, "a:"+file, "inc:maxclients 99\n")
		if err != nil {
			t.Fatal(err)
		}
		path, err := filepath.Abs("a")
		if err != nil {
			t.Fatal(err)
		}
		// The server changes into its directory meanwhile.
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		t.Chdir("/")
		if len(changes) > 0 {
			if got := set(c, changes...); got != "OK" {
				t.Fatal(got)
			}
		}
		if err := c.Rewrite(path); err != nil {
			t.Errorf("%q: %v", file, err)
			return
		}
		text, err := os.ReadFile(path)
		if err != nil || string(text) != want {
			t.Errorf("got\n%s\nwant\n%s\n%v", text, want, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if list, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "a-*")); len(list) > 0 {
			t.Errorf("left behind: %q", list)
		}
	}
	const mark = "\n" + rewriteMark + "\n"
	f("", "")
	f("# comment\n  timeout   5\nunixsocketperm 0700\r\nrequirepass 'a'", "# comment\n  timeout   5\nunixsocketperm 0700\r\nrequirepass 'a'")
	f("timeout 5\n# x\ntimeout 6\n", "timeout 0\n# x\n", "timeout", "0")
	f("timeout 5\n# x\ntimeout 6\n", "timeout 5\n# x\ntimeout 6\n"+mark+"maxmemory 1073741824\n", "maxmemory", "1gb")
	f("slave-priority 5", "replica-priority 6\n", "replica-priority", "6")
	f("save 900 1\n# between\nsave 300 10\n", "save \"\"\n# between\n", "save", "")
	f("save 900 1\n# between\n", "save 1 2\nsave 3 4\n# between\n", "save", "1 2 3 4")
	f("", mark+"save \"\"\nsave 1 2\n", "save", "1 2")
	f("include inc\nport 1\n", "include inc\nport 1\n"+mark+"maxclients 98\n", "maxclients", "98")
	f("maxclients 5\ninclude inc\n", "maxclients 98\ninclude inc\n"+mark+"maxclients 98\n", "maxclients", "98")
	f("include inc\nmaxclients 5\n", "include inc\nmaxclients 98\n", "maxclients", "98")
	f("requirepass x\n", "requirepass \"a b\\\"\\\\c\\x0a\"\n", "requirepass", "a b\"\\c\n")
	f("requirepass x\n", "requirepass \"\"\n", "requirepass", "")
	f("client-output-buffer-limit pubsub 5 5 5\n", "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit slave 268435456 67108864 60\nclient-output-buffer-limit pubsub 5 5 5\n",
		"client-output-buffer-limit", "normal 1 2 3")
	f("shutdown-on-sigterm now\n", "shutdown-on-sigterm now force\n", "shutdown-on-sigterm", "now force")
	f("notify-keyspace-events AKE\n", "notify-keyspace-events AnKEm\n", "notify-keyspace-events", "KEAmn")
	f("notify-keyspace-events AnKEm\n", "notify-keyspace-events AKEm\n", "notify-keyspace-events", "KEAm")
	f(mark+"hz 20\n", mark+"hz 20\ntimeout 7\n", "timeout", "7")
}

// Options of the command line are settings like others: they are written too.
func TestRewriteOptions(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("data", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("a", []byte("dir .\nport 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", "link"); err != nil {
		t.Fatal(err)
	}
	cl, err := ParseArgs([]string{"link", "--port", "2", "--io-driver", "goroutine", "--dir", "data"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("data")
	if err := cl.Config.Rewrite(filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "a"))
	want := "dir \"" + dir + "/data\"\nport 2\n\n" + rewriteMark + "\nio-driver goroutine\n"
	if err != nil || string(text) != want {
		t.Errorf("got %s, want %s, %v", text, want, err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "link")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is a link no more: %v, %v", info, err)
	}
}

func TestRewriteFailures(t *testing.T) {
	c := New()
	path := filepath.Join(t.TempDir(), "a")
	if err := c.Rewrite(path); err == nil || err.Error() != "no such file or directory" {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("nonsense\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(path); err == nil || !strings.Contains(err.Error(), ":1: unknown setting nonsense") {
		t.Errorf("a file spoilt meanwhile: %v", err)
	}
}
