package persist

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

// TestDraft cuts a log off at every operation while it begins anew over an older
// one: there is the older state until there is all of the new one.
func TestDraft(t *testing.T) {
	for _, before := range []string{"closed", "killed", "nothing"} {
		t.Run(before, func(t *testing.T) { draft(t, before) })
	}
}

func draft(t *testing.T, before string) {
	seed := crashSeed(t)
	s := &script{t: t, fs: vfs.NewMem("/"), rng: rand.New(rand.NewPCG(seed, 0)), states: []state{{}}}
	if before != "nothing" {
		s.open(2, EverySec)
		for range 30 {
			s.set()
		}
		s.sync()
		if before == "closed" {
			mustClose(t, s.l)
		}
		s.fs = s.fs.Clone()
		s.l.Close() // of what is cloned already
	}
	old, begun := s.states[len(s.states)-1], len(s.states)-1

	o := s.options(s.fs, 3, Always)
	o.Draft = true
	l, records, _ := mustOpen(t, o)
	if n := len(records.all); n > 0 || !l.Draft() {
		t.Fatalf("%d records were replayed", n)
	}
	s.l, s.streams = l, 3
	s.states = append(s.states, state{}) // the new state begins with nothing
	for range 40 {
		s.set()
	}
	first := len(s.states)
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	if err := l.WaitSynced(short, l.Appended()); err == nil {
		t.Error("a draft is synced")
	}
	cancel()
	if err := l.WaitDurable(ctx, l.Appended()); err != nil {
		t.Error(err)
	}
	if err := l.Backup(ctx, "/backup", nil); err != ErrDraft {
		t.Errorf("a backup of a draft: %v", err)
	}
	s.compact()
	ended := s.fs.Ops()
	s.acks = []ack{{ended, first - 1}}
	for range 10 {
		s.set()
		s.sync()
	}
	if l.Draft() {
		t.Error("it is a draft still")
	}
	defer l.Close()

	drafts := 0
	for after := 0; after <= s.fs.Ops(); after++ {
		for variant := range 2 + after%2 {
			rng := rand.New(rand.NewPCG(seed, uint64(after*4+variant)))
			if variant == 0 {
				rng = nil
			}
			left := s.fs.Crash(after, rng)
			for again := range 2 {
				what := fmt.Sprintf("crash after operation %d, variant %d, recovery %d", after, variant, again)
				r := stateReplayer{state: state{}}
				back, _, err := Open(s.options(left, 2, EverySec), &r)
				if err != nil {
					t.Fatalf("%s: %v\n%v", what, err, left)
				}
				back.Close()
				switch {
				case r.last <= begun:
					drafts++
					if after >= ended || !maps.Equal(r.state, old) {
						t.Fatalf("%s: back at step %d: %v", what, r.last, r.state)
					}
				case r.last < first-1 || r.last < s.acked(after) || !maps.Equal(r.state, s.states[r.last]):
					t.Fatalf("%s: after step %d the state is %v, want %v", what, r.last, r.state, s.states[r.last])
				}
			}
		}
	}
	if drafts < 20 {
		t.Errorf("only %d crashes before the end of the draft", drafts)
	}
}

// TestDraftClosed: a draft that is closed has never been.
func TestDraftClosed(t *testing.T) {
	mem := vfs.NewMem("/")
	o := Options{FS: mem, Dir: "/log", Streams: 1, SegmentBytes: 4096}
	l, _, _ := mustOpen(t, o)
	put(l, 0, "old")
	mustClose(t, l)
	o.Draft = true
	l, _, _ = mustOpen(t, o)
	put(l, 0, "new")
	mustClose(t, l)
	if got, err := Check(ctx, mem, "/log", nil); err != nil || len(got.Problems) > 0 || got.Records != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	o.Draft = false
	l, records, _ := mustOpen(t, o)
	defer l.Close()
	if got := records.all; len(got) != 1 {
		t.Errorf("%v came back", got)
	}
}
