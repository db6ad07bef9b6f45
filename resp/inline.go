package resp

import "bytes"

// advanceInline continues an inline command: a line ended by LF or CRLF.
func (p *Parser) advanceInline(args [][]byte, buf []byte) ([][]byte, int, error) {
	limit := orElse(p.MaxInline, DefaultMaxInline)
	k := p.search(buf, '\n', limit)
	if k < 0 {
		if len(buf) > limit {
			return args, 0, p.fail(errBigInline)
		}
		return args, 0, nil
	}
	more, ok := splitLine(buf[:k], args)
	if !ok {
		return args, 0, p.fail(errUnbalanced)
	}
	p.pos = k + 1
	return more, p.done(), nil
}

// splitLine splits an inline command into its arguments as Redis' sdssplitargs
// does, appending them to args. Quotes and escapes are resolved in place: what
// they say is never longer than how it is written. false: unbalanced quotes.
//
//	"..."  escapes \n \r \t \b \a, \xHH, and \c for any other c
//	'...'  escape \' only
//
// Quotes may open within a word (a"b c" is `ab c`), but a closing quote must be
// followed by white space or the end.
func splitLine(line []byte, args [][]byte) ([][]byte, bool) {
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		start, end := i, i // the argument is line[start:end]; end <= i
	word:
		for i < len(line) {
			switch c := line[i]; c {
			case ' ', '\r', '\t': // not all of isSpace: \v and \f do not end a word
				break word
			case '"', '\'':
				out, after, ok := unquote(line, end, i)
				if !ok {
					return args, false
				}
				end, i = out, after
				break word
			default:
				line[end] = c
				end++
				i++
			}
		}
		args = append(args, line[start:end:end])
	}
}

// unquote resolves the quoted text that opens at line[i], writing it at
// line[out:]. It returns where that ends and where the line continues.
func unquote(line []byte, out, i int) (end, after int, ok bool) {
	quote := line[i]
	for i++; i < len(line); i++ {
		c := line[i]
		switch {
		case c == quote:
			i++
			return out, i, i == len(line) || isSpace(line[i])
		case c == '\\' && quote == '\'':
			if i+1 < len(line) && line[i+1] == '\'' {
				i++
				c = '\''
			}
		case c == '\\' && i+3 < len(line) && line[i+1] == 'x' && hexDigit(line[i+2]) >= 0 && hexDigit(line[i+3]) >= 0:
			c = byte(hexDigit(line[i+2])<<4 | hexDigit(line[i+3]))
			i += 3
		case c == '\\' && i+1 < len(line):
			i++
			c = line[i]
			if k := bytes.IndexByte([]byte("nrtba"), c); k >= 0 {
				c = "\n\r\t\b\a"[k]
			}
		}
		line[out] = c
		out++
	}
	return out, i, false
}

// isSpace is C's isspace in the "C" locale.
func isSpace(c byte) bool { return c == ' ' || c-'\t' < 5 }

func hexDigit(c byte) int {
	switch {
	case c-'0' < 10:
		return int(c - '0')
	case c|0x20-'a' < 6:
		return int(c|0x20-'a') + 10
	}
	return -1
}
