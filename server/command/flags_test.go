package command

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every flag is read by somebody: reported by COMMAND, or asked for by Is in
// this package, by the dispatcher or over HTTP.
func TestEveryFlagHasAReader(t *testing.T) {
	reported := Flag(0)
	for _, n := range flagNames {
		reported |= n.flag
	}
	asked := askedFlags(t)
	for i, name := range flagConstants(t) {
		if reported&(1<<i) == 0 && !asked[name] {
			t.Errorf("nobody reads %s", name)
		}
	}
}

// flagConstants are the names of the flags in the order of their bits.
func flagConstants(t *testing.T) (names []string) {
	file, err := parser.ParseFile(token.NewFileSet(), "flags.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, s := range g.Specs {
				names = append(names, s.(*ast.ValueSpec).Names[0].Name)
			}
		}
	}
	if len(names) < 20 {
		t.Fatalf("found only %v", names)
	}
	return names
}

func askedFlags(t *testing.T) map[string]bool {
	asked := map[string]bool{}
	is := regexp.MustCompile(`\.Is\(([^()]*)\)`)
	for _, pattern := range []string{"*.go", "../*.go", "../rest/*.go"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") || f == "compile.go" { // checks of rows use none of them
				continue
			}
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range is.FindAllSubmatch(src, -1) {
				for _, name := range strings.Split(string(m[1]), "|") {
					asked[strings.TrimPrefix(strings.TrimSpace(name), "command.")] = true
				}
			}
		}
	}
	return asked
}

func TestEveryCategoryHasAName(t *testing.T) {
	if got := len((CatScripting<<1 - 1).Names()); got != len(categoryNames) {
		t.Errorf("%d names of %d categories", len(categoryNames), got)
	}
	for i, n := range categoryNames {
		if c, ok := ParseCategory([]byte(strings.ToUpper(n))); !ok || c != 1<<i {
			t.Errorf("ParseCategory(%s) = %v, %v", n, c, ok)
		}
	}
}
