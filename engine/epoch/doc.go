// Package epoch defers work until every reader that may still see its subject
// has left: grace periods for lock-free reading.
//
// A reader registers a Slot once and brackets its reads with Enter and Exit.
// Who unlinks something that readers may be looking at passes the rest of its
// disposal to Domain.Retire; Domain.Collect, called now and then by
// maintenance, runs what has waited long enough.
//
// # Why it is correct, and cheap
//
// A slot holds a counter, odd while its owner is inside. A grace period begins
// with a look at all slots and is over when each that was odd has changed. A
// reader that enters later cannot reach what was unlinked before.
//
// The one danger is a reader whose announcement is still in its processor's
// store buffer while it reads on: the look would miss it. Normally the reader
// would pay for a full barrier at each Enter. Instead, where the system has one,
// Collect issues a process-wide barrier before it looks: whoever was reading
// then has its announcement visible, whoever reads afterwards sees the
// unlinking. Enter and Exit are then plain stores. Elsewhere they are
// sequentially consistent ones.
//
// # Use
//
// A Slot is one goroutine's at a time. Enter nests. Domain is for any
// goroutine. Retire is cheap and may be called under other locks; functions run
// on the goroutine that calls Collect, in the order retired, with no lock held.
// They must not call Collect.
package epoch
