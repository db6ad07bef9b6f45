package compat_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if err := compat.Cleanup(); err != nil {
		fmt.Fprintln(os.Stderr, "compat:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// TestCases plays every case file on both servers, in RESP2 and RESP3. Run one
// with -run 'TestCases/strings/SET_options/RESP3'.
func TestCases(t *testing.T) {
	files, err := compat.LoadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f.Path), ".txt"), func(t *testing.T) {
			var pair func(testing.TB) *compat.Pair = compat.SharedPair
			if f.Server != nil {
				own := compat.FreshPair(t, f.Server...)
				pair = func(testing.TB) *compat.Pair { return own }
			}
			for _, c := range f.Cases {
				t.Run(c.Name, func(t *testing.T) {
					for _, proto := range []int{2, 3} {
						if c.Proto != 0 && c.Proto != proto {
							continue
						}
						t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
							err := compat.RunCase(pair(t), f.Path, c, proto)
							if errors.Is(err, compat.ErrNeeds) {
								t.Skip(err)
							}
							if err != nil {
								t.Error(err)
							}
						})
					}
				})
			}
		})
	}
}
