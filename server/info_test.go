package server

import (
	"net"
	"slices"
	"strings"
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
