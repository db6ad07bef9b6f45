package command

import (
	"strconv"
	"testing"

	"hpkv/engine"
	"hpkv/resp"
)

// rig runs command lines on a real engine, as a dispatcher without a host
// would.
type rig struct {
	t     testing.TB
	e     *engine.Engine
	lane  *engine.Lane
	table *Table
	w     resp.Writer
	ctx   Ctx
	s     Session
	proto int
}

func newRig(t testing.TB, o engine.Options) *rig {
	t.Helper()
	e, err := engine.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, e: e, lane: e.NewLane(), table: dataTable(t), proto: 2}
	r.ctx = Ctx{W: &r.w, S: &r.s, Table: r.table}
	t.Cleanup(func() {
		if err := e.Check(); err != nil {
			t.Errorf("after the test: %v", err)
		}
		r.lane.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// run executes one command line and returns its raw reply.
func (r *rig) run(args [][]byte) []byte {
	r.w.Reset(r.w.Buffer(), r.proto)
	row := r.table.Resolve(args)
	switch {
	case row == nil:
		r.w.Error(r.table.UnknownText(args))
	case !row.ArityOK(len(args)):
		r.w.Error(row.ArityText())
	case row.Run == nil:
		r.t.Fatalf("%s has no handler", row.FullName())
	default:
		r.ctx.Args, r.ctx.Row, r.ctx.Txn = args, row, r.lane.Begin(r.s.DB)
		r.ctx.LockKeys()
		row.Run(&r.ctx)
		r.ctx.Txn.End()
	}
	return r.w.Bytes()
}

// do executes a line of words and parses the reply, which must be exactly one.
func (r *rig) do(line string) resp.Value {
	r.t.Helper()
	return r.value(commandLine(r.t, line))
}

func (r *rig) value(args [][]byte) resp.Value {
	r.t.Helper()
	raw := r.run(args)
	v, rest, err := resp.ParseValue(raw)
	if err != nil || len(rest) > 0 {
		r.t.Fatalf("%q: reply %q: %v, %d bytes left", args, raw, err, len(rest))
	}
	return v
}

// commandLine splits at spaces; a word in double quotes is a Go string literal.
func commandLine(t testing.TB, line string) [][]byte {
	t.Helper()
	var args [][]byte
	for rest := line; rest != ""; {
		if rest[0] == ' ' {
			rest = rest[1:]
			continue
		}
		if rest[0] == '"' {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			word, _ := strconv.Unquote(quoted)
			args, rest = append(args, []byte(word)), rest[len(quoted):]
			continue
		}
		end := 0
		for end < len(rest) && rest[end] != ' ' {
			end++
		}
		args, rest = append(args, []byte(rest[:end])), rest[end:]
	}
	return args
}
