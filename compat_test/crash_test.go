package compat_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// crashClient writes on a connection of its own until that breaks, and knows what it
// was told.
type crashClient interface {
	run(c *compat.Conn) error
	// verify compares what the server has with what it acknowledged, and takes what
	// it has for the truth from now on. It returns how long before the kill the
	// oldest lost change was acknowledged, 0 if none is lost.
	verify(c *compat.Conn, killed time.Duration) (lost time.Duration, err error)
	writes() int // that it tried
}

// So many connections write strings, and so many collections.
const (
	crashWriters           = 3
	crashCollectionWriters = 2
)

// pulse measures time in which the machine works: what everysec promises takes
// threads that run, and a machine that stands still for seconds gives none to the
// server nor to us.
type pulse struct{ beats atomic.Int64 }

// pulsePeriod is what passes between two beats at least.
const pulsePeriod = 5 * time.Millisecond

// startPulse begins to count until the test ends.
func startPulse(t *testing.T) *pulse {
	p, tick, over := new(pulse), time.NewTicker(pulsePeriod), make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		for {
			select {
			case <-tick.C: // those that nobody took are dropped
				p.beats.Add(1)
			case <-over:
				return
			}
		}
	})
	t.Cleanup(func() { tick.Stop(); close(over); beating.Wait() })
	return p
}

// now is the time since the start.
func (p *pulse) now() time.Duration { return time.Duration(p.beats.Load()) * pulsePeriod }

// longAgo is a moment before any loss that is excused.
const longAgo = -time.Hour

// ack is the last value of a key that the server acknowledged.
type ack struct {
	n  int
	at time.Duration // by the pulse
}

// crashWriter writes rising numbers on one connection, to keys that nobody else
// writes, and remembers what it was told.
type crashWriter struct {
	id    int
	r     *rand.Rand
	pulse *pulse
	n     int
	acked map[string]ack

	// The command without an answer, if any: its keys, which get n or, for a
	// deletion, nothing.
	pending []string
	deletes bool
}

// run writes on a connection until it breaks.
func (w *crashWriter) run(c *compat.Conn) (err error) {
	defer c.Close()
	for {
		w.n++
		val := strconv.Itoa(w.n)
		key := func(kind string) string { return fmt.Sprintf("%s%d:%d", kind, w.id, w.r.IntN(30)) }
		var lines [][]string
		w.deletes = false
		switch kind := w.r.IntN(10); {
		case kind < 5:
			k := key("k")
			w.pending, lines = []string{k}, [][]string{{"SET", k, val}}
		case kind < 6:
			k := key("k")
			w.pending, w.deletes, lines = []string{k}, true, [][]string{{"DEL", k}}
		case kind < 8:
			a := key("p")
			w.pending = []string{a, a + "'", a + "''"}
			lines = [][]string{{"MSET", a, val, a + "'", val, a + "''", val}}
		default:
			a := key("t")
			w.pending = []string{a, a + "'"}
			lines = [][]string{{"MULTI"}, {"SET", a, val}, {"SET", a + "'", val}, {"EXEC"}}
		}
		var raw []byte
		for _, line := range lines {
			if raw, err = c.Do(line...); err != nil {
				return nil // killed
			}
			if raw[0] == '-' {
				return fmt.Errorf("%q: %s", line, raw)
			}
		}
		for _, k := range w.pending {
			if w.acked[k] = (ack{w.n, w.pulse.now()}); w.deletes {
				w.acked[k] = ack{0, w.pulse.now()}
			}
		}
		w.pending = nil
	}
}

func (w *crashWriter) writes() int { return w.n }

// verify implements crashClient.
func (w *crashWriter) verify(c *compat.Conn, killed time.Duration) (lost time.Duration, err error) {
	got := map[string]int{}
	for k := range w.acked {
		got[k] = 0
	}
	for _, k := range w.pending {
		got[k] = 0
	}
	for k := range got {
		raw, err := c.Do("GET", k)
		if err != nil {
			return 0, err
		}
		if string(raw) == "$-1\r\n" {
			continue
		}
		fields := strings.Fields(string(raw))
		if len(fields) != 2 {
			return 0, fmt.Errorf("GET %s: %q", k, raw)
		}
		got[k], _ = strconv.Atoi(fields[1])
	}
	pending := map[string]bool{}
	for _, k := range w.pending {
		pending[k] = true
	}
	for k, n := range got {
		want := 0
		if !w.deletes {
			want = w.n
		}
		if n != w.acked[k].n && !(pending[k] && n == want) {
			lost = max(lost, killed-w.acked[k].at, 1)
			if n > w.n {
				return 0, fmt.Errorf("%s is %d, which was never written", k, n)
			}
		}
		if base := strings.TrimRight(k, "'"); n != got[base] {
			return 0, fmt.Errorf("torn: %s is %d, %s is %d", k, n, base, got[base])
		}
	}
	for k, n := range got {
		w.acked[k] = ack{n, longAgo}
		if n != 0 {
			w.acked[k] = ack{n, killed}
		}
	}
	w.pending = nil
	return lost, nil
}

// TestCrash kills the server with SIGKILL at random moments: while it writes,
// compacts, is backed up, or loads. What appendfsync always acknowledged of strings
// and collections is there afterwards, with everysec what was acknowledged a second
// before; no MSET and no transaction is ever there in part. HPKV_CRASH is the number of
// kills.
func TestCrash(t *testing.T) {
	compat.NeedOurs(t)
	kills := 50
	if n, err := strconv.Atoi(os.Getenv("HPKV_CRASH")); err == nil && n > 0 {
		kills = n
	} else if testing.Short() {
		kills = 10
	}
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("HPKV_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("HPKV_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) { crash(t, r, policy, (kills+1)/2) })
	}
}

func crash(t *testing.T, r *rand.Rand, policy string, kills int) {
	s := compat.StartOurs(t, append(smallForms, "--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0")...)
	pulse := startPulse(t)
	var writers []crashClient
	for id := range crashWriters {
		writers = append(writers, &crashWriter{id: id, r: rand.New(rand.NewPCG(r.Uint64(), 0)), pulse: pulse, acked: map[string]ack{}})
	}
	for id := range crashCollectionWriters {
		writers = append(writers, newCollectionWriter(id, rand.New(rand.NewPCG(r.Uint64(), 0)), pulse))
	}
	worst, written := time.Duration(0), 0
	for range kills {
		var wg sync.WaitGroup
		errs := make([]error, len(writers))
		for i, w := range writers {
			c, err := s.Dial(2)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() { errs[i] = w.run(c) })
		}
		kill := time.After(time.Duration(r.IntN(40)) * time.Millisecond)
		disturb(t, s, r)
		<-kill
		killed := pulse.now()
		if err := s.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-s.Exited()
		wg.Wait()
		for r.IntN(3) == 0 { // again, while it loads
			if err := s.Launch(); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Duration(r.IntN(40)) * time.Millisecond)
			if err := s.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-s.Exited()
		}
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
		c, err := s.Dial(2)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range writers {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			lost, err := w.verify(c, killed)
			if err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			worst = max(worst, lost)
			written = max(written, w.writes())
		}
		c.Close()
		if policy == "always" && worst > 0 {
			t.Fatalf("a change acknowledged %v before the kill is lost", worst)
		}
		if worst > 1100*time.Millisecond {
			t.Fatalf("a change acknowledged %v before the kill is lost", worst)
		}
	}
	if written < kills {
		t.Errorf("only %d changes on the busiest connection: the kills came too soon to mean anything", written)
	}
	t.Logf("%d kills; the busiest connection made %d changes; lost at most the last %v", kills, written, worst)
}

// disturb has the server do, in some cases, something beside serving writes.
func disturb(t *testing.T, s *compat.Server, r *rand.Rand) {
	var line []string
	switch r.IntN(4) {
	case 0, 1:
		line = []string{"BGREWRITEAOF"}
	case 2:
		line = []string{"HPKV.BACKUP", filepath.Join(t.TempDir(), "backup")}
	default:
		return
	}
	c, err := s.Dial(2)
	if err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the reply or the server
		defer c.Close()
		if raw, err := c.Do(line...); err == nil && bytes.HasPrefix(raw, []byte("-")) {
			t.Errorf("%q: %s", line, raw)
		}
	}()
}
