package rest

import (
	"errors"
	"net"
	"strconv"
	"sync"
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

// operation is one operation on a record and what it needs, which is used again
// for others.
type operation struct {
	name  []byte // of the record in the engine
	val   []byte // given, of whoever asks
	read  []byte // the value found
	found bool
	sum   int64 // the increment, then the result
	patch PatchOptions

	get, put, merge, remove, add func(l *engine.Lane) error // bound methods
}

var operations = sync.Pool{New: func() any {
	o := new(operation)
	o.get, o.put, o.merge, o.remove, o.add = o.doGet, o.doPut, o.doMerge, o.doRemove, o.doAdd
	return o
}}

func newOperation() *operation { return operations.Get().(*operation) }

// keepRead is the longest value for which an operation keeps room.
const keepRead = 64 << 10

func (o *operation) release() {
	if o.val = nil; cap(o.read) > keepRead {
		o.read = nil
	}
	operations.Put(o)
}

func (o *operation) doGet(l *engine.Lane) (err error) {
	t := l.Begin(0)
	o.read, o.found, err = t.Get(o.read[:0], o.name, nil)
	t.End()
	return err
}

func (o *operation) doPut(l *engine.Lane) error {
	t := l.Begin(0)
	_, err := t.Set(o.name, o.val, engine.SetOptions{SameType: true})
	t.End()
	return err
}

func (o *operation) doMerge(l *engine.Lane) error { return Patch(l, o.name, o.val, o.patch) }

func (o *operation) doRemove(l *engine.Lane) (err error) {
	t := l.Begin(0)
	o.read, o.found, err = t.GetDel(o.read[:0], o.name, nil) // unlike Delete it spares other types
	t.End()
	return err
}

func (o *operation) doAdd(l *engine.Lane) (err error) {
	t := l.Begin(0)
	o.sum, err = t.IncrBy(o.name, o.sum)
	t.End()
	return err
}

// get appends "key":k,"value":v} of a record to dst.
func (s *Service) get(sc *scope, dst, key []byte) ([]byte, *problem) {
	o := newOperation()
	defer o.release()
	var p *problem
	if o.name, p = sc.admit(o.name[:0], key, false); p != nil {
		return dst, p
	}
	err, down := s.host.Record(sc.call(s.rows.Get, o.name, nil), o.get)
	if down != nil {
		return dst, unavailable(down)
	}
	if !o.found || err != nil { // a value of another type is none
		return dst, errNotFound
	}
	return append(appendRecord(dst, key, o.read), '}'), nil
}

// put stores a record, in place of one that is there.
func (s *Service) put(sc *scope, key, val []byte) *problem {
	o := newOperation()
	defer o.release()
	if p := s.admitWrite(o, sc, key, val); p != nil {
		return p
	}
	err, down := s.host.Record(sc.call(s.rows.Set, o.name, val), o.put)
	return outcome(err, down)
}

// patch is put with what a partial update makes of the stored and the given
// value.
func (s *Service) patch(sc *scope, key, val []byte) *problem {
	o := newOperation()
	defer o.release()
	if p := s.admitWrite(o, sc, key, val); p != nil {
		return p
	}
	o.patch = PatchOptions{
		MaxBytes:     s.cfg.RestValueLimit.Load(),
		EmptyRemoves: s.cfg.RestMerge.Load() == config.MergeEmptyRemoves,
		Announce:     s.cfg.RestNotifyPatch.Load() == config.PatchAsSent,
	}
	err, down := s.host.Record(sc.call(s.rows.Set, o.name, val), o.merge)
	if down == nil && errors.Is(err, engine.ErrTooLarge) {
		return bad("the value would become too long")
	}
	return outcome(err, down)
}

// admitWrite checks key and value of a record to be written, for o.
func (s *Service) admitWrite(o *operation, sc *scope, key, val []byte) (p *problem) {
	if o.name, p = sc.admit(o.name[:0], key, true); p == nil {
		p = s.checkValue(val)
	}
	o.val = val
	return p
}

// outcome is what a client is told of what Host.Record returned.
func outcome(err, down error) *problem {
	switch {
	case down != nil:
		return unavailable(down)
	case err != nil:
		return failure(err)
	}
	return nil
}

// remove deletes a record.
func (s *Service) remove(sc *scope, key []byte) (p *problem) {
	o := newOperation()
	defer o.release()
	if o.name, p = sc.admit(o.name[:0], key, true); p != nil {
		return p
	}
	err, down := s.host.Record(sc.call(s.rows.Delete, o.name, nil), o.remove)
	if p = outcome(err, down); p == nil && !o.found {
		return errNotFound
	}
	return p
}

// add increments the number that a record holds, 0 if there is none.
func (s *Service) add(sc *scope, key []byte, delta int64) (sum int64, p *problem) {
	o := newOperation()
	defer o.release()
	if o.name, p = sc.admit(o.name[:0], key, true); p != nil {
		return 0, p
	}
	o.sum = delta
	err, down := s.host.Record(sc.call(s.rows.Add, o.name, strconv.AppendInt(nil, delta, 10)), o.add)
	return o.sum, outcome(err, down)
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
