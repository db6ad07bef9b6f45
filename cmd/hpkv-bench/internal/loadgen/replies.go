package loadgen

import (
	"bytes"
	"errors"
	"fmt"
)

// errNotRESP says that the server's bytes are no RESP reply.
var errNotRESP = errors.New("reply is not RESP")

// skipReply returns the length of the first reply in b, or 0 if b does not
// hold all of it. It looks only at what delimits a reply.
func skipReply(b []byte) (int, error) {
	pending := 1 // replies still to skip; an array adds its elements
	at := 0
	for pending > 0 {
		end := bytes.IndexByte(b[at:], '\n')
		if end < 0 {
			return 0, nil
		}
		line := b[at : at+end+1]
		if len(line) < 3 {
			return 0, fmt.Errorf("%w: %q", errNotRESP, line)
		}
		at += len(line)
		pending--
		switch line[0] {
		case '+', '-', ':', '_', '#', ',', '(':
		case '$', '=', '!':
			n, err := length(line)
			if err != nil {
				return 0, err
			}
			if n >= 0 {
				at += n + 2
			}
		case '*', '~', '>':
			n, err := length(line)
			if err != nil {
				return 0, err
			}
			pending += max(n, 0)
		case '%', '|':
			n, err := length(line)
			if err != nil {
				return 0, err
			}
			pending += 2 * max(n, 0)
		default:
			return 0, fmt.Errorf("%w: %q", errNotRESP, line)
		}
		if at > len(b) {
			return 0, nil
		}
	}
	return at, nil
}

// length reads the number of a header line such as "$12\r\n"; -1 is null.
func length(line []byte) (int, error) {
	digits := line[1 : len(line)-2]
	if string(digits) == "-1" {
		return -1, nil
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0, fmt.Errorf("%w: %q", errNotRESP, line)
		}
		n = n*10 + int(c-'0')
	}
	if len(digits) == 0 {
		return 0, fmt.Errorf("%w: %q", errNotRESP, line)
	}
	return n, nil
}
