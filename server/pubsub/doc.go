// Package pubsub knows who listens to what, and takes messages to the threads
// that serve the listeners.
//
// A Registry has channels and patterns, a Subscription is one client on one of
// them. Subscriptions of one channel are grouped by Outlet: the mailbox of a
// thread and of all clients it serves. Publishing puts one delivery, the shared
// message and a list of subscriptions, into the mailbox of each outlet
// concerned and wakes its thread if the mailbox was empty; that thread writes to
// its clients. So the publisher's work grows with the number of threads, not of
// subscribers, and a slow subscriber is its own thread's concern.
//
// # Order
//
// A channel's messages are put into mailboxes under the lock of its stripe, and
// every delivery goes through a mailbox. Therefore all subscribers of a channel
// see its messages in one order, and see the messages of one publisher in the
// order it published them, on whatever channels.
//
// # Whose data
//
// Lists of subscriptions only grow at their end, so that a delivery can refer to
// the first n of them without a copy; a subscription that has ended stays in its
// list until half of the list has, then the list is made anew. Subscription.ended
// belongs to the outlet's thread, all else to the registry.
//
// Lock order: stripe, patterns, outlet. Nothing of the caller's is called with a
// lock held.
package pubsub
