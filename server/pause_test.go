package server

import (
	"strings"
	"testing"
)

// What a pause holds back is dropped with its client, whatever the way the
// client goes; what another client waits with still runs.
func TestPausedCommandOfOneWhoHasGone(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		admin, gone, closing, staying := in.dial(), in.dial(), in.dial(), in.dial()
		for _, w := range []*wire{gone, closing, staying} {
			w.do("PING", "+PONG\r\n")
		}
		admin.do("CLIENT PAUSE 1000000 WRITE", "+OK\r\n")
		gone.send("SET gone 1\r\n")
		closing.send("SET closing 1\r\nQUIT\r\n")
		staying.send("SET staying 1\r\n")
		in.eventually("three clients held", func() bool {
			in.pauses.mu.Lock()
			defer in.pauses.mu.Unlock()
			return len(in.pauses.held) == 3
		})
		gone.Close()
		closing.Close()
		in.eventually("two clients left", func() bool { return in.clients.count.Load() == 2 })
		admin.do("CLIENT UNPAUSE", "+OK\r\n")
		staying.expect("+OK\r\n")
		admin.do("EXISTS gone closing", ":0\r\n")
		admin.do("GET staying", "$1\r\n1\r\n")
	})
}

// WAIT for replicas that will never be there ends with its time, with CLIENT
// UNBLOCK, or with its client.
func TestWait(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		admin, w := in.dial(), in.dial()
		w.send("CLIENT ID\r\n")
		id := strings.TrimPrefix(w.line(), ":")
		blocked := func(n int64) {
			in.eventually("the number of blocked clients", func() bool { return in.blocked.count.Load() == n })
		}
		w.do("WAIT 1 10", ":0\r\n")
		w.do("WAIT 0 0", ":0\r\n")
		w.do("WAIT -1 0", ":0\r\n")
		w.send("WAIT 1 0\r\nPING\r\n")
		blocked(1)
		admin.do("CLIENT UNBLOCK "+id, ":1\r\n")
		w.expect(":0\r\n+PONG\r\n")
		w.send("WAIT 3 9223372036854775807\r\n")
		blocked(1)
		admin.do("CLIENT UNBLOCK "+id+" ERROR", ":1\r\n")
		w.expect("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")
		admin.do("CLIENT UNBLOCK "+id, ":0\r\n")
		w.send("WAIT 1 0\r\n")
		blocked(1)
		w.Close()
		blocked(0)
	})
}
