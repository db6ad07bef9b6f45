package resp

import "bufio"

// Kind is the type byte of a reply on the wire.
type Kind byte

const (
	KindStatus    Kind = '+'
	KindError     Kind = '-'
	KindInt       Kind = ':'
	KindBulk      Kind = '$'
	KindArray     Kind = '*'
	KindNull      Kind = '_'
	KindDouble    Kind = ','
	KindBool      Kind = '#'
	KindBigNumber Kind = '('
	KindBlobError Kind = '!'
	KindVerbatim  Kind = '='
	KindMap       Kind = '%'
	KindSet       Kind = '~'
	KindPush      Kind = '>'
)

// Value is a recorded reply.
type Value struct {
	Kind  Kind
	Nil   bool    // `$-1` (KindBulk), `*-1` (KindArray) and `_` (KindNull)
	Int   int64   // KindInt; KindBool: 0 or 1
	Float float64 // KindDouble
	Str   []byte  // text of status, error, bulk, big number, verbatim ("txt:..."), and the double as sent
	Elems []Value // array, set, push; map: key, value, key, value...
	Attrs []Value // RESP3 attributes sent before the value: key, value...
}

func (v Value) IsError() bool            { return v.Kind == KindError || v.Kind == KindBlobError }
func (v Value) IsNull() bool             { return v.Nil }
func (v Value) String() string           { panic("unfinished") }
func (v Value) Append(dst []byte) []byte { panic("unfinished") }
func (v Value) Equal(o Value) bool       { panic("unfinished") }

// ReadValue reads one reply.
func ReadValue(r *bufio.Reader) (Value, error) { panic("unfinished") }

// ParseValue reads one reply from b and returns what follows it. The value owns its bytes.
func ParseValue(b []byte) (v Value, rest []byte, err error) { panic("unfinished") }
