// Package engine holds the data: numbered databases of keys, and a typed
// operation for everything that a command does to them. It knows no wire text,
// no socket and no file.
//
//	e, err := engine.Open(engine.Options{Background: true})
//	l := e.NewLane()    // one for each thread
//	t := l.Begin(0)     // a transaction on database 0
//	_, err = t.Set(key, val, engine.SetOptions{})
//	t.End()
//
// # Terms
//
//	shard       a part of the keys, by hash: the unit of locking, of memory and
//	            of background work
//	keyspace    one shard's part of one database
//	home        a group of shards that are worked on together in the background
//	            and have their memory on one node
//	lane        one thread of execution, with its scratch memory and counters
//	Txn         what one command, or several as one, does
//	record      a key with its value, or with the handle of a large collection
//	effect      a change, stated so that repeating it gives the same data
//	snapshot    the keys of a shard as they were at one moment, for a Range
//
// # Who owns what
//
// A Lane and its Txn are used by one goroutine at a time. What a shard has is
// touched under its lock only, but for the words that lock-free readers look at:
// pointers to keyspaces, the slots of their tables, and records (see
// engine/index and engine/record). Engine's own fields are constant after Open,
// atomic, or guarded as they say; the journal is read under any shard's lock and changed under all.
//
// Byte slices that are passed in stay the caller's: what is kept is copied. An
// operation that returns bytes appends them to a slice that it is given; a
// function that it calls with bytes may use them until it returns, and must not
// call the engine.
//
// # Locks
//
// Several shards are locked in ascending order, by whoever needs several; one
// that is wanted in addition is tried, never waited for (Txn.reach). Under a
// shard's lock that of a Waiter may be taken, and under either those of the arena,
// of the epochs and of whoever implements Journal, Events or Changes, under which
// nothing of the engine is called. A shard is held for some 100 to 300 ns by an operation on a small
// value, and for some 50 us at most by background work, which gives way to whoever
// waits. Nothing blocks under a shard's lock, and no operation waits for anything
// but such locks.
//
// # Reads without a lock
//
// Reads of one string, and of the presence, type, expiry and age of any key, are
// optimistic: they copy out what they find and then ask the index whether it was
// true all the time (read.go); a read of several keys asks that of all of them at
// the end (mget.go). Memory stays readable until Close, and a record that was
// removed is freed at once: who reads it meanwhile is told that nothing of it
// counts. Collections are read under the lock.
//
// # Changes
//
// An operation looks at the key under the lock, decides on an Effect, and hands
// it to Txn.apply. That carries it out, numbers it, gives it to the journal, and
// tells those who watch the key, wait for it or listen. So a new operation has
// nothing of this to remember, and Loader, which repeats journalled effects, takes
// the same way. Two changes take the same steps elsewhere: a rename within a shard,
// one effect on two keys (rename.go), and the naming of a staged copy, whose effects
// are those that made it (stage.go).
//
// The effects of a transaction that holds shards reach the journal together, in
// End, before the shards are unlocked.
//
// # Where things are
//
//	opening, settings, figures   engine.go options.go limits.go stats.go clock.go errors.go
//	shards, lanes, transactions  shard.go lock.go lane.go txn.go
//	reads without a lock         read.go mget.go
//	changes                      effect.go apply.go journal.go commit.go load.go
//	who is told of them          events.go changes.go watch.go waiters.go
//	the log's compaction         capture.go
//	time, memory, background     expire.go wheel.go evict.go maintain.go defrag.go
//	ranges over snapshots        range.go ordered.go snapshot.go
//	keys of any type             generic.go rename.go stage.go type.go
//	strings                      string.go number.go bitmap.go bitfield.go hll.go
//	collections of any type      collection.go large.go dict.go sample.go
//	one type of collection       hash*.go list*.go set*.go ints.go zset*.go geo.go
//
// Of a type, the operations are in hash.go, list.go, set.go and zset.go, what
// their effects do in *_apply.go.
package engine
