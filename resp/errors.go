package resp

// Error replies of several families.
const (
	ErrWrongType  = "WRONGTYPE Operation against a key holding the wrong kind of value"
	ErrSyntax     = "ERR syntax error"
	ErrNotInteger = "ERR value is not an integer or out of range"
	ErrNotFloat   = "ERR value is not a valid float"
	ErrNoSuchKey  = "ERR no such key"
	ErrOutOfRange = "ERR index out of range"
	ErrOverflow   = "ERR increment or decrement would overflow"
	ErrNaN        = "ERR increment would produce NaN or Infinity"
	ErrNoAuth     = "NOAUTH Authentication required."
)

// WrongArgs is the reply to a wrong number of arguments; name is lower case.
func WrongArgs(name string) string { return "ERR wrong number of arguments for '" + name + "' command" }
