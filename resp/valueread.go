package resp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrIncomplete is returned by ParseValue when the reply continues behind the
// bytes given. ReadValue returns io.ErrUnexpectedEOF instead.
var ErrIncomplete = errors.New("resp: incomplete reply")

const (
	maxReplyLine  = 1 << 20 // bytes of a status, error or number
	maxReplyDepth = 128     // aggregates within aggregates; Redis nests fewer than ten
	replyChunk    = 64 << 10
)

// source is where replies are read from. The slices it returns are valid until
// its next call.
type source interface {
	line() ([]byte, error)       // up to the next CRLF, without it
	bytes(n int) ([]byte, error) // n bytes the caller keeps; a CRLF follows and is dropped
}

// ReadValue reads one reply. It trusts no announced length: memory grows with
// what arrives. At the end of the input before the reply it returns io.EOF.
// Any other error than one of r leaves the stream in an undefined place.
func ReadValue(r *bufio.Reader) (Value, error) {
	if _, err := r.Peek(1); err != nil {
		return Value{}, err
	}
	v, err := readValue(&stream{r: r}, 0)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return v, err
}

// ParseValue reads one reply from b and returns what follows it. The value owns
// its bytes. ErrIncomplete: b is the beginning of a reply.
func ParseValue(b []byte) (v Value, rest []byte, err error) {
	m := memory{b}
	if v, err = readValue(&m, 0); err != nil {
		return Value{}, b, err
	}
	return v, m.b, nil
}

func readValue(s source, depth int) (Value, error) {
	line, err := s.line()
	if err != nil {
		return Value{}, err
	}
	if len(line) == 0 {
		return Value{}, errors.New("resp: empty line where a reply begins")
	}
	switch kind, text := Kind(line[0]), line[1:]; kind {
	case KindBulk, KindBulkError, KindVerbatim:
		return readBulk(s, kind, text)
	case KindArray, KindMap, KindSet, KindPush, kindAttribute:
		return readAggregate(s, kind, text, depth)
	default:
		return parseScalar(kind, text)
	}
}

// badReply is the error of a reply whose first line makes no sense.
func badReply(kind Kind, text []byte) (Value, error) {
	return Value{}, fmt.Errorf("resp: bad reply %q", string(kind)+string(text[:min(len(text), 64)]))
}

// parseScalar reads a reply of one line; text follows its kind.
func parseScalar(kind Kind, text []byte) (Value, error) {
	v := Value{Kind: kind}
	ok := true
	switch kind {
	case KindStatus, KindError:
		v.Str = bytes.Clone(text)
	case KindInt:
		v.Int, ok = ParseInt64(text)
	case KindBigNumber:
		digits := bytes.TrimPrefix(text, []byte("-"))
		ok = len(digits) > 0 && len(bytes.Trim(digits, "0123456789")) == 0
		v.Str = bytes.Clone(text)
	case KindDouble:
		v.Float, ok = parseDouble(text)
		v.Str = bytes.Clone(text)
	case KindBool:
		if ok = string(text) == "t" || string(text) == "f"; ok && text[0] == 't' {
			v.Int = 1
		}
	case KindNull:
		ok, v.Nil = len(text) == 0, true
	default:
		ok = false
	}
	if !ok {
		return badReply(kind, text)
	}
	return v, nil
}

// announced is the length that the first line of a reply tells, -1 for a null.
func announced(kind Kind, text []byte) (n int, ok bool) {
	long, ok := ParseInt64(text)
	if ok && long == -1 {
		return -1, kind == KindBulk || kind == KindArray
	}
	return int(long), ok && long >= 0 && long <= math.MaxInt32
}

func readBulk(s source, kind Kind, text []byte) (v Value, err error) {
	n, ok := announced(kind, text)
	switch {
	case !ok:
		return badReply(kind, text)
	case n < 0:
		return Value{Kind: kind, Nil: true}, nil
	}
	v.Kind = kind
	v.Str, err = s.bytes(n)
	if err == nil && kind == KindVerbatim && (n < 4 || v.Str[3] != ':') {
		return Value{}, errors.New("resp: verbatim reply without a format")
	}
	return v, err
}

func readAggregate(s source, kind Kind, text []byte, depth int) (v Value, err error) {
	n, ok := announced(kind, text)
	switch {
	case !ok || depth == maxReplyDepth && n >= 0:
		return badReply(kind, text)
	case n < 0:
		return Value{Kind: kind, Nil: true}, nil
	case kind == KindMap || kind == kindAttribute:
		n *= 2
	}
	elems := make([]Value, 0, min(n, 64))
	for range n {
		e, err := readValue(s, depth+1)
		if err != nil {
			return Value{}, err
		}
		elems = append(elems, e)
	}
	if kind != kindAttribute {
		return Value{Kind: kind, Elems: elems}, nil
	}
	// An attribute is no reply of its own: it belongs to the one that follows.
	if v, err = readValue(s, depth+1); err == nil {
		v.Attrs = append(elems, v.Attrs...)
	}
	return v, err
}

// memory is a source over bytes in memory.
type memory struct{ b []byte }

func (m *memory) line() ([]byte, error) {
	k := bytes.Index(m.b, []byte("\r\n"))
	if k < 0 {
		if len(m.b) > maxReplyLine {
			return nil, errors.New("resp: line of a reply too long")
		}
		return nil, ErrIncomplete
	}
	line := m.b[:k]
	m.b = m.b[k+2:]
	return line, nil
}

func (m *memory) bytes(n int) ([]byte, error) {
	if len(m.b) < n+2 {
		return nil, ErrIncomplete
	}
	b, end := m.b[:n], m.b[n:n+2]
	if string(end) != "\r\n" {
		return nil, errors.New("resp: bulk reply without its CRLF")
	}
	m.b = m.b[n+2:]
	return append(make([]byte, 0, n), b...), nil
}

// stream is a source over a buffered reader.
type stream struct {
	r    *bufio.Reader
	long []byte // a line longer than the reader's buffer
}

func (s *stream) line() ([]byte, error) {
	line, err := s.r.ReadSlice('\n')
	s.long = s.long[:0]
	for err == bufio.ErrBufferFull || err == nil && !bytes.HasSuffix(line, []byte("\r\n")) {
		s.long = append(s.long, line...)
		if len(s.long) > maxReplyLine {
			return nil, errors.New("resp: line of a reply too long")
		}
		if line, err = s.r.ReadSlice('\n'); err == nil && len(line) == 1 && bytes.HasSuffix(s.long, []byte("\r")) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if len(s.long) > 0 {
		s.long = append(s.long, line...)
		line = s.long
	}
	return line[:len(line)-2], nil
}

func (s *stream) bytes(n int) ([]byte, error) {
	b := make([]byte, 0, min(n, replyChunk))
	for len(b) < n {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		part := b[len(b):min(cap(b), n)]
		if _, err := io.ReadFull(s.r, part); err != nil {
			return nil, err
		}
		b = b[:len(b)+len(part)]
	}
	var end [2]byte
	if _, err := io.ReadFull(s.r, end[:]); err != nil {
		return nil, err
	}
	if string(end[:]) != "\r\n" {
		return nil, errors.New("resp: bulk reply without its CRLF")
	}
	return b, nil
}
