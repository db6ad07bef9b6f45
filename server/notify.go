package server

import (
	"strconv"
	"sync"
	"sync/atomic"

	"hpkv/engine"
	"hpkv/server/config"
)

// notifier publishes keyspace events. The engine raises them under a shard's
// lock, where KeyEvent does no more than note them; whoever gets to it next
// publishes all that are noted, in order: the executor whose command raised them
// when its batch is done, or the notifier's goroutine for those of background
// work.
type notifier struct {
	hub     *hub
	kinds   atomic.Uint32          // EventKeyspace, EventKeyevent
	pending atomic.Bool            // some are not published yet
	wake    chan struct{}          // capacity 1: there are events
	full    atomic.Pointer[outlet] // that events have filled, or nil: see crowded

	mu    sync.Mutex
	noted []keyEvent

	delivering sync.Mutex // held while events are published, so that they stay in order
	spare      []keyEvent
	text       []byte
}

// keepEvents is how many events there is memory kept for.
const keepEvents = 4 << 10

type keyEvent struct {
	db  int
	ev  engine.Event
	key []byte
	of  engine.Commit // of the change
}

// KeyEvent implements engine.Events.
func (n *notifier) KeyEvent(db int, ev engine.Event, key []byte, commit engine.Commit) {
	e := keyEvent{db, ev, append([]byte(nil), key...), commit}
	n.mu.Lock()
	n.noted = append(n.noted, e)
	n.pending.Store(true)
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// deliver publishes what is noted. from is the outlet of the calling thread,
// which delivers its own clients' share by itself, or nil. It may be called with
// shards locked: publishing never waits for one.
func (n *notifier) deliver(from *outlet) {
	if !n.pending.Load() {
		return
	}
	n.delivering.Lock()
	defer n.delivering.Unlock()
	n.mu.Lock()
	events := n.noted
	n.noted = n.spare[:0]
	n.mu.Unlock()
	for i := range events {
		if o := n.publish(from, &events[i]); o != nil {
			n.full.Store(o)
		}
		events[i] = keyEvent{}
	}
	if n.spare = events[:0]; cap(events) > keepEvents {
		n.spare = nil
	}
	n.mu.Lock()
	n.pending.Store(len(n.noted) > 0) // only now: until then others wait, that what they send comes after
	n.mu.Unlock()
}

// crowded returns a mailbox that takes no more events for now: its thread does
// not come after with taking them, and those who raise more have to wait for it.
// nil if there is none.
func (n *notifier) crowded() *outlet {
	o := n.full.Load()
	if o != nil && !o.Full() {
		n.full.CompareAndSwap(o, nil)
		return nil
	}
	return o
}

func (n *notifier) publish(from *outlet, e *keyEvent) (full *outlet) {
	kinds := config.Event(n.kinds.Load())
	name := e.ev.String()
	if kinds&config.EventKeyspace != 0 {
		n.text = appendEventChannel(n.text[:0], "__keyspace@", e.db)
		n.text = append(n.text, e.key...)
		_, full = n.hub.channels.Publish(from, n.text, []byte(name), e.of)
	}
	if kinds&config.EventKeyevent != 0 {
		n.text = appendEventChannel(n.text[:0], "__keyevent@", e.db)
		n.text = append(n.text, name...)
		if _, o := n.hub.channels.Publish(from, n.text, e.key, e.of); o != nil {
			full = o
		}
	}
	return full
}

func appendEventChannel(dst []byte, kind string, db int) []byte {
	return append(strconv.AppendInt(append(dst, kind...), int64(db), 10), "__:"...)
}

// run publishes events that no executor does. Started by Run, stopped by stop.
func (n *notifier) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-n.wake:
			n.deliver(nil)
		}
	}
}

// eventsChanged makes the engine raise what notify-keyspace-events asks for:
// nothing while neither kind of channel is chosen.
func (s *Server) eventsChanged() error {
	setting := s.cfg.NotifyKeyspaceEvents.Load()
	kinds := setting & (config.EventKeyspace | config.EventKeyevent)
	classes := setting.Classes()
	if kinds == 0 {
		classes = 0
	}
	s.notifier.kinds.Store(uint32(kinds))
	s.engine.SetEventClasses(classes)
	return nil
}
