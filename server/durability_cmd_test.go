package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"hpkv/engine"
	"hpkv/persist"
)

// TestAppendOnlyAtRunTime: the log can be turned on and off; what it then holds
// is what there was in between.
func TestAppendOnlyAtRunTime(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d, dir := newDisk(), t.TempDir()
		in := start(t, setup{driver: driver, tuneLog: d.tune, settings: []string{"--dir", dir, "--appendfsync", "always"}})
		w := in.dial()
		compacted := func() {
			in.eventually("the data are in the log", func() bool { return in.durability.journal.Load().Log().Whole() })
		}
		w.do("SET a 1", "+OK\r\n")
		w.do("BGREWRITEAOF", "-ERR the log is off: see the setting appendonly\r\n")
		w.do("SAVE", "-ERR the log is off: see the setting appendonly\r\n")
		w.do("BGSAVE", "-ERR the log is off: see the setting appendonly\r\n")
		w.send("INFO persistence\r\n")
		if info := w.bulk(); !strings.Contains(info, "rdb_last_bgsave_status:ok\r\n") || !strings.Contains(info, "rdb_saves:0\r\n") {
			t.Errorf("what was refused counts as a save that failed: %s", info)
		}
		w.do("WAITAOF 1 0 0", "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n")
		w.do("CONFIG SET appendonly yes", "+OK\r\n")
		w.do("SET b 2", "+OK\r\n")
		w.do("WAITAOF 1 0 0", "*2\r\n:1\r\n:0\r\n")
		compacted()
		w.do("CONFIG SET appendonly no", "+OK\r\n")
		w.do("DEL a", ":1\r\n")
		w.do("SET c 3", "+OK\r\n")
		w.do("CONFIG SET appendonly yes", "+OK\r\n")
		w.do("SET d 4", "+OK\r\n")
		compacted()
		w.do("SAVE", "+OK\r\n")
		w.do("CONFIG SET appendonly no", "+OK\r\n")
		w.do("CONFIG SET appendonly yes", "+OK\r\n") // and once more, without waiting for the end
		w.do("SET f 6", "+OK\r\n")
		w.do("MULTI", "+OK\r\n")
		w.do("SET e 5", "+QUEUED\r\n")
		w.do("CONFIG SET appendonly no", "+QUEUED\r\n")
		w.do("EXEC", "*2\r\n+OK\r\n-ERR CONFIG SET failed (possibly related to argument 'appendonly') - can't be changed inside a transaction\r\n")
		w.Close()
		in.stop()

		in = startLogged(t, driver, dir, d)
		in.loaded()
		in.dial().do("MGET a b c d e f", "*6\r\n$-1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n")
	})
}

// TestLogTurnedOffOnFullDisk: a log that cannot be written can be turned off; the
// setting always says whether there is one, and it can be turned on again when there is
// room.
func TestLogTurnedOffOnFullDisk(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d, dir := newDisk(), t.TempDir()
		in := startLogged(t, driver, dir, d)
		in.loaded()
		w := in.dial()
		is := func(on string) {
			t.Helper()
			w.do("CONFIG GET appendonly", fmt.Sprintf("*2\r\n$10\r\nappendonly\r\n$%d\r\n%s\r\n", len(on), on))
			if got := in.durability.journal.Load() != nil; got != (on == "yes") {
				t.Errorf("there is a log: %v; the setting is %s", got, on)
			}
		}
		d.change(func() { d.write = syscall.ENOSPC })
		w.do("SET k 1", "+OK\r\n")
		in.eventually("changes are refused", func() bool { return in.durability.obstacle.Load() != 0 })
		is("yes")
		w.do("CONFIG SET appendonly no", "+OK\r\n")
		is("no")
		w.do("SET k 2", "+OK\r\n")
		w.send("CONFIG SET appendonly yes\r\n")
		if line := w.line(); !strings.HasPrefix(line, "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - ") ||
			!strings.Contains(line, "no space left on device") {
			t.Errorf("a log turned on without room: %q", line)
		}
		is("no")
		w.do("SET k 3", "+OK\r\n")
		d.change(func() { d.write = nil })
		w.do("CONFIG SET appendonly yes", "+OK\r\n")
		is("yes")
		in.eventually("the data are in the log", func() bool { return in.durability.journal.Load().Log().Whole() })
		w.Close()
		in.stop()

		in = startLogged(t, driver, dir, d)
		in.loaded()
		in.dial().do("GET k", "$1\r\n3\r\n")
	})
}

// TestSettingsWhileTheLogEnds: who reads or changes a setting does not wait for the disk
// that another's change waits for.
func TestSettingsWhileTheLogEnds(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := startLogged(t, driver, t.TempDir(), d)
		in.loaded()
		w, later, other := in.dial(), in.dial(), in.dial()
		d.hold()
		w.do("SET k 1", "+OK\r\n")
		w.send("CONFIG SET appendonly no\r\n")
		stacks := make([]byte, 1<<20)
		in.eventually("the log is being closed", func() bool {
			return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("persist.(*Log).Close"))
		})
		later.send("CONFIG SET timeout 1000\r\n")
		for range 10 { // of either worker, beside who waits
			c := in.dial()
			c.do("PING", "+PONG\r\n")
			c.do("CONFIG GET port", "*2\r\n$4\r\nport\r\n$1\r\n0\r\n")
		}
		// Who has keys locked must not wait: a change of the log does for every key.
		other.send("MULTI\r\nSET k 2\r\nCONFIG GET port\r\nCONFIG SET timeout 2000\r\nEXEC\r\n")
		other.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n*2\r\n$4\r\nport\r\n$1\r\n0\r\n" +
			"-ERR CONFIG SET failed - other settings are being changed\r\n")
		d.release()
		w.expect("+OK\r\n")
		later.expect("+OK\r\n")
		other.do("CONFIG GET timeout", "*2\r\n$7\r\ntimeout\r\n$4\r\n1000\r\n")
	})
}

// TestWaitAOF: it returns when the client's changes are on the disk, or after
// the timeout.
func TestWaitAOF(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := startLogged(t, driver, t.TempDir(), d, "--appendfsync", "everysec")
		in.loaded()
		w := in.dial()
		w.do("WAITAOF x 0 0", "-ERR value is not an integer or out of range\r\n")
		w.do("WAITAOF 2 0 0", "-ERR value is out of range, value must between 0 and 1\r\n")
		w.do("WAITAOF 1 -1 0", "-ERR value is out of range, must be positive\r\n")
		w.do("WAITAOF 1 0 x", "-ERR timeout is not an integer or out of range\r\n")
		w.do("WAITAOF 1 0 -1", "-ERR timeout is negative\r\n")
		w.do("WAITAOF 1 0 0", "*2\r\n:1\r\n:0\r\n")
		w.do("SET k 1", "+OK\r\n")
		w.do("WAITAOF 1 0 0", "*2\r\n:1\r\n:0\r\n")
		w.do("WAITAOF 0 1 1", "*2\r\n:1\r\n:0\r\n")
		d.hold()
		w.do("SET k 2", "+OK\r\n")
		w.do("WAITAOF 1 0 5", "*2\r\n:0\r\n:0\r\n")
		w.send("MULTI\r\nSET k 3\r\nWAITAOF 1 0 0\r\nEXEC\r\n")
		w.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n*2\r\n:0\r\n:0\r\n")
		w.send("WAITAOF 1 0 0\r\n")
		w.silent()
		d.release()
		w.expect("*2\r\n:1\r\n:0\r\n")
		in.eventually("a sync that takes long is counted", func() bool {
			d.hold()
			w.do("SET k 4", "+OK\r\n")
			w.silent()
			w.silent()
			d.release()
			w.do("WAITAOF 1 0 0", "*2\r\n:1\r\n:0\r\n")
			w.send("INFO persistence\r\n")
			return !strings.Contains(w.bulk(), "\r\naof_delayed_fsync:0\r\n")
		})
	})
}

// TestSaving: SAVE and its kin tell the truth about when everything was on disk.
func TestSaving(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := startLogged(t, driver, t.TempDir(), d)
		in.loaded()
		w, other := in.dial(), in.dial()
		w.do("SET k 1", "+OK\r\n")
		changes := func() string {
			other.send("INFO persistence\r\n")
			_, after, _ := strings.Cut(other.bulk(), "rdb_changes_since_last_save:")
			n, _, _ := strings.Cut(after, "\r\n")
			return n
		}
		if n := changes(); n != "1" {
			t.Errorf("%s changes since the last save", n)
		}
		w.do("SAVE", "+OK\r\n")
		other.send("INFO persistence\r\n")
		if text := other.bulk(); !strings.Contains(text, "rdb_saves:1\r\n") || !strings.Contains(text, "rdb_last_bgsave_time_sec:-1\r\n") {
			t.Errorf("a save is no background save: %q", text)
		}
		w.do("SET k 2", "+OK\r\n")
		d.hold()
		w.send("SAVE\r\n")
		in.eventually("the save is under way", func() bool {
			other.send("BGSAVE\r\n")
			return strings.HasPrefix(other.line(), "-ERR Background save already in progress")
		})
		if n := changes(); n != "1" {
			t.Errorf("%s changes since the last save", n)
		}
		d.release()
		w.expectOneOf("+OK", "-ERR Background save already in progress")
		in.eventually("everything is saved", func() bool { return changes() == "0" })
		w.do("BGSAVE x", "-ERR syntax error\r\n")
		in.eventually("the last save is over", func() bool {
			w.send("BGSAVE SCHEDULE\r\n")
			return w.line() == "+Background saving started"
		})
		w.send("LASTSAVE\r\n")
		if at := w.line(); len(at) < 10 || at[0] != ':' {
			t.Errorf("LASTSAVE says %q", at)
		}
		w.do("SHUTDOWN SAVE", "")
		w.expectEnd()
	})
}

// TestLogTexts: a reply says what the log could not do, not which part of the
// program says so.
func TestLogTexts(t *testing.T) {
	d, dir := newDisk(), t.TempDir()
	in := startLogged(t, drivers()[0], dir, d)
	in.loaded()
	other := start(t, setup{driver: drivers()[0], settings: []string{"--dir", dir}})
	log := filepath.Join(dir, "appendonlydir")
	other.dial().do("CONFIG SET appendonly yes", "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - directory "+log+" is in use by another server\r\n")
	w := in.dial()
	w.do(cmdline("HPKV.BACKUP", dir), "-ERR backup: directory "+dir+" is not empty\r\n")
	w.do(cmdline("HPKV.BACKUP", filepath.Join(dir, "a", "b")), "-ERR backup: mkdir "+filepath.Join(dir, "a", "b")+": no such file or directory\r\n")
	for _, err := range []error{persist.ErrClosed, context.Canceled} {
		if text := logText(err); text != "the log is being turned off, or the server is stopping" {
			t.Errorf("%v: %q", err, text)
		}
	}
}

// TestWaitAOFWithoutLog: a log that is turned off, even one that has failed, keeps
// nobody waiting; one that was turned on has nothing until it has everything.
func TestWaitAOFWithoutLog(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		const off = "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n"
		d := newDisk()
		in := startLogged(t, driver, t.TempDir(), d, "--appendfsync", "everysec")
		in.loaded()
		w, other := in.dial(), in.dial()
		d.hold()
		w.do("SET k 1", "+OK\r\n")
		w.send("WAITAOF 1 0 0\r\n")
		w.silent()
		other.send("CONFIG SET appendonly no\r\n")
		d.release()
		other.expect("+OK\r\n")
		switch got := w.line(); got + "\r\n" {
		case off:
		case "*2\r\n": // the sync that was held back ended first
			if got := w.line(); got != ":0" && got != ":1" {
				t.Errorf("WAITAOF says %q", got)
			}
			w.expect(":0\r\n")
		default:
			t.Errorf("WAITAOF says %q", got)
		}

		w.do("SET k 2", "+OK\r\n")
		in.eventually("nothing is compacted", func() bool { return in.durability.compaction.begin(func() {}) })
		w.do("CONFIG SET appendonly yes", "+OK\r\n")
		w.do("WAITAOF 1 0 1", "*2\r\n:0\r\n:0\r\n")
		w.do("SET k 3", "+OK\r\n")
		w.do("WAITAOF 1 0 1", "*2\r\n:0\r\n:0\r\n")
		w.send("WAITAOF 1 0 0\r\n")
		w.silent()
		in.durability.compaction.endAwaited(nil)
		w.expect("*2\r\n:1\r\n:0\r\n")

		d.change(func() { d.sync = syscall.EIO })
		w.do("SET k 4", "+OK\r\n")
		in.eventually("the log has failed", func() bool { return in.durability.obstacle.Load() != 0 })
		w.do("WAITAOF 1 0 1", "*2\r\n:0\r\n:0\r\n")
		w.send("WAITAOF 1 0 0\r\n")
		w.silent()
		d.change(func() { d.sync = nil })
		other.do("CONFIG SET appendonly no", "+OK\r\n")
		w.expect(off)
	})
}

// TestRoundsAfterFailedLog: the rounds of a log follow all that were told of the one
// before it, which goes on counting when it has failed. Who waits for one of those
// would wait for another change.
func TestRoundsAfterFailedLog(t *testing.T) {
	d := newDisk()
	in := startLogged(t, drivers()[0], t.TempDir(), d, "--appendfsync", "everysec")
	in.loaded()
	w := in.dial()
	d.change(func() { d.sync = syscall.EIO })
	w.do("SET k 1", "+OK\r\n")
	in.eventually("the log has failed", func() bool { return in.durability.obstacle.Load() != 0 })
	d.change(func() { d.sync = nil })
	log, l := in.durability.journal.Load().Log(), in.engine.NewLane()
	defer l.Close()
	var last uint64
	in.eventually("rounds go on", func() bool { // as a script that has begun before makes them, and expiry
		txn := l.Begin(0)
		_, _ = txn.Set([]byte("k"), []byte("2"), engine.SetOptions{})
		txn.End()
		last = l.TakeRound()
		log.Hurry()
		return last > log.Written()+5
	})
	w.do("CONFIG SET appendonly no", "+OK\r\n")
	in.durability.mu.Lock()
	before := in.durability.rounds
	in.durability.mu.Unlock()
	if before < last {
		t.Errorf("the next log would begin behind round %d; there was round %d", before, last)
	}
	w.do("CONFIG SET appendonly yes", "+OK\r\n")
	w.do("WAITAOF 1 0 0", "*2\r\n:1\r\n:0\r\n")
}

// TestReservedFiles: clients leave the server the files that it needs for itself, with
// many workers, too.
func TestReservedFiles(t *testing.T) {
	open := func() int64 {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return int64(len(files))
	}
	before := open()
	in := startLogged(t, drivers()[0], t.TempDir(), newDisk(), "--workers", "16")
	in.loaded()
	log := in.durability.journal.Load().Log()
	for stream := range in.engine.Homes() {
		log.Append(stream, persist.Record{})
	}
	if err := log.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	pass, err := log.BeginCompaction() // each stream has a segment and one to come
	if err != nil {
		t.Fatal(err)
	}
	pass.Abort()
	if used := open() - before; used < 60 || used > in.reservedFiles() {
		t.Errorf("%d files are open without clients; %d are reserved", used, in.reservedFiles())
	}
}

func (w *wire) expectOneOf(lines ...string) {
	w.t.Helper()
	got := w.line()
	for _, l := range lines {
		if got == l {
			return
		}
	}
	w.t.Fatalf("got %q, want one of %q", got, lines)
}

// TestBackupIsTold: INFO tells that a backup is being written, and when it has been.
func TestBackupIsTold(t *testing.T) {
	d := newDisk()
	in := startLogged(t, drivers()[0], t.TempDir(), d)
	in.loaded()
	w, other := in.dial(), in.dial()
	w.do("SET k 1", "+OK\r\n")
	running := func(n string) {
		in.eventually(n+" backups", func() bool {
			other.send("INFO persistence\r\n")
			return strings.Contains(other.bulk(), "\r\nlog_backups_in_progress:"+n+"\r\n")
		})
	}
	running("0")
	d.change(func() { d.read = true })
	w.send("%s\r\n", cmdline("HPKV.BACKUP", filepath.Join(t.TempDir(), "b")))
	running("1")
	d.release()
	w.expect("+OK\r\n")
	running("0")
}

// TestWithoutClient: a backup and a WAITAOF whose client has gone, or has been killed,
// end, and leave nothing behind.
func TestWithoutClient(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		d := newDisk()
		in := startLogged(t, driver, t.TempDir(), d)
		in.loaded()
		other := in.dial()
		other.do("SET k 1", "+OK\r\n")
		dest := filepath.Join(t.TempDir(), "b")
		running := func() int {
			in.deferred.mu.Lock()
			defer in.deferred.mu.Unlock()
			return len(in.deferred.running)
		}
		idle := func() {
			t.Helper()
			in.eventually("nothing runs", func() bool { return running() == 0 })
		}
		for how, end := range map[string]func(w *wire){
			"closed":    func(w *wire) { w.Close() },
			"half shut": func(w *wire) { w.Conn.(*net.TCPConn).CloseWrite() },
			"killed":    func(*wire) { other.do("CLIENT KILL SKIPME yes", ":1\r\n") },
		} {
			gone := func(w *wire) {
				t.Helper()
				end(w)
				in.eventually("who was "+how+" has gone", func() bool { return in.clients.count.Load() == 1 })
			}
			d.change(func() { d.read = true })
			w := in.dial()
			w.send("%s\r\n", cmdline("HPKV.BACKUP", dest))
			in.eventually("the backup is under way", func() bool {
				other.send("INFO persistence\r\n")
				return strings.Contains(other.bulk(), "\r\nlog_backups_in_progress:1\r\n")
			})
			gone(w)
			d.release()
			idle()
			if how == "killed" { // and the backup may have been quicker than its owner
				os.RemoveAll(dest)
			} else if _, err := os.Stat(dest); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: the backup went on: %v", how, err)
			}
			w = in.dial()
			w.send("WAITAOF 0 1 0\r\n")
			in.eventually("it waits", func() bool { return running() == 1 })
			gone(w)
			idle()
		}
		w := in.dial() // and one that stays gets its replies
		w.do(cmdline("HPKV.BACKUP", dest), "+OK\r\n")
		w.do("WAITAOF 0 1 1", "*2\r\n:1\r\n:0\r\n")
		w.do("PING", "+PONG\r\n")
	})
}
