// Package rest serves the keys of database 0 over HTTP: HPKV's REST and
// WebSocket interfaces, and the REST interface of Upstash.
//
//	service.go   the start and the end of all of it, and what it needs of its host
//	router.go    a request's path and method to a route
//	auth.go      API keys, rate limits
//	record.go    /record, /record/{key}, /record/atomic, /records
//	store.go     the operations behind them, shared with WebSocket
//	patch.go     partial updates, and merge.go, what two JSON documents make
//	token.go     /token/websocket
//	socket.go    /ws: one connection; protocol.go, its requests and answers
//	hub.go       who is told about which change
//	pattern.go   what a subscription and an access pattern match
//	upstash.go   command lines in JSON or in the path
//	events.go    what is published on channels, as server-sent events
//	openapi.go   the description of all of it
//	console.go   the page at the root
//	json.go      errors and values as JSON
//	counters.go  what /metrics tells
//	tls.go deadline.go linger.go  encryption, cheap deadlines and gentle ends of connections
//
// # What a request becomes
//
// The record interface calls typed operations of the engine, as a command's
// handler does; the Upstash interface hands whole command lines to Host, where
// they take the way of every command. Values are strings; a key of another type
// is absent for readers, and writers get 409.
//
// # Text
//
// Bodies are JSON in valid UTF-8, keys and values are therefore UTF-8 as well;
// bytes written through other interfaces that are not are shown as U+FFFD.
//
// # Order of notifications
//
// Hub.KeyChanged is called by the engine under the lock of the changed key's
// shard, and puts a copy of key and value at the end of one queue. One
// goroutine takes changes from it in order, and appends each to the outbox of
// every connection that subscribed; each connection's writer sends its outbox
// in order. So the notifications of a key arrive in the order of its changes,
// and the last one carries the value that stands.
//
// With appendfsync always they wait, as the replies to the changes do, until the
// changes are on the disk. When a database is flushed or swapped, subscribers hear
// of each key; those of a database with very many are disconnected instead, and
// learn what is there when they come back.
package rest
