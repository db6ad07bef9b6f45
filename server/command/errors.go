package command

import (
	"errors"

	"hpkv/engine"
	"hpkv/resp"
)

// wireErrors maps what the engine reports to what clients read.
var wireErrors = []struct {
	err  error
	text string
}{
	{engine.ErrWrongType, resp.ErrWrongType},
	{engine.ErrNoSuchKey, resp.ErrNoSuchKey},
	{engine.ErrNotInteger, resp.ErrNotInteger},
	{engine.ErrHashNotInteger, resp.ErrHashNotInt},
	{engine.ErrHashNotFloat, resp.ErrHashNotFloat},
	{engine.ErrNotFloat, resp.ErrNotFloat},
	{engine.ErrOverflow, resp.ErrOverflow},
	{engine.ErrNotFinite, resp.ErrNaN},
	{engine.ErrNaN, resp.ErrScoreNaN},
	{engine.ErrTooLarge, resp.ErrTooBig},
	{engine.ErrOffset, resp.ErrOffset},
	{engine.ErrNoMemory, resp.ErrOOM},
	{engine.ErrDatabase, resp.ErrDBIndex},
	{engine.ErrSameKey, resp.ErrSameObject},
	{engine.ErrIndex, resp.ErrOutOfRange},
	{engine.ErrNotHLL, resp.ErrNotHLL},
	{engine.ErrCorruptHLL, resp.ErrCorruptHLL},
	{engine.ErrDenseHLL, resp.ErrDenseHLL},
}

// ErrorText returns the reply for an error of the engine, and whether there is one
// for it alone.
func ErrorText(err error) (text string, ok bool) {
	for _, e := range wireErrors {
		if errors.Is(err, e.err) {
			return e.text, true
		}
	}
	return "ERR " + err.Error(), false
}
