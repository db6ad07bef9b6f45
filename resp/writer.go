package resp

import (
	"strconv"
)

// Writer builds the replies for one client, in RESP2 or RESP3, in a byte slice
// it owns. Callers say what they mean (Map, Null, Double...) and never ask for
// the protocol. The zero value writes RESP2.
//
// A Writer allocates only when its slice must grow. It copies what it is given.
// It is not for concurrent use.
type Writer struct {
	buf    []byte
	resp3  bool
	errors int

	// OnError is told the text of each error reply. It must not write to w.
	OnError func(text string)
}

// Reset makes w write to buf[:0] in the given protocol (2 or 3).
func (w *Writer) Reset(buf []byte, proto int) {
	*w = Writer{buf: buf[:0], resp3: proto >= 3, OnError: w.OnError}
}

// Bytes returns what was written. It is w's own memory: valid until the next
// call that writes.
func (w *Writer) Bytes() []byte { return w.buf }

// Len returns the number of bytes written.
func (w *Writer) Len() int { return len(w.buf) }

// Truncate drops everything after the first n bytes.
func (w *Writer) Truncate(n int) { w.buf = w.buf[:n] }

// Buffer returns the written bytes with the spare capacity behind them, for a
// caller that appends replies itself and hands the slice back by SetBuffer.
func (w *Writer) Buffer() []byte { return w.buf }

// SetBuffer takes a slice obtained from Buffer and appended to.
func (w *Writer) SetBuffer(buf []byte) { w.buf = buf }

// Proto returns the protocol version, 2 or 3.
func (w *Writer) Proto() int {
	if w.resp3 {
		return 3
	}
	return 2
}

// SetProto changes the protocol for the replies to come.
func (w *Writer) SetProto(proto int) { w.resp3 = proto >= 3 }

// Errors returns how many error replies were written since Reset.
func (w *Writer) Errors() int { return w.errors }

// Raw appends bytes that are protocol already.
func (w *Writer) Raw(b []byte) { w.buf = append(w.buf, b...) }

// OK writes the status OK.
func (w *Writer) OK() { w.buf = append(w.buf, "+OK\r\n"...) }

// Status writes a simple string. CR and LF become spaces.
func (w *Writer) Status(s string) {
	w.buf = appendLine(w.buf, '+', s)
}

// Error writes an error reply: the complete text with its prefix ("ERR ...").
// As in Redis, CR and LF at its end are dropped and others become spaces.
func (w *Writer) Error(text string) {
	w.errors++
	if w.OnError != nil {
		w.OnError(text)
	}
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	w.buf = appendLine(w.buf, '-', text)
}

// Int writes an integer.
func (w *Writer) Int(n int64) {
	w.buf = append(appendInt(append(w.buf, ':'), n), '\r', '\n')
}

// Bulk writes a binary-safe string; nil is an empty one, not a null.
func (w *Writer) Bulk(b []byte) { w.buf = appendBulk(w.buf, b) }

// BulkString is Bulk for a string.
func (w *Writer) BulkString(s string) { w.buf = appendBulk(w.buf, s) }

// BulkInt writes an integer as a bulk string.
func (w *Writer) BulkInt(n int64) {
	var room [20]byte
	w.buf = appendBulk(w.buf, appendInt(room[:0], n))
}

// Null writes the absence of a value.
func (w *Writer) Null() {
	if w.resp3 {
		w.buf = append(w.buf, "_\r\n"...)
	} else {
		w.buf = append(w.buf, "$-1\r\n"...)
	}
}

// NullArray writes the absence of an array, which RESP2 clients tell from Null.
func (w *Writer) NullArray() {
	if w.resp3 {
		w.buf = append(w.buf, "_\r\n"...)
	} else {
		w.buf = append(w.buf, "*-1\r\n"...)
	}
}

// Array opens an array of n elements, which the next n replies are.
func (w *Writer) Array(n int) { w.buf = appendHeader(w.buf, '*', n) }

// Pairs opens a list of n pairs: each is begun by Pair, and two replies follow.
// RESP2: a flat array.
func (w *Writer) Pairs(n int) {
	if !w.resp3 {
		n *= 2
	}
	w.buf = appendHeader(w.buf, '*', n)
}

// Pair begins a pair of the list that Pairs opened.
func (w *Writer) Pair() {
	if w.resp3 {
		w.buf = append(w.buf, "*2\r\n"...)
	}
}

// Map opens a map; its keys and values follow in turn. RESP2: a flat array.
func (w *Writer) Map(pairs int) {
	if w.resp3 {
		w.buf = appendHeader(w.buf, '%', pairs)
	} else {
		w.buf = appendHeader(w.buf, '*', 2*pairs)
	}
}

// Set opens an unordered collection of n elements. RESP2: an array.
func (w *Writer) Set(n int) { w.buf = appendHeader(w.buf, w.kind('~'), n) }

// Push opens an out-of-band message of n elements. RESP2: an array.
func (w *Writer) Push(n int) { w.buf = appendHeader(w.buf, w.kind('>'), n) }

// Attribute opens a map of attributes of the reply that follows it. RESP2 has
// none: it writes nothing and returns false, and the caller leaves them out.
func (w *Writer) Attribute(pairs int) bool {
	if w.resp3 {
		w.buf = appendHeader(w.buf, '|', pairs)
	}
	return w.resp3
}

// Double writes a floating point number in Redis' format. RESP2: a bulk string.
func (w *Writer) Double(f float64) {
	if w.resp3 {
		w.buf = append(AppendDouble(append(w.buf, ','), f), '\r', '\n')
		return
	}
	var text [32]byte
	w.buf = appendBulk(w.buf, AppendDouble(text[:0], f))
}

// FixedDouble writes a floating point number in full, without an exponent: up to
// 17 decimals, no zeros at the end. RESP2: a bulk string.
func (w *Writer) FixedDouble(f float64) {
	var room [64]byte
	text := strconv.AppendFloat(room[:0], f, 'f', 17, 64)
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if text[len(text)-1] == '.' {
		text = text[:len(text)-1]
	}
	if w.resp3 {
		w.buf = append(append(append(w.buf, ','), text...), '\r', '\n')
		return
	}
	w.buf = appendBulk(w.buf, text)
}

// BulkDouble writes a floating point number in Redis' format as a bulk string.
func (w *Writer) BulkDouble(f float64) {
	var text [32]byte
	w.buf = appendBulk(w.buf, AppendDouble(text[:0], f))
}

// Bool writes a truth value. RESP2: the integer 1 or 0.
func (w *Writer) Bool(b bool) {
	s := ":0\r\n"
	switch {
	case w.resp3 && b:
		s = "#t\r\n"
	case w.resp3:
		s = "#f\r\n"
	case b:
		s = ":1\r\n"
	}
	w.buf = append(w.buf, s...)
}

// BigNumber writes an integer of any size, given as decimal digits with an
// optional sign. RESP2: a bulk string.
func (w *Writer) BigNumber(digits string) {
	if w.resp3 {
		w.buf = appendLine(w.buf, '(', digits)
	} else {
		w.buf = appendBulk(w.buf, digits)
	}
}

// Verbatim writes text with the format hint of three characters ("txt", "mkd").
// RESP2: a bulk string without the hint.
func (w *Writer) Verbatim(format, text string) { verbatim(w, format, text) }

// VerbatimBytes is Verbatim for bytes, which are copied.
func (w *Writer) VerbatimBytes(format string, text []byte) { verbatim(w, format, text) }

func verbatim[T []byte | string](w *Writer, format string, text T) {
	if !w.resp3 {
		w.buf = appendBulk(w.buf, text)
		return
	}
	b := appendHeader(w.buf, '=', len(text)+4)
	b = append(b, (format + "   ")[:3]...)
	b = append(b, ':')
	b = append(b, text...)
	w.buf = append(b, '\r', '\n')
}

// kind is the type byte of an aggregate that RESP2 shows as an array.
func (w *Writer) kind(resp3 byte) byte {
	if w.resp3 {
		return resp3
	}
	return '*'
}

// headRoom is what BeginArray leaves for a header: enough for two digits, the
// usual case. A header of another length moves what follows once.
const headRoom = len("*10\r\n")

// BeginArray opens an aggregate whose length is known only after its elements
// were written. Close it by exactly one of EndArray, EndMap and EndSet; they
// nest. Truncate(mark) abandons it.
func (w *Writer) BeginArray() (mark int) {
	mark = len(w.buf)
	w.buf = append(w.buf, "*00\r\n"...)
	return mark
}

// EndArray makes what was written since mark an array of n elements.
func (w *Writer) EndArray(mark, n int) { w.end(mark, '*', n) }

// EndMap makes what was written since mark a map of keys and values in turn.
func (w *Writer) EndMap(mark, pairs int) {
	if w.resp3 {
		w.end(mark, '%', pairs)
	} else {
		w.end(mark, '*', 2*pairs)
	}
}

// EndSet makes what was written since mark a set of n elements.
func (w *Writer) EndSet(mark, n int) { w.end(mark, w.kind('~'), n) }

func (w *Writer) end(mark int, kind byte, n int) {
	var room [24]byte
	head := appendHeader(room[:0], kind, n)
	if d := len(head) - headRoom; d != 0 {
		body := len(w.buf) - mark - headRoom
		if d > 0 {
			w.buf = append(w.buf, room[:d]...)
		}
		copy(w.buf[mark+len(head):], w.buf[mark+headRoom:mark+headRoom+body])
		w.buf = w.buf[:mark+len(head)+body]
	}
	copy(w.buf[mark:], head)
}

// AppendBulkHeader appends "$n\r\n", which n bytes and a CRLF must follow.
func AppendBulkHeader(dst []byte, n int) []byte { return appendHeader(dst, '$', n) }

// appendHeader appends the type byte, n >= 0 and CRLF.
func appendHeader(dst []byte, kind byte, n int) []byte {
	switch {
	case uint(n) < 10:
		return append(dst, kind, byte('0'+n), '\r', '\n')
	case uint(n) < 100:
		return append(dst, kind, byte('0'+n/10), byte('0'+n%10), '\r', '\n')
	}
	return append(appendInt(append(dst, kind), int64(n)), '\r', '\n')
}

func appendBulk[T []byte | string](dst []byte, b T) []byte {
	n, at := len(b), len(dst)
	if n < 10 || n > 99 || cap(dst)-at < n+7 {
		dst = appendHeader(dst, '$', n)
		dst = append(dst, b...)
		return append(dst, '\r', '\n')
	}
	// The usual lengths, with room for all of it: one check instead of three.
	dst = dst[:at+n+7]
	head := dst[at : at+5]
	head[0], head[1], head[2], head[3], head[4] = '$', byte('0'+n/10), byte('0'+n%10), '\r', '\n'
	end := at + 5 + copy(dst[at+5:], b)
	tail := dst[end : end+2]
	tail[0], tail[1] = '\r', '\n'
	return dst
}

// appendLine appends the type byte, s on one line, and CRLF.
func appendLine(dst []byte, kind byte, s string) []byte {
	dst = append(append(dst, kind), s...)
	line := dst[len(dst)-len(s):]
	for i, c := range line { // a search would take longer: most lines are a word
		if c == '\r' || c == '\n' {
			line[i] = ' '
		}
	}
	return append(dst, '\r', '\n')
}
