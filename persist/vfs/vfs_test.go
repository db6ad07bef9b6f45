package vfs

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// TestFS holds both file systems to the interface's promises.
func TestFS(t *testing.T) {
	mem := NewMem("/", "/tmp")
	for name, c := range map[string]struct {
		fs  FS
		dir string
	}{
		"os":     {OS(), t.TempDir()},
		"mem":    {mem, "/tmp"},
		"faulty": {NewFaulty(OS()), t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) { testFS(t, c.fs, c.dir) })
	}
}

func testFS(t *testing.T, fsys FS, dir string) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := fsys.Mkdir(dir + "/no/where"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Mkdir without a parent: %v", err)
	}
	must(fsys.Mkdir(dir + "/d"))
	if err := fsys.Mkdir(dir + "/d"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Mkdir again: %v", err)
	}
	if _, err := fsys.Open(dir + "/d/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of nothing: %v", err)
	}
	f, err := fsys.Create(dir + "/d/a")
	must(err)
	if _, err := fsys.Create(dir + "/d/a"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create again: %v", err)
	}
	must(f.Allocate(100))
	must(f.Allocate(50))
	if n, err := f.Size(); n != 100 || err != nil {
		t.Errorf("size %d, %v", n, err)
	}
	_, err = f.WriteAt([]byte("hello"), 98)
	must(err)
	b := make([]byte, 10)
	if n, err := f.ReadAt(b, 96); n != 7 || err == nil || string(b[:n]) != "\x00\x00hello" {
		t.Errorf("read %q, %v", b[:n], err)
	}
	must(f.Truncate(99))
	must(f.Sync())
	must(f.Close())
	if _, err := f.ReadAt(b, 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a read after Close: %v", err)
	}
	must(fsys.Link(dir+"/d/a", dir+"/d/b"))
	if info, err := fsys.Stat(dir + "/d/b"); info != (Info{Size: 99, Links: 2}) || err != nil {
		t.Errorf("%+v, %v", info, err)
	}
	if err := fsys.Link(dir+"/d/a", dir+"/d/b"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Link again: %v", err)
	}
	must(fsys.Rename(dir+"/d/a", dir+"/d/c"))
	must(fsys.SyncDir(dir + "/d"))
	if names, err := fsys.List(dir + "/d"); !slices.Equal(names, []string{"b", "c"}) || err != nil {
		t.Errorf("%v, %v", names, err)
	}
	if fsys.Remove(dir+"/d") == nil {
		t.Error("a directory with files was removed")
	}
	f, err = fsys.Open(dir + "/d/c")
	must(err)
	if _, err := f.WriteAt(b, 0); err == nil {
		t.Error("wrote to a file opened for reading")
	}
	must(f.Close())
	f, err = fsys.OpenWrite(dir + "/d/c")
	must(err)
	_, err = f.WriteAt(b, 0)
	must(err)
	must(f.Close())
	must(fsys.Remove(dir + "/d/b"))
	must(fsys.Remove(dir + "/d/c"))
	must(fsys.Remove(dir + "/d"))
	if _, err := fsys.Stat(dir + "/d"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat of nothing: %v", err)
	}
	if info, err := fsys.Stat(dir); !info.Dir || err != nil {
		t.Errorf("%+v, %v", info, err)
	}
	testLock(t, fsys, dir+"/lock")
}

func testLock(t *testing.T, fsys FS, path string) {
	if _, err := fsys.Lock(path, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a lock on nothing: %v", err)
	}
	l, err := fsys.Lock(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fsys.Lock(path, true); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	if err := l.Lost(); err != nil {
		t.Errorf("lost: %v", err)
	}
	if err := fsys.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Lost(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed: %v", err)
	}
	other, err := fsys.Lock(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Lost(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("replaced: %v", err)
	}
	l.Close()
	other.Close()
	again, err := fsys.Lock(path, false)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// content reads a file of a crashed file system; "-" if there is none.
func content(m *Mem, path string) string {
	if n := m.names[path]; n != nil {
		return string(n.data)
	}
	return "-"
}

// TestCrash: what was synced is there, what was not may be.
func TestCrash(t *testing.T) {
	m := NewMem("/")
	f, _ := m.Create("/a") // 1
	f.WriteAt([]byte("old"), 0)
	f.Sync() // 3
	m.SyncDir("/")
	f.WriteAt([]byte("new"), 0)
	m.Rename("/a", "/b") // 6
	for after, want := range []string{"- -", "- -", "- -", "- -", "old -", "old -", "old -"} {
		c := m.Crash(after, nil)
		if got := content(c, "/a") + " " + content(c, "/b"); got != want {
			t.Errorf("after operation %d: %s, want %s", after, got, want)
		}
	}
	seen := map[string]bool{}
	for seed := range uint64(200) {
		c := m.Crash(6, rand.New(rand.NewPCG(1, seed)))
		seen[content(c, "/a")+" "+content(c, "/b")] = true
	}
	for _, want := range []string{"old -", "new -", "- old", "- new"} {
		if !seen[want] {
			t.Errorf("%s was never left", want)
		}
		delete(seen, want)
	}
	if len(seen) > 0 {
		t.Errorf("also left: %v", seen)
	}
	if c := m.Clone(); content(c, "/b") != "new" || c.Ops() != 0 {
		t.Errorf("the clone is %v", c)
	}
	if got := m.Crash(6, nil).Crash(0, nil); content(got, "/a") != "old" {
		t.Errorf("a crash of a crash lost %v", got)
	}
}

// TestTorn: a write may last in any of its sectors.
func TestTorn(t *testing.T) {
	m := NewMem("/")
	f, _ := m.Create("/a")
	f.Truncate(3 * sector)
	f.Sync()
	m.SyncDir("/")
	f.WriteAt(slices.Repeat([]byte("x"), 2*sector), sector/2)
	seen := map[[3]byte]bool{}
	for seed := range uint64(300) {
		b := content(m.Crash(m.Ops(), rand.New(rand.NewPCG(1, seed))), "/a")
		seen[[3]byte{b[sector-1], b[sector], b[2*sector]}] = true
	}
	if len(seen) != 8 {
		t.Errorf("%d of 8 outcomes", len(seen))
	}
}

// TestFaulty: what is to fail does, and a write that does is done by half.
func TestFaulty(t *testing.T) {
	mem := NewMem("/")
	faulty := NewFaulty(mem)
	f, err := faulty.Create("/a")
	if err != nil {
		t.Fatal(err)
	}
	var failing string
	faulty.Set(func(op, path string) error {
		if op == failing {
			return syscall.ENOSPC
		}
		return nil
	})
	for op, call := range map[string]func() error{
		"create":    func() error { _, err := faulty.Create("/b"); return err },
		"open":      func() error { _, err := faulty.Open("/a"); return err },
		"openwrite": func() error { _, err := faulty.OpenWrite("/a"); return err },
		"rename":    func() error { return faulty.Rename("/a", "/c") },
		"remove":    func() error { return faulty.Remove("/a") },
		"link":      func() error { return faulty.Link("/a", "/c") },
		"mkdir":     func() error { return faulty.Mkdir("/d") },
		"syncdir":   func() error { return faulty.SyncDir("/") },
		"lock":      func() error { _, err := faulty.Lock("/l", true); return err },
		"readat":    func() error { _, err := f.ReadAt(nil, 0); return err },
		"writeat":   func() error { _, err := f.WriteAt([]byte("abcd"), 0); return err },
		"truncate":  func() error { return f.Truncate(9) },
		"allocate":  func() error { return f.Allocate(9) },
		"sync":      func() error { return f.Sync() },
	} {
		failing = op
		if err := call(); !IsFull(err) {
			t.Errorf("%s: %v", op, err)
		}
	}
	if content(mem, "/a") != "ab" || len(mem.names) != 2 {
		t.Errorf("left are %v, /a is %q", mem, content(mem, "/a"))
	}
	faulty.Set(nil)
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
}

// TestNextData: no data are passed over, in whatever file system.
func TestNextData(t *testing.T) {
	for name, fsys := range map[string]FS{"os": OS(), "mem": NewMem("/")} {
		dir := "/"
		if name == "os" {
			dir = t.TempDir()
		}
		f, err := fsys.Create(filepath.Join(dir, "a"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		const size, at = 1 << 20, 300_000
		if err := f.Allocate(size); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("data"), at); err != nil {
			t.Fatal(err)
		}
		for _, off := range []int64{0, at - 1, at, at + 3} {
			if got, err := f.NextData(off); got < off || got > max(off, at) || err != nil {
				t.Errorf("%s: data from %d on: %d, %v", name, off, got, err)
			}
		}
		for _, off := range []int64{at + 4, size - 1, size} {
			if got, err := f.NextData(off); got < off || got > size || err != nil {
				t.Errorf("%s: data from %d on: %d, %v", name, off, got, err)
			}
		}
		if got, _ := f.NextData(at + sector); name == "mem" && got != size {
			t.Errorf("%s: data at %d", name, got)
		}
	}
}
