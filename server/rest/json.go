package rest

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"hpkv/resp"
)

// problem is what a client is told when its request fails: an HTTP status,
// which WebSocket answers carry as code, and a text.
type problem struct {
	code int
	text string
}

func bad(text string) *problem { return &problem{400, text} }

// decoders are reused; their state is as large as the deepest document.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

type decoder struct {
	buf bytes.Buffer
	jsontext.Decoder
}

// decoding is how documents are read: members may repeat, and the last one counts.
var decoding = []jsontext.Options{jsontext.AllowDuplicateNames(true)}

// decode returns a decoder of body, which it reads in place. release gives it back.
func decode(body []byte) *decoder {
	d := decoders.Get().(*decoder)
	d.buf = *bytes.NewBuffer(body)
	d.Reset(&d.buf, decoding...)
	return d
}

func (d *decoder) release() {
	d.buf = bytes.Buffer{}
	decoders.Put(d)
}

// members calls visit for each member of the JSON object that body is. The
// value is a slice of body, and so is a name that needs no unquoting.
func members(body []byte, visit func(name []byte, v jsontext.Value) *problem) *problem {
	d := decode(body)
	defer d.release()
	if d.PeekKind() != '{' {
		if _, err := d.ReadValue(); err != nil {
			return malformed(err)
		}
		return bad("the body is no JSON object")
	}
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() == '"' {
		var name, v jsontext.Value
		if name, err = d.ReadValue(); err != nil {
			break
		}
		if v, err = d.ReadValue(); err != nil {
			break
		}
		text, p := unquote(name)
		if p == nil {
			p = visit(text, v)
		}
		if p != nil {
			return p
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if err == nil {
		if _, err = d.ReadToken(); err == nil {
			return bad("malformed JSON: something follows the object")
		}
	}
	if err != io.EOF {
		return malformed(err)
	}
	return nil
}

func malformed(err error) *problem {
	if err == io.EOF {
		return bad("malformed JSON: the body is empty")
	}
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) && syntax.Err != nil {
		return bad("malformed JSON: " + syntax.Err.Error() + " after byte " + strconv.FormatInt(syntax.ByteOffset, 10))
	}
	return bad("malformed JSON: " + err.Error())
}

// unquote is what a JSON string says: a slice of it if it has no escapes.
func unquote(v jsontext.Value) ([]byte, *problem) {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1], nil
	}
	b, err := jsontext.AppendUnquote(make([]byte, 0, len(v)), v)
	if err != nil {
		return nil, malformed(err)
	}
	return b, nil
}

func bytesMember(name string, v jsontext.Value) ([]byte, *problem) {
	if v.Kind() != '"' {
		return nil, bad(name + " must be a string")
	}
	return unquote(v)
}

func stringMember(name string, v jsontext.Value) (string, *problem) {
	b, p := bytesMember(name, v)
	return string(b), p
}

func stringList(name string, v jsontext.Value) ([]string, *problem) {
	if v.Kind() == 'n' {
		return nil, nil
	}
	wrong := bad(name + " must be an array of strings")
	if v.Kind() != '[' {
		return nil, wrong
	}
	d := decode(v)
	defer d.release()
	var list []string
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() == '"' {
		var t jsontext.Token
		if t, err = d.ReadToken(); err == nil {
			list = append(list, t.String())
		}
	}
	if err != nil || d.PeekKind() != ']' {
		return nil, wrong
	}
	return list, nil
}

// valueMember is the text to store for a member "value": a string's content, or
// the JSON of what else was sent.
func valueMember(v jsontext.Value) ([]byte, *problem) {
	switch v.Kind() {
	case 'n':
		return nil, bad("value must not be null")
	case '"':
		return unquote(v)
	}
	c := v.Clone()
	if err := c.Compact(); err != nil {
		return nil, malformed(err)
	}
	return c, nil
}

// integer reads a JSON number that is a signed 64-bit integer, however written.
func integer(v jsontext.Value) (int64, bool) {
	if v.Kind() != '0' {
		return 0, false
	}
	if n, ok := resp.ParseInt64(v); ok {
		return n, true
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f != float64(int64(f)) || f >= 1<<53 || f <= -1<<53 {
		return 0, false
	}
	return int64(f), true
}

// appendString appends text as a JSON string. Bytes that are no UTF-8 become
// U+FFFD.
func appendString(dst, text []byte) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // the error is about what it has replaced
	return dst
}

func appendProblem(dst []byte, p *problem) []byte {
	dst = append(dst, `{"error":`...)
	return append(appendString(dst, []byte(p.text)), '}')
}
