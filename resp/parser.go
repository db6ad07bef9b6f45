package resp

// Limits bounds what a client may announce. The zero value of a field stands
// for Redis' default.
type Limits struct {
	MaxBulk         int64 // longest bulk in bytes (proto-max-bulk-len); 0: 512 MB
	MaxArgs         int   // most arguments of a command; 0: 2147483647
	MaxInline       int   // longest inline command or count line in bytes; 0: 64 KB
	Unauthenticated bool  // the client has not logged in yet: 10 arguments of 16384 bytes
}

// Parser reads the commands of one client, in RESP arrays and inline.
// A Parser is not for concurrent use.
type Parser struct {
	Limits
	args [][]byte
}

// ProtocolError is a violation after which the connection must be closed, once
// Error() has been sent: it is the exact wire text without '-' and CRLF.
type ProtocolError struct{ text string }

func (e *ProtocolError) Error() string { return e.text }

// Next parses one command from the start of buf. It returns the arguments and
// the number of bytes the command took.
//
// n == 0 and err == nil: the command is incomplete. Call again with the same
// bytes and more behind them; they may have moved. n > 0 and no arguments: an
// empty line or `*0`, to be skipped silently.
//
// The arguments alias buf and a slice the Parser reuses: they are valid until
// the next call or until buf changes. Next may rewrite the bytes of an inline
// command in place.
func (p *Parser) Next(buf []byte) (args [][]byte, n int, err error) { panic("unfinished") }

// Need returns the length buf must have before the pending command can be
// complete, 0 if not known. It is what the client announced (within Limits),
// not what has arrived.
func (p *Parser) Need() int { panic("unfinished") }

// Reset forgets a pending command and releases the reused memory.
func (p *Parser) Reset() { *p = Parser{Limits: p.Limits} }
