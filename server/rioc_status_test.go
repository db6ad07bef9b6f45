package server

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"hpkv/resp/rioc"
)

// TestRiocWhileLoading: what cannot be answered before the data are there is
// refused as busy, operation by operation, and the connection goes on.
func TestRiocWhileLoading(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d, dir := slowLoad(t, driver)
		in := start(t, setup{driver: driver, tuneLog: d.tune, ports: []string{"rioc-port"},
			settings: []string{"--appendonly", "yes", "--dir", dir, "--rioc-bind", "127.0.0.1"}})
		t.Cleanup(d.release)
		w := dial(t, "tcp", fmt.Sprintf("127.0.0.1:%d", in.ports["rioc-port"]))
		const isBusy = "f9ffffff 00000000 "
		get := single + "0100 0100 00000000 " + noTime + " 'k'"
		w.exchange(get, isBusy)
		w.exchange("43494f52 0200 0500 06000000"+
			" 0100 0100 00000000 "+noTime+" 'k'"+
			" 0200 0100 01000000 "+someTime+" 'k' '2'"+
			" 0300 0100 00000000 "+someTime+" 'k'"+
			" 0600 0100 01000000 "+noTime+" 'a' 'z'"+
			" 0700 0100 08000000 "+someTime+" 'k' 0100000000000000",
			isBusy+isBusy+isBusy+isBusy+isBusy)
		d.release()
		in.loaded()
		w.exchange(get, "00000000 01000000 '1'")
	})
}

// TestRiocWithoutADisk: while the log cannot be written, writes fail with an I/O
// error and reads go on; when it can, writes do too.
func TestRiocWithoutADisk(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := start(t, setup{driver: driver, tuneLog: d.tune, ports: []string{"rioc-port"},
			settings: []string{"--appendonly", "yes", "--dir", t.TempDir(), "--rioc-bind", "127.0.0.1"}})
		in.loaded()
		c := dialRioc(t, fmt.Sprintf("127.0.0.1:%d", in.ports["rioc-port"]), nil)
		if err := c.Put([]byte("k"), []byte("v")); err != nil {
			t.Fatal(err)
		}
		d.change(func() { d.write = syscall.ENOSPC })
		in.eventually("writes fail", func() bool { return errors.Is(c.Put([]byte("k"), []byte("w")), rioc.ErrIO) })
		if _, err := c.Add([]byte("n"), 1); !errors.Is(err, rioc.ErrIO) {
			t.Errorf("add: %v", err)
		}
		if err := c.Update([]byte("k"), []byte("x")); !errors.Is(err, rioc.ErrIO) {
			t.Errorf("update: %v", err)
		}
		if err := c.Delete([]byte("k")); !errors.Is(err, rioc.ErrIO) {
			t.Errorf("delete: %v", err)
		}
		if _, err := c.Get([]byte("k")); err != nil {
			t.Errorf("get: %v", err)
		}
		if got, err := c.Range([]byte("a"), []byte("z")); err != nil || len(got) != 1 {
			t.Errorf("range: %d entries, %v", len(got), err)
		}
		d.change(func() { d.write = nil })
		in.eventually("writes go on", func() bool { return c.Put([]byte("k"), []byte("w")) == nil })
	})
}
