package rest

import (
	"net"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"
)

// Texts of answers to successful writes.
const (
	textStored  = "Record stored"
	textDeleted = "Record deleted"
	textAdded   = "Record incremented"
)

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

func replyDone(ctx *fasthttp.RequestCtx, text string) {
	replyText(ctx, `{"success":true,"message":"`+text+`"}`)
}

// postRecord is POST /record.
func (s *Service) postRecord(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	var key, val []byte
	var hasKey, hasVal, partial bool
	p := members(ctx.Request.Body(), func(name string, v jsontext.Value) (p *problem) {
		switch name {
		case "key":
			hasKey = true
			key, p = bytesMember(name, v)
		case "value":
			hasVal = true
			val, p = valueMember(v)
		case "partialUpdate":
			switch v.Kind() {
			case 't':
				partial = true
			case 'f', 'n':
				partial = false
			default:
				p = bad("partialUpdate must be true or false")
			}
		}
		return p
	})
	switch {
	case p != nil:
		return p
	case !hasKey:
		return bad("key is missing")
	case !hasVal:
		return bad("value is missing")
	case partial:
		p = s.patch(k.scope(ctx.RemoteAddr()), key, val)
	default:
		p = s.put(k.scope(ctx.RemoteAddr()), key, val)
	}
	if p == nil {
		replyDone(ctx, textStored)
	}
	return p
}

func (k *apiKey) scope(from net.Addr) *scope {
	return &scope{prefix: k.prefix, readOnly: k.readOnly, from: from}
}

func bytesMember(name string, v jsontext.Value) ([]byte, *problem) {
	if v.Kind() != '"' {
		return nil, bad(name + " must be a string")
	}
	b, err := jsontext.AppendUnquote(make([]byte, 0, len(v)), v)
	if err != nil {
		return nil, malformed(err)
	}
	return b, nil
}

// pathKey is the key in the path of a request: its text as sent, decoded once,
// with a plus sign for a plus sign.
func pathKey(text string) ([]byte, *problem) {
	key, err := url.PathUnescape(text)
	if err != nil {
		return nil, bad("the key in the path is not percent-encoded properly")
	}
	return []byte(key), nil
}

// getRecord is GET /record/{key}.
func (s *Service) getRecord(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	key, p := pathKey(pathOf(ctx).rest)
	if p != nil {
		return p
	}
	val, p := s.get(k.scope(ctx.RemoteAddr()), nil, key)
	if p != nil {
		return p
	}
	out := appendRecord(append(make([]byte, 0, len(key)+len(val)+32), '{'), key, val)
	reply(ctx, append(out, '}'))
	return nil
}

// deleteRecord is DELETE /record/{key}.
func (s *Service) deleteRecord(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	key, p := pathKey(pathOf(ctx).rest)
	if p == nil {
		p = s.remove(k.scope(ctx.RemoteAddr()), key)
	}
	if p == nil {
		replyDone(ctx, textDeleted)
	}
	return p
}

// postAtomic is POST /record/atomic.
func (s *Service) postAtomic(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	var key []byte
	var delta int64
	var hasKey, hasDelta bool
	p := members(ctx.Request.Body(), func(name string, v jsontext.Value) (p *problem) {
		switch name {
		case "key":
			hasKey = true
			key, p = bytesMember(name, v)
		case "increment":
			if delta, hasDelta = integer(v); !hasDelta {
				p = bad("increment must be an integer of 64 bits")
			}
		}
		return p
	})
	switch {
	case p != nil:
		return p
	case !hasKey:
		return bad("key is missing")
	case !hasDelta:
		return bad("increment is missing")
	}
	sum, p := s.add(k.scope(ctx.RemoteAddr()), key, delta)
	if p != nil {
		return p
	}
	out := []byte(`{"success":true,"result":`)
	out = appendInt(out, sum)
	reply(ctx, append(out, `,"message":"`+textAdded+`"}`...))
	return nil
}

// getRecords is GET /records.
func (s *Service) getRecords(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	query, err := url.ParseQuery(pathOf(ctx).query)
	if err != nil {
		return bad("the query is not percent-encoded properly")
	}
	limit := int64(defaultLimit)
	if query.Has("limit") {
		if limit, err = strconv.ParseInt(query.Get("limit"), 10, 64); err != nil {
			return bad("limit must be a positive number")
		}
	}
	if !query.Has("startKey") || !query.Has("endKey") {
		return bad("startKey and endKey are needed")
	}
	out, p := s.scan(k.scope(ctx.RemoteAddr()), []byte{'{'}, twice(query.Get("startKey")), twice(query.Get("endKey")), limit)
	if p != nil {
		return p
	}
	reply(ctx, out)
	return nil
}

// twice decodes once more what the query's own decoding left: clients escape
// keys and let their query builder escape again. Text that was escaped once, and
// so is none of that, is taken as it is.
func twice(text string) []byte {
	if again, err := url.PathUnescape(text); err == nil {
		return []byte(again)
	}
	return []byte(text)
}
