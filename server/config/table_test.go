package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the generated files instead of comparing them")

func TestTableRefusesBadRows(t *testing.T) {
	good := Row{Name: "a", Kind: Integer, Default: "1", Doc: "x", field: func(c *Config) holder { return &c.Port }}
	f := func(change func(*Row), want string) {
		t.Helper()
		r := good
		change(&r)
		_, err := newTable([]Row{r})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	f(func(r *Row) {}, "")
	f(func(r *Row) { r.Aliases = []string{"a"} }, "twice")
	f(func(r *Row) { r.Name = "A" }, "bad name")
	f(func(r *Row) { r.Doc = "ends." }, "description")
	f(func(r *Row) { r.Why = "no" }, "reason")
	f(func(r *Row) { r.Status = Inert }, "reason")
	f(func(r *Row) { r.field = nil }, "no code can read it")
	f(func(r *Row) { r.Default = "x" }, "default")
	f(func(r *Row) { r.Max = 0; r.Min = 5 }, "default")
	f(func(r *Row) { r.Kind = Enumeration; r.Default = "no" }, "no names")
	f(func(r *Row) { r.Kind = Boolean; r.Default = "no" }, "interface conversion") // the field is an Int
	f(func(r *Row) { r.Default = "3"; r.check = powerOfTwo }, "power of two")
}

// Each row's default, shown and read again, is the same value: what CONFIG GET
// returns can be given to CONFIG SET.
func TestDefaultsRoundTrip(t *testing.T) {
	tab := table()
	for i := range tab.rows {
		r := &tab.rows[i]
		if r.Kind == Directory {
			continue
		}
		shown := r.standard()
		v, err := r.parse(arguments(r, shown), r.initial())
		if r.Kind == Snapshots {
			v, err = r.parse(arguments(r, shown), nil)
		}
		if err != nil || r.format(v) != shown {
			t.Errorf("%s: %q read back as %v, %v", r.Name, shown, v, err)
		}
	}
}

// Fields belong to one row each.
func TestFieldsAreNotShared(t *testing.T) {
	owner := make(map[holder]string)
	c := New()
	for i, v := range c.values {
		name := table().rows[i].Name
		if other, taken := owner[v]; taken {
			t.Errorf("%s and %s share a field", name, other)
		}
		owner[v] = name
	}
}

func TestHelp(t *testing.T) {
	golden(t, filepath.Join("testdata", "help.txt"), Help(), "go test ./server/config -run TestHelp -args -update")
	for i, line := range strings.Split(Help(), "\n") {
		if len(line) > 100 {
			t.Errorf("line %d is %d bytes long: %s", i+1, len(line), line)
		}
	}
}

func TestSettingsDocument(t *testing.T) {
	golden(t, filepath.Join("..", "..", "docs", "settings.md"), markdown(), "go generate ./server/config")
}

// golden compares got with a file, or writes the file under -update.
func golden(t *testing.T, path, got, command string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with: %s", err, command)
	}
	if got != string(want) {
		t.Errorf("%s is stale; renew it with: %s", path, command)
	}
}
