package command

import (
	"strings"

	"hpkv/resp"
)

// Handler runs one command: reads c.Args, calls the engine, writes one reply.
type Handler func(c *Ctx)

// Row describes one command or subcommand. Fields are written in the row
// literal and never change after NewTable.
type Row struct {
	Name  string    // lower case; of a subcommand without its parent's
	Arity int       // number of arguments, all names included; negative: at least that many
	Flags Flag      // see Flag; every one has a reader
	Keys  []KeySpec // where the keys are

	// FindKeys finds the keys where Keys does not tell everything: unknown or
	// incomplete specs, flags that depend on the arguments, or options that may
	// be given again. nil otherwise.
	FindKeys func(dst []KeyPos, args [][]byte) ([]KeyPos, bool)

	// Elem is where the first member or field is that the command looks up in the
	// first key's collection, or ElemFirst or ElemLast for the member at an end of it; 0:
	// nowhere, or it varies. The dispatcher prefetches by it.
	Elem int

	// Together runs several calls, of the same key, as one step: it does what Run would
	// do for each in turn and writes a reply for each. It reports false, having done
	// and written nothing, where that cannot be; then Run is called for each. The
	// dispatcher calls it for commands that follow each other in a pipeline, Args
	// being those of the first. nil: one by one is as good.
	Together func(c *Ctx, calls [][][]byte) bool

	// Secret reports whether args[i] is a password, or may be: it is then not shown by
	// MONITOR and SLOWLOG. nil: no argument is.
	Secret func(args [][]byte, i int) bool

	Cats Category // ACL categories beyond those the flags imply
	Tips []string // command tips, as COMMAND INFO reports them
	Run  Handler  // nil only for a container that cannot be called alone
	Sub  []Row    // subcommands of a container (CONFIG GET): looked up by the second argument

	compiled // filled by NewTable
}

const (
	ElemFirst = -1
	ElemLast  = -2
)

// compiled is what NewTable derives from a row.
type compiled struct {
	id                int
	full              string // "config|get"
	parent            *Row
	subRows           []*Row
	subs              *index
	first, last, step int // legacy key range, all 0 when there is none
	lock              lockPlan
}

// FullName is the name as errors and COMMAND print it: "get", "config|get".
func (r *Row) FullName() string { return r.full }

// ID numbers the rows of a table, subcommands included, from 0 to RowCount-1.
func (r *Row) ID() int { return r.id }

// Parent is the container of a subcommand, nil otherwise.
func (r *Row) Parent() *Row { return r.parent }

// Subs are the subcommands of a container. The caller must not modify them.
func (r *Row) Subs() []*Row { return r.subRows }

// Is reports whether the row has any of the flags in f.
func (r *Row) Is(f Flag) bool { return r.Flags&f != 0 }

// Hides reports whether nobody may read args[i] of a call: see Secret.
func (r *Row) Hides(args [][]byte, i int) bool { return r.Secret != nil && r.Secret(args, i) }

// ArityOK reports whether a command line of n arguments, names included, fits.
func (r *Row) ArityOK(n int) bool {
	if r.Arity < 0 {
		return n >= -r.Arity
	}
	return n == r.Arity
}

// ArityText is the wire error for a wrong number of arguments.
func (r *Row) ArityText() string { return resp.WrongArgs(r.full) }

// Table finds commands by name. Immutable; safe for concurrent use.
type Table struct {
	rows  []*Row // top level, in the order given
	count int    // of rows, subcommands included
	idx   *index
}

// NewTable builds a table of all rows given, or says which row is wrong:
// duplicate name, key range outside the arity, contradictory flags. The rows
// are copied, so that one family may go into several tables.
func NewTable(families ...[]Row) (*Table, error) {
	t := &Table{}
	seen := map[string]bool{}
	for _, family := range families {
		for i := range family {
			r, err := compile(&family[i], nil)
			if err != nil {
				return nil, err
			}
			if seen[r.Name] {
				return nil, rowError(r.full, "is defined twice")
			}
			seen[r.Name] = true
			t.rows = append(t.rows, r)
		}
	}
	t.Each(func(r *Row) {
		r.id = t.count
		t.count++
	})
	t.idx = newIndex(t.rows)
	return t, nil
}

// Lookup finds a top-level command, ignoring ASCII case; nil when there is
// none. It does not allocate.
func (t *Table) Lookup(name []byte) *Row { return t.idx.find(name) }

// Resolve finds the row that a command line means: the command, or the
// subcommand when args[0] is a container and args[1] is present. nil: no such
// command or subcommand, see UnknownText. args must not be empty. It does not
// allocate.
func (t *Table) Resolve(args [][]byte) *Row {
	r := t.idx.find(args[0])
	if r == nil || r.subs == nil || len(args) == 1 {
		return r
	}
	return r.subs.find(args[1])
}

// Alone reports whether the command's name is enough to find the row: that of a
// container or of a subcommand is not.
func (r *Row) Alone() bool { return r.subs == nil && r.parent == nil }

// Find looks a full name up, "config|get" as well as "config".
func (t *Table) Find(name []byte) *Row {
	container, sub, isSub := strings.Cut(string(name), "|")
	r := t.idx.find([]byte(container))
	if r == nil || !isSub {
		return r
	}
	if r.subs == nil {
		return nil
	}
	return r.subs.find([]byte(sub))
}

// Rows are the top-level commands in table order. The caller must not modify
// the slice or the rows.
func (t *Table) Rows() []*Row { return t.rows }

// RowCount is the number of rows, subcommands included.
func (t *Table) RowCount() int { return t.count }

// Each calls visit for every command and subcommand, in the order of their IDs.
func (t *Table) Each(visit func(*Row)) {
	for _, r := range t.rows {
		visit(r)
		for _, s := range r.subRows {
			visit(s)
		}
	}
}

// UnknownText is the wire error for a command line that Resolve cannot find.
// It repeats the client's bytes; the Writer makes line ends harmless.
func (t *Table) UnknownText(args [][]byte) string {
	if r := t.idx.find(args[0]); r != nil && len(args) > 1 {
		return resp.UnknownSubcommand(r.Name, args[1])
	}
	return resp.UnknownCommand(args[0], args[1:])
}
