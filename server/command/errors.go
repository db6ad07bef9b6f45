package command

import (
	"errors"

	"hpkv/engine"
	"hpkv/resp"
)

// Texts of single commands. Those of several families are in package resp.
const (
	errInt32          = "ERR value is out of range, value must between -2147483648 and 2147483647"
	errDatabase       = "ERR DB index is out of range"
	errFirstDatabase  = "ERR invalid first DB index"
	errSecondDatabase = "ERR invalid second DB index"
	errSameObject     = "ERR source and destination objects are the same"
	errCursor         = "ERR invalid cursor"
	errNoFrequency    = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."

	errExpireNX   = "ERR NX and XX, GT or LT options at the same time are not compatible"
	errExpireGTLT = "ERR GT and LT options at the same time are not compatible"

	errTooLarge  = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	errOffset    = "ERR offset is out of range"
	errDecrement = "ERR decrement would overflow"
	errNoMemory  = "OOM command not allowed when used memory > 'maxmemory'."

	errBit          = "ERR bit is not an integer or out of range"
	errBitOffset    = "ERR bit offset is not an integer or out of range"
	errBitArgument  = "ERR The bit argument must be 1 or 0."
	errBitopNot     = "ERR BITOP NOT must be called with a single source key."
	errFieldType    = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	errOverflowType = "ERR Invalid OVERFLOW type specified"
	errFieldRO      = "ERR BITFIELD_RO only supports the GET subcommand"

	errLCSType   = "ERR The specified keys must contain string values"
	errLCSBoth   = "ERR If you want both the length and indexes, please just use IDX."
	errLCSMemory = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"

	errGetKeysCommand = "ERR Invalid command specified"
	errGetKeysNone    = "ERR The command has no key arguments"
	errGetKeysArity   = "ERR Invalid number of arguments specified for command"
	errGetKeysArgs    = "ERR Invalid arguments specified for command"

	errLimit = "ERR LIMIT must be a positive integer"
)

// wireErrors maps what the engine reports to what clients read.
var wireErrors = []struct {
	err  error
	text string
}{
	{engine.ErrWrongType, resp.ErrWrongType},
	{engine.ErrNoSuchKey, resp.ErrNoSuchKey},
	{engine.ErrNotInteger, resp.ErrNotInteger},
	{engine.ErrNotFloat, resp.ErrNotFloat},
	{engine.ErrOverflow, resp.ErrOverflow},
	{engine.ErrNotFinite, resp.ErrNaN},
	{engine.ErrTooLarge, errTooLarge},
	{engine.ErrOffset, errOffset},
	{engine.ErrNoMemory, errNoMemory},
	{engine.ErrDatabase, errDatabase},
	{engine.ErrSameKey, errSameObject},
}

// wireError is the reply for an error of the engine.
func wireError(err error) string {
	for _, e := range wireErrors {
		if errors.Is(err, e.err) {
			return e.text
		}
	}
	return "ERR " + err.Error()
}
