// Package server turns bytes on sockets into commands on the engine and back:
// listeners, connection drivers, clients, dispatch, transactions, and the
// commands that need to know about any of these (CLIENT, CONFIG, INFO, ...).
//
// # The life of a command
//
//	driver      reads what a connection has sent into a buffer        epoll_*.go, goroutine.go
//	executor    cuts the buffer into a window of commands,            executor.go
//	            looks their rows up, prefetches their keys
//	dispatch    known? arity? logged in? inside MULTI? memory left?   dispatch.go
//	handler     one engine call, one reply into the writer            package command
//	executor    hands the gathered replies to the connection
//	driver      writes them with one system call, keeps the rest
//
// Everything between the read and the write happens on one thread: to hand a
// command over to another, and to wake it, would cost more than most commands.
//
// # Two drivers
//
// The epoll driver (Linux) has one locked OS thread for each worker; a
// connection belongs to one worker for its whole life. The goroutine driver
// has one goroutine for each connection and lets redcon.Server accept and
// track them. Both share the parser, the dispatcher, the limits and every
// error text; they differ only in who waits for bytes.
//
// # Who owns what
//
// The thread that serves a client (its worker, or its goroutine) is its owner.
// Fields of client below "Owner" are touched by nobody else. Other goroutines
// reach a client through three doors only: its atomic fields, its mu (held for
// a few stores, never while anything else is locked), and link.post, which
// runs a function on the owner. While a client is suspended the owner leaves
// its session alone, and the goroutine of its deferred command has it.
//
// An executor is a thread's tool box: engine lane, reply buffer, parse window,
// counters. An epoll worker has one for ever; connection goroutines and
// deferred commands borrow one from the server's pool for each batch.
//
// Locks that are taken one within the other, the outer first:
//
//	standstill.turn, durability.mu, durability.policy
//	listeningBook.mu, goroutineDriver.mu, registry.mu
//	client.ears, the locks of package pubsub
//	notifier.delivering, the locks of package pubsub
//	notifier.delivering, notifier.mu
//
// All others are leaves. None is held while the engine runs, but the first two,
// under which data are loaded. The engine in turn raises events with a shard
// locked, and notifier.mu is all that is taken for them.
//
// # Standing still
//
// DEBUG SLEEP, RELOAD and LOADAOF stop everybody: the event loops block in a
// function that was posted to them, and executors are not lent any more
// (standstill.go). Event loops are stopped first, since one that is not stopped
// may have to borrow an executor before it can be.
//
// # Who publishes or writes too much
//
// A message goes into the mailbox of each thread that serves a subscriber. When
// a thread is too busy to empty its mailbox, those who fill it get no further
// command executed until there is room: clients that publish or are monitored
// (client.awaitRoom), requests of the REST interface too (Server.awaitRoom), and
// for keyspace events all that change data (notifier.crowded). So do these while
// 64 MB of the log wait for the disk (durability.stalled).
//
// # What costs nothing
//
// On a warm connection a command allocates nothing, takes no lock of this
// package and writes no cache line that another thread writes. Counters are
// plain integers of the executor, published once a batch. An idle connection
// of the epoll driver owns no buffer and no parser: these are the worker's, and
// a connection gets its own only while it holds part of a command or replies
// its peer has not taken.
package server
