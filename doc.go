// Package hpkv is an embedded key-value store: the engine of hpkv-server as a
// Go library, without sockets.
//
// Keys and values are byte strings. All data live outside the Go heap, so the
// garbage collector's work does not grow with them; reads take no lock; every
// core can write.
//
//	db, err := hpkv.Open(hpkv.Options{})
//	...
//	err = db.Set([]byte("greeting"), []byte("hello"))
//	val, err := db.Get(nil, []byte("greeting"))
//
// # Concurrency and ownership
//
// A DB is safe for any number of goroutines. Each method is one atomic step
// unless it says otherwise. Keys and values passed in are copied and stay the
// caller's. Methods that return a value append it to a slice the caller gives
// (nil for a fresh one), so a caller that reuses slices allocates nothing.
//
// # Durability
//
// With Options.Dir every change is appended to a log in that directory, and
// found again at the next Open. Options.Sync says when it is forced to disk:
// once a second, before each write returns, or never. Without Dir the data live
// as long as the DB.
//
// # Several keys
//
// GetMany reads many keys as they were at one moment, overlapping their cache
// misses. SetMany and DeleteMany overlap theirs too, but are as many steps as
// there are keys. Update runs a function on a consistent set of keys and
// commits all its changes or none. Range walks keys in byte order over a
// snapshot. Do runs any command of the server, with its Redis semantics.
package hpkv
