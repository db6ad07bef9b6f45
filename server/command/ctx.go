package command

import (
	"hpkv/engine"
	"hpkv/resp"
)

// Session is the state a connection carries from command to command that
// commands see. Owned by the connection.
type Session struct {
	DB      int  // selected database
	Listens bool // has subscriptions: in RESP2 it may do nothing else
	Proto   int  // RESP version the client negotiated; 0 means 2. Replies follow Ctx.W, which may differ

	// Owner is the server's client, for rows written in package server. nil in
	// the embedded API.
	Owner any
}

// Ctx is one call of one command. The dispatcher reuses it for the next one:
// nothing in it may outlive the handler.
type Ctx struct {
	Args  [][]byte // the whole command line, name first; valid until the handler returns
	Row   *Row
	W     *resp.Writer
	Txn   *engine.Txn
	S     *Session
	Table *Table // where Row came from: COMMAND reads it
	Host  Host   // nil: everything runs inline

	scores  []float64
	scratch []byte   // kept from call to call, for values that must be copied once
	elems   [][]byte // and for elements of several calls
	counts  []int64
}

// Host is what a command may ask of whoever runs it.
type Host interface {
	// Defer arranges for work to run off the event loop, with a Ctx that has
	// its own Txn, Writer and copy of the arguments; Row and Session are the
	// same. It is called at most once in a command and returns at once; the
	// client's further input waits until work has returned.
	Defer(c *Ctx, work func(*Ctx))

	// Wait makes the client wait for the keys of w, whose shards are held by
	// c.Txn and which w.Try found empty: w.Try is called again when one of them
	// has changed, until it replies, and the time is limited. It returns at once;
	// the client's further input waits.
	Wait(c *Ctx, w Wait)
}

// Defer runs work where it may take long: on the host's terms, or here and now
// when there is no host (inside EXEC, in the embedded API). It is the last
// thing a handler does. Work writes the reply through the Ctx it is given, and
// must not use the handler's: arguments that it needs it takes from its own Ctx.
func (c *Ctx) Defer(work func(*Ctx)) {
	if c.Host == nil {
		work(c)
		return
	}
	c.Host.Defer(c, work)
}
