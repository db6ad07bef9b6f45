package server

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hpkv/persist"
	"hpkv/server/command"
)

// A slow disk is seen by LATENCY, under the name of what waited for it.
func TestLatencyOfTheLog(t *testing.T) {
	for policy, event := range map[string]string{"always": "aof-fsync-always", "everysec": "aof-fsync-everysec"} {
		d := newDisk()
		in := startLogged(t, drivers()[0], t.TempDir(), d, "--appendfsync", policy, "--latency-monitor-threshold", "3")
		in.loaded()
		w := in.dial()
		in.eventually("a slow sync", func() bool {
			d.hold()
			w.send("INCR k\r\n")
			held := time.Now()
			in.eventually("some milliseconds", func() bool { return time.Since(held) > 10*time.Millisecond })
			d.release()
			w.line()
			e, ok := in.latency.Event(event)
			return ok && e.MaxMs >= 3
		})
		w.send("LATENCY DOCTOR\r\n")
		if text := w.bulk(); !strings.Contains(text, event+": ") || !strings.Contains(text, "The log: the disk is slow or busy.") {
			t.Errorf("the doctor says %q", text)
		}
		w.send("LATENCY GRAPH %s\r\n", event)
		if text := w.bulk(); !strings.HasPrefix(text, event+" - high ") {
			t.Errorf("graph: %q", text)
		}
		w.send("LATENCY HISTORY %s\r\n", event)
		if head := w.line(); head == "*0" || head[0] != '*' {
			t.Errorf("history: %q", head)
		}
		w.Close()
		in.dial().do("LATENCY RESET "+event+" nothing", ":1\r\n")
		in.stop()
	}
}

// Each step of the log has its event, and a write also tells what went on beside it.
func TestLatencyOfLogSteps(t *testing.T) {
	b := newBench(t)
	const long = 7 * time.Millisecond
	d := &b.durability
	d.step(persist.StepWrite, long)
	if events := b.latency.Events(); len(events) > 0 {
		t.Fatalf("recorded although the threshold is 0: %+v", events)
	}
	b.run(cmdline("CONFIG", "SET", "latency-monitor-threshold", "5"))
	for _, c := range []struct {
		step   persist.Step
		during func() // what else goes on
		events string
	}{
		{persist.StepWrite, func() {}, "aof-write aof-write-alone"},
		{persist.StepWriteInSync, func() {}, "aof-write aof-write-pending-fsync"},
		{persist.StepWrite, func() { d.compaction.begin(nil) }, "aof-write aof-write-active-child"},
		{persist.StepWriteInSync, func() { d.compaction.end(nil) }, "aof-write aof-write-pending-fsync"},
		{persist.StepSync, func() {}, "aof-fsync-everysec"},
		{persist.StepSync, func() { b.run(cmdline("CONFIG", "SET", "appendfsync", "always")) }, "aof-fsync-always"},
		{persist.StepManifest, func() {}, "aof-rename"},
	} {
		c.during()
		b.latency.Reset() // on a busy machine a command is an event, too
		d.step(c.step, 4*time.Millisecond)
		d.step(c.step, long)
		var names []string
		for _, e := range b.latency.Events() {
			names = append(names, e.Name)
			if e.MaxMs != 7 || len(e.Samples) != 1 || advice[e.Name] != slowDisk {
				t.Errorf("%s: %+v", e.Name, e)
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != c.events {
			t.Errorf("step %d: %s, want %s", c.step, got, c.events)
		}
	}
}

// Background work that takes long is known by what it has done.
func TestLatencyOfBackgroundWork(t *testing.T) {
	b := newBench(t)
	b.run(cmdline("CONFIG", "SET", "latency-monitor-threshold", "1", "maxmemory-policy", "allkeys-random"))
	l := b.engine.NewLane()
	defer l.Close()
	work := func(event string, done func() bool) {
		t.Helper()
		for limit := time.Now().Add(patience); !done(); {
			if time.Now().After(limit) {
				t.Fatalf("%s: never done", event)
			}
			for home := range b.engine.Homes() {
				b.engine.Maintain(l, home, time.Second)
			}
		}
		b.worked(time.Now().Add(time.Hour))
		if e, ok := b.latency.Event(event); ok {
			t.Fatalf("%s has taken no time: %+v", event, e)
		}
		b.worked(time.Now().Add(-5 * time.Millisecond))
		if e, ok := b.latency.Event(event); !ok || e.MaxMs < 5 {
			t.Fatalf("%s: %+v", event, e)
		}
		b.worked(time.Now().Add(-time.Hour))
		if e, _ := b.latency.Event(event); e.MaxMs > 1000000 {
			t.Fatalf("%s although nothing was done since", event)
		}
	}
	b.engineStats(nil)
	b.run(cmdline("SET", "due", "v", "PX", "1"))
	work("expire-cycle", func() bool { return b.engine.Stats().Expired > 0 })
	for range 2000 {
		b.run(cmdline("SET", "k"+newRunID(), strings.Repeat("v", 1000)))
	}
	b.run(cmdline("CONFIG", "SET", "maxmemory", "1000000"))
	work("eviction-cycle", func() bool { return b.engine.Stats().Evicted > 0 })
}

// A command that is tried for a client which waited is an event of its own.
func TestLatencyOfUnblocking(t *testing.T) {
	row := command.Row{Name: "test.wait", Arity: 2, Flags: command.Write | command.Blocking,
		Keys: []command.KeySpec{{Flags: command.KeyRW, Pos: 1, Step: 1}},
		Run: func(ctx *command.Ctx) {
			ctx.Wait(command.Wait{Keys: ctx.Args[1:], Try: func(ctx *command.Ctx, woken bool) bool {
				for begun := time.Now(); woken && time.Since(begun) < 3*time.Millisecond; {
				}
				if woken {
					ctx.W.OK()
				}
				return woken
			}})
		}}
	in := start(t, setup{driver: drivers()[0], rows: []command.Row{row}, settings: []string{"--latency-monitor-threshold", "2"}})
	waits, other := in.dial(), in.dial()
	waits.send("TEST.WAIT k\r\n")
	in.eventually("it waits", func() bool { return in.blocked.count.Load() == 1 })
	other.do("RPUSH k v", ":1\r\n")
	waits.expect("+OK\r\n")
	if e, ok := in.latency.Event("command-unblocking"); !ok || e.MaxMs < 3 {
		t.Errorf("event: %+v", e)
	}
}
