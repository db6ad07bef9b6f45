package resp

// ProtocolError is a violation of the protocol after which the stream cannot be
// understood any more: send Error() as an error reply, then close.
type ProtocolError struct{ text string }

// Error returns the exact wire text, without the leading '-' and the CRLF.
func (e *ProtocolError) Error() string { return e.text }

var (
	errBadCount     = &ProtocolError{"ERR Protocol error: invalid multibulk length"}
	errBigCount     = &ProtocolError{"ERR Protocol error: too big mbulk count string"}
	errUnauthCount  = &ProtocolError{"ERR Protocol error: unauthenticated multibulk length"}
	errBadLength    = &ProtocolError{"ERR Protocol error: invalid bulk length"}
	errBigLength    = &ProtocolError{"ERR Protocol error: too big bulk count string"}
	errUnauthLength = &ProtocolError{"ERR Protocol error: unauthenticated bulk length"}
	errBigInline    = &ProtocolError{"ERR Protocol error: too big inline request"}
	errUnbalanced   = &ProtocolError{"ERR Protocol error: unbalanced quotes in request"}
)

func errNoDollar(got byte) *ProtocolError {
	if got == '\r' || got == '\n' {
		got = ' ' // an error reply is one line
	}
	return &ProtocolError{string(append([]byte("ERR Protocol error: expected '$', got '"), got, '\''))}
}
