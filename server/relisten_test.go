package server

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// The settings port and bind change while the server runs; who is connected
// stays, and what cannot be listened on changes nothing.
func TestListenElsewhere(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--protected-mode", "no"}})
		w := in.dial()
		set := func(format string) (port int) {
			for range 20 {
				port = freePort(t)
				w.send(format+"\r\n", port)
				if w.line() == "+OK" {
					return port
				}
			}
			t.Fatalf("%s: no port will do", format)
			return 0
		}
		reach := func(port int) *wire {
			c := dial(t, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
			c.do("PING", "+PONG\r\n")
			return c
		}
		closed := func(port int) {
			t.Helper()
			in.eventually("the port is closed", func() bool {
				c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err == nil {
					c.Close()
				}
				return err != nil
			})
		}
		first := set("CONFIG SET port %d")
		early := reach(first)
		taken, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		w.do(fmt.Sprintf("CONFIG SET port %d", taken.Addr().(*net.TCPAddr).Port),
			"-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.\r\n")
		reach(first)
		w.do("CONFIG SET bind 127.0.0.1", "+OK\r\n") // which * has taken
		reach(first)
		for _, nowhere := range []string{"203.0.113.1", "127.0.0.1 203.0.113.1"} {
			w.do(cmdline("CONFIG", "SET", "bind", nowhere), "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.\r\n")
			reach(first)
		}
		w.do("CONFIG GET bind", "*2\r\n$4\r\nbind\r\n$9\r\n127.0.0.1\r\n")
		w.send("INFO server\r\n")
		if text := w.bulk(); !strings.Contains(text, fmt.Sprintf("bind=127.0.0.1,port=%d\r\n", first)) || !strings.Contains(text, fmt.Sprintf("tcp_port:%d\r\n", first)) {
			t.Errorf("INFO: %s", text)
		}
		second := set("CONFIG SET port %d bind *")
		reach(second)
		closed(first)
		early.do("PING", "+PONG\r\n")
		w.do("CONFIG SET port 0", "+OK\r\n")
		closed(second)
		early.do("MULTI", "+OK\r\n")
		early.do("CONFIG SET port 0", "+QUEUED\r\n")
		early.do("EXEC", "*1\r\n+OK\r\n")
		third := set("CONFIG SET port %d")
		reach(third)
		in.stop()
		closed(third)
	})
}
