package rest

import (
	"bytes"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"
)

// Texts of answers to successful writes, and the answers.
const (
	textStored  = "Record stored"
	textDeleted = "Record deleted"
	textAdded   = "Record incremented"

	bodyStored  = `{"success":true,"message":"` + textStored + `"}`
	bodyDeleted = `{"success":true,"message":"` + textDeleted + `"}`
)

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// postRecord is POST /record.
func (s *Service) postRecord(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	var key, val []byte
	var hasKey, hasVal, partial bool
	p := members(ctx.Request.Body(), func(name []byte, v jsontext.Value) (p *problem) {
		switch string(name) {
		case "key":
			hasKey = true
			key, p = bytesMember("key", v)
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
	}
	sc := k.scope(ctx)
	if partial {
		p = s.patch(&sc, key, val)
	} else {
		p = s.put(&sc, key, val)
	}
	if p == nil {
		replyText(ctx, bodyStored)
	}
	return p
}

// scope is what the holder of a key who sent a request may work on.
func (k *apiKey) scope(ctx *fasthttp.RequestCtx) scope {
	return scope{prefix: k.prefix, readOnly: k.readOnly, from: ctx.RemoteAddr()}
}

// pathKey is the key in the path of a request: its text as sent, decoded once,
// with a plus sign for a plus sign.
func pathKey(ctx *fasthttp.RequestCtx) ([]byte, *problem) {
	text := targetOf(ctx).path[len(recordPath):]
	if bytes.IndexByte(text, '%') < 0 {
		return text, nil
	}
	key, err := url.PathUnescape(string(text))
	if err != nil {
		return nil, bad("the key in the path is not percent-encoded properly")
	}
	return []byte(key), nil
}

// getRecord is GET /record/{key}.
func (s *Service) getRecord(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	key, p := pathKey(ctx)
	if p != nil {
		return p
	}
	sc := k.scope(ctx)
	out, p := s.get(&sc, append(bodyOf(ctx), '{'), key)
	if p != nil {
		return p
	}
	replyBody(ctx, out)
	return nil
}

// deleteRecord is DELETE /record/{key}.
func (s *Service) deleteRecord(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	key, p := pathKey(ctx)
	if p != nil {
		return p
	}
	sc := k.scope(ctx)
	if p = s.remove(&sc, key); p == nil {
		replyText(ctx, bodyDeleted)
	}
	return p
}

// postAtomic is POST /record/atomic.
func (s *Service) postAtomic(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	var key []byte
	var delta int64
	var hasKey, hasDelta bool
	p := members(ctx.Request.Body(), func(name []byte, v jsontext.Value) (p *problem) {
		switch string(name) {
		case "key":
			hasKey = true
			key, p = bytesMember("key", v)
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
	sc := k.scope(ctx)
	sum, p := s.add(&sc, key, delta)
	if p != nil {
		return p
	}
	out := append(bodyOf(ctx), `{"success":true,"result":`...)
	out = appendInt(out, sum)
	replyBody(ctx, append(out, `,"message":"`+textAdded+`"}`...))
	return nil
}

// getRecords is GET /records.
func (s *Service) getRecords(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	query, err := url.ParseQuery(string(targetOf(ctx).query))
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
	sc := k.scope(ctx)
	out, p := s.scan(&sc, append(bodyOf(ctx), '{'), twice(query.Get("startKey")), twice(query.Get("endKey")), limit)
	if p != nil {
		return p
	}
	replyBody(ctx, out)
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
