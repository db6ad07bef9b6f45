package config

// splitLine cuts a line of a configuration file into words as Redis does.
// Words are separated by white space. "double quotes" know the escapes \n \r \t
// \b \a \xHH, and \ before any other character gives that character; 'single
// quotes' know only \'. A closing quote must end the word. ok is false for a
// quote that is not closed or is followed by more text.
func splitLine(line string) (list []string, ok bool) {
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return list, true
		}
		word, n, ok := nextWord(line[i:])
		if !ok {
			return nil, false
		}
		list = append(list, word)
		i += n
	}
}

// nextWord reads one word and returns how many bytes of s it took. A quote may
// open in the middle of a word.
func nextWord(s string) (word string, n int, ok bool) {
	var b []byte
	i := 0
	for i < len(s) && !isSpace(s[i]) {
		c := s[i]
		if c != '"' && c != '\'' {
			b = append(b, c)
			i++
			continue
		}
		b, n, ok = quoted(b, s[i+1:], c)
		i += 1 + n
		return string(b), i, ok && (i == len(s) || isSpace(s[i]))
	}
	return string(b), i, true
}

// quoted appends the text up to the closing quote and returns the number of
// bytes read, with the quote.
func quoted(b []byte, s string, quote byte) (text []byte, n int, ok bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote:
			return b, i + 1, true
		case c != '\\' || i+1 == len(s):
			b = append(b, c)
		case quote == '\'':
			if s[i+1] == '\'' {
				i++
			}
			b = append(b, s[i])
		case s[i+1] == 'x' && i+3 < len(s) && hex(s[i+2]) >= 0 && hex(s[i+3]) >= 0:
			b = append(b, byte(hex(s[i+2])<<4|hex(s[i+3])))
			i += 3
		default:
			i++
			b = append(b, unescape(s[i]))
		}
	}
	return b, len(s), false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
