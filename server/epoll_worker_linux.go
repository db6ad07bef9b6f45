package server

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"hpkv/server/pubsub"
)

const (
	// readBytes is the size of a worker's shared read buffer: a pipeline of
	// some 1500 small commands in one system call, and still within the second
	// level cache beside the replies.
	readBytes = 64 << 10

	// eventBatch events are taken from the kernel at once.
	eventBatch = 256

	// yieldMs is how often a busy worker yields to the Go scheduler. Its monitor
	// takes a thread that has not been through the scheduler for 10 ms for one
	// that hogs its processor: it signals it, and takes the processor away at
	// each wait, looking for a chance every 20 us. Yielding costs two thread
	// switches and wakes a third; measured at 50 connections without pipeline, the
	// monitor woke 500 instead of 2600 times a second. Without it SETs in pipelines
	// of 16 took 6% more CPU.
	yieldMs = 8

	// spinFor is how long a worker that is out of events looks for new ones
	// before it blocks, if they have come that soon on average: about what
	// falling asleep and being woken costs, so that the CPU time is never more
	// than twice the least possible. At 50 connections (two-core virtual machine,
	// AMD EPYC) 0, 2, 4, 6 and 10 us took 0.87, 0.84, 0.87, 0.88 and 0.94 of
	// redis-server's CPU for PING in pipelines of 16, and 0.98, 0.99, 0.99, 0.98
	// and 1.01 for single GETs, at 1.03, 1.07, 1.08, 1.12 and 1.12 times its
	// requests a second.
	spinFor = 4 * time.Microsecond

	// acceptBatch connections are accepted before clients are served again.
	acceptBatch = 64
)

// worker is one event loop. All fields are its thread's own, but for those
// marked otherwise.
type worker struct {
	d     *epollDriver
	srv   *Server
	index int

	epfd, wakefd int
	x            *executor
	outlet       *outlet
	readBuf      []byte
	events       [eventBatch]syscall.EpollEvent

	conns     []*conn // by slot; nil: free
	freeSlots []int32
	turns     []*conn // connections that have more to do without a new event
	turnsNext []*conn
	listeners []*listener // worker 0 only; by tag; nil: free

	awaiting     []*conn // clients with replies that wait for the disk
	awaitingNext []*conn
	delivered    bool        // some have got theirs in this turn
	hasAwaiting  atomic.Bool // awaiting is not empty, and nobody has woken it; any goroutine
	wakeAwaiting func()      // deliverAwaiting, made once

	draining  bool
	yieldedMs int64
	gap       time.Duration // average time without events; see spinFor

	idle  idleTime                    // any goroutine reads
	clock atomic.Pointer[threadClock] // of the thread, nil before it runs; any goroutine reads

	inbox inbox        // any goroutine
	load  atomic.Int32 // connections dealt to this worker; any goroutine
}

// Tags of events that belong to no connection, in the place of a slot.
const (
	tagWake     = -1
	tagListener = -2 // and below: listener index
)

func newWorker(d *epollDriver, index int) (*worker, error) {
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot create an event loop: %w", os.NewSyscallError("epoll_create1", err))
	}
	wakefd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		syscall.Close(epfd)
		return nil, fmt.Errorf("cannot create an event loop: %w", os.NewSyscallError("eventfd2", errno))
	}
	w := &worker{d: d, srv: d.srv, index: index, epfd: epfd, wakefd: int(wakefd), readBuf: make([]byte, readBytes)}
	nothing := func() {} // being woken is enough: the loop looks into the outlet
	w.outlet = pubsub.NewOutlet[*client](func() { w.post(nothing) })
	w.wakeAwaiting = w.deliverAwaiting
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN | epollET, Fd: tagWake}
	if err := syscall.EpollCtl(epfd, syscall.EPOLL_CTL_ADD, int(wakefd), &ev); err != nil {
		w.closeFiles()
		return nil, fmt.Errorf("cannot create an event loop: %w", os.NewSyscallError("epoll_ctl", err))
	}
	return w, nil
}

func (w *worker) closeFiles() {
	syscall.Close(w.epfd)
	syscall.Close(w.wakefd)
}

// run is the event loop.
func (w *worker) run() {
	defer w.d.running.Done()
	runtime.LockOSThread() // never unlocked: the pinned thread ends with the goroutine
	if w.srv.plan.Pinned {
		w.srv.placer.Pin(w.index)
	}
	if clock, err := openThreadClock(syscall.Gettid()); err == nil {
		defer clock.close()
		w.clock.Store(clock)
	}
	w.idle.begun.Store(monotonicNs())
	w.x = w.srv.newExecutor()
	w.x.outlet = w.outlet
	for !w.over() {
		n := w.wait()
		w.delivered = false
		now := w.srv.clock.NowMs()
		w.x.nowMs = now
		w.x.lane.SetNow(now)
		for i := range w.events[:n] {
			w.handle(&w.events[i])
		}
		w.serveTurns()
		if w.inbox.pending.Load() {
			for _, fn := range w.inbox.take() {
				fn()
			}
		}
		w.x.deliverEvents()
		w.x.deliver()
		w.x.flushPushes()
		w.x.publish()
		w.x.letGo()
		w.hurryLog()
		if now-w.yieldedMs >= yieldMs {
			w.yieldedMs = now
			runtime.Gosched()
		}
	}
	w.inbox.close() // the numbers of its files may be somebody else's soon
	w.x.lane.Close()
	w.closeFiles()
}

// wait returns the number of events. Before it blocks it tells the poster of
// inbox messages to wake it: the flag is set first and the inbox looked at
// after, the poster does the reverse, so one of them sees the other.
func (w *worker) wait() int {
	if len(w.turns) > 0 || w.delivered {
		return pollNow(w.epfd, w.events[:])
	}
	quiet := monotonicNs()
	if w.gap < spinFor {
		for {
			if n := pollNow(w.epfd, w.events[:]); n > 0 || w.inbox.pending.Load() {
				w.noteGap(quiet)
				return n
			}
			if monotonicNs()-quiet > int64(spinFor) {
				break
			}
		}
	}
	w.inbox.asleep.Store(true)
	w.idle.since.Store(quiet)
	n := 0
	if !w.inbox.pending.Load() {
		// The ordinary system call lets the Go scheduler have this thread's
		// processor, if it wants it, while the thread sleeps. An error is
		// EINTR: a signal of the runtime.
		n, _ = syscall.EpollWait(w.epfd, w.events[:], -1)
	}
	w.inbox.asleep.Store(false)
	w.noteGap(quiet)
	w.idle.since.Store(0)
	return max(n, 0)
}

// noteGap counts the time since quiet, without anything to do, and keeps a moving
// average of such times.
func (w *worker) noteGap(quiet int64) {
	d := time.Duration(monotonicNs() - quiet)
	store64(&w.idle.ns, w.idle.ns.Load()+int64(d))
	w.gap += (min(d, 100*spinFor) - w.gap) / 8
}

// post runs fn on the worker's thread soon. Any goroutine.
func (w *worker) post(fn func()) {
	if w.inbox.put(fn) {
		one := [8]byte{1}
		// A full counter means that the worker is being woken already.
		_, _ = syscall.Write(w.wakefd, one[:])
		w.inbox.waking.Done()
	}
}

func (w *worker) handle(ev *syscall.EpollEvent) {
	switch {
	case ev.Fd >= 0:
		if c := w.conns[ev.Fd]; c != nil && c.generation == ev.Pad {
			c.event(ev.Events)
		}
	case ev.Fd == tagWake: // edge triggered: need not be read
	default:
		if l := w.listeners[tagListener-ev.Fd]; l != nil {
			w.accept(l)
		}
	}
}

// serveTurns gives each connection that is not done another turn. One turn is
// one read at most, so that a connection with much to say does not keep the
// others waiting.
func (w *worker) serveTurns() {
	if len(w.turns) == 0 {
		return
	}
	w.turns, w.turnsNext = w.turnsNext[:0], w.turns
	for i, c := range w.turnsNext {
		w.turnsNext[i] = nil
		c.queued = false
		c.serve()
	}
}

// deliverAwaiting delivers replies whose changes have become durable.
func (w *worker) deliverAwaiting() {
	w.delivered = true
	w.awaiting, w.awaitingNext = w.awaitingNext[:0], w.awaiting
	for i, c := range w.awaitingNext {
		w.awaitingNext[i] = nil
		c.awaiting = false
		if !c.dead {
			c.deliverWithheld()
			w.x.checkBacklog(&c.client)
			c.settle()
		}
	}
}

// hurryLog has the log write what clients of this worker wait for, at the end of a
// turn, so that the changes of all who had something to say share a round. Those
// who have just got their replies are likely to have more: they are listened to
// first, as their next changes can share the round of those who still wait.
func (w *worker) hurryLog() {
	if len(w.awaiting) > 0 && !w.delivered {
		w.srv.durability.hurry()
	}
}

// listen begins to accept what arrives at a socket.
func (w *worker) listen(l *listener) error {
	at := slices.Index(w.listeners, nil)
	if at < 0 {
		at = len(w.listeners)
		w.listeners = append(w.listeners, nil)
	}
	w.listeners[at] = l
	return w.watchListener(l)
}

// unlisten closes a listening socket.
func (w *worker) unlisten(l *listener) {
	if at := slices.Index(w.listeners, l); at >= 0 {
		w.listeners[at] = nil
	}
	l.close()
}

// watchListener takes events of a listening socket, unless it was closed; level
// triggered: accept leaves some behind when many arrive.
func (w *worker) watchListener(l *listener) error {
	at := slices.Index(w.listeners, l)
	if at < 0 {
		return nil
	}
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(tagListener - at)}
	return syscall.EpollCtl(w.epfd, syscall.EPOLL_CTL_ADD, l.fd(), &ev)
}

// beginDrain stops accepting and ends every connection once its replies are
// delivered. One that has been quiet for a while has got them all and need not
// linger.
func (w *worker) beginDrain() {
	w.draining = true
	for i, l := range w.listeners {
		if l != nil {
			l.close()
			w.listeners[i] = nil
		}
	}
	for _, c := range w.conns {
		switch {
		case c == nil:
		case c.settled(w.x.nowMs) && kernelUnsent(c.fd) == 0:
			c.close()
		default:
			c.finished = true
			c.serve()
		}
	}
}

// closeAll closes what draining has left.
func (w *worker) closeAll() {
	w.draining = true
	for _, c := range w.conns {
		if c != nil {
			c.close()
		}
	}
}

// over says whether a draining worker may end.
func (w *worker) over() bool {
	if !w.draining {
		return false
	}
	for _, c := range w.conns {
		if c != nil {
			return false
		}
	}
	return true
}
