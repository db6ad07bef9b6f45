package rest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"

	"hpkv/server/config"
)

// What a client shows is compared with a secret in constant time only: how long
// it takes is no test's business, so this one reads the source.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	for file, want := range map[string]struct{ in, call string }{
		"auth.go":  {"find", "subtle.ConstantTimeCompare"},
		"token.go": {"verify", "hmac.Equal"},
	} {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		var calls []string
		for _, d := range tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				pkg, ok := call.X.(*ast.Ident)
				if !ok {
					return true
				}
				name := pkg.Name + "." + call.Sel.Name
				if slices.Contains([]string{"bytes.Equal", "bytes.Compare", "strings.Compare", "strings.EqualFold", "bytes.EqualFold", "slices.Equal", "reflect.DeepEqual"}, name) {
					t.Errorf("%s: %s calls %s", file, f.Name.Name, name)
				}
				if f.Name.Name == want.in {
					calls = append(calls, name)
				}
				return true
			})
		}
		if !slices.Contains(calls, want.call) {
			t.Errorf("%s: %s does not call %s", file, want.in, want.call)
		}
	}
}

// Nobody can find out by timing which keys share a hash: it is another one in
// every process, and after every change of the keys.
func TestHashesOfKeysAreSecret(t *testing.T) {
	cl, err := config.ParseArgs([]string{"--rest-api-key", "one", "--rest-api-key", "two"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	hashes := map[uint64]bool{}
	ring := keyring{cfg: cl.Config}
	for range 10 {
		if err := ring.load(); err != nil {
			t.Fatal(err)
		}
		if ring.find([]byte("one")) == nil || ring.find([]byte("three")) != nil {
			t.Error("the wrong key is found")
		}
		for h := range ring.byHash {
			hashes[h] = true
		}
	}
	if len(hashes) != 20 {
		t.Errorf("%d hashes of 2 keys in 10 rings", len(hashes))
	}
}
