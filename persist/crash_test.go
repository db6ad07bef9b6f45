package persist

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

// state is what a replay makes of a log: the last value of every key. In each run
// a key belongs to one stream.
type state map[string]string

// stateReplayer keeps the state, and the largest step it met.
type stateReplayer struct {
	mu    sync.Mutex
	state state
	last  int
}

func (r *stateReplayer) Apply(_ int, batch []Placed) error {
	for i := range batch {
		if err := r.apply(&batch[i].Record); err != nil {
			return err
		}
	}
	return nil
}

func (r *stateReplayer) apply(rec *Record) error {
	step, rest, _ := strings.Cut(string(rec.Payload), " ")
	key, value, _ := strings.Cut(rest, "=")
	n, err := strconv.Atoi(step)
	r.mu.Lock()
	if value == "" {
		delete(r.state, key)
	} else {
		r.state[key] = value
	}
	r.last = max(r.last, n)
	r.mu.Unlock()
	return err
}

// script is a workload whose every step changes the state, so that a state
// tells which step was the last.
type script struct {
	t       *testing.T
	fs      *vfs.Mem
	l       *Log
	rng     *rand.Rand
	streams int
	states  []state // after each step
	acks    []ack
	backups []ack
}

// ack says that a step was reported durable when the file system had seen so
// many operations.
type ack struct{ ops, step int }

func (s *script) step(change func(step int, next state) uint64) {
	next := maps.Clone(s.states[len(s.states)-1])
	step := len(s.states)
	s.states = append(s.states, next)
	change(step, next)
}

func (s *script) key() (stream int, key string) {
	n := s.rng.IntN(12)
	return n % s.streams, fmt.Sprint(n)
}

func (s *script) set() {
	s.step(func(step int, next state) uint64 {
		stream, key := s.key()
		next[key] = fmt.Sprint(step, strings.Repeat("v", s.rng.IntN(700)))
		return put(s.l, stream, fmt.Sprintf("%d %s=%s", step, key, next[key]))
	})
}

// txn sets several keys; flush removes all others first.
func (s *script) txn(flush bool) {
	s.step(func(step int, next state) uint64 {
		var parts []Part
		add := func(stream int, key, value string) {
			parts = append(parts, Part{Stream: stream, Record: Record{Txn: uint64(step), Payload: fmt.Appendf(nil, "%d %s=%s", step, key, value)}})
		}
		if flush {
			for key := range next {
				n, _ := strconv.Atoi(key)
				add(n%s.streams, key, "")
			}
			clear(next)
		}
		for range 4 {
			stream, key := s.key()
			next[key] = fmt.Sprint(step)
			add(stream, key, next[key])
		}
		return s.l.AppendTxn(parts)
	})
}

func (s *script) sync() {
	mustSync(s.t, s.l)
	s.acks = append(s.acks, ack{s.fs.Ops(), len(s.states) - 1})
}

func (s *script) compact() {
	c, err := s.l.BeginCompaction()
	if err != nil {
		s.t.Fatal(err)
	}
	step := len(s.states) - 1
	for key, value := range s.states[step] {
		n, _ := strconv.Atoi(key)
		put(s.l, n%s.streams, fmt.Sprintf("%d %s=%s", step, key, value))
		if s.rng.IntN(3) == 0 {
			if err := s.l.syncAll(ctx); err != nil { // also in a draft, which nobody can wait for here
				s.t.Fatal(err)
			}
		}
	}
	if err := c.Finish(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	s.acks = append(s.acks, ack{s.fs.Ops(), step})
}

func (s *script) backup() {
	n := len(s.backups)
	if err := s.l.Backup(context.Background(), fmt.Sprintf("/backup%d", n), nil); err != nil {
		s.t.Fatal(err)
	}
	s.backups = append(s.backups, ack{s.fs.Ops(), len(s.states) - 1})
}

func (s *script) options(fsys vfs.FS, streams int, policy Policy) Options {
	return Options{FS: fsys, Dir: "/log", Streams: streams, SegmentBytes: 4096, Policy: policy, Gather: time.Microsecond, SyncEvery: time.Hour}
}

func (s *script) open(streams int, policy Policy) {
	s.streams = streams
	s.l, _, _ = mustOpen(s.t, s.options(s.fs, streams, policy))
}

// play runs the workload: several runs with different streams and policies,
// the first of them until its second part closed cleanly, the last cut off.
func (s *script) play() {
	for run, policy := range []Policy{Always, EverySec, No} {
		s.open(3-run%2, policy)
		for i := range 60 {
			switch {
			case i%20 == 7:
				s.txn(s.rng.IntN(3) == 0)
			case i == 25 || i == 50:
				s.compact()
			case i == 40:
				s.backup()
			default:
				s.set()
			}
			if s.rng.IntN(3) == 0 {
				s.sync()
			}
		}
		if run < 2 {
			mustClose(s.t, s.l)
			s.acks = append(s.acks, ack{s.fs.Ops(), len(s.states) - 1})
		}
	}
}

func (s *script) acked(ops int) int {
	step := 0
	for _, a := range s.acks {
		if a.ops <= ops {
			step = a.step
		}
	}
	return step
}

// recover opens a log and holds it against the workload: the state is that
// after some step, not before the one that was reported durable. It returns
// the step.
func (s *script) recover(fsys *vfs.Mem, dir string, atLeast int, what string) int {
	s.t.Helper()
	r := stateReplayer{state: state{}}
	o := s.options(fsys, 2, EverySec)
	o.Dir = dir
	l, _, err := Open(o, &r)
	if err != nil {
		s.t.Fatalf("%s: %v\n%v", what, err, fsys)
	}
	defer l.Close()
	got, step := r.state, r.last
	if step < atLeast {
		s.t.Fatalf("%s: came back at step %d, step %d was durable", what, step, atLeast)
	}
	if want := s.states[step]; !maps.Equal(got, want) {
		s.t.Fatalf("%s: after step %d the state is\n%v, want\n%v", what, step, got, want)
	}
	return step
}

func crashSeed(t *testing.T) uint64 {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("HPKV_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("HPKV_SEED=%d", seed)
	return seed
}

// TestCrash cuts a workload off after every operation of the file system and
// recovers from what is left, then does the same to the recovery.
func TestCrash(t *testing.T) {
	seed := crashSeed(t)
	s := &script{t: t, fs: vfs.NewMem("/"), rng: rand.New(rand.NewPCG(seed, 0)), states: []state{{}}}
	s.play()
	ops := s.fs.Ops()
	defer s.l.Close()
	t.Logf("%d operations, %d steps", ops, len(s.states))
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for after := int(seed % uint64(stride)); after <= ops; after += stride {
		for variant := range 4 {
			rng := rand.New(rand.NewPCG(seed, uint64(after*8+variant)))
			what := fmt.Sprintf("seed %d, crash after operation %d, variant %d", seed, after, variant)
			if variant == 0 {
				rng = nil
			}
			left := s.fs.Crash(after, rng)
			acked := s.acked(after)
			for i, b := range s.backups {
				if b.ops <= after && variant == 1 && after%16 == i {
					s.recover(left, fmt.Sprintf("/backup%d", i), b.step, what+", backup")
				}
			}
			step := s.recover(left, "/log", acked, what)
			if variant < 2 {
				continue
			}
			rng = rand.New(rand.NewPCG(seed, uint64(after*8+variant)))
			again := rng.IntN(left.Ops() + 1)
			atLeast := acked
			if again == left.Ops() {
				atLeast = step
			}
			s.recover(left.Crash(again, rng), "/log", atLeast, fmt.Sprintf("%s, again after operation %d of the recovery", what, again))
		}
	}
}
