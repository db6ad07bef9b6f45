package rest

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Operations of a WebSocket request.
const (
	opGet = iota + 1
	opSet
	opPatch
	opDelete
	opRange
	opAdd
)

// message is a request as it came over a WebSocket.
type message struct {
	op       int64
	key      []byte
	end      []byte
	value    jsontext.Value
	amount   jsontext.Value
	limit    int64
	hasKey   bool
	id       jsontext.Value // echoed as it came; nil: none
	badLimit bool
}

func parseMessage(text []byte) (m message, p *problem) {
	m.limit = defaultLimit
	p = members(text, func(name []byte, v jsontext.Value) (p *problem) {
		switch string(name) {
		case "messageId":
			if v.Kind() == '0' || v.Kind() == '"' {
				m.id = v
			}
		case "op":
			m.op, _ = integer(v)
		case "key":
			m.hasKey = true
			m.key, p = bytesMember("key", v)
		case "endKey":
			if v.Kind() != 'n' {
				m.end, p = bytesMember("endKey", v)
			}
		case "value":
			m.value = v
		case "increment":
			m.amount = v
		case "limit":
			if v.Kind() != 'n' {
				var ok bool
				m.limit, ok = integer(v)
				m.badLimit = !ok
			}
		}
		return p
	})
	return m, p
}

// request carries out one message and returns the answer.
func (c *socket) request(text []byte) []byte {
	m, p := parseMessage(text)
	var out []byte
	switch {
	case p != nil:
	case !c.key.allow(c.s.cfg.RestRateLimit.Load()):
		p = errRate
	default:
		out, p = c.perform(&m)
	}
	count := &c.s.Counters.messages[0]
	if m.op >= opGet && m.op <= opAdd {
		count = &c.s.Counters.messages[m.op]
	}
	count.all.Add(1)
	if p != nil {
		count.failed.Add(1)
		out = appendAnswerProblem(nil, m.id, p)
		if p == errNotFound { // the one answer that names the key
			out = appendString(append(out[:len(out)-1], `,"key":`...), m.key)
			out = append(out, '}')
		}
	}
	return out
}

func (c *socket) perform(m *message) (out []byte, p *problem) {
	defer func() {
		if cause := recover(); cause != nil {
			out, p = nil, c.s.panicked(cause)
		}
	}()
	if m.op < opGet || m.op > opAdd {
		return nil, bad("unknown op")
	}
	if !m.hasKey {
		return nil, bad("key is missing")
	}
	switch m.op {
	case opGet:
		return c.s.get(&c.scope, m.begin(), m.key)
	case opRange:
		if m.badLimit {
			m.limit = 0
		}
		return c.s.scan(&c.scope, m.begin(), m.key, m.end, m.limit)
	case opDelete:
		if p := c.s.remove(&c.scope, m.key); p != nil {
			return nil, p
		}
		return m.done(textDeleted), nil
	case opAdd:
		return c.add(m)
	}
	if m.value == nil {
		return nil, bad("value is missing")
	}
	val, p := valueMember(m.value)
	switch {
	case p != nil:
		return nil, p
	case m.op == opPatch:
		p = c.s.patch(&c.scope, m.key, val)
	default:
		p = c.s.put(&c.scope, m.key, val)
	}
	return m.done(textStored), p
}

func (c *socket) add(m *message) ([]byte, *problem) {
	amount := m.value
	if amount == nil || amount.Kind() != '0' {
		amount = m.amount
	}
	delta, ok := integer(amount)
	if !ok {
		return nil, bad("value must be an integer of 64 bits")
	}
	sum, p := c.s.add(&c.scope, m.key, delta)
	if p != nil {
		return nil, p
	}
	out := append(m.begin(), `"success":true,"newValue":`...)
	return append(appendInt(out, sum), '}'), nil
}

// begin opens the answer to a request that succeeded: what the client's
// members follow.
func (m *message) begin() []byte {
	return appendID([]byte(`{"code":200,`), m.id)
}

func (m *message) done(text string) []byte {
	return append(m.begin(), `"success":true,"message":"`+text+`"}`...)
}

// appendID appends the member messageId and a comma, if there is an id.
func appendID(dst []byte, id jsontext.Value) []byte {
	if id == nil {
		return dst
	}
	return append(append(append(dst, `"messageId":`...), id...), ',')
}

func appendAnswerProblem(dst []byte, id jsontext.Value, p *problem) []byte {
	dst = append(dst, `{"code":`...)
	dst = strconv.AppendInt(dst, int64(p.code), 10)
	dst = appendID(append(dst, ','), id)
	dst = appendString(append(dst, `"error":`...), []byte(p.text))
	return append(dst, '}')
}
