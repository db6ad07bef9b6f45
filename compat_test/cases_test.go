package compat_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := compat.Cleanup(); err != nil {
		fmt.Fprintln(os.Stderr, "compat:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// TestCases plays every case file on both servers, in RESP2 and RESP3. Run one
// with -run 'TestCases/strings/SET_expiry/RESP3'.
func TestCases(t *testing.T) {
	playFiles(t, compat.OurBinary(t), compat.SharedPair)
}

// TestCasesGoroutineDriver plays them all on our other connection driver, which
// must make no difference.
func TestCasesGoroutineDriver(t *testing.T) {
	compat.NeedOurs(t)
	bin := compat.OurBinary(t)
	bin.Options = append(bin.Options, "--io-driver", "goroutine")
	pair := compat.FreshPair(t, bin)
	playFiles(t, bin, func(testing.TB) *compat.Pair { return pair })
}

func playFiles(t *testing.T, bin compat.Binary, shared func(testing.TB) *compat.Pair) {
	files, err := compat.LoadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f.Path), ".txt"), func(t *testing.T) {
			pair := shared
			if f.Server != nil {
				own := compat.FreshPair(t, bin, f.Server...)
				pair = func(testing.TB) *compat.Pair { return own }
			}
			for _, c := range f.Cases {
				t.Run(c.Name, func(t *testing.T) { playCase(t, pair, f.Path, c) })
			}
		})
	}
}

func playCase(t *testing.T, pair func(testing.TB) *compat.Pair, path string, c compat.Case) {
	for _, proto := range []int{2, 3} {
		if c.Proto != 0 && c.Proto != proto {
			continue
		}
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			p := pair(t)
			if err := p.Revive(); err != nil {
				t.Fatal(err)
			}
			err := compat.RunCase(p, path, c, proto)
			if errors.Is(err, compat.ErrNeeds) {
				t.Skip(err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
