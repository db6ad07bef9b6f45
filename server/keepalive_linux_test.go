package server

import (
	"syscall"
	"testing"
)

// The setting tcp-keepalive reaches the sockets of connections that come after
// it, as Redis sets them: idle time, a third of it between three probes.
func TestKeepAlive(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--tcp-keepalive", "123"}})
		f := func(on, idle, interval int) {
			t.Helper()
			w := in.dial()
			w.do("PING", "+PONG\r\n")
			fd := in.newest().fd
			want := func(name string, level, option, value int) {
				t.Helper()
				if got, err := syscall.GetsockoptInt(fd, level, option); err != nil || got != value {
					t.Errorf("%s is %d, want %d (%v)", name, got, value, err)
				}
			}
			want("TCP_NODELAY", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
			want("SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, on)
			if on != 0 {
				want("TCP_KEEPIDLE", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, idle)
				want("TCP_KEEPINTVL", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, interval)
				want("TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3)
			}
		}
		f(1, 123, 41)
		in.dial().do("CONFIG SET tcp-keepalive 2", "+OK\r\n")
		f(1, 2, 1)
		in.dial().do("CONFIG SET tcp-keepalive 0", "+OK\r\n")
		f(0, 0, 0)
	})
}
