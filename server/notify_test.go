package server

import (
	"fmt"
	"sync"
	"testing"

	"hpkv/engine"
)

// What a client publishes comes after the events of its changes, also when
// another thread has begun to publish them.
func TestEventsBeforeMessages(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--notify-keyspace-events", "KEA"}})
		s, p := in.ear(), in.dial()
		s.do("PSUBSCRIBE *")
		const rounds = 2000
		var sender sync.WaitGroup
		sender.Go(func() {
			for i := range rounds {
				p.send("%s", cmdline("HSET", "h", "f", "v"))
				p.line()
				p.send("%s", cmdline("PUBLISH", "mark", fmt.Sprint(i)))
				p.line()
			}
		})
		for i := range rounds {
			for _, want := range []string{"hset", "h", fmt.Sprint(i)} {
				if got := s.message(); got != want {
					t.Fatalf("round %d: %q, want %q", i, got, want)
				}
			}
		}
		sender.Wait()
	})
}

// What many events at once have taken is given back.
func TestNotifierMemory(t *testing.T) {
	hub := newHub()
	n := notifier{hub: &hub, wake: make(chan struct{}, 1)}
	for range 3 {
		for range 100_000 {
			n.KeyEvent(0, engine.EventDel, []byte("k"), engine.Commit{})
		}
		n.deliver(nil)
	}
	if cap(n.noted) > keepEvents || cap(n.spare) > keepEvents {
		t.Errorf("room is kept for %d and %d events", cap(n.noted), cap(n.spare))
	}
}
