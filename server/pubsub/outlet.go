package pubsub

import (
	"sync"
	"sync/atomic"
)

// Outlet is the mailbox of one thread that serves subscribers of type C.
type Outlet[C any] struct {
	wake    func()
	pending atomic.Bool
	owed    atomic.Int64 // messages times subscribers in the mailbox

	mu    sync.Mutex
	queue []delivery[C]
	spare []delivery[C] // the former queue, for its memory
}

type delivery[C any] struct {
	m  *Message
	to []*Subscription[C]
}

// NewOutlet returns an empty mailbox. wake is called, on the publisher's
// goroutine and without a lock, when it gets its first message from another
// thread; it must make the owner call Deliver soon.
func NewOutlet[C any](wake func()) *Outlet[C] { return &Outlet[C]{wake: wake} }

// Pending reports whether there may be something to deliver. Any goroutine.
func (o *Outlet[C]) Pending() bool { return o.pending.Load() }

// Owed is the number of deliveries to single subscribers that wait in the
// mailbox. Any goroutine.
func (o *Outlet[C]) Owed() int64 { return o.owed.Load() }

// put adds a delivery and reports whether the owner must be woken.
func (o *Outlet[C]) put(d delivery[C]) (first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, d)
	o.owed.Add(int64(len(d.to)))
	if len(o.queue) > 1 {
		return false
	}
	o.pending.Store(true)
	return true
}

// Deliver empties the mailbox: it calls to for every message and subscription
// that has not ended, in order. Only the owner may call it, and not from to.
func (o *Outlet[C]) Deliver(to func(*Subscription[C], *Message)) {
	for o.pending.Load() {
		o.mu.Lock()
		queue := o.queue
		o.queue, o.spare = o.spare[:0], nil
		o.pending.Store(false)
		o.mu.Unlock()
		for i := range queue {
			for _, s := range queue[i].to {
				if !s.ended {
					to(s, queue[i].m)
				}
			}
			o.owed.Add(-int64(len(queue[i].to)))
			queue[i] = delivery[C]{}
		}
		o.mu.Lock()
		if cap(queue) <= keepDeliveries {
			o.spare = queue[:0]
		}
		o.mu.Unlock()
	}
}

// keepDeliveries is the longest mailbox whose memory is kept.
const keepDeliveries = 4096
