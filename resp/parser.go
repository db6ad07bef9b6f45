package resp

import (
	"bytes"
	"math"
)

// Redis' limits, used where a Limits field is zero.
const (
	DefaultMaxBulk   = 512 << 20       // proto-max-bulk-len
	DefaultMaxArgs   = 1<<31 - 1       // INT_MAX, the most processMultibulkBuffer accepts
	DefaultMaxInline = 64 << 10        // PROTO_INLINE_MAX_SIZE
	unauthMaxArgs    = 10              // before AUTH, so that strangers cannot make us allocate
	unauthMaxBulk    = 16384           // likewise
	maxLineDigits    = 9               // digits the fast path reads: fits an int on every platform
	mostBulk         = math.MaxInt / 2 // whatever MaxBulk says, so that offsets cannot overflow
	keepSpans        = 1024            // a list of arguments longer than this is not kept for the next command
)

// Limits bounds what a client may announce. The zero value of a field stands
// for Redis' default. They may be changed between two calls of Next; a command
// that is pending keeps what was already accepted.
type Limits struct {
	MaxBulk         int64 // longest bulk in bytes (proto-max-bulk-len)
	MaxArgs         int   // most arguments of one command
	MaxInline       int   // longest inline command, and longest count or length line, in bytes
	Unauthenticated bool  // the client must log in first: at most 10 arguments of 16384 bytes
}

// Parser reads the commands of one client: RESP arrays and inline commands. The
// zero value is ready for use. A Parser is not for concurrent use.
//
// Next tries a short single pass over complete, well-formed arrays first (fast)
// and leaves everything else, incomplete and wrong input above all, to advance,
// which is resumable and alone decides about errors.
type Parser struct {
	Limits

	// State of a command begun but not complete. Offsets count from the first
	// byte of the command, so the caller may move or grow its buffer.
	pending bool
	inline  bool
	blind   bool // a NUL stands before the line's end: as in Redis the line never ends
	left    int  // arguments still to come; 0 before the count line was read
	bulk    int  // length of the argument being read, -1: its length line comes first
	pos     int  // start of the current line or argument
	seen    int  // bytes from pos already searched for the line's end
	spans   []span
	err     *ProtocolError

	work int // bytes examined by advance and given up by fast; tests bound it
}

// span is an argument of a pending command, as offsets from the command's start.
type span struct{ off, n int }

// Next parses one command from the start of buf. It returns dst with the
// arguments appended, and the number of bytes the command took.
//
// n == 0 and err == nil: the command is incomplete. Call again with the same
// bytes and more behind them; the buffer may have moved. Nothing is examined
// twice (but for the first, incomplete piece), so the cost is linear however
// the bytes arrive. n > 0 and no arguments: an empty line, `*0` or a negative
// count, to be skipped silently. Nothing is appended but with n > 0.
//
// err is a *ProtocolError; send its text and close. Further calls return it again.
//
// The arguments alias buf: they are valid as long as the caller leaves it alone.
// Their capacity is clipped. Next may rewrite the bytes of an inline command
// in place (quotes and escapes).
func (p *Parser) Next(dst [][]byte, buf []byte) (args [][]byte, n int, err error) {
	if !p.pending {
		if args, n = p.fast(dst, buf); n > 0 {
			return args, n, nil
		}
	}
	return p.advance(dst, buf)
}

// fast appends a complete and well-formed array to args and returns its length,
// or 0 for anything else.
func (p *Parser) fast(args [][]byte, buf []byte) ([][]byte, int) {
	if len(buf) < 4 || buf[0] != '*' || p.Unauthenticated {
		return nil, 0
	}
	maxBulk := uint64(p.MaxBulk)
	if maxBulk-1 >= DefaultMaxBulk {
		maxBulk = DefaultMaxBulk // 0, or more than the digits below can say: advance decides
	}
	count := uint(buf[1] - '0')
	if count-1 > 8 {
		return nil, 0
	}
	i := 2
	for buf[i] != '\r' {
		d := buf[i] - '0'
		if d > 9 || i > maxLineDigits {
			return nil, 0
		}
		count = count*10 + uint(d)
		if i++; i >= len(buf) {
			return nil, 0
		}
	}
	if p.MaxArgs > 0 && count > uint(p.MaxArgs) {
		return nil, 0
	}
	i += 2 // the byte after '\r' is not looked at: Redis accepts any
	for ; count > 0; count-- {
		// The shortest argument is "$0\r\n\r\n".
		if i+6 > len(buf) || buf[i] != '$' {
			return nil, 0
		}
		n := uint64(buf[i+1] - '0')
		if n > 9 {
			return nil, 0
		}
		i += 2
		if buf[i] != '\r' {
			if n == 0 {
				return nil, 0
			}
			for {
				d := buf[i] - '0'
				if d > 9 {
					return nil, 0
				}
				if n = n*10 + uint64(d); n > maxBulk {
					return nil, 0
				}
				if i++; i >= len(buf) {
					return nil, 0
				}
				if buf[i] == '\r' {
					break
				}
			}
		}
		i += 2
		end := i + int(n)
		if end+2 > len(buf) || n > maxBulk {
			return nil, 0
		}
		args = append(args, buf[i:end:end])
		i = end + 2
	}
	return args, i
}

// advance continues the pending command, or begins one, and appends its arguments
// to args once it is complete.
func (p *Parser) advance(args [][]byte, buf []byte) ([][]byte, int, error) {
	if p.err != nil {
		return args, 0, p.err
	}
	if !p.pending {
		if len(buf) == 0 {
			return args, 0, nil
		}
		p.pending = true
		p.inline = buf[0] != '*'
		p.bulk = -1
		p.work += len(buf)
	}
	if p.inline {
		return p.advanceInline(args, buf)
	}
	if p.left == 0 {
		line, err := p.line(buf, errBigCount)
		if line == nil {
			return args, 0, err
		}
		count, ok := ParseInt64(line[1:])
		switch {
		case !ok || count > int64(orElse(p.MaxArgs, DefaultMaxArgs)):
			return args, 0, p.fail(errBadCount)
		case p.Unauthenticated && count > unauthMaxArgs:
			return args, 0, p.fail(errUnauthCount)
		case count <= 0:
			return args, p.done(), nil
		}
		p.left = int(count)
	}
	for p.left > 0 {
		if p.bulk < 0 {
			line, err := p.line(buf, errBigLength)
			if line == nil {
				return args, 0, err
			}
			if len(line) == 0 || line[0] != '$' {
				return args, 0, p.fail(errNoDollar(buf[p.pos-len(line)-2]))
			}
			n, ok := ParseInt64(line[1:])
			switch {
			case !ok || n < 0 || n > min(orElse(p.MaxBulk, DefaultMaxBulk), mostBulk):
				return args, 0, p.fail(errBadLength)
			case p.Unauthenticated && n > unauthMaxBulk:
				return args, 0, p.fail(errUnauthLength)
			}
			p.bulk = int(n)
		}
		if len(buf)-p.pos < p.bulk+2 {
			return args, 0, nil
		}
		// The two bytes after the argument are not looked at: Redis accepts any.
		p.spans = append(p.spans, span{p.pos, p.bulk})
		p.pos += p.bulk + 2
		p.bulk = -1
		p.left--
		p.work++
	}
	for _, s := range p.spans {
		args = append(args, buf[s.off:s.off+s.n:s.off+s.n])
	}
	return args, p.done(), nil
}

// line returns the count or length line at p.pos without its end and steps
// behind it. nil and no error: it is incomplete. As in Redis a line ends with
// '\r' and one byte more, a NUL hides what follows it, and a line is too long
// once MaxInline bytes went by without its end. (Redis looks only when a read
// returns, so it may let a longer line pass; we do not depend on the reads.)
func (p *Parser) line(buf []byte, tooLong *ProtocolError) ([]byte, error) {
	limit := orElse(p.MaxInline, DefaultMaxInline)
	k := p.search(buf, '\r', limit)
	if k < 0 {
		if len(buf)-p.pos > limit {
			return nil, p.fail(tooLong)
		}
		return nil, nil
	}
	if p.pos+k+2 > len(buf) {
		p.seen = k
		return nil, nil
	}
	line := buf[p.pos : p.pos+k]
	p.pos += k + 2
	p.seen = 0
	return line, nil
}

// search returns the offset from p.pos of the line's end, -1 if it is not among
// the first limit+1 bytes or not there yet.
func (p *Parser) search(buf []byte, end byte, limit int) int {
	if p.blind {
		return -1
	}
	rest := buf[p.pos:]
	if len(rest) > limit+1 {
		rest = rest[:limit+1]
	}
	if len(rest) <= p.seen {
		return -1
	}
	part := rest[p.seen:]
	k := bytes.IndexByte(part, end)
	if k >= 0 {
		part = part[:k]
	}
	p.work += len(part) + 1
	if bytes.IndexByte(part, 0) >= 0 {
		p.blind = true
		return -1
	}
	if k < 0 {
		p.seen = len(rest)
		return -1
	}
	return p.seen + k
}

// fail ends the stream: every later call returns the same error.
func (p *Parser) fail(e *ProtocolError) *ProtocolError {
	p.err = e
	p.pending = true // keeps fast away
	p.spans = nil
	return e
}

// done forgets the pending command, which is complete, and returns its length.
func (p *Parser) done() int {
	n := p.pos
	p.pending, p.blind = false, false
	p.left, p.pos, p.seen, p.bulk = 0, 0, 0, -1
	if cap(p.spans) > keepSpans {
		p.spans = nil
	}
	p.spans = p.spans[:0]
	return n
}

// Pending says whether part of a command has been seen and the rest is awaited.
func (p *Parser) Pending() bool { return p.pending && p.err == nil }

// Need returns the length buf must have before the pending argument can be
// complete, so that the caller grows its buffer once; 0 if that is not known.
// It is what the client announced (within Limits), not what has arrived: a
// caller who fears announcements grows in steps up to it.
func (p *Parser) Need() int {
	if !p.pending || p.bulk < 0 || p.err != nil {
		return 0
	}
	return p.pos + p.bulk + 2
}

// Taken returns how many bytes of the pending command are behind the parser: its
// count, and the arguments that have come whole. What follows in buf belongs to the
// argument, or the line, that is under way. 0 if no command is pending.
func (p *Parser) Taken() int {
	if !p.Pending() {
		return 0
	}
	return p.pos
}

// Reset forgets a pending command and an error, and releases the reused memory.
// Call it when a connection goes idle (unless Pending) or is reused. Limits stay.
func (p *Parser) Reset() { *p = Parser{Limits: p.Limits} }

func orElse[T int | int64](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}
