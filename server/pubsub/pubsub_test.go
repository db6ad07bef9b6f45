package pubsub

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"hpkv/engine"
	"hpkv/engine/glob"
)

// A registry under random subscriptions and publications agrees with lists of
// who listens to what, message by message.
func TestRegistryModel(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 7))
	r := NewRegistry[int]("message")
	woken := 0
	outlets := make([]*Outlet[int], 12) // enough groups for a channel's map
	for i := range outlets {
		outlets[i] = NewOutlet[int](func() { woken++ })
	}
	type key struct {
		client  int
		pattern bool
		name    string
	}
	live := map[key]*Subscription[int]{}
	names := []string{"a", "ab", "abc", "b", "news.x", ""}
	globs := []string{"*", "a*", "ab*", "a?c", "[ab]", "news.*", `\a`, "abc", "", "n*x"}
	const clients = 60
	for step := range 20000 {
		client := rnd.IntN(clients)
		o := outlets[client%len(outlets)]
		pattern := rnd.IntN(2) == 0
		name := names[rnd.IntN(len(names))]
		if pattern {
			name = globs[rnd.IntN(len(globs))]
		}
		k := key{client, pattern, name}
		switch s := live[k]; {
		case rnd.IntN(5) == 0: // publish
			channel := names[rnd.IntN(len(names))]
			var want []string
			for k := range live {
				if !k.pattern && k.name == channel || k.pattern && glob.Match([]byte(k.name), []byte(channel)) {
					want = append(want, fmt.Sprint(k.client, k.pattern, k.name))
				}
			}
			if n, _ := r.Publish(o, []byte(channel), []byte("m"), engine.Commit{}); n != len(want) {
				t.Fatalf("seed %d, step %d: %d receivers, want %d", seed, step, n, len(want))
			}
			var got []string
			for _, o := range outlets {
				o.Deliver(func(s *Subscription[int], m *Message) {
					got = append(got, fmt.Sprint(s.Client, string(m.Wire(2)[8]) == "p", s.Name()))
				})
				if o.Owed() != 0 || o.Pending() {
					t.Fatalf("seed %d, step %d: %d deliveries are left", seed, step, o.Owed())
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, step %d: delivered to %v, want %v", seed, step, got, want)
			}
		case s == nil && pattern:
			live[k] = r.SubscribePattern(o, client, []byte(name))
		case s == nil:
			live[k] = r.Subscribe(o, client, []byte(name))
		default:
			if pattern {
				r.UnsubscribePattern(s)
			} else {
				r.Unsubscribe(s)
			}
			s.End()
			delete(live, k)
		}
	}
	for k, s := range live {
		if k.pattern {
			r.UnsubscribePattern(s)
		} else {
			r.Unsubscribe(s)
		}
	}
	if r.ChannelCount() != 0 || r.PatternCount() != 0 || len(r.patterns.lengths) != 0 || len(r.patterns.byPrefix) != 0 || woken == 0 {
		t.Errorf("seed %d: %d channels, %d patterns, prefixes of %v are left; %d wakes", seed, r.ChannelCount(), r.PatternCount(), r.patterns.lengths, woken)
	}
}

// What was published before Unsubscribe is delivered until End.
func TestEnd(t *testing.T) {
	r := NewRegistry[int]("smessage")
	o := NewOutlet[int](func() {})
	s := r.Subscribe(o, 1, []byte("c"))
	count := func() (n int) {
		o.Deliver(func(_ *Subscription[int], m *Message) {
			n++
			if got := string(m.Wire(3)); got != ">3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nm\r\n" {
				t.Errorf("wire %q", got)
			}
		})
		return n
	}
	r.Publish(nil, []byte("c"), []byte("m"), engine.Commit{})
	r.Unsubscribe(s)
	r.Unsubscribe(s) // again: nothing
	if n := count(); n != 1 {
		t.Errorf("%d messages before End, want 1", n)
	}
	s = r.Subscribe(o, 1, []byte("c"))
	r.Publish(nil, []byte("c"), []byte("m"), engine.Commit{})
	r.Unsubscribe(s)
	s.End()
	if n := count(); n != 0 {
		t.Errorf("%d messages after End", n)
	}
}

// BenchmarkPublish is the publisher's part: the subscribers are on two threads.
func BenchmarkPublish(b *testing.B) {
	payload := make([]byte, 64)
	for _, n := range []int{0, 1, 100, 10000} {
		b.Run(fmt.Sprint("subscribers=", n), func(b *testing.B) {
			r := NewRegistry[int]("message")
			outlets := []*Outlet[int]{NewOutlet[int](func() {}), NewOutlet[int](func() {})}
			for i := range n {
				r.Subscribe(outlets[i%2], i, []byte("channel"))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Publish(outlets[0], []byte("channel"), payload, engine.Commit{})
				if i%1024 == 0 {
					b.StopTimer()
					for _, o := range outlets {
						o.Deliver(func(*Subscription[int], *Message) {})
					}
					b.StartTimer()
				}
			}
		})
	}
	for _, n := range []int{10, 10000} {
		b.Run(fmt.Sprint("patterns=", n), func(b *testing.B) {
			r := NewRegistry[int]("message")
			o := NewOutlet[int](func() {})
			for i := range n {
				r.SubscribePattern(o, i, []byte(fmt.Sprintf("prefix%06d.*", i)))
			}
			for b.Loop() {
				r.Publish(o, []byte("channel"), payload, engine.Commit{})
			}
		})
	}
}
