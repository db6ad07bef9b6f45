package workload

import (
	"bytes"
	"compress/flate"
	"slices"
	"strings"
	"testing"
)

func TestTableRows(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range table {
		if seen[w.Name] {
			t.Errorf("%s appears twice", w.Name)
		}
		seen[w.Name] = true
		for _, fill := range w.Fill {
			if !slices.Contains(w.Args[1:], fill[1]) {
				t.Errorf("%s: fills %s but does not read it", w.Name, fill[1])
			}
		}
		if w.Strings && !strings.Contains(strings.Join(w.Args, " "), KeyName) {
			t.Errorf("%s claims the loaded keys but does not name one", w.Name)
		}
	}
	if ping := table[0]; ping.Sized() {
		t.Error("ping has no value size")
	}
}

func TestCollections(t *testing.T) {
	rows, err := Find([]string{"sinter_10k", "lpush", "lpop", "incr", "get", "ping"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{{"myset", "myset:2"}, {"mylist"}, {"mylist"}, nil, nil, nil} {
		if got := rows[i].Collections(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", rows[i].Name, got, want)
		}
	}
	for i, want := range []bool{false, false, false, true, true, false} {
		if rows[i].Skewed() != want {
			t.Errorf("%s: skewed %t", rows[i].Name, rows[i].Skewed())
		}
	}
}

func TestFind(t *testing.T) {
	rows, err := Find([]string{"mget", "set"})
	if err != nil || rows[0].Name != "mget" || rows[1].Name != "set" {
		t.Errorf("got %v, %v", rows, err)
	}
	if _, err := Find([]string{"nosuch"}); err == nil || !strings.Contains(err.Error(), "lrange_100") {
		t.Errorf("an unknown name must list the known ones, got %v", err)
	}
}

func TestTemplate(t *testing.T) {
	tmpl := Compile(Expand([]string{"SET", KeyName, Data}, "abc"))
	const want = "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$3\r\nabc\r\n"
	if got := string(tmpl.AppendAt(nil, 42)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// Two random numbers in one command must be independent.
	two := Compile([]string{RandInt, RandInt})
	keys := NewKeys(Uniform, 1_000_000_000, 1)
	out := string(two.Append(nil, keys))
	words := strings.Split(out, "\r\n")
	if words[2] == words[4] || strings.Contains(out, "rand") {
		t.Errorf("got %q", out)
	}
}

func TestKeys(t *testing.T) {
	const space = 1000
	for _, spread := range []Spread{Uniform, Hot, Zipf} {
		a, b := NewKeys(spread, space, 7), NewKeys(spread, space, 7)
		distinct := map[uint64]int{}
		for range 10_000 {
			n := a.Next()
			if n >= space {
				t.Fatalf("%s: %d is outside the key space", spread, n)
			}
			if m := b.Next(); m != n {
				t.Fatalf("%s: the same seed gave %d and %d", spread, n, m)
			}
			distinct[n]++
		}
		switch {
		case spread == Hot && len(distinct) != 1:
			t.Errorf("hot: %d keys", len(distinct))
		case spread == Uniform && len(distinct) < space*9/10:
			t.Errorf("uniform: only %d keys", len(distinct))
		case spread == Zipf && distinct[0] < 1000:
			t.Errorf("zipf: the first key got only %d of 10000", distinct[0])
		}
	}
}

func TestParseMix(t *testing.T) {
	mix, err := ParseMix("get=90,set=10")
	if err != nil || len(mix) != 2 || mix[0].Weight != 90 || mix[1].Name != "set" {
		t.Errorf("got %v, %v", mix, err)
	}
	for _, bad := range []string{"", "get=0", "get=x", "nosuch=1", "get,"} {
		if _, err := ParseMix(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestExpandLeavesTheRow(t *testing.T) {
	args := []string{"SET", KeyName, Data}
	before := slices.Clone(args)
	Expand(args, "v")
	if !slices.Equal(args, before) {
		t.Error("Expand changed the table")
	}
}

func TestShuffleIsAPermutation(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 15, 16, 17, 1000, 4097} {
		s := NewShuffle(n, 3)
		seen := make([]bool, n)
		fixed := 0
		for i := range n {
			j := s.At(i)
			if j >= n || seen[j] {
				t.Fatalf("n=%d: %d is mapped to %d, outside or taken", n, i, j)
			}
			seen[j] = true
			if i == j {
				fixed++
			}
		}
		if n >= 1000 && fixed > 20 {
			t.Errorf("n=%d: %d numbers stay where they are", n, fixed)
		}
	}
}

func TestNoise(t *testing.T) {
	a, b := AppendNoise(nil, 1, 1000), AppendNoise([]byte("x"), 2, 7)
	if len(a) != 1000 || len(b) != 8 || b[0] != 'x' {
		t.Fatalf("%d and %d bytes", len(a), len(b))
	}
	if again := AppendNoise(nil, 1, 1000); !slices.Equal(a, again) {
		t.Error("the same seed gave other bytes")
	}
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression)
	w.Write(a)
	w.Close()
	if packed.Len() < 750 { // 64 letters are six bits of eight
		t.Errorf("1000 bytes compress to %d", packed.Len())
	}
}
