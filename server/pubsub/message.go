package pubsub

import (
	"bytes"
	"sync/atomic"

	"hpkv/engine"
	"hpkv/resp"
)

// Message is one published message as it goes over the wire, encoded once for
// each protocol however many receive it. Immutable.
type Message struct {
	after engine.Commit
	resp2 []byte
	resp3 atomic.Pointer[[]byte] // nil until somebody needs it
}

// NewMessage encodes a push of the given parts. after is what After returns.
func NewMessage(after engine.Commit, parts ...[]byte) *Message {
	size := 16
	for _, p := range parts {
		size += len(p) + 16
	}
	var w resp.Writer
	w.Reset(make([]byte, 0, size), 2)
	w.Push(len(parts))
	for _, p := range parts {
		w.Bulk(p)
	}
	return &Message{after: after, resp2: w.Bytes()}
}

// RawMessage is bytes that are the same in every protocol; they become the
// message's.
func RawMessage(after engine.Commit, wire []byte) *Message {
	m := &Message{after: after, resp2: wire}
	m.resp3.Store(&m.resp2)
	return m
}

// After is what must be durable, where that counts, before anybody may read the
// message: what the publisher did until then.
func (m *Message) After() engine.Commit { return m.after }

// Wire returns the bytes for a protocol, 2 or 3. The caller must not change
// them. Any goroutine.
func (m *Message) Wire(proto int) []byte {
	if proto < 3 {
		return m.resp2
	}
	if p := m.resp3.Load(); p != nil {
		return *p
	}
	wire := bytes.Clone(m.resp2)
	wire[0] = '>' // a push differs from an array in this byte alone
	m.resp3.Store(&wire)
	return wire
}
