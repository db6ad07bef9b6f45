package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hpkv/persist/vfs"
	"hpkv/server/journal"
)

// disk is the system's disk, which tests can stop and break.
type disk struct {
	vfs.FS
	mu    sync.Mutex
	cond  *sync.Cond
	held  bool // syncs wait
	read  bool // reads wait
	stuck bool // writes wait
	sync  error
	write error
}

func newDisk() *disk {
	d := &disk{FS: vfs.OS()}
	d.cond = sync.NewCond(&d.mu)
	return d
}

// change sets something and lets everybody look at it.
func (d *disk) change(f func()) {
	d.mu.Lock()
	f()
	d.mu.Unlock()
	d.cond.Broadcast()
}

func (d *disk) hold()    { d.change(func() { d.held = true }) }
func (d *disk) release() { d.change(func() { d.held, d.read, d.stuck = false, false, false }) }

func (d *disk) tune(o *journal.Options) { o.FS, o.SyncEvery = d, 20*time.Millisecond }

func (d *disk) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &diskFile{f, d}, nil
}

func (d *disk) Create(path string) (vfs.File, error)    { return d.wrap(d.FS.Create(path)) }
func (d *disk) Open(path string) (vfs.File, error)      { return d.wrap(d.FS.Open(path)) }
func (d *disk) OpenWrite(path string) (vfs.File, error) { return d.wrap(d.FS.OpenWrite(path)) }

type diskFile struct {
	vfs.File
	d *disk
}

func (f *diskFile) Sync() error {
	f.d.mu.Lock()
	for f.d.held {
		f.d.cond.Wait()
	}
	err := f.d.sync
	f.d.mu.Unlock()
	if err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	for f.d.stuck {
		f.d.cond.Wait()
	}
	err := f.d.write
	f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

func (f *diskFile) ReadAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	for f.d.read {
		f.d.cond.Wait()
	}
	f.d.mu.Unlock()
	return f.File.ReadAt(p, off)
}

// startLogged starts a server with a log in dir on the disk.
func startLogged(t *testing.T, driver, dir string, d *disk, settings ...string) *instance {
	t.Helper()
	in := start(t, setup{driver: driver, tuneLog: d.tune, settings: append([]string{"--appendonly", "yes", "--dir", dir}, settings...)})
	t.Cleanup(d.release)
	return in
}

// loaded waits until the server has loaded its data.
func (in *instance) loaded() {
	in.t.Helper()
	select {
	case <-in.ready:
	case <-time.After(patience):
		in.t.Fatal("the data are never loaded")
	}
}

// givesUp waits until the server begins to end by itself.
func (in *instance) givesUp() {
	in.t.Helper()
	select {
	case <-in.stopping:
	case <-time.After(patience):
		in.t.Fatal("the server does not give up")
	}
}

// silent checks that nothing comes for a moment.
func (w *wire) silent() {
	w.t.Helper()
	w.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	one := make([]byte, 1)
	if n, err := w.Conn.Read(one); n > 0 || !errors.Is(err, errTimeout(err)) {
		w.t.Fatalf("%q, %v instead of silence", one[:n], err)
	}
}

func errTimeout(err error) error {
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		return err
	}
	return errors.New("a timeout")
}

// TestRepliesWaitForTheDisk: with appendfsync always a reply to a change comes
// after the change is on the disk, and so do those behind it; nobody else waits.
func TestRepliesWaitForTheDisk(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := startLogged(t, driver, t.TempDir(), d, "--appendfsync", "always")
		in.loaded()
		a, b, other := in.dial(), in.dial(), in.dial()
		a.do("SET before 1", "+OK\r\n")
		d.hold()
		a.send("SET k 1\r\nGET k\r\nPING\r\n")
		b.send("MSET l 1 m 2\r\n")
		b.Conn.(*net.TCPConn).CloseWrite() // it gets its reply all the same
		other.do("PING", "+PONG\r\n")
		in.eventually("the changes are made", func() bool {
			other.send("EXISTS k l m\r\n")
			return other.line() == ":3"
		})
		a.silent()
		b.silent()
		a.send("GET before\r\n")
		a.silent()
		other.do("GET k", "$1\r\n1\r\n")
		d.release()
		a.expect("+OK\r\n$1\r\n1\r\n+PONG\r\n$1\r\n1\r\n")
		b.expect("+OK\r\n")
		b.expectEnd()
		a.do("GET k", "$1\r\n1\r\n")

		// Other policies let replies go at once, those that waited included.
		d.hold()
		a.send("SET k 2\r\n")
		a.silent()
		other.do("CONFIG SET appendfsync everysec", "+OK\r\n")
		a.expect("+OK\r\n")
		a.do("SET k 3", "+OK\r\n")
		d.release()
	})
}

// TestShutdownDelivers: who waits for the disk gets the reply although the server
// is told to stop.
func TestShutdownDelivers(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		dir := t.TempDir()
		in := startLogged(t, driver, dir, d, "--appendfsync", "always")
		in.loaded()
		a, other := in.dial(), in.dial()
		d.hold()
		a.send("SET k 1\r\n")
		in.eventually("the change is made", func() bool {
			other.send("EXISTS k\r\n")
			return other.line() == ":1"
		})
		in.Shutdown()
		other.expectEnd()
		a.silent()
		d.release()
		a.expect("+OK\r\n")
		a.expectEnd()
		in.stop()
		in = startLogged(t, driver, dir, d)
		in.loaded()
		in.dial().do("GET k", "$1\r\n1\r\n")
	})
}

// TestLogFailure: what was not synced when the log failed is never acknowledged,
// and nothing is changed any more.
func TestLogFailure(t *testing.T) {
	const refusal = "-MISCONF Errors writing to the AOF file: Input/output error\r\n"
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := start(t, setup{driver: driver, tuneLog: d.tune, fails: "cannot close the log",
			settings: []string{"--appendonly", "yes", "--dir", t.TempDir(), "--appendfsync", "always"}})
		t.Cleanup(d.release)
		in.loaded()
		a, b := in.dial(), in.dial()
		a.do("SET k 1", "+OK\r\n")
		b.do("MULTI", "+OK\r\n")
		b.do("SET k 2", "+QUEUED\r\n")
		d.change(func() { d.sync = syscall.EIO })
		a.send("SET k 3\r\n")
		a.expectEnd()
		b.do("EXEC", "-EXECABORT Transaction discarded because of: "+refusal[1:])
		b.do("SET k 4", refusal)
		b.do("PING", refusal)
		b.do("DEL k", refusal)
		b.do("GET k", "$1\r\n3\r\n")
		b.send("SAVE\r\n")
		if got := b.line(); !strings.HasPrefix(got, "-ERR the log has stopped: sync of 0") || !strings.HasSuffix(got, ".seg: "+syscall.EIO.Error()) {
			t.Errorf("SAVE says %q", got)
		}
		b.send("INFO persistence\r\n")
		if got := b.bulk(); !strings.Contains(got, "aof_last_write_status:err\r\n") || !strings.Contains(got, "log_state:failed\r\n") {
			t.Errorf("INFO says %s", got)
		}
		b.do("BGREWRITEAOF", "+Background append only file rewriting started\r\n")
		in.eventually("the compaction fails", func() bool {
			b.send("INFO persistence\r\n")
			return strings.Contains(b.bulk(), "aof_last_bgrewrite_status:err\r\n")
		})
		for _, line := range []string{"SHUTDOWN", "SHUTDOWN SAVE", "SHUTDOWN NOW"} {
			b.do(line, "-ERR Errors trying to SHUTDOWN. Check logs.\r\n")
		}
		b.send("SHUTDOWN NOSAVE\r\n")
		b.expectEnd()
	})
}

// TestDiskFull: while there is no room changes are refused; those that wait are
// acknowledged when there is room again.
func TestDiskFull(t *testing.T) {
	const refusal = "-MISCONF Errors writing to the AOF file: No space left on device\r\n"
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := startLogged(t, driver, t.TempDir(), d, "--appendfsync", "always")
		in.loaded()
		a, b := in.dial(), in.dial()
		d.change(func() { d.write = syscall.ENOSPC })
		a.send("SET k 1\r\n")
		in.eventually("changes are refused", func() bool { return in.durability.obstacle.Load() != 0 })
		a.silent()
		b.do("SET k 2", refusal)
		b.do("GET k", "$1\r\n1\r\n")
		b.send("SAVE\r\n")
		if line := b.line(); !strings.HasPrefix(line, "-ERR ") || !strings.Contains(line, "no space left on device") {
			t.Errorf("SAVE on a full disk: %q", line)
		}
		b.do("BGSAVE", "+Background saving started\r\n")
		in.eventually("the background save has failed", func() bool {
			b.send("INFO persistence\r\n")
			return strings.Contains(b.bulk(), "rdb_last_bgsave_status:err\r\n")
		})
		for _, line := range []string{"SHUTDOWN", "SHUTDOWN SAVE", "SHUTDOWN NOW"} {
			b.do(line, "-ERR Errors trying to SHUTDOWN. Check logs.\r\n")
		}
		d.change(func() { d.write = nil })
		a.expect("+OK\r\n")
		in.eventually("changes are taken", func() bool { return in.durability.obstacle.Load() == 0 })
		b.do("SET k 2", "+OK\r\n")
		b.do("SAVE", "+OK\r\n")
		b.send("SHUTDOWN\r\n")
		b.expectEnd()
	})
}

// TestSaveMeetsFullDisk: a save of what there is no room for fails, whether or not it
// is known yet that there is none, and does not wait for room.
func TestSaveMeetsFullDisk(t *testing.T) {
	d := newDisk()
	in := startLogged(t, drivers()[0], t.TempDir(), d)
	in.loaded()
	w := in.dial()
	for range 20 {
		d.change(func() { d.write = syscall.ENOSPC })
		w.do("SET k 1", "+OK\r\n")
		w.send("SAVE\r\n")
		if line := w.line(); !strings.HasPrefix(line, "-ERR ") || !strings.Contains(line, "no space left on device") {
			t.Fatalf("SAVE on a full disk: %q", line)
		}
		d.change(func() { d.write = nil })
		in.eventually("changes are taken", func() bool { return in.durability.obstacle.Load() == 0 })
	}
}

// TestLoading: until the data are loaded, commands about them are refused, and
// others answered.
func TestLoading(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d, dir := newDisk(), t.TempDir()
		in := startLogged(t, driver, dir, d)
		in.loaded()
		w := in.dial()
		w.do("SET k 1", "+OK\r\n")
		w.Close()
		in.stop()

		d.change(func() { d.read = true })
		in = startLogged(t, driver, dir, d, "--enable-debug-command", "yes")
		w = in.dial()
		const loading = "-LOADING Redis is loading the dataset in memory\r\n"
		w.do("GET k", loading)
		w.do("PING", loading)
		w.do("SET k 2", loading)
		w.do("MULTI", "+OK\r\n")
		w.do("GET k", loading)
		w.do("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n")
		w.do("SELECT 1", "+OK\r\n")
		w.do("SELECT 0", "+OK\r\n")
		w.send("INFO persistence\r\n")
		if got := w.bulk(); !strings.Contains(got, "\r\nloading:1\r\n") || !strings.Contains(got, "\r\nloading_loaded_perc:") {
			t.Errorf("INFO says %s", got)
		}
		w.do("CONFIG SET appendonly no", "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - the data are being loaded\r\n")
		w.do("DEBUG RELOAD", "-ERR the data are being loaded\r\n")
		d.release()
		in.loaded()
		w.do("GET k", "$1\r\n1\r\n")
		w.send("INFO persistence\r\n")
		if got := w.bulk(); !strings.Contains(got, "\r\nrdb_last_load_keys_loaded:1\r\n") {
			t.Errorf("INFO says %s", got)
		}
		w.Close()
		in.stop()

		for _, asked := range []bool{false, true} { // to stop, in the middle of it
			d.change(func() { d.read = true })
			in = startLogged(t, driver, dir, d)
			w = in.dial()
			w.do("PING", loading)
			if asked { // there is nothing to save yet
				w.send("SHUTDOWN SAVE\r\n")
				go d.release()
				w.expectEnd()
			}
			w.Close()
			go d.release()
			in.stop()
		}
	})
}

// slowLoad returns a directory whose log has k 1, and a disk that does not let it be
// read before it is released.
func slowLoad(t *testing.T, driver string) (*disk, string) {
	d, dir := newDisk(), t.TempDir()
	in := startLogged(t, driver, dir, d)
	in.loaded()
	in.dial().do("SET k 1", "+OK\r\n")
	in.stop()
	d.change(func() { d.read = true })
	return d, dir
}

// TestPolicyWhileLoading: what appendfsync becomes while the data are loaded is what
// the log goes by afterwards.
func TestPolicyWhileLoading(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d, dir := slowLoad(t, driver)
		opening := make(chan struct{})
		in := start(t, setup{driver: driver, tuneLog: func(o *journal.Options) { d.tune(o); close(opening) },
			settings: []string{"--appendonly", "yes", "--dir", dir, "--appendfsync", "everysec"}})
		t.Cleanup(d.release)
		<-opening
		w := in.dial()
		w.do("GET k", "-LOADING Redis is loading the dataset in memory\r\n")
		w.do("CONFIG SET appendfsync always", "+OK\r\n")
		d.release()
		in.loaded()
		d.hold()
		w.send("SET k 2\r\n")
		w.silent()
		d.release()
		w.expect("+OK\r\n")
	})
}

// TestLoadFails: who is connected when the data cannot be loaded sees none of
// them, and changes nothing.
func TestLoadFails(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d, dir := newDisk(), t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "0000000000000001.seg"), []byte("what is left of a log"), 0o600); err != nil {
			t.Fatal(err)
		}
		in := start(t, setup{driver: driver, tuneLog: d.tune, settings: []string{"--appendonly", "yes", "--dir", filepath.Dir(dir), "--appenddirname", filepath.Base(dir)},
			fails: "no manifest"})
		in.givesUp()
		in.stop()
		if in.durability.obstacle.Load()&obstacleLoading == 0 {
			t.Error("commands were executed on what was loaded")
		}
	})
}

// TestRestart: the data come back, whatever the number of workers and shards.
func TestRestart(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d, dir := newDisk(), t.TempDir()
		want := map[string]string{}
		for i, layout := range [][]string{{"2", "16"}, {"1", "4"}, {"2", "64"}, {"2", "16"}} {
			in := startLogged(t, driver, dir, d, "--workers", layout[0], "--shards", layout[1])
			in.loaded()
			w := in.dial()
			w.do("SELECT 3", "+OK\r\n")
			in.eventually("exactly these keys", func() bool {
				w.send("DBSIZE\r\n")
				return w.line() == fmt.Sprintf(":%d", len(want))
			})
			for k, v := range want {
				w.do("GET "+k, fmt.Sprintf("$%d\r\n%s\r\n", len(v), v))
			}
			for j := range 50 {
				k, v := fmt.Sprintf("k%d", i*30+j), fmt.Sprintf("v%d-%d", i, j)
				want[k] = v
				w.do("SET "+k+" "+v, "+OK\r\n")
			}
			w.do(fmt.Sprintf("DEL k%d", i*30+1), ":1\r\n")
			delete(want, fmt.Sprintf("k%d", i*30+1))
			w.do("SET gone x PX 1", "+OK\r\n")
			switch i {
			case 0:
				w.do("BGREWRITEAOF", "+Background append only file rewriting started\r\n")
				in.eventually("the log is compacted", func() bool {
					w.send("INFO persistence\r\n")
					return strings.Contains(w.bulk(), "aof_rewrites:1\r\n")
				})
			case 1:
				w.do("SWAPDB 3 4", "+OK\r\n")
				w.do("SWAPDB 4 3", "+OK\r\n")
			case 2:
				w.do("FLUSHALL", "+OK\r\n")
				clear(want)
				w.do("MSET k1 a k2 b", "+OK\r\n")
				want["k1"], want["k2"] = "a", "b"
			}
			w.Close()
			in.stop()
		}
	})
}

// TestFewerDatabases: a start with fewer databases than the log has keys in fails
// and says what to do, and changes nothing.
func TestFewerDatabases(t *testing.T) {
	d, dir := newDisk(), t.TempDir()
	run := func(databases, fails string, play func(w *wire)) {
		t.Helper()
		in := start(t, setup{driver: drivers()[0], tuneLog: d.tune, fails: fails,
			settings: []string{"--appendonly", "yes", "--dir", dir, "--databases", databases}})
		if fails != "" {
			in.givesUp()
		} else {
			in.loaded()
			w := in.dial()
			play(w)
			w.Close()
		}
		in.stop()
	}
	run("16", "", func(w *wire) { w.do("FLUSHALL", "+OK\r\n") })
	run("8", "", func(w *wire) { w.do("SET k 1", "+OK\r\n") })
	run("16", "", func(w *wire) { w.send("SELECT 12\r\nSET k 2\r\n"); w.expect("+OK\r\n+OK\r\n") })
	run("8", "has keys in database 12, but the setting databases is 8: raise it to 13 or more", nil)
	run("13", "", func(w *wire) {
		w.do("GET k", "$1\r\n1\r\n")
		w.send("SELECT 12\r\nGET k\r\n")
		w.expect("+OK\r\n$1\r\n2\r\n")
	})
}
