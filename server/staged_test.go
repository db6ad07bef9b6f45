package server

import (
	"fmt"
	"strings"
	"testing"
)

// TestStagedCopies: large collections are renamed and copied off the event loop,
// with the same outcome as small ones, and inside transactions on it.
func TestStagedCopies(t *testing.T) {
	in := start(t, setup{driver: "auto"})
	w := in.dial()
	const n = 20_000
	var cmd strings.Builder
	fmt.Fprintf(&cmd, "*%d\r\n$4\r\nSADD\r\n$3\r\nbig\r\n", n+2)
	for i := range n {
		m := fmt.Sprintf("member:%d", i)
		fmt.Fprintf(&cmd, "$%d\r\n%s\r\n", len(m), m)
	}
	w.send("%s", cmd.String())
	w.expect(fmt.Sprintf(":%d\r\n", n))
	size := fmt.Sprintf(":%d\r\n", n)
	at := "big"
	for i := range 8 { // most of them are in another shard
		to := fmt.Sprint("name", i)
		w.send("RENAME %s %s\r\nEXISTS %s\r\nSCARD %s\r\n", at, to, at, to)
		w.expect("+OK\r\n:0\r\n" + size)
		at = to
	}
	w.send("SET other x\r\nRENAMENX %s other\r\nRENAMENX %s free\r\nSCARD free\r\n", at, at)
	w.expect("+OK\r\n:0\r\n:1\r\n" + size)
	w.send("COPY free copy\r\nCOPY free copy\r\nCOPY free copy DB 1\r\nSCARD copy\r\nSCARD free\r\n")
	w.expect(":1\r\n:0\r\n:1\r\n" + size + size)
	w.send("COPY free other\r\nCOPY free other REPLACE\r\nSCARD other\r\nSELECT 1\r\nSCARD copy\r\nSELECT 0\r\n")
	w.expect(":0\r\n:1\r\n" + size + "+OK\r\n" + size + "+OK\r\n")
	w.send("MULTI\r\nRENAME free a\r\nRENAME a b\r\nCOPY b c\r\nEXEC\r\nSCARD b\r\nSCARD c\r\n")
	w.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n:1\r\n" + size + size)
	w.send("MOVE b 1\r\nEXISTS b\r\nSELECT 1\r\nSCARD b\r\n")
	w.expect(":1\r\n:0\r\n+OK\r\n" + size)
}
