package server

import (
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A rate begins anew after CONFIG RESETSTAT, whose counters begin at 0.
func TestRateReset(t *testing.T) {
	var r rate
	for i := range int64(20) {
		r.sample(1000*i, 100*i+100)
	}
	if got := r.perSec.Load(); got != 10_000 {
		t.Errorf("%d a second, want 10000", got)
	}
	r.reset()
	if got := r.perSec.Load(); got != 0 {
		t.Errorf("%d a second after the reset", got)
	}
	r.sample(5, 2100)
	r.sample(165, 2200)
	if got := r.perSec.Load(); got != 100 { // 1600 in one of 16 periods
		t.Errorf("%d a second, want 100", got)
	}
}

func TestListenerTexts(t *testing.T) {
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 7} }
	other := &net.TCPAddr{IP: net.IPv6loopback, Port: 8}
	unix := &net.UnixAddr{Net: "unix", Name: "/run/s"}
	for want, addrs := range map[string][]net.Addr{
		"": nil,
		"name=tcp,bind=127.0.0.1,bind=::1,port=7":                          {tcp("127.0.0.1"), tcp("::1")},
		"name=tcp,bind=127.0.0.1,bind=::1,port=7 name=tcp,bind=::1,port=8": {tcp("127.0.0.1"), other, tcp("::1")},
		"name=unix,bind=/run/s":                                            {unix},
		"name=tcp,bind=127.0.0.1,port=7 name=unix,bind=/run/s":             {tcp("127.0.0.1"), unix},
		"name=tcp,bind=0.0.0.0,bind=::,port=7 name=unix,bind=/run/s":       {unix, tcp("0.0.0.0"), tcp("::")},
	} {
		if got := listenerTexts(addrs); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%v: %q, want %q", addrs, got, want)
		}
	}
}

// What loses its key before it is freed is told of by INFO, until CONFIG RESETSTAT.
func TestLazyFreed(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w := in.dial()
		freed := func() string {
			w.send("INFO memory\r\n")
			_, rest, _ := strings.Cut(w.bulk(), "lazyfreed_objects:")
			n, _, _ := strings.Cut(rest, "\r\n")
			return n
		}
		w.do("MSET a 1 b 2 c 3", "+OK\r\n")
		w.do("FLUSHALL", "+OK\r\n")
		in.eventually("three values are freed", func() bool { return freed() == "3" })
		w.do("CONFIG RESETSTAT", "+OK\r\n")
		if got := freed(); got != "0" {
			t.Errorf("%s after CONFIG RESETSTAT", got)
		}
	})
}

// ever is the peak of the last notes, however long ago.
func (p *recentPeak) ever() (peak int64) {
	for i := range p.slots {
		peak = max(peak, int64(p.slots[i].Load()&(1<<peakBits-1)))
	}
	return peak
}

// A peak is remembered for eight seconds, those that are greater and those that come
// later do not bring it back, and a clock that is set back does no harm.
func TestRecentPeak(t *testing.T) {
	var p recentPeak
	const t0 = int64(1_800_000_000_000)
	want := func(ms, want int64) {
		t.Helper()
		if got := p.value(t0 + ms); got != want {
			t.Errorf("after %d ms: %d, want %d", ms, got, want)
		}
	}
	want(0, 0)
	p.note(500, t0)
	p.note(300, t0+10)
	p.note(100, t0+3000)
	want(0, 500)
	want(7999, 500)
	want(8000, 100)
	want(10_999, 100)
	want(11_000, 0)
	p.note(7, t0+8000) // in the slot of the first
	want(8000, 100)
	p.note(9, t0) // set back
	want(0, 9)
	p.note(1<<50, t0+20_000)
	want(20_000, 1<<peakBits-1)

	var all recentPeak
	var wg sync.WaitGroup
	for i := range int64(4) {
		wg.Go(func() {
			for n := range int64(1000) {
				all.note(4*n+i, t0)
			}
		})
	}
	wg.Wait()
	if got := all.value(t0); got != 3999 {
		t.Errorf("the greatest of many is %d, want 3999", got)
	}
}

func TestSpells(t *testing.T) {
	var p spells
	want := func(nowMs, total, current int64) {
		t.Helper()
		if a, b := p.times(nowMs); a != total || b != current {
			t.Errorf("at %d: %d and %d, want %d and %d", nowMs, a, b, total, current)
		}
	}
	p.sample(false, 100)
	want(100, 0, 0)
	p.sample(true, 200)
	p.sample(true, 300)
	want(350, 150, 150)
	p.sample(false, 400)
	want(500, 200, 0)
	p.sample(true, 600)
	want(650, 250, 50)
	want(50, 200, 0) // set back
	p.reset()
	want(700, 0, 0)
	p.sample(true, 800)
	want(900, 100, 100)
}

func TestPercent(t *testing.T) {
	for _, c := range [][3]int64{{0, 1000, 0}, {1, 1000, 1}, {500, 1000, 50}, {2000, 1000, 100}, {1, 0, 100}} {
		if got := percent(c[0], c[1]); got != c[2] {
			t.Errorf("%d of %d: %d%%, want %d%%", c[0], c[1], got, c[2])
		}
	}
}

// The time above maxmemory is told of, as is the work of expiry and defragmentation.
func TestInfoOfBackgroundWork(t *testing.T) {
	in := start(t, setup{driver: "goroutine"})
	w := in.dial()
	field := func(section, name string) int {
		w.send("INFO %s\r\n", section)
		_, rest, _ := strings.Cut(w.bulk(), "\r\n"+name+":")
		n, _, _ := strings.Cut(rest, "\r\n")
		v, err := strconv.Atoi(n)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return v
	}
	if n := field("stats", "total_eviction_exceeded_time"); n != 0 {
		t.Errorf("memory was above no limit for %d ms", n)
	}
	w.do("SET k v", "+OK\r\n")
	w.do("CONFIG SET maxmemory 1", "+OK\r\n")
	in.eventually("memory is above its limit", func() bool { return field("stats", "current_eviction_exceeded_time") > 0 })
	w.do("CONFIG SET maxmemory 0", "+OK\r\n")
	in.eventually("it is not any more", func() bool { return field("stats", "current_eviction_exceeded_time") == 0 })
	if n := field("stats", "total_eviction_exceeded_time"); n == 0 {
		t.Error("the time above the limit is forgotten")
	}
	w.do("CONFIG RESETSTAT", "+OK\r\n")
	if n := field("stats", "total_eviction_exceeded_time"); n != 0 {
		t.Errorf("%d ms after CONFIG RESETSTAT", n)
	}
	for i := 0; field("stats", "expire_cycle_cpu_milliseconds") == 0; i++ {
		w.send("SET k%d v PX 1\r\n", i)
		w.expect("+OK\r\n")
	}
}

// Who asks for INFO all the time has nobody wait for the collector.
func TestInfoLeavesLittleGarbage(t *testing.T) {
	b := newBench(t)
	line := []byte(cmdline("INFO"))
	ask := func() {
		b.out = b.out[:0]
		b.x.run(b.c, line)
	}
	ask()
	const times = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		ask()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 2*uint64(len(b.out)) {
		t.Errorf("%d bytes are allocated for an answer of %d", each, len(b.out))
	}
}
