package command

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func dataTable(t testing.TB) *Table {
	t.Helper()
	table, err := NewTable(Data()...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func nothing(*Ctx) {}

func TestNewTableRefuses(t *testing.T) {
	f := func(want string, rows ...Row) {
		t.Helper()
		if _, err := NewTable(rows); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	ro, rw := one(KeyRO), one(KeyRW)
	vague := []KeySpec{{Flags: KeyRO | KeyIncomplete, Pos: 1, Step: 1}}
	f("defined twice", Row{Name: "a", Arity: 1, Run: nothing}, Row{Name: "a", Arity: 1, Run: nothing})
	f("defined twice", Row{Name: "a", Arity: -2, Sub: []Row{{Name: "b", Arity: 2, Run: nothing}, {Name: "b", Arity: 2, Run: nothing}}})
	f("not lower case", Row{Name: "Get", Arity: 1, Run: nothing})
	f("not lower case", Row{Name: "a|b", Arity: 1, Run: nothing})
	f("arity", Row{Name: "a", Run: nothing})
	f("arity", Row{Name: "a", Arity: -2, Sub: []Row{{Name: "b", Arity: 1, Run: nothing}}})
	f("no handler", Row{Name: "a", Arity: 1})
	f("container that takes no", Row{Name: "a", Arity: 1, Sub: []Row{{Name: "b", Arity: 2, Run: nothing}}})
	f("container with keys", Row{Name: "a", Arity: -2, Keys: ro, Sub: []Row{{Name: "b", Arity: 2, Run: nothing}}})
	f("both Write and ReadOnly", Row{Name: "a", Arity: 2, Flags: Write | ReadOnly, Keys: rw, Run: nothing})
	f("DenyOOM but does not write", Row{Name: "a", Arity: 2, Flags: DenyOOM | ReadOnly, Keys: ro, Run: nothing})
	f("derived", Row{Name: "a", Arity: 2, Flags: MovableKeys, Run: nothing})
	f("Optimistic", Row{Name: "a", Arity: 2, Flags: Write | Optimistic, Keys: rw, Run: nothing})
	f("names no key", Row{Name: "a", Arity: 2, Flags: Write, Run: nothing})
	f("ends a transaction but", Row{Name: "a", Arity: 1, Flags: EndsMulti, Run: nothing})
	f("runs a queue that", Row{Name: "a", Arity: 1, Flags: RunsQueue | Immediate, Run: nothing})
	f("NoData but", Row{Name: "a", Arity: 2, Flags: ReadOnly | NoData, Keys: ro, Run: nothing})
	f("Informs but", Row{Name: "a", Arity: 1, Flags: Informs, Run: nothing})
	f("AllShards but neither", Row{Name: "a", Arity: 2, Flags: AllShards, Run: nothing})
	f("its flags imply", Row{Name: "a", Arity: 2, Cats: CatFast, Run: nothing})
	f("changes none", Row{Name: "a", Arity: 2, Flags: Write, Keys: ro, Run: nothing})
	f("ReadOnly but changes", Row{Name: "a", Arity: 2, Flags: ReadOnly, Keys: one(KeyRW | KeyUpdate), Run: nothing})
	f("exactly one of", Row{Name: "a", Arity: 2, Flags: ReadOnly, Keys: one(KeyAccess), Run: nothing})
	f("begins outside", Row{Name: "a", Arity: 1, Flags: ReadOnly, Keys: ro, Run: nothing})
	f("begins outside", Row{Name: "a", Arity: -2, Flags: ReadOnly, Keys: span(KeyRO, 2, 2, 1), Run: nothing})
	f("begins outside", Row{Name: "a", Arity: 2, Flags: ReadOnly, Keys: span(KeyRO, 0, 0, 1), Run: nothing})
	f("ends outside", Row{Name: "a", Arity: 2, Flags: ReadOnly, Keys: span(KeyRO, 1, 2, 1), Run: nothing})
	f("ends before", Row{Name: "a", Arity: 3, Flags: ReadOnly, Keys: span(KeyRO, 2, -2, 1), Run: nothing})
	f("without step", Row{Name: "a", Arity: 2, Flags: ReadOnly, Keys: span(KeyRO, 1, 1, 0), Run: nothing})
	f("needs FindKeys", Row{Name: "a", Arity: 2, Flags: ReadOnly, Keys: vague, Run: nothing})
	f("needs FindKeys", Row{Name: "a", Arity: 2, Flags: ReadOnly, Keys: ro, FindKeys: findSetKeys, Run: nothing})
	f("count outside", Row{Name: "a", Arity: -2, Flags: ReadOnly, Run: nothing,
		Keys: []KeySpec{{Flags: KeyRO, Pos: 1, Find: FindKeyNum, NumIdx: 1, First: 2, Step: 1}}})
}

// The legacy triple, as Redis derives it from key specs.
func TestLegacyRange(t *testing.T) {
	f := func(keys []KeySpec, find func([]KeyPos, [][]byte) ([]KeyPos, bool), first, last, step int, movable bool) {
		t.Helper()
		table, err := NewTable([]Row{{Name: "a", Arity: -4, Flags: Write, Keys: keys, FindKeys: find, Run: nothing}})
		if err != nil {
			t.Fatal(err)
		}
		r := table.Rows()[0]
		if r.first != first || r.last != last || r.step != step || r.Is(MovableKeys) != movable {
			t.Errorf("%d %d %d movable %v", r.first, r.last, r.step, r.Is(MovableKeys))
		}
	}
	f(one(KeyRW), nil, 1, 1, 1, false)
	f(span(KeyRW, 1, -1, 2), nil, 1, -1, 2, false)
	f(twoKeys(KeyRO, KeyOW), nil, 1, 2, 1, false)
	f(bitopKeys, nil, 2, -1, 1, false)
	f([]KeySpec{{Flags: KeyOW, Pos: 1, Step: 1}, {Flags: KeyRO, Pos: 3, Step: 1}}, nil, 1, 1, 1, true)
	f([]KeySpec{{Flags: KeyRW, Pos: 2, Find: FindKeyNum, First: 1, Step: 1}}, nil, 0, 0, 0, true)
	f([]KeySpec{{Flags: KeyRW, Pos: 1, Step: 1}, {Flags: KeyRO, Begin: BeginUnknown, Find: FindUnknown}}, findSetKeys, 1, 1, 1, true)
}

func TestResolve(t *testing.T) {
	table := dataTable(t)
	f := func(line, want string) {
		t.Helper()
		args := split(line)
		got := "none"
		if r := table.Resolve(args); r != nil {
			got = r.FullName()
		}
		if got != want {
			t.Errorf("%q resolves to %s, want %s", line, got, want)
		}
	}
	f("get a", "get")
	f("GeT a", "get")
	f("INCRBYFLOAT", "incrbyfloat")
	f("object", "object")
	f("object encoding a", "object|encoding")
	f("OBJECT EnCoding", "object|encoding")
	f("object nosuch", "none")
	f("object|encoding a", "none")
	f("ge", "none")
	f("gett", "none")
	f("g\xe5t", "none") // the byte of 'e' with its top bit
	f("[et", "none")
	f("pexpiretimex", "none")
	f("command getkeysandflags", "command|getkeysandflags")
	f("command GETKEYSANDFLAGZ", "none")
	f("", "none")
}

// split cuts at spaces; an empty line is one empty argument.
func split(line string) [][]byte {
	var args [][]byte
	for _, w := range strings.Split(line, " ") {
		args = append(args, []byte(w))
	}
	return args
}

// Every byte string is found if and only if lower-casing it gives a name.
func FuzzLookup(f *testing.F) {
	table := dataTable(f)
	names := map[string]*Row{}
	for _, r := range table.Rows() {
		names[r.Name] = r
		f.Add([]byte(strings.ToUpper(r.Name)))
		f.Add([]byte(r.Name + "\x00"))
	}
	f.Fuzz(func(t *testing.T, name []byte) {
		lower := make([]byte, len(name))
		for i, c := range name {
			lower[i] = lowerByte(c)
		}
		if got, want := table.Lookup(name), names[string(lower)]; got != want {
			t.Errorf("Lookup(%q) = %v, want %v", name, got, want)
		}
	})
}

// Names of all lengths, similar ones among them, in an index of a real
// server's size.
func TestIndexOfManyNames(t *testing.T) {
	var rows []*Row
	seen := map[string]bool{}
	rnd := rand.New(rand.NewPCG(1, 2))
	for len(rows) < 400 {
		b := make([]byte, 1+rnd.IntN(24))
		for i := range b {
			b[i] = "abc_"[rnd.IntN(4)]
		}
		if !seen[string(b)] {
			seen[string(b)] = true
			rows = append(rows, &Row{Name: string(b)})
		}
	}
	x := newIndex(rows)
	for _, r := range rows {
		if got := x.find([]byte(strings.ToUpper(r.Name))); got != r {
			t.Errorf("%s: found %v", r.Name, got)
		}
		if got := x.find([]byte(r.Name + "x")); got != nil {
			t.Errorf("%sx: found %v", r.Name, got)
		}
	}
}

func TestUnknownText(t *testing.T) {
	table := dataTable(t)
	f := func(line, want string) {
		t.Helper()
		if got := table.UnknownText(split(line)); got != want {
			t.Errorf("%q:\n %q\nwant\n %q", line, got, want)
		}
	}
	f("foo", "ERR unknown command 'foo', with args beginning with: ")
	f("foo a b", "ERR unknown command 'foo', with args beginning with: 'a' 'b' ")
	f("object foo", "ERR unknown subcommand 'foo'. Try OBJECT HELP.")
	long := strings.Repeat("x", 200)
	f(long, "ERR unknown command '"+long[:128]+"', with args beginning with: ")
	f("foo "+long+" b", "ERR unknown command 'foo', with args beginning with: '"+long[:128]+"' ")
	f("foo abc "+long+" b", "ERR unknown command 'foo', with args beginning with: 'abc' '"+long[:122]+"' ")
}

func TestAppendKeys(t *testing.T) {
	rows := append([]Row{
		{Name: "eval", Arity: -3, Run: nothing, Keys: []KeySpec{{Flags: KeyRW, Pos: 2, Find: FindKeyNum, First: 1, Step: 1}}},
		{Name: "xread", Arity: -4, Flags: ReadOnly, Run: nothing, Keys: []KeySpec{{Flags: KeyRO, Begin: BeginKeyword, Keyword: "STREAMS", Pos: 1, Last: -1, Step: 1, Limit: 2}}},
		{Name: "migrate", Arity: -6, Flags: Write, Run: nothing, Keys: []KeySpec{{Flags: KeyRW, Begin: BeginKeyword, Keyword: "KEYS", Pos: -2, Last: -1, Step: 1}}},
		{Name: "spublish", Arity: 3, Run: nothing, Keys: one(KeyNotKey)},
	}, stringRows...)
	rows = append(rows, bitmapRows...)
	table, err := NewTable(rows)
	if err != nil {
		t.Fatal(err)
	}
	f := func(line, want string) {
		t.Helper()
		args := split(line)
		keys, ok := table.Resolve(args).AppendKeys(nil, args)
		got := fmt.Sprint(ok)
		for _, k := range keys {
			got += " " + string(args[k.Pos])
		}
		if got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
	f("get a", "true a")
	f("mget a b c", "true a b c")
	f("mset a 1 b 2", "true a b")
	f("mset a 1 b", "true a b")
	f("bitop and d a b", "true d a b")
	f("eval s 2 a b c", "true a b")
	f("eval s 0", "false")
	f("eval s x a", "false")
	f("eval s 9 a", "false")
	f("eval s -1 a", "false")
	f("xread count 1 streams a b 1 2", "true a b")
	f("xread count 1 STREAMS", "true")
	f("xread count 1 nostreams a 1", "true")
	f("migrate h p k 0 10 KEYS a b", "true a b")
	f("spublish a b", "true")
	f("set a b", "true a")
}

func TestLockRange(t *testing.T) {
	table := dataTable(t)
	f := func(line, want string) {
		t.Helper()
		args := split(line)
		first, last, step, ok := table.Resolve(args).LockRange(len(args))
		got := "none"
		if ok {
			got = fmt.Sprint(first, last, step)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
	f("get a", "none")
	f("del a", "none")
	f("del a b", "1 2 1")
	f("mset a 1", "none")
	f("mset a 1 b 2", "1 4 2")
	f("rename a b", "1 2 1")
	f("bitop not d a", "2 3 1")
	f("mget a b", "none")
	f("keys *", "none")
	f("ping", "none")
}

func BenchmarkLookup(b *testing.B) {
	table := dataTable(b)
	names := [][]byte{[]byte("GET"), []byte("set"), []byte("INCRBYFLOAT"), []byte("mget"), []byte("EXPIRE"), []byte("ping"), []byte("bitfield_ro"), []byte("nosuch")}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		table.Lookup(names[i&7])
		i++
	}
}

func BenchmarkResolve(b *testing.B) {
	table := dataTable(b)
	args := split("object ENCODING key")
	b.ReportAllocs()
	for b.Loop() {
		table.Resolve(args)
	}
}
