package server

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"hpkv/server/journal"
)

// TestStalledDisk: when the disk takes nothing, changes wait before they take all
// memory, those of transactions, too; reads do not. They are made when it goes on, and
// refused when it turns out to be full.
func TestStalledDisk(t *testing.T) {
	const pending, size = 1 << 20, 50_000
	const sets = 4 * pending / size
	value := strings.Repeat("x", size)
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := start(t, setup{driver: driver, settings: []string{"--appendonly", "yes", "--dir", t.TempDir()}, tuneLog: func(o *journal.Options) {
			d.tune(o)
			o.MaxPending = pending
		}})
		t.Cleanup(d.release)
		in.loaded()
		many, one, queued, other := in.dial(), in.dial(), in.dial(), in.dial()
		for _, full := range []bool{false, true} {
			other.do("FLUSHALL", "+OK\r\n")
			other.do("SET k 1", "+OK\r\n")
			queued.do("MULTI", "+OK\r\n")
			queued.do("SET q 1", "+QUEUED\r\n")
			d.change(func() { d.stuck = true })
			for i := range sets {
				many.send("SET k%d %s\r\n", i, value)
			}
			in.eventually("the log stalls", in.durability.stalled)
			one.send("SET one 1\r\n")
			queued.send("EXEC\r\n")
			one.silent()
			queued.silent()
			other.do("GET one", "$-1\r\n")
			other.do("EXISTS q", ":0\r\n")
			other.send("DBSIZE\r\n")
			if got := other.line(); got == ":1" || got == ":"+strconv.Itoa(sets) {
				t.Errorf("%s keys in memory, of %d", got, sets)
			}
			if !full {
				d.release()
				many.expect(strings.Repeat("+OK\r\n", sets))
				one.expect("+OK\r\n")
				queued.expect("*1\r\n+OK\r\n")
				continue
			}
			d.change(func() { d.stuck, d.write = false, syscall.ENOSPC })
			one.expect("-MISCONF Errors writing to the AOF file: No space left on device\r\n")
			if got := queued.line(); !strings.HasPrefix(got, "-EXECABORT") {
				t.Errorf("EXEC says %q", got)
			}
			d.change(func() { d.write = nil })
		}
	})
}
