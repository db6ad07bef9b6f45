package compat_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// TestDifferentialFuzz plays generated sequences on both servers. It runs for
// HPKV_FUZZ_SECONDS (10), from HPKV_FUZZ_SEED (1; "time" takes the clock) on.
// One difference is enough to fail; it is printed as a case that can go into a
// case file, together with the seed that gives the whole sequence again with
// HPKV_FUZZ_SEED=n.
func TestDifferentialFuzz(t *testing.T) {
	pair := compat.SharedPair(t)
	grammar, err := compat.NewGrammar(pair.Has)
	if err != nil {
		t.Fatal(err)
	}
	seconds := 10.0
	if v := os.Getenv("HPKV_FUZZ_SECONDS"); v != "" {
		if seconds, err = strconv.ParseFloat(v, 64); err != nil {
			t.Fatalf("HPKV_FUZZ_SECONDS: %v", err)
		}
	}
	seed := uint64(1)
	switch v := os.Getenv("HPKV_FUZZ_SEED"); v {
	case "":
	case "time":
		seed = uint64(time.Now().UnixNano())
	default:
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("HPKV_FUZZ_SEED: %v", err)
		}
	}
	played := 0
	for end := time.Now().Add(time.Duration(seconds * float64(time.Second))); time.Now().Before(end); seed++ {
		c, proto := compat.Generate(grammar, seed)
		if err := compat.RunCase(pair, "generated", c, proto); err != nil {
			fails := func(c compat.Case) bool {
				if err := pair.Revive(); err != nil {
					t.Fatal(err)
				}
				return compat.RunCase(pair, "generated", c, proto) != nil
			}
			small := compat.Shrink(c, fails)
			if err := pair.Revive(); err != nil {
				t.Fatal(err)
			}
			why := compat.RunCase(pair, "generated", small, proto)
			t.Fatalf("seed %d differs after %d sequences:\n%v\nshrunk to:\n%s\nwhich gives:\n%v",
				seed, played, err, compat.FormatCase(small, proto), why)
		}
		played++
	}
	t.Logf("%d sequences up to seed %d agree", played, seed-1)
}

// faultyServer answers like a little store with a fault that needs three
// commands in order to show.
func faultyServer(c compat.Case) bool {
	armed := map[string]bool{}
	for _, s := range c.Steps {
		if len(s.Args) < 2 {
			continue
		}
		switch s.Args[0] {
		case "SET":
			armed[s.Args[1]] = armed[s.Args[1]] || len(s.Args) > 2 && strings.HasPrefix(s.Args[2], "x")
		case "DEL":
			delete(armed, s.Args[1])
		case "APPEND":
			if armed[s.Args[1]] && len(s.Args) > 2 {
				return true
			}
		}
	}
	return false
}

// TestShrink proves that a long generated sequence shrinks to the commands the
// fault needs and no more.
func TestShrink(t *testing.T) {
	grammar, err := compat.NewGrammar(func(string) (bool, error) { return true, nil })
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for seed := range uint64(400) {
		c, _ := compat.Generate(grammar, seed)
		if !faultyServer(c) {
			continue
		}
		found++
		small := compat.Shrink(c, faultyServer)
		if !faultyServer(small) {
			t.Fatalf("seed %d: the shrunk case does not fail:\n%s", seed, compat.FormatCase(small, 0))
		}
		if len(small.Steps) != 2 || len(small.Steps[0].Args) != 3 || small.Steps[0].Args[2] != "x" || len(small.Steps[1].Args) != 3 {
			t.Errorf("seed %d: shrunk to\n%s", seed, compat.FormatCase(small, 0))
		}
		// What is printed must be a case file.
		f, err := compat.ParseScript("printed", compat.FormatCase(small, 2))
		if err != nil {
			t.Fatal(err)
		}
		if !faultyServer(f.Cases[0]) {
			t.Errorf("seed %d: the printed case does not fail", seed)
		}
	}
	if found < 20 {
		t.Fatalf("only %d of the generated sequences show the fault", found)
	}
}
