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
	bytes   atomic.Int64 // that the mailbox takes, about

	mu      sync.Mutex
	queue   []delivery[C]
	spare   []delivery[C] // the former queue, for its memory
	waiting []func()      // see WhenRoom
}

// fullBytes is from where on a mailbox is full. It is less than what a subscriber
// may owe by default, 32 MB: one who reads must not be cut off because its
// thread was busy for a while.
const fullBytes = 8 << 20

// deliveryBytes is what a delivery takes beside its message's text.
const deliveryBytes = 160

type delivery[C any] struct {
	m  *Message
	to []*Subscription[C]
}

func (d *delivery[C]) bytes() int64 { return deliveryBytes + int64(len(d.m.resp2)) }

// NewOutlet returns an empty mailbox. wake is called, on the publisher's
// goroutine and without a lock, when it gets its first message from another
// thread; it must make the owner call Deliver soon.
func NewOutlet[C any](wake func()) *Outlet[C] { return &Outlet[C]{wake: wake} }

// Pending reports whether there may be something to deliver. Any goroutine.
func (o *Outlet[C]) Pending() bool { return o.pending.Load() }

// Owed is the number of deliveries to single subscribers that wait in the
// mailbox. Any goroutine.
func (o *Outlet[C]) Owed() int64 { return o.owed.Load() }

// Full reports whether so much waits in the mailbox that whoever fills it should
// wait: see WhenRoom. A mailbox takes more nevertheless, of those who cannot.
// Any goroutine.
func (o *Outlet[C]) Full() bool { return o.bytes.Load() > fullBytes }

// WhenRoom has fn called, once, on the owner's goroutine, when the mailbox is not
// full any more. It returns false, and fn is not called, if it is not now. Any
// goroutine.
func (o *Outlet[C]) WhenRoom(fn func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.Full() {
		return false
	}
	o.waiting = append(o.waiting, fn)
	return true
}

// put adds a delivery and reports whether the owner must be woken.
func (o *Outlet[C]) put(d delivery[C]) (first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, d)
	o.owed.Add(int64(len(d.to)))
	o.bytes.Add(d.bytes())
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
			o.bytes.Add(-queue[i].bytes())
			queue[i] = delivery[C]{}
		}
		o.mu.Lock()
		if cap(queue) <= keepDeliveries {
			o.spare = queue[:0]
		}
		var waiting []func()
		if !o.Full() {
			waiting, o.waiting = o.waiting, nil
		}
		o.mu.Unlock()
		for _, fn := range waiting {
			fn()
		}
	}
}

// keepDeliveries is the longest mailbox whose memory is kept.
const keepDeliveries = 4096
