package resp

// Args reads the arguments of a command from left to right. The first error
// latches: later reads return zero values, and the handler asks Err once.
//
//	a := resp.NewArgs(c.Args[1:])
//	key, n := a.Bytes(), a.Int64()
//	if e := a.Err(); e != "" {
//		c.W.Error(e)
//		return
//	}
//
// It is a value type and allocates nothing. The byte slices it returns are the
// command's own.
type Args struct {
	rest [][]byte
	err  string
}

func NewArgs(argv [][]byte) Args { return Args{rest: argv} }

// Len returns the number of arguments not read yet.
func (a *Args) Len() int { return len(a.rest) }

// More says whether there is an argument to read and no error yet.
func (a *Args) More() bool { return len(a.rest) > 0 && a.err == "" }

// Rest returns the unread arguments without reading them.
func (a *Args) Rest() [][]byte { return a.rest }

// Peek returns the next argument without reading it, nil if there is none.
func (a *Args) Peek() []byte { panic("unfinished") }

// Err returns the wire text of the first error, "" if there was none.
func (a *Args) Err() string { return a.err }

// Fail latches text as the error, unless one is latched already.
func (a *Args) Fail(text string) { panic("unfinished") }

// Bytes reads the next argument; none left is a syntax error.
func (a *Args) Bytes() []byte { panic("unfinished") }

// Int64 reads an integer: ErrNotInteger if it is none.
func (a *Args) Int64() int64 { panic("unfinished") }

// Int64Else reads an integer, failing with text if it is none.
func (a *Args) Int64Else(text string) int64 { panic("unfinished") }

// IntRange reads an integer within [lo, hi], failing with text if it is not.
func (a *Args) IntRange(lo, hi int64, text string) int64 { panic("unfinished") }

// Uint64 reads an unsigned integer as Redis reads cursors, failing with text.
func (a *Args) Uint64(text string) uint64 { panic("unfinished") }

// Float reads a double: ErrNotFloat if it is none.
func (a *Args) Float() float64 { panic("unfinished") }

// FloatElse reads a double, failing with text if it is none.
func (a *Args) FloatElse(text string) float64 { panic("unfinished") }

// Tag reads the next argument if it equals the upper-case word, ignoring case.
func (a *Args) Tag(word string) bool { panic("unfinished") }

// TagWith is Tag for an option that takes n arguments: it matches only when
// they follow, as Redis does for most of its options.
func (a *Args) TagWith(word string, n int) bool { panic("unfinished") }

// Expect reads the next argument, which must equal word ignoring case; else a syntax error.
func (a *Args) Expect(word string) { panic("unfinished") }

// End fails with a syntax error if an argument is left.
func (a *Args) End() { panic("unfinished") }

// EqualFold says whether arg equals the upper-case ASCII word, ignoring case.
func EqualFold(arg []byte, upper string) bool { panic("unfinished") }
