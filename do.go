package hpkv

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"hpkv/engine"
	"hpkv/resp"
	"hpkv/server/command"
)

// Do runs a command of the server, name first, and returns its reply, as a
// RESP3 client would receive it. An error reply is returned as a ReplyError.
// Arguments may be strings, byte slices, integers, floats, bools (1 or 0)
// and fmt.Stringers.
//
// The commands are those on data; commands about connections or the server
// process are unknown here. ctx is checked before the command starts; a
// command that runs is not interrupted.
func (db *DB) Do(ctx context.Context, args ...any) (_ resp.Value, err error) {
	if err := ctx.Err(); err != nil {
		return resp.Value{}, err
	}
	if len(args) == 0 {
		return resp.Value{}, errors.New("hpkv: no command")
	}
	argv := make([][]byte, len(args))
	for i, arg := range args {
		b, err := argument(arg)
		if err != nil {
			return resp.Value{}, fmt.Errorf("hpkv: argument %d: %w", i, err)
		}
		argv[i] = b
	}
	l, t, err := db.begin()
	if err != nil {
		return resp.Value{}, err
	}
	returned := false
	defer func() {
		if returned {
			db.endWrite(l, t, &err)
		} else { // a panic: the lane may still announce a read
			t.End()
		}
	}()
	reply, err := db.do(t, argv)
	returned = true
	return reply, err
}

func (db *DB) do(t *engine.Txn, argv [][]byte) (resp.Value, error) {
	row := db.table.Resolve(argv)
	switch {
	case row == nil:
		return resp.Value{}, ReplyError(db.table.UnknownText(argv))
	case !row.ArityOK(len(argv)):
		return resp.Value{}, ReplyError(row.ArityText())
	}
	if row.Is(command.Write) {
		if err := db.writable(); err != nil {
			return resp.Value{}, err
		}
	}
	var w resp.Writer
	w.SetProto(3)
	c := command.Ctx{
		Args: argv, Row: row, W: &w, Txn: t, Table: db.table,
		S: &command.Session{DB: db.index, Proto: 3},
	}
	c.LockKeys()
	row.Run(&c)
	reply, _, err := resp.ParseValue(w.Bytes())
	if err != nil {
		return resp.Value{}, fmt.Errorf("hpkv: command %q: %w", argv[0], err)
	}
	if reply.IsError() {
		return resp.Value{}, ReplyError(reply.Str)
	}
	return reply, nil
}

// ReplyError is an error reply: its text as a client of the server reads it, such
// as "WRONGTYPE Operation against a key holding the wrong kind of value".
//
// errors.Is finds in it the error that a method of DB returns in the same case:
// ErrWrongType, ErrNotInteger, ErrOverflow, ErrTooLarge or ErrNoMemory.
type ReplyError string

func (e ReplyError) Error() string { return string(e) }

// Is implements the question of errors.Is.
func (e ReplyError) Is(target error) bool {
	text, ok := command.ErrorText(target)
	return ok && text == string(e)
}

// argument turns a Go value into a command argument.
func argument(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case string:
		return []byte(v), nil
	case int:
		return strconv.AppendInt(nil, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(nil, v, 10), nil
	case uint64:
		return strconv.AppendUint(nil, v, 10), nil
	case float64:
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	case bool:
		if v {
			return []byte("1"), nil
		}
		return []byte("0"), nil
	case fmt.Stringer:
		return []byte(v.String()), nil
	}
	return nil, fmt.Errorf("cannot send a %T", v)
}
