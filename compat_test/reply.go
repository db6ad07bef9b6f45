package compat

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxReplyBytes bounds one bulk or one aggregate count that a server announces:
// a wrong header must fail the test, not eat the machine's memory.
const maxReplyBytes = 1 << 30

// ReadFrame reads one complete reply and returns exactly the bytes that made it
// up. An attribute (RESP3 "|") belongs to the reply that follows it.
func ReadFrame(r *bufio.Reader) ([]byte, error) {
	return readFrame(r, nil)
}

func readFrame(r *bufio.Reader, dst []byte) ([]byte, error) {
	start := len(dst)
	line, err := r.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) { // a status line longer than the buffer
		dst = append(dst, line...)
		line, err = r.ReadSlice('\n')
	}
	dst = append(dst, line...)
	if err != nil {
		if len(dst) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return dst, err
	}
	line = dst[start:]
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return dst, fmt.Errorf("reply line %q does not end in CRLF", line)
	}
	head := line[:len(line)-2]
	switch head[0] {
	case '+', '-', ':', '_', '#', ',', '(':
		return dst, nil
	}
	n, err := strconv.Atoi(string(head[1:]))
	if err != nil || n > maxReplyBytes || n < -1 {
		return dst, fmt.Errorf("bad length in reply header %q", head)
	}
	kids := 0
	switch head[0] {
	case '$', '=', '!':
		if n < 0 {
			return dst, nil
		}
		at := len(dst)
		dst = append(dst, make([]byte, n+2)...)
		if _, err := io.ReadFull(r, dst[at:]); err != nil {
			return dst, err
		}
		if !bytes.HasSuffix(dst, []byte("\r\n")) {
			return dst, fmt.Errorf("bulk of %d bytes is not followed by CRLF", n)
		}
		return dst, nil
	case '*', '~', '>':
		kids = n
	case '%':
		kids = 2 * n
	case '|':
		kids = 2*n + 1 // the attributes, then the reply they describe
	default:
		return dst, fmt.Errorf("unknown reply type in %q", head)
	}
	for range max(kids, 0) {
		if dst, err = readFrame(r, dst); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// Node is one reply as a tree. Kind is the type byte of the wire. Elems holds
// the elements of an array, set or push, and keys and values in turn of a map.
// Text is the line or bulk without framing; Null marks the nulls of both
// protocols.
type Node struct {
	Kind  byte
	Text  string
	Elems []Node
	Null  bool
}

// ParseReply turns the bytes of one reply into its tree.
func ParseReply(raw []byte) (Node, error) {
	n, rest, err := parseNode(raw)
	if err == nil && len(rest) != 0 {
		err = fmt.Errorf("%d bytes follow the reply", len(rest))
	}
	return n, err
}

func parseNode(b []byte) (Node, []byte, error) {
	end := bytes.Index(b, []byte("\r\n"))
	if end < 1 {
		return Node{}, b, fmt.Errorf("incomplete reply %.40q", b)
	}
	n := Node{Kind: b[0], Text: string(b[1:end])}
	rest := b[end+2:]
	switch n.Kind {
	case '+', '-', ':', '#', ',', '(':
		return n, rest, nil
	case '_':
		n.Null = true
		return n, rest, nil
	}
	size, err := strconv.Atoi(n.Text)
	if err != nil {
		return n, rest, err
	}
	n.Text = ""
	if size < 0 {
		n.Null = true
		return n, rest, nil
	}
	switch n.Kind {
	case '$', '=', '!':
		if len(rest) < size+2 {
			return n, rest, fmt.Errorf("incomplete bulk")
		}
		n.Text = string(rest[:size])
		return n, rest[size+2:], nil
	case '%':
		size *= 2
	case '|':
		size = 2*size + 1
	}
	for range size {
		var e Node
		if e, rest, err = parseNode(rest); err != nil {
			return n, rest, err
		}
		n.Elems = append(n.Elems, e)
	}
	return n, rest, nil
}

// Wire is the inverse of ParseReply.
func (n Node) Wire() []byte { return n.appendWire(nil) }

func (n Node) appendWire(dst []byte) []byte {
	dst = append(dst, n.Kind)
	count := len(n.Elems)
	switch n.Kind {
	case '$', '=', '!':
		if n.Null {
			return append(dst, "-1\r\n"...)
		}
		dst = strconv.AppendInt(dst, int64(len(n.Text)), 10)
		dst = append(dst, "\r\n"...)
		dst = append(dst, n.Text...)
		return append(dst, "\r\n"...)
	case '*', '~', '>':
		if n.Null {
			return append(dst, "-1\r\n"...)
		}
	case '%', '|':
		count /= 2
	default:
		dst = append(dst, n.Text...)
		return append(dst, "\r\n"...)
	}
	dst = strconv.AppendInt(dst, int64(count), 10)
	dst = append(dst, "\r\n"...)
	for _, e := range n.Elems {
		dst = e.appendWire(dst)
	}
	return dst
}

// IsError reports whether the reply is a simple or a bulk error.
func (n Node) IsError() bool { return n.Kind == '-' || n.Kind == '!' }

// Pairs returns the keys and values of a map, which in RESP2 is a flat array.
func (n Node) Pairs() map[string]Node {
	m := make(map[string]Node, len(n.Elems)/2)
	for i := 0; i+1 < len(n.Elems); i += 2 {
		m[n.Elems[i].Text] = n.Elems[i+1]
	}
	return m
}

// showLimitBytes keeps a message about a 1 MB value readable.
const showLimitBytes = 4000

// Show prints reply bytes for a failure message: escaped, one frame line per
// text line, cut at showLimitBytes.
func Show(raw []byte) string {
	cut := ""
	if len(raw) > showLimitBytes {
		cut = fmt.Sprintf("... (%d bytes in all)", len(raw))
		raw = raw[:showLimitBytes]
	}
	s := strconv.QuoteToASCII(string(raw))
	s = s[1 : len(s)-1]
	s = strings.ReplaceAll(strings.TrimSuffix(s, `\r\n`), `\r\n`, " ")
	return s + cut
}
