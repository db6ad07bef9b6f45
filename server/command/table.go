package command

// Handler runs one command: reads c.Args, calls the engine, writes one reply.
type Handler func(c *Ctx)

// Row describes one command or subcommand. Fields are written in the row
// literal and never change after NewTable.
type Row struct {
	Name  string    // lower case; of a subcommand without its parent's
	Arity int       // arguments including the name(s); negative: at least that many
	Flags Flag      //
	Keys  []KeySpec // where the keys are
	Cats  Category  // ACL categories beyond those the flags imply
	Tips  []string  // command tips, as COMMAND INFO reports them
	Run   Handler   // nil only for a container that cannot be called alone
	Sub   []Row     // subcommands of a container (CONFIG GET): looked up by the second argument

	compiled // filled by NewTable
}

// compiled is what NewTable derives from a row.
type compiled struct {
	full              string // "config|get"
	parent            *Row
	subs              *index
	first, last, step int // legacy key range, 0 when there is none
	lock              lockPlan
}

// FullName is the name as errors and COMMAND print it: "get", "config|get".
func (r *Row) FullName() string { return r.full }

// Parent is the container of a subcommand, nil otherwise.
func (r *Row) Parent() *Row { return r.parent }

// Is reports whether the row has any of the flags in f.
func (r *Row) Is(f Flag) bool { return r.Flags&f != 0 }

// ArityOK reports whether a command of n arguments (name included) fits.
func (r *Row) ArityOK(n int) bool {
	if r.Arity < 0 {
		return n >= -r.Arity
	}
	return n == r.Arity
}

// Table finds commands by name. Immutable; safe for concurrent use.
type Table struct {
	rows []*Row // top level, in the order given
	idx  *index
}

// NewTable builds a table of all rows given, or says which row is wrong:
// duplicate name, key range outside the arity, contradictory flags.
func NewTable(rows ...[]Row) (*Table, error) { panic("unfinished") }

// Lookup finds a top-level command, ignoring ASCII case; nil when there is
// none. It does not allocate.
func (t *Table) Lookup(name []byte) *Row { panic("unfinished") }

// Resolve finds the row that a command line means: the command, or the
// subcommand when args[0] is a container and args[1] is present. nil: no such
// command or subcommand, see UnknownText. args must not be empty. It does not
// allocate.
func (t *Table) Resolve(args [][]byte) *Row { panic("unfinished") }

// UnknownText is the wire error for a command line that Resolve cannot find.
func (t *Table) UnknownText(args [][]byte) string { panic("unfinished") }

// ArityText is the wire error for a wrong number of arguments.
func (r *Row) ArityText() string { panic("unfinished") }

// Rows are the top-level commands in table order. The caller must not modify
// the slice or the rows.
func (t *Table) Rows() []*Row { return t.rows }

type index struct{}

// Data lists every family of data commands.
func Data() [][]Row { return nil }
