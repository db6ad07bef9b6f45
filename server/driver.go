package server

import (
	"context"
	"sync/atomic"
	"time"
)

// driver accepts connections and moves their bytes. There is one in a server.
type driver interface {
	// name is the value of io-driver that selects it.
	name() string

	// serve starts serving the listeners, which become the driver's, and
	// returns.
	serve(listeners []listening) error

	// retire stops listening on the addresses that are movable, at once. The
	// connections that were accepted stay. Any goroutine.
	retire()

	// add serves more listeners, which become the driver's, soon. Any goroutine.
	add(listeners []listening) error

	// shutdown stops accepting and reading, lets running commands finish,
	// delivers the replies of executed commands and closes every connection.
	// When ctx ends first, the connections that are left are closed as they
	// are. It reports whether the driver's threads have ended: one may wait for
	// data that a command has locked which does not end.
	shutdown(ctx context.Context) (ended bool)

	// halt stops the threads that run commands until the channel is closed. What
	// it returns is closed once they have stopped. A driver without threads of
	// its own borrows an executor for each batch of commands: it has nothing to
	// stop. Any goroutine.
	halt(until <-chan struct{}) (halted <-chan struct{})

	// threads is the number of threads that run commands, 0 if there is no
	// fixed number.
	threads() int

	// wakeWithheld has deliverWithheld run for every client that awaits it. Any
	// goroutine.
	wakeWithheld()

	// loads is the number of connections of each thread, nil if there is no
	// fixed number of threads. Any goroutine.
	loads() []int

	// busy is how long each thread was not waiting for something to do, since
	// the driver was made; nil if there is no fixed number of threads. Any
	// goroutine.
	busy() []time.Duration

	// cpuTime is the processor time of the threads, in user mode and in the kernel;
	// false if there is no fixed number of threads. Any goroutine.
	cpuTime() (user, sys time.Duration, ok bool)
}

// idleTime is how long a thread has waited for something to do. The thread
// writes, any goroutine reads.
type idleTime struct {
	begun atomic.Int64 // when the thread started, by monotonicNs; 0: it has not
	ns    atomic.Int64
	since atomic.Int64 // when it fell asleep, by monotonicNs; 0: it is awake
	told  atomic.Int64 // the most that busy has returned
}

// busy is what is left of the time since the thread started. It never
// decreases, and lags by microseconds while the thread falls asleep or wakes.
func (t *idleTime) busy() time.Duration {
	begun := t.begun.Load()
	if begun == 0 {
		return 0
	}
	since, idle := t.since.Load(), t.ns.Load()
	now := monotonicNs()
	if since != 0 {
		idle += max(now-since, 0)
	}
	for {
		told := t.told.Load()
		if busy := now - begun - idle; busy <= told || t.told.CompareAndSwap(told, busy) {
			return time.Duration(max(busy, told))
		}
	}
}

// closeGrace is how long threads may take to end that have been told to drop
// everything.
const closeGrace = time.Second

// endsSoon waits for done, for closeGrace at most.
func endsSoon(done <-chan struct{}) bool {
	select {
	case <-done:
	case <-time.After(closeGrace):
	}
	select { // both may have come while the machine stood still
	case <-done:
		return true
	default:
		return false
	}
}

// link is a client's way to the driver that carries it.
type link interface {
	// send takes replies, writes what the socket accepts now and keeps the
	// rest. p is the caller's again when it returns. Owner only.
	send(p []byte)

	// unsent is the number of reply bytes the peer has not taken yet. Any
	// goroutine.
	unsent() int

	// post runs fn on the owner soon, and then serves the client again. After
	// the connection was closed fn is dropped. Any goroutine.
	post(fn func())

	// await asks for deliverWithheld to be run, once, when more has become
	// durable. Owner only.
	await()

	// kill closes the connection without waiting for its replies, soon. Any
	// goroutine; also more than once.
	kill()
}
