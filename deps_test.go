package hpkv_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// lattice says which of our packages a package may import; what is not listed
// is refused. A trailing /... covers the packages below, an entry for a package
// goes before one that covers it. Tests may import anything.
var lattice = []struct{ pkg, may string }{
	{"numa", ""},
	{"resp", ""},
	{"resp/rioc", ""},
	{"engine/alloc", ""},
	{"engine/epoch", ""},
	{"engine/record", ""},
	{"engine/index", "engine/alloc"},
	{"engine/ordered", ""},
	{"engine/packed", ""},
	{"engine/deque", "engine/alloc engine/packed"},
	{"engine/ranked", "engine/alloc"},
	{"engine/zset", "engine/packed"},
	{"engine/geo", ""},
	{"engine/hll", ""},
	{"engine/bits", ""},
	{"engine/glob", ""},
	{"engine", "numa engine/..."},
	{"persist", "persist/..."},
	{"persist/...", ""},
	{"server/journal", "engine persist"},
	{"server/command", "engine engine/... resp"},
	{"server/config", "engine engine/glob resp"},
	{"server/rest", "engine resp server/certs server/command server/config server/latency"},
	{"server/latency", ""},
	{"server/certs", ""},
	{"server/pubsub", "engine engine/glob resp"},
	{"server", "engine engine/... numa resp resp/rioc persist server/..."},
	{"cmd/hpkv-server", "server server/... numa"},
	{"cmd/hpkv-admin", "persist persist/... engine resp cmd/internal/cli"},
	{"cmd/internal/progress", ""},
	{"cmd/internal/cli", "cmd/internal/progress"},
	{"cmd/hpkv-bench", "cmd/internal/cli cmd/internal/progress cmd/hpkv-bench/... . resp resp/rioc numa"},
	{"cmd/hpkv-bench/...", "cmd/internal/progress cmd/hpkv-bench/... . resp resp/rioc numa"},
	{"compat_test", "resp"},
	{"compat_test/clients", "compat_test"},
	{".", "engine numa persist resp server/command server/journal"}, // no sockets
}

// mayUseUnsafe lists the only packages, and files of other packages, that may
// import unsafe, and mayCallKernel the packages that may issue system calls of
// their own. A raw system call takes the address of its buffer as a number,
// which only unsafe gives: hence the file of the Linux driver.
var (
	mayUseUnsafe  = []string{"engine/alloc", "engine/index", "engine/record", "server/syscalls_linux.go"}
	mayCallKernel = []string{"numa", "engine/alloc", "persist/vfs", "server", "cmd/..."}
)

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
	CgoFiles   []string
}

func listPackages(t *testing.T, env ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,CgoFiles", "./...")
	cmd.Env = append(cmd.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []goPackage
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// ours returns the path below the module, "." for the root.
func ours(path string) (string, bool) {
	if path == "hpkv" {
		return ".", true
	}
	return strings.CutPrefix(path, "hpkv/")
}

func covers(pattern, pkg string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(pkg, dir+"/")
	}
	return pattern == pkg
}

func anyCovers(patterns []string, pkg string) bool {
	for _, p := range patterns {
		if covers(p, pkg) {
			return true
		}
	}
	return false
}

func TestImportLattice(t *testing.T) {
	for _, env := range []string{"GOOS=linux", "GOOS=darwin"} {
		for _, p := range listPackages(t, env, "CGO_ENABLED=0") {
			pkg, _ := ours(p.ImportPath)
			rule := -1
			for i, l := range lattice {
				if covers(l.pkg, pkg) {
					rule = i
					break
				}
			}
			if rule < 0 {
				t.Errorf("package %s has no line in the lattice", pkg)
				continue
			}
			for _, imp := range p.Imports {
				dep, local := ours(imp)
				if local && !anyCovers(strings.Fields(lattice[rule].may), dep) {
					t.Errorf("%s must not import %s", pkg, dep)
				}
			}
		}
	}
}

func TestUnsafeAndSystemCalls(t *testing.T) {
	for _, p := range listPackages(t) {
		pkg, _ := ours(p.ImportPath)
		if len(p.CgoFiles) > 0 {
			t.Errorf("%s uses cgo: the server is one static binary", pkg)
		}
		for _, name := range p.GoFiles {
			for _, imp := range importsOf(t, filepath.Join(p.Dir, name)) {
				switch {
				case imp == "unsafe" && !anyCovers(mayUseUnsafe, pkg) && !anyCovers(mayUseUnsafe, pkg+"/"+name):
					t.Errorf("%s/%s must not import unsafe", pkg, name)
				case imp == "golang.org/x/sys/unix" && !anyCovers(mayCallKernel, pkg):
					t.Errorf("%s/%s must not issue system calls", pkg, name)
				}
			}
			for _, call := range callsIn(t, filepath.Join(p.Dir, name)) { // package syscall has errors, too, which anybody may name
				if strings.HasPrefix(call, "syscall.") && !anyCovers(mayCallKernel, pkg) {
					t.Errorf("%s/%s must not call %s", pkg, name, call)
				}
			}
		}
	}
}

// importsOf returns the paths a file imports.
func importsOf(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, imp := range file.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// TestHouseRules holds the engine to its one source of time, and all packages but
// commands to logging instead of printing.
func TestHouseRules(t *testing.T) {
	for _, p := range listPackages(t) {
		pkg, _ := ours(p.ImportPath)
		for _, name := range p.GoFiles {
			for _, call := range callsIn(t, filepath.Join(p.Dir, name)) {
				switch {
				case strings.HasPrefix(call, "fmt.Print") && !strings.HasPrefix(pkg, "cmd/"):
					t.Errorf("%s/%s calls %s", pkg, name, call)
				case call == "time.Now" && pkg == "engine" && name != "clock.go" && name != "maintain.go":
					t.Errorf("%s/%s calls time.Now: time comes from the Clock", pkg, name)
				}
			}
		}
	}
}

// callsIn returns the package functions a file calls, as "pkg.Func".
func callsIn(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok {
					calls = append(calls, id.Name+"."+sel.Sel.Name)
				}
			}
		}
		return true
	})
	return calls
}

// TestListings: package comments that list their files list all of them.
func TestListings(t *testing.T) {
	names := regexp.MustCompile(`[\w*]+\.go`)
	for _, dir := range []string{"engine", "server/rest"} {
		doc, err := os.ReadFile(filepath.Join(dir, "doc.go"))
		if err != nil {
			t.Fatal(err)
		}
		listed := names.FindAllString(string(doc), -1)
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, path := range files {
			name := filepath.Base(path)
			if name == "doc.go" || strings.HasSuffix(name, "_test.go") {
				continue
			}
			if !slices.ContainsFunc(listed, func(pattern string) bool { ok, _ := filepath.Match(pattern, name); return ok }) {
				t.Errorf("%s is not in the listing of %s/doc.go", path, dir)
			}
		}
		for _, pattern := range listed {
			if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) == 0 {
				t.Errorf("%s/doc.go lists %s, which is not there", dir, pattern)
			}
		}
	}
}

// TestLatticeRefuses makes sure the checks can fail.
func TestLatticeRefuses(t *testing.T) {
	for _, c := range []struct {
		patterns, pkg string
		want          bool
	}{
		{"engine/...", "engine/index", true},
		{"engine/...", "engine", false},
		{"engine", "engine/index", false},
		{"", "resp", false},
		{"resp server/...", "server/config", true},
	} {
		if got := anyCovers(strings.Fields(c.patterns), c.pkg); got != c.want {
			t.Errorf("%s covers %s: %s", strconv.Quote(c.patterns), c.pkg, strconv.FormatBool(got))
		}
	}
}
