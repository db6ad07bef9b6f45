package glob

import (
	"bytes"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	f := func(pattern, s string, want bool) {
		t.Helper()
		if got := Match([]byte(pattern), []byte(s)); got != want {
			t.Errorf("Match(%q, %q) = %v", pattern, s, got)
		}
	}
	f("", "", true)
	f("", "a", false)
	f("*", "", false) // as Redis; see doc.go
	f("*", "a", true)
	f("**", "abc", true)
	f("a", "", false)
	f("a*", "a", true)
	f("a***", "a", true)
	f("*a", "a", true)
	f("*a", "ba", true)
	f("*a", "ab", false)
	f("a*b*c", "axxbxxc", true)
	f("a*b*c", "axxbxx", false)
	f("a*bc*de", "abcabcdexde", true)
	f("h?llo", "hello", true)
	f("h?llo", "hllo", false)
	f("?", "ab", false)
	f("h[ae]llo", "hallo", true)
	f("h[ae]llo", "hillo", false)
	f("h[^e]llo", "hallo", true)
	f("h[^e]llo", "hello", false)
	f("h[a-c]llo", "hbllo", true)
	f("h[c-a]llo", "hbllo", true)
	f("h[a-]llo", "hallo", false) // the range runs up to "]", and the class to the end
	f("[a-]", "]", true)
	f("[a-]", "-", false)
	f("[", "a", false)
	f("[^", "a", true)
	f("[a", "a", true)
	f("[]a]", "a]", false)
	f("[^]", "x", true)
	f(`[\]]`, "]", true)
	f(`[\]`, "]", true)
	f(`\*`, "*", true)
	f(`\*`, "a", false)
	f(`a\`, `a\`, true)
	f("[a-\xff]", "\xff", true) // signed: from -1 to 97
	f("[a-\xff]", "b", false)
	f("A*", "abc", false)
}

func TestMatchFold(t *testing.T) {
	f := func(pattern, s string, want bool) {
		t.Helper()
		if got := MatchFold([]byte(pattern), []byte(s)); got != want {
			t.Errorf("MatchFold(%q, %q) = %v", pattern, s, got)
		}
	}
	f("A*c", "aBC", true)
	f("[A-C]x", "bX", true)
	f("[b]", "B", true)
	f(`[\b]`, "B", false) // an escaped byte in a class keeps its case
	f(`\b`, "B", true)
}

// Each of these costs more than the age of the universe when every star may
// backtrack.
func TestManyStars(t *testing.T) {
	f := func(pattern string) {
		t.Helper()
		if Match([]byte(pattern), []byte(strings.Repeat("a", 5000))) {
			t.Errorf("%.20q... matches", pattern)
		}
	}
	f(strings.Repeat("a*", 500) + "b")
	f(strings.Repeat("*a", 500) + "*b*")
	f(strings.Repeat("*?", 500) + "[^a]")
}

// reference follows Redis' recursive definition literally.
func reference(p, s []byte, fold bool) bool {
	for len(p) > 0 && len(s) > 0 {
		if p[0] == '*' {
			for len(p) > 1 && p[1] == '*' {
				p = p[1:]
			}
			if len(p) == 1 {
				return true
			}
			for ; len(s) > 0; s = s[1:] {
				if reference(p[1:], s, fold) {
					return true
				}
			}
			return false
		}
		n, ok := referenceOne(p, s[0], fold)
		if !ok {
			return false
		}
		p, s = p[n:], s[1:]
		if len(s) == 0 {
			p = bytes.TrimLeft(p, "*")
		}
	}
	return len(p) == 0 && len(s) == 0
}

// referenceOne works from the set of bytes an element stands for.
func referenceOne(p []byte, c byte, fold bool) (n int, ok bool) {
	fit := func(a byte) bool {
		return a == c || fold && bytes.EqualFold([]byte{a & 0x7f}, []byte{c & 0x7f}) && a < 128 && c < 128
	}
	switch {
	case p[0] == '?':
		return 1, true
	case p[0] == '\\' && len(p) > 1:
		return 2, fit(p[1])
	case p[0] != '[':
		return 1, fit(p[0])
	}
	rest := p[1:]
	rest, not := bytes.CutPrefix(rest, []byte("^"))
	for len(rest) > 0 && rest[0] != ']' {
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			ok = ok || rest[1] == c
			rest = rest[2:]
		case len(rest) > 2 && rest[1] == '-':
			lo, hi := int(int8(rest[0])), int(int8(rest[2]))
			lo, hi = min(lo, hi), max(lo, hi)
			v := int(int8(c))
			if fold {
				lo, hi, v = lowerInt(lo), lowerInt(hi), lowerInt(v)
			}
			ok = ok || lo <= v && v <= hi
			rest = rest[3:]
		default:
			ok = ok || fit(rest[0])
			rest = rest[1:]
		}
	}
	rest = rest[min(1, len(rest)):] // the closing bracket, if there is one
	return len(p) - len(rest), ok != not
}

func lowerInt(c int) int {
	if 'A' <= c && c <= 'Z' {
		return c + 32
	}
	return c
}

func FuzzMatch(f *testing.F) {
	for _, seed := range []struct{ p, s string }{
		{"a*b", "axb"}, {"[^a-c]*?", "xyz"}, {`\[*\]`, "[a]"}, {"[z-a]", "m"}, {"*[", "a["},
		{"**a**", "bab"}, {"[a-\xff]x", "ax"}, {"", ""}, {"*", ""}, {"[A-z]", "_"},
	} {
		f.Add([]byte(seed.p), []byte(seed.s))
	}
	f.Fuzz(func(t *testing.T, p, s []byte) {
		p, s = p[:min(len(p), 14)], s[:min(len(s), 14)] // the reference is exponential
		for _, fold := range []bool{false, true} {
			if got, want := match(p, s, fold), reference(p, s, fold); got != want {
				t.Errorf("match(%q, %q, %v) = %v, want %v", p, s, fold, got, want)
			}
		}
	})
}

func BenchmarkMatchPrefix(b *testing.B) {
	p, s := []byte("user:1*"), []byte("user:1234567:session")
	b.ReportAllocs()
	for b.Loop() {
		if !Match(p, s) {
			b.Fatal("no match")
		}
	}
}
