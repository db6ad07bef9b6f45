package rest

import (
	"errors"
	"net"
	"strconv"
	"unicode/utf8"

	"hpkv/engine"
	"hpkv/server/command"
	"hpkv/server/config"
)

// Rows are the commands as which operations on records count.
type Rows struct{ Get, Set, Delete, Add, Range *command.Row }

// NewRows looks them up.
func NewRows(t *command.Table) Rows {
	find := func(name string) *command.Row { return t.Lookup([]byte(name)) }
	return Rows{find("get"), find("set"), find("del"), find("incrby"), find("hpkv.range")}
}

// scope is whose records an operation works on.
type scope struct {
	prefix   string // of the API key
	readOnly bool
	only     *access // keys a token may use; nil: all
	from     net.Addr
}

func (sc *scope) call(row *command.Row, key, val []byte) Call {
	return Call{Row: row, From: sc.from, Args: [2][]byte{key, val}}
}

var (
	errNotFound = &problem{404, "Record not found"}
	errReadOnly = &problem{403, "the API key allows reading only"}
	errAccess   = &problem{403, "the token does not give access to this key"}
)

// failure turns an error of the engine into what a client is told.
func failure(err error) *problem {
	switch {
	case errors.Is(err, engine.ErrWrongType):
		return &problem{409, "the key holds a value that is not a string"}
	case errors.Is(err, engine.ErrNotInteger):
		return bad("the value is not a number that can be incremented")
	case errors.Is(err, engine.ErrOverflow):
		return bad("the result of the increment is out of range")
	case errors.Is(err, engine.ErrTooLarge):
		return bad("the value is too long")
	case errors.Is(err, engine.ErrNoMemory):
		return &problem{500, "the server is out of memory"}
	}
	return &problem{500, err.Error()}
}

// unavailable is the problem of a request that the server cannot serve now, or
// whose change may not last.
func unavailable(err error) *problem { return &problem{503, err.Error()} }

// admit checks a key and returns the name it has in the engine, appended to dst.
func (sc *scope) admit(dst, key []byte, write bool) ([]byte, *problem) {
	switch {
	case len(key) == 0:
		return dst, bad("key must not be empty")
	case len(key) > maxKey:
		return dst, bad("key is longer than 512 bytes")
	case !utf8.Valid(key):
		return dst, bad("key is not valid UTF-8")
	case sc.only != nil && !sc.only.allows(string(key)):
		return dst, errAccess
	case write && sc.readOnly:
		return dst, errReadOnly
	}
	return append(append(dst, sc.prefix...), key...), nil
}

func (s *Service) checkValue(val []byte) *problem {
	switch limit := s.cfg.RestValueLimit.Load(); {
	case len(val) == 0:
		return bad("value must not be empty")
	case int64(len(val)) > limit:
		return bad("the value is too long")
	}
	return nil
}

// get appends the record's value to dst.
func (s *Service) get(sc *scope, dst, key []byte) ([]byte, *problem) {
	name, p := sc.admit(nil, key, false)
	if p != nil {
		return dst, p
	}
	var found bool
	err, down := s.host.Record(sc.call(s.rows.Get, name, nil), func(l *engine.Lane) (err error) {
		t := l.Begin(0)
		dst, found, err = t.Get(dst, name, nil)
		t.End()
		return err
	})
	if down != nil {
		return dst, unavailable(down)
	}
	if !found || err != nil { // a value of another type is none
		return dst, errNotFound
	}
	return dst, nil
}

// put stores a record, in place of one that is there.
func (s *Service) put(sc *scope, key, val []byte) *problem {
	name, p := sc.admit(nil, key, true)
	if p == nil {
		p = s.checkValue(val)
	}
	if p != nil {
		return p
	}
	err, down := s.host.Record(sc.call(s.rows.Set, name, val), func(l *engine.Lane) error {
		t := l.Begin(0)
		_, err := t.Set(name, val, engine.SetOptions{SameType: true})
		t.End()
		return err
	})
	if down != nil {
		return unavailable(down)
	}
	if err != nil {
		return failure(err)
	}
	return nil
}

// patch is put with what a partial update makes of the stored and the given
// value.
func (s *Service) patch(sc *scope, key, val []byte) *problem {
	name, p := sc.admit(nil, key, true)
	if p == nil {
		p = s.checkValue(val)
	}
	if p != nil {
		return p
	}
	err, down := s.host.Record(sc.call(s.rows.Set, name, val), func(l *engine.Lane) error {
		return Patch(l, name, val, PatchOptions{
			MaxBytes:     s.cfg.RestValueLimit.Load(),
			EmptyRemoves: s.cfg.RestMerge.Load() == config.MergeEmptyRemoves,
			Announce:     s.cfg.RestNotifyPatch.Load() == config.PatchAsSent,
		})
	})
	switch {
	case down != nil:
		return unavailable(down)
	case errors.Is(err, engine.ErrTooLarge):
		return bad("the value would become too long")
	case err != nil:
		return failure(err)
	}
	return nil
}

// remove deletes a record.
func (s *Service) remove(sc *scope, key []byte) *problem {
	name, p := sc.admit(nil, key, true)
	if p != nil {
		return p
	}
	var found bool
	err, down := s.host.Record(sc.call(s.rows.Delete, name, nil), func(l *engine.Lane) (err error) {
		t := l.Begin(0)
		_, found, err = t.GetDel(nil, name, nil) // unlike Delete it spares other types
		t.End()
		return err
	})
	switch {
	case down != nil:
		return unavailable(down)
	case err != nil:
		return failure(err)
	case !found:
		return errNotFound
	}
	return nil
}

// add increments the number that a record holds, 0 if there is none.
func (s *Service) add(sc *scope, key []byte, delta int64) (sum int64, p *problem) {
	name, p := sc.admit(nil, key, true)
	if p != nil {
		return 0, p
	}
	err, down := s.host.Record(sc.call(s.rows.Add, name, strconv.AppendInt(nil, delta, 10)), func(l *engine.Lane) (err error) {
		t := l.Begin(0)
		sum, err = t.IncrBy(name, delta)
		t.End()
		return err
	})
	if down != nil {
		return 0, unavailable(down)
	}
	if err != nil {
		return 0, failure(err)
	}
	return sum, nil
}

// Bounds of a range: records, and bytes of an answer.
const (
	defaultLimit = 100
	maxLimit     = 1000
	maxAnswer    = 16 << 20
)

// scan appends {"records":[...],"count":n,"truncated":b} without the opening
// brace to dst: the records from start to end, both inclusive, that a key may
// see, as they were at one moment.
func (s *Service) scan(sc *scope, dst, start, end []byte, limit int64) ([]byte, *problem) {
	switch {
	case len(end) == 0:
		return dst, bad("endKey must not be empty")
	case len(start) > maxRangeID || len(end) > maxRangeID:
		return dst, bad("the ends of a range must not be longer than 512 bytes")
	case !utf8.Valid(start) || !utf8.Valid(end):
		return dst, bad("the ends of a range must be valid UTF-8")
	case limit < 1:
		return dst, bad("limit must be a positive number")
	case sc.only != nil && !sc.only.allows(string(start)):
		return dst, errAccess
	}
	limit = min(limit, maxLimit)
	from := append([]byte(sc.prefix), start...)
	to := append([]byte(sc.prefix), end...)
	_, down := s.host.Record(sc.call(s.rows.Range, from, to), func(l *engine.Lane) error {
		t := l.Begin(0)
		r := t.Range(from, to)
		dst = sc.appendRecords(dst, r, limit)
		r.Close()
		t.End()
		return nil
	})
	if down != nil {
		return dst, unavailable(down)
	}
	return dst, nil
}

func (sc *scope) appendRecords(dst []byte, r *engine.Range, limit int64) []byte {
	dst = append(dst, `"records":[`...)
	count, truncated, from := int64(0), false, len(dst)
	for r.Next() {
		key := r.Key()[len(sc.prefix):]
		if r.Type() != engine.TypeString || sc.only != nil && !sc.only.allows(string(key)) {
			continue
		}
		if count == limit || len(dst)-from > maxAnswer {
			truncated = true
			break
		}
		if count > 0 {
			dst = append(dst, ',')
		}
		count++
		dst = appendRecord(append(dst, '{'), key, r.Value())
		dst = append(dst, '}')
	}
	dst = append(dst, `],"count":`...)
	dst = appendInt(dst, count)
	if truncated {
		return append(dst, `,"truncated":true}`...)
	}
	return append(dst, `,"truncated":false}`...)
}

// appendRecord appends the members of a record.
func appendRecord(dst, key, val []byte) []byte {
	dst = appendString(append(dst, `"key":`...), key)
	return appendString(append(dst, `,"value":`...), val)
}
