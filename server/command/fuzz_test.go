package command

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"hpkv/engine"
	"hpkv/resp"
)

// fuzzWords are what arguments are made of: few keys, so that commands meet,
// every option word, and numbers at the edges.
var fuzzWords = []string{
	"a", "b", "c", "", "0", "1", "-1", "2", "7", "64", "1000", "-9223372036854775808",
	"9223372036854775807", "4294967296", "536870911", "1.5", "-3.0e10", "nan", "x",
	"NX", "XX", "GT", "LT", "GET", "SET", "INCRBY", "OVERFLOW", "WRAP", "SAT", "FAIL",
	"EX", "PX", "EXAT", "PXAT", "KEEPTTL", "PERSIST", "BIT", "BYTE", "AND", "OR", "XOR", "NOT",
	"u8", "i64", "u63", "#1", "#99", "MATCH", "COUNT", "TYPE", "string", "*", "[a-", "?",
	"IDX", "LEN", "MINMATCHLEN", "WITHMATCHLEN", "LIMIT", "KEYS", "VALUES", "DB", "REPLACE",
	"ASYNC", "SYNC", "SAMPLES", "FILTERBY", "PATTERN", "ACLCAT", "mset", "bitop", "\xff\x00\r\n",
	"a rather long value that does not fit the smallest class of the allocator, and then some more of it",
}

// fuzzRig keeps values small, so that a fuzzer does not fill the machine, and
// has so few shards that keys share them.
func fuzzRig(t testing.TB) *rig {
	return newRig(t, engine.Options{
		Databases: 3, Shards: 4, MaxValueBytes: 1 << 16, ReserveBytes: 1 << 30,
		Clock: engine.NewManualClock(1_700_000_000_000),
	})
}

// FuzzCommands runs programs of commands: whatever their arguments, a command
// writes exactly one reply and does not panic, and the engine's invariants hold
// afterwards.
func FuzzCommands(f *testing.F) {
	table := dataTable(f)
	var rows []*Row
	table.Each(func(r *Row) {
		if r.Run != nil {
			rows = append(rows, r)
		}
	})
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 30 {
		program := make([]byte, 120)
		for i := 0; i < len(program); i += 8 {
			binary.LittleEndian.PutUint64(program[i:], rnd.Uint64())
		}
		f.Add(program)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, program []byte) {
		r := fuzzRig(t)
		for step := 0; len(program) > 1 && step < 200; step++ {
			row := rows[int(program[0])%len(rows)]
			extra := int(program[1] >> 5)
			r.proto = 2 + int(program[1]>>4&1)
			program = program[2:]
			args := nameOf(row)
			for least := max(row.Arity, -row.Arity); len(args) < least || row.Arity < 0 && extra > 0; extra-- {
				word := 0
				if len(program) > 0 {
					word, program = int(program[0]), program[1:]
				}
				args = append(args, []byte(fuzzWords[word%len(fuzzWords)]))
			}
			r.value(args)
		}
	})
}

// nameOf is how a row is called.
func nameOf(r *Row) [][]byte {
	if p := r.Parent(); p != nil {
		return [][]byte{[]byte(p.Name), []byte(r.Name)}
	}
	return [][]byte{[]byte(r.Name)}
}

// FuzzOneCommand gives a command arguments of any bytes.
func FuzzOneCommand(f *testing.F) {
	table := dataTable(f)
	table.Each(func(r *Row) {
		if r.Run != nil {
			f.Add(r.FullName(), []byte("a"), []byte("1"), []byte("2"), []byte("x"), uint8(5))
		}
	})
	f.Fuzz(func(t *testing.T, name string, a, b, c, d []byte, n uint8) {
		row := table.Find([]byte(name))
		if row == nil || row.Run == nil {
			return
		}
		r := fuzzRig(t)
		for _, key := range [][]byte{a, b} {
			r.value([][]byte{[]byte("set"), key, c})
		}
		args := append(nameOf(row), [][]byte{a, b, c, d, a, b, c}[:n%8]...)
		v := r.value(args)
		if !row.ArityOK(len(args)) && !v.IsError() {
			t.Errorf("%q: %v in spite of the arity", args, v)
		}
	})
}

// FuzzGetKeys: whatever the arguments, the positions found lie within them and
// COMMAND GETKEYS answers.
func FuzzGetKeys(f *testing.F) {
	table := dataTable(f)
	f.Add("mset a 1 b 2")
	f.Add("bitfield k get u8 0 set")
	f.Add("bitop not d")
	f.Add("object encoding")
	f.Fuzz(func(t *testing.T, line string) {
		args := split(line)
		row := table.Resolve(args)
		if row == nil || !row.ArityOK(len(args)) {
			return
		}
		keys, _ := row.AppendKeys(nil, args)
		for _, k := range keys {
			if k.Pos < 1 || k.Pos >= len(args) {
				t.Errorf("%q: key at %d", args, k.Pos)
			}
		}
		if first, last, step, ok := row.LockRange(len(args)); ok && (first < 1 || last >= len(args) || step < 1) {
			t.Errorf("%q: lock %d..%d by %d", args, first, last, step)
		}
		var w resp.Writer
		commandGetKeysAndFlags(&Ctx{Args: append(split("command getkeysandflags"), args...), W: &w, Table: table})
		if _, rest, err := resp.ParseValue(w.Bytes()); err != nil || len(rest) > 0 {
			t.Errorf("%q: reply %q: %v", args, w.Bytes(), err)
		}
	})
}
