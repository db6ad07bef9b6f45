package numa

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// unpack writes the tree testdata/name.tree below a new directory and returns
// that. Lines of the format:
//
//	# comment
//	@name = text           @name at the start of later paths stands for text
//	path = value           one file; "path =" is an empty one
//	path <<                the lines up to "." are the file
//
// {0-3,8,x} in a path makes a file for each choice; $1, $2 in the content stand
// for the choice in the first and second braces.
func unpack(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".tree"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	names := map[string]string{}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		path, value, ok := strings.Cut(line, " =")
		value = strings.TrimPrefix(value, " ") + "\n"
		if p, isBlock := strings.CutSuffix(line, " <<"); isBlock {
			path, value, ok = p, "", true
			for i++; i < len(lines) && lines[i] != "."; i++ {
				value += lines[i] + "\n"
			}
		}
		if !ok {
			t.Fatalf("%s.tree:%d: cannot read %q", name, i+1, line)
		}
		if strings.HasPrefix(path, "@") {
			head, rest, nested := strings.Cut(path, "/")
			if !nested {
				names[head] = strings.TrimSpace(value)
				continue
			}
			if names[head] == "" {
				t.Fatalf("%s.tree:%d: unknown %s", name, i+1, head)
			}
			path = names[head] + "/" + rest
		}
		expand(path, nil, func(path string, choices []string) {
			out := value
			for i, c := range choices {
				out = strings.ReplaceAll(out, fmt.Sprintf("$%d", i+1), c)
			}
			full := filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(full, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
	return dir
}

// expand calls visit for every way to choose from the braces in path.
func expand(path string, choices []string, visit func(string, []string)) {
	head, rest, ok := strings.Cut(path, "{")
	if !ok {
		visit(path, choices)
		return
	}
	inner, tail, _ := strings.Cut(rest, "}")
	for item := range strings.SplitSeq(inner, ",") {
		lo, hi, isRange := strings.Cut(item, "-")
		first, err1 := strconv.Atoi(lo)
		last, err2 := strconv.Atoi(hi)
		if !isRange || err1 != nil || err2 != nil {
			expand(head+item+tail, append(choices[:len(choices):len(choices)], item), visit)
			continue
		}
		for n := first; n <= last; n++ {
			s := strconv.Itoa(n)
			expand(head+s+tail, append(choices[:len(choices):len(choices)], s), visit)
		}
	}
}

// detect reads a tree of testdata.
func detect(t testing.TB, name string) *Topology {
	t.Helper()
	topo, err := DetectAt(Roots{Dir: unpack(t, name)})
	if err != nil {
		t.Fatal(err)
	}
	return topo
}
