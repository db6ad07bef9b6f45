// Package command holds the command table and the commands on data, which need
// nothing but the engine and a reply writer. It opens no socket and keeps no
// state of its own.
//
// # One row is the whole truth
//
// A Row says everything anybody needs to know about a command: name, arity,
// flags, where its keys are, ACL categories, tips, handler. Dispatch, COMMAND,
// MULTI, CLIENT PAUSE, MONITOR, REST and the embedded API read that row and
// nothing else; what can be derived from it (movable keys, the legacy key range, implicit
// categories, how its keys are locked) is derived once, by NewTable, which
// refuses duplicates and rows that contradict themselves. Commands that need
// the server (CLIENT, CONFIG, INFO, ...) are rows of the same type, written in
// package server.
//
// # What a handler may do
//
// A handler runs on the thread that read the command, inside a transaction
// the dispatcher has begun. It reads its arguments, calls one engine
// operation and writes exactly one reply; it never asks for the protocol
// version and never blocks. Work that grows with the data set or with the
// product of argument sizes goes through Ctx.Defer.
//
// Ownership: Ctx, its argument slices and the Writer's buffer belong to the
// handler until it returns (or until the function given to Defer returns).
// The engine copies what it keeps. A Table and its rows are immutable after
// NewTable and safe for any number of goroutines; Session and Ctx are owned by
// one connection and used by one goroutine at a time.
package command
