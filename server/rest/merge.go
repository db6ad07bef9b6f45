package rest

import (
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// merge applies a partial update to a stored text. Two JSON objects are merged
// as RFC 7396 says: members of the patch replace those of the same name, objects
// are merged member by member, and null removes. Members keep their order, new
// ones follow, and values keep the text they were written with. Anything else
// is concatenated. emptyRemoves makes "", {} and [] in a patch remove as well,
// and lets an object that meets no object be stored as it is.
func merge(stored, patch []byte, emptyRemoves bool) []byte {
	doc, ok := parseDocument(stored)
	if !ok {
		return concat(stored, patch)
	}
	change, ok := parseDocument(patch)
	if !ok {
		return concat(stored, patch)
	}
	m := merger{emptyRemoves}
	m.into(doc, change)
	return doc.appendTo(make([]byte, 0, len(stored)+len(patch)))
}

func concat(a, b []byte) []byte {
	return append(append(make([]byte, 0, len(a)+len(b)), a...), b...)
}

// node is a JSON value: an object, or the text of anything else.
type node struct {
	raw    jsontext.Value // nil: an object
	names  []jsontext.Value
	values []*node
	index  map[string]int // by unquoted name, into names; made when there are many
}

// parseDocument reads a text that is one JSON object.
func parseDocument(text []byte) (*node, bool) {
	if !looksLikeObject(text) {
		return nil, false
	}
	d := decode(text)
	defer d.release()
	n, err := parseNode(d)
	if err != nil || n.raw != nil {
		return nil, false
	}
	_, err = d.ReadToken()
	return n, err == io.EOF
}

// looksLikeObject spares plain text the parser.
func looksLikeObject(text []byte) bool {
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == '{'
		}
	}
	return false
}

func parseNode(d *decoder) (*node, error) {
	if d.PeekKind() != '{' {
		v, err := d.ReadValue()
		return &node{raw: v}, err
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	n := new(node)
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		v, err := parseNode(d)
		if err != nil {
			return nil, err
		}
		n.set(name, v) // of equal names the last counts, as in browsers
	}
	_, err := d.ReadToken()
	return n, err
}

// indexFrom is the number of members from which an object gets an index.
const indexFrom = 16

// find returns the place of a member, -1 if there is none.
func (n *node) find(name jsontext.Value) int {
	key := unquoted(name)
	if n.index == nil && len(n.names) >= indexFrom {
		n.index = make(map[string]int, len(n.names))
		for i, other := range n.names {
			n.index[unquoted(other)] = i
		}
	}
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return i
		}
		return -1
	}
	for i, other := range n.names {
		if unquoted(other) == key {
			return i
		}
	}
	return -1
}

// unquoted is a name without its quotes and escapes, which two spellings of the
// same name may differ in.
func unquoted(name jsontext.Value) string {
	b, _ := jsontext.AppendUnquote(nil, name) // it was read as a valid string
	return string(b)
}

func (n *node) set(name jsontext.Value, v *node) {
	if i := n.find(name); i >= 0 {
		n.values[i] = v
		return
	}
	if n.index != nil {
		n.index[unquoted(name)] = len(n.names)
	}
	n.names = append(n.names, name)
	n.values = append(n.values, v)
}

// remove leaves a gap, so that the places of the others stay.
func (n *node) remove(name jsontext.Value) {
	if i := n.find(name); i >= 0 {
		n.values[i] = nil
	}
}

type merger struct{ emptyRemoves bool }

// into merges the object patch into the object doc.
func (m merger) into(doc, patch *node) {
	for i, name := range patch.names {
		v := patch.values[i]
		if m.removes(v) {
			doc.remove(name)
			continue
		}
		if at := doc.find(name); v.raw == nil && at >= 0 && doc.values[at] != nil && doc.values[at].raw == nil {
			m.into(doc.values[at], v)
			continue
		}
		doc.set(name, m.fresh(v))
	}
}

func (m merger) removes(v *node) bool {
	if v.raw == nil {
		return m.emptyRemoves && len(v.names) == 0
	}
	if m.emptyRemoves && (string(v.raw) == `""` || v.raw.Kind() == '[' && emptyArray(v.raw)) {
		return true
	}
	return v.raw.Kind() == 'n'
}

func emptyArray(v jsontext.Value) bool {
	for _, c := range v[1 : len(v)-1] {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// fresh is what a member of a patch becomes where there was no object: without
// the members that remove something.
func (m merger) fresh(v *node) *node {
	if v.raw != nil || m.emptyRemoves {
		return v
	}
	for i := range v.values {
		if m.removes(v.values[i]) {
			v.values[i] = nil
		} else {
			v.values[i] = m.fresh(v.values[i])
		}
	}
	return v
}

func (n *node) appendTo(dst []byte) []byte {
	if n.raw != nil {
		return append(dst, n.raw...)
	}
	dst = append(dst, '{')
	first := true
	for i, v := range n.values {
		if v == nil {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, n.names[i]...), ':')
		dst = v.appendTo(dst)
	}
	return append(dst, '}')
}
