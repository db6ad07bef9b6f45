package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// A setting called honoured is read by some code outside this package, and one
// that is not honoured is not advertised by mistake: docs/settings.md must be true.
func TestHonouredSettingsAreRead(t *testing.T) {
	read := regexp.MustCompile(`\.([A-Z]\w+)\.Load\b`)
	used := make(map[string]bool)
	root := filepath.Join("..", "..")
	for _, dir := range []string{"server", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			if filepath.Base(filepath.Dir(path)) == "config" {
				return nil
			}
			text, err := os.ReadFile(path)
			for _, m := range read.FindAllSubmatch(text, -1) {
				used[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Read by this package itself.
	used["EnableProtectedConfigs"] = true

	c := New()
	fields := reflect.ValueOf(c).Elem()
	for i := range table().rows {
		r := &table().rows[i]
		if r.Status != Honoured {
			continue
		}
		found := ""
		for f := range fields.NumField() {
			if name := fields.Type().Field(f).Name; fields.Type().Field(f).IsExported() && fields.Field(f).Addr().Interface() == any(r.field(c)) {
				found = name
			}
		}
		if !used[found] {
			t.Errorf("%s is called honoured, but nothing uses %s.Load", r.Name, found)
		}
	}
}
