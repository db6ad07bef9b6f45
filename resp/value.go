package resp

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// Kind is the type byte of a reply on the wire.
type Kind byte

// The kinds of replies. A bulk, an array or a null may be Nil.
const (
	KindStatus    Kind = '+'
	KindError     Kind = '-'
	KindInt       Kind = ':'
	KindBulk      Kind = '$'
	KindArray     Kind = '*'
	KindNull      Kind = '_' // RESP3, as are those below
	KindDouble    Kind = ','
	KindBool      Kind = '#'
	KindBigNumber Kind = '('
	KindBulkError Kind = '!'
	KindVerbatim  Kind = '='
	KindMap       Kind = '%'
	KindSet       Kind = '~'
	KindPush      Kind = '>'

	kindAttribute Kind = '|' // becomes Value.Attrs
)

// Value is a recorded reply. It owns its bytes.
type Value struct {
	Kind  Kind
	Nil   bool    // `$-1` (KindBulk), `*-1` (KindArray), `_` (KindNull)
	Int   int64   // KindInt; KindBool: 0 or 1
	Float float64 // KindDouble
	Str   []byte  // status, error, bulk, big number; double as sent; verbatim with its "txt:"
	Elems []Value // array, set, push; map: key, value, key, value...
	Attrs []Value // RESP3 attributes sent with the value: key, value...
}

// IsError says whether the reply is an error of either kind.
func (v Value) IsError() bool { return v.Kind == KindError || v.Kind == KindBulkError }

// IsNull says whether the reply is a null of any kind.
func (v Value) IsNull() bool { return v.Nil }

// Text returns what a user would take for the content of a scalar reply, ""
// for nulls and aggregates; of verbatim text what follows the format hint.
func (v Value) Text() string {
	switch v.Kind {
	case KindInt:
		return strconv.FormatInt(v.Int, 10)
	case KindBool:
		return strconv.FormatBool(v.Int != 0)
	case KindVerbatim:
		return string(v.Str[4:])
	}
	return string(v.Str)
}

// Equal says whether both replies are the same on the wire.
func (v Value) Equal(o Value) bool { return bytes.Equal(v.Append(nil), o.Append(nil)) }

// Append appends the reply as it is on the wire.
func (v Value) Append(dst []byte) []byte {
	if len(v.Attrs) > 0 {
		dst = appendHeader(dst, byte(kindAttribute), len(v.Attrs)/2)
		for _, e := range v.Attrs {
			dst = e.Append(dst)
		}
	}
	switch v.Kind {
	case KindStatus, KindError, KindBigNumber:
		return appendLine(dst, byte(v.Kind), string(v.Str))
	case KindInt:
		dst = strconv.AppendInt(append(dst, ':'), v.Int, 10)
		return append(dst, '\r', '\n')
	case KindDouble:
		if v.Str != nil {
			return appendLine(dst, ',', string(v.Str))
		}
		return append(AppendDouble(append(dst, ','), v.Float), '\r', '\n')
	case KindBool:
		c := byte('f')
		if v.Int != 0 {
			c = 't'
		}
		return append(dst, '#', c, '\r', '\n')
	case KindNull:
		return append(dst, "_\r\n"...)
	}
	if v.Nil {
		return append(dst, byte(v.Kind), '-', '1', '\r', '\n')
	}
	switch v.Kind {
	case KindArray, KindSet, KindPush, KindMap:
		n := len(v.Elems)
		if v.Kind == KindMap {
			n /= 2
		}
		dst = appendHeader(dst, byte(v.Kind), n)
		for _, e := range v.Elems {
			dst = e.Append(dst)
		}
		return dst
	}
	dst = appendHeader(dst, byte(v.Kind), len(v.Str))
	return append(append(dst, v.Str...), '\r', '\n')
}

// String shows the reply on one line for people and test messages: strings
// quoted, statuses bare, errors in parentheses, aggregates in brackets.
func (v Value) String() string {
	var b strings.Builder
	v.show(&b)
	return b.String()
}

func (v Value) show(b *strings.Builder) {
	if len(v.Attrs) > 0 {
		showAll(b, "|", v.Attrs, true, "| ")
	}
	switch v.Kind {
	case KindStatus:
		b.Write(v.Str)
	case KindError, KindBulkError:
		b.WriteString("(error) " + string(v.Str))
	case KindInt:
		b.WriteString("(integer) " + v.Text())
	case KindBool:
		b.WriteString("(" + v.Text() + ")")
	case KindDouble:
		text := v.Str
		if text == nil {
			text = AppendDouble(nil, v.Float)
		}
		b.WriteString("(double) " + string(text))
	case KindBigNumber:
		b.WriteString("(big number) " + string(v.Str))
	case KindVerbatim:
		b.WriteString("(verbatim) " + strconv.Quote(string(v.Str)))
	case KindNull:
		b.WriteString("(null)")
	case KindBulk:
		if v.Nil {
			b.WriteString("(nil)")
			return
		}
		b.WriteString(strconv.Quote(string(v.Str)))
	case KindArray:
		if v.Nil {
			b.WriteString("(nil array)")
			return
		}
		showAll(b, "[", v.Elems, false, "]")
	case KindSet:
		showAll(b, "set[", v.Elems, false, "]")
	case KindPush:
		showAll(b, "push[", v.Elems, false, "]")
	case KindMap:
		showAll(b, "{", v.Elems, true, "}")
	default:
		b.WriteString("(no value)")
	}
}

func showAll(b *strings.Builder, open string, elems []Value, pairs bool, end string) {
	b.WriteString(open)
	for i, e := range elems {
		switch {
		case i == 0:
		case pairs && i%2 == 1:
			b.WriteString(": ")
		default:
			b.WriteString(", ")
		}
		e.show(b)
	}
	b.WriteString(end)
}

// parseDouble reads the text of a double reply: inf, -inf, nan or a decimal number.
func parseDouble(s []byte) (float64, bool) {
	if EqualFold(s, "NAN") || EqualFold(s, "-NAN") {
		return math.NaN(), true
	}
	if form := scanFloat(s); form != formDec && form != formInf {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(s), 64)
	return f, err == nil
}
