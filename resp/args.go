package resp

// Args reads the arguments of a command from left to right. The first error
// latches: later reads return zero values and consume nothing, and the handler
// asks Err once.
//
//	a := resp.NewArgs(c.Args[1:])
//	key, n := a.Bytes(), a.Int64()
//	for a.More() {
//		switch {
//		case a.Tag("NX"):
//			...
//		default:
//			a.Fail(resp.ErrSyntax)
//		}
//	}
//	if e := a.Err(); e != "" {
//		c.W.Error(e)
//		return
//	}
//
// It is a small value and allocates nothing. The byte slices it returns are the
// command's own and live as long as that.
type Args struct {
	rest [][]byte
	err  string
}

// NewArgs returns a reader of argv; the command's name is not part of it.
func NewArgs(argv [][]byte) Args { return Args{rest: argv} }

// Len returns the number of arguments not read yet.
func (a *Args) Len() int { return len(a.rest) }

// More says whether there is an argument to read and no error yet.
func (a *Args) More() bool { return len(a.rest) > 0 && a.err == "" }

// Rest returns the unread arguments without reading them.
func (a *Args) Rest() [][]byte { return a.rest }

// Err returns the wire text of the first error, "" if there was none.
func (a *Args) Err() string { return a.err }

// Fail latches text as the error, unless one is latched already.
func (a *Args) Fail(text string) {
	if a.err == "" {
		a.err = text
	}
}

// Bytes reads the next argument; none left is a syntax error.
func (a *Args) Bytes() []byte {
	if a.err != "" {
		return nil
	}
	if len(a.rest) == 0 {
		a.err = ErrSyntax
		return nil
	}
	b := a.rest[0]
	a.rest = a.rest[1:]
	return b
}

// Int64 reads an integer: ErrNotInteger if it is none.
func (a *Args) Int64() int64 { return a.Int64Else(ErrNotInteger) }

// Int64Else reads an integer, failing with text if it is none.
func (a *Args) Int64Else(text string) int64 {
	b := a.Bytes()
	if a.err != "" {
		return 0
	}
	n, ok := ParseInt64(b)
	if !ok {
		a.err = text
		return 0
	}
	return n
}

// IntRange reads an integer within [lo, hi], failing with text if it is none.
func (a *Args) IntRange(lo, hi int64, text string) int64 {
	n := a.Int64Else(text)
	if a.err == "" && (n < lo || n > hi) {
		a.err = text
		return 0
	}
	return n
}

// Cursor reads a cursor of SCAN: ErrCursor if it is none.
func (a *Args) Cursor() uint64 {
	b := a.Bytes()
	if a.err != "" {
		return 0
	}
	n, ok := ParseCursor(b)
	if !ok {
		a.err = ErrCursor
		return 0
	}
	return n
}

// Float reads a double: ErrNotFloat if it is none. It may be infinite.
func (a *Args) Float() float64 { return a.FloatElse(ErrNotFloat) }

// FloatElse reads a double, failing with text if it is none.
func (a *Args) FloatElse(text string) float64 {
	b := a.Bytes()
	if a.err != "" {
		return 0
	}
	f, ok := ParseFloat(b)
	if !ok {
		a.err = text
		return 0
	}
	return f
}

// Tag reads the next argument if it equals the upper-case word, ignoring case.
func (a *Args) Tag(word string) bool { return a.TagWith(word, 0) }

// TagWith is Tag for an option that takes n arguments: it matches only when at
// least as many follow. Redis treats an option cut short like an unknown one.
func (a *Args) TagWith(word string, n int) bool {
	if a.err != "" || len(a.rest) <= n || !EqualFold(a.rest[0], word) {
		return false
	}
	a.rest = a.rest[1:]
	return true
}

// Expect reads the next argument, which must equal the upper-case word,
// ignoring case; anything else is a syntax error.
func (a *Args) Expect(word string) {
	if !a.Tag(word) {
		a.Fail(ErrSyntax)
	}
}

// End fails with a syntax error if an argument is left.
func (a *Args) End() {
	if len(a.rest) > 0 {
		a.Fail(ErrSyntax)
	}
}

// EqualFold says whether arg equals the upper-case ASCII word, ignoring case.
func EqualFold(arg []byte, upper string) bool {
	if len(arg) != len(upper) {
		return false
	}
	for i := 0; i < len(arg); i++ {
		c := arg[i]
		if c-'a' < 26 {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}
