package resp

import (
	"strings"
	"testing"
)

func argv(words ...string) (b [][]byte) {
	for _, w := range words {
		b = append(b, []byte(w))
	}
	return b
}

func TestArgs(t *testing.T) {
	a := NewArgs(argv("key", "-5", "1.5", "7", "nx", "Count", "10", "42", "last"))
	if a.Len() != 9 || !a.More() || string(a.Rest()[0]) != "key" || len(a.Rest()) != 9 {
		t.Fatal("at the start")
	}
	if string(a.Bytes()) != "key" || a.Int64() != -5 || a.Float() != 1.5 || a.IntRange(1, 7, "range") != 7 {
		t.Fatal("values")
	}
	if a.Tag("XX") || !a.Tag("NX") || a.TagWith("COUNT", 4) || !a.TagWith("COUNT", 3) || a.Int64Else("x") != 10 || a.Cursor() != 42 {
		t.Fatal("options")
	}
	if a.Err() != "" || a.Len() != 1 {
		t.Fatal(a.Err(), a.Len())
	}
	a.End()
	if a.Err() != ErrSyntax || a.More() {
		t.Fatal(a.Err())
	}
}

func TestArgsFailure(t *testing.T) {
	f := func(want string, read func(a *Args), words ...string) {
		t.Helper()
		a := NewArgs(argv(words...))
		read(&a)
		if a.Err() != want {
			t.Errorf("%q: %q, want %q", words, a.Err(), want)
		}
		// The first error stays, and nothing is read after it.
		n := a.Len()
		if a.Bytes() != nil || a.Int64() != 0 || a.Float() != 0 || a.Cursor() != 0 || a.IntRange(0, 9, "x") != 0 || a.Tag("A") || a.More() {
			t.Errorf("%q: read on after the error", words)
		}
		a.Expect("A")
		a.Fail("other")
		if a.Err() != want || a.Len() != n {
			t.Errorf("%q: %q replaced the first error", words, a.Err())
		}
	}
	f(ErrSyntax, func(a *Args) { a.Bytes() })
	f(ErrSyntax, func(a *Args) { a.Int64() })
	f(ErrNotInteger, func(a *Args) { a.Int64() }, "1x", "2")
	f("own", func(a *Args) { a.Int64Else("own") }, "x")
	f("own", func(a *Args) { a.IntRange(1, 2, "own") }, "3")
	f("own", func(a *Args) { a.IntRange(1, 2, "own") }, "0")
	f(ErrCursor, func(a *Args) { a.Cursor() }, "x")
	f(ErrNotFloat, func(a *Args) { a.Float() }, "x")
	f("own", func(a *Args) { a.FloatElse("own") }, "nan")
	f(ErrSyntax, func(a *Args) { a.Expect("A") }, "B")
	f(ErrSyntax, func(a *Args) { a.Expect("A") })
	f("own", func(a *Args) { a.Fail("own") }, "A")
}

func TestEqualFold(t *testing.T) {
	f := func(arg, upper string, want bool) {
		t.Helper()
		if EqualFold([]byte(arg), upper) != want {
			t.Errorf("%q, %q", arg, upper)
		}
	}
	f("nx", "NX", true)
	f("Nx", "NX", true)
	f("NX", "NX", true)
	f("nxx", "NX", false)
	f("n", "NX", false)
	f("", "", true)
	f("lib-name", "LIB-NAME", true)
	f("@x", "`X", false)
	f("{x", "[X", false)
	f("ſ", "S", false)
	for c := range 256 {
		f(string([]byte{byte(c)}), "A", strings.ContainsRune("aA", rune(c)))
	}
}

func TestArgsNoAllocs(t *testing.T) {
	words := argv("key", "value", "EX", "100", "NX", "1.25")
	if n := testing.AllocsPerRun(100, func() {
		a := NewArgs(words)
		a.Bytes()
		a.Bytes()
		if !a.TagWith("EX", 1) || a.Int64() != 100 || !a.Tag("NX") || a.Float() != 1.25 || a.Err() != "" {
			t.Fatal(a.Err())
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
