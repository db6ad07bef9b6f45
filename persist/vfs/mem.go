package vfs

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
)

// Mem is a file system in memory that remembers every operation, so that
// [Mem.Crash] can tell what a power failure at any moment would leave. For tests.
type Mem struct {
	mu    sync.Mutex
	names map[string]*node
	locks map[*node]bool
	ops   []op

	// What there was before the first of ops.
	start    map[string]*node
	contents map[*node][]byte
}

// node is a file or a directory, whatever its names.
type node struct {
	dir  bool
	data []byte
}

// op is one operation that changed something, or made a change last.
type op struct {
	kind opKind
	path string // of a name or directory
	to   string // of a rename
	node *node
	off  int64 // of a write; the size of a resize
	data []byte
}

type opKind uint8

const (
	opAdd opKind = iota // a name for node
	opDrop
	opRename
	opWrite
	opResize
	opSync
	opSyncDir
)

// NewMem returns a file system in which only the given directories exist.
func NewMem(dirs ...string) *Mem {
	m := &Mem{names: make(map[string]*node), locks: make(map[*node]bool)}
	for _, d := range dirs {
		m.names[filepath.Clean(d)] = &node{dir: true}
	}
	m.remember()
	return m
}

// Ops returns how many operations there have been that a crash could follow.
func (m *Mem) Ops() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.ops)
}

func (m *Mem) note(o op) { m.ops = append(m.ops, o) }

func pathError(op, path string, err error) error {
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// Create implements FS.
func (m *Mem) Create(path string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[path] != nil {
		return nil, pathError("create", path, fs.ErrExist)
	}
	return m.create(path)
}

func (m *Mem) create(path string) (File, error) {
	if d := m.names[filepath.Dir(path)]; d == nil || !d.dir {
		return nil, pathError("create", path, fs.ErrNotExist)
	}
	n := new(node)
	m.names[path] = n
	m.note(op{kind: opAdd, path: path, node: n})
	return &memFile{m: m, n: n, write: true, path: path}, nil
}

func (m *Mem) open(path string, write bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[path]
	if n == nil {
		return nil, pathError("open", path, fs.ErrNotExist)
	}
	return &memFile{m: m, n: n, write: write, path: path}, nil
}

// Open implements FS.
func (m *Mem) Open(path string) (File, error) { return m.open(path, false) }

// OpenWrite implements FS.
func (m *Mem) OpenWrite(path string) (File, error) { return m.open(path, true) }

// Rename implements FS.
func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[from]
	if n == nil {
		return pathError("rename", from, fs.ErrNotExist)
	}
	delete(m.names, from)
	m.names[to] = n
	m.note(op{kind: opRename, path: from, to: to, node: n})
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[path]
	if n == nil {
		return pathError("remove", path, fs.ErrNotExist)
	}
	if n.dir && len(m.list(path)) > 0 {
		return pathError("remove", path, fs.ErrInvalid)
	}
	delete(m.names, path)
	m.note(op{kind: opDrop, path: path})
	return nil
}

// Link implements FS.
func (m *Mem) Link(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[from]
	if n == nil || m.names[filepath.Dir(to)] == nil {
		return pathError("link", from, fs.ErrNotExist)
	}
	if m.names[to] != nil {
		return pathError("link", to, fs.ErrExist)
	}
	m.names[to] = n
	m.note(op{kind: opAdd, path: to, node: n})
	return nil
}

// Mkdir implements FS.
func (m *Mem) Mkdir(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[path] != nil {
		return pathError("mkdir", path, fs.ErrExist)
	}
	if d := m.names[filepath.Dir(path)]; d == nil || !d.dir {
		return pathError("mkdir", path, fs.ErrNotExist)
	}
	n := &node{dir: true}
	m.names[path] = n
	m.note(op{kind: opAdd, path: path, node: n})
	return nil
}

// List implements FS.
func (m *Mem) List(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.names[dir]; d == nil || !d.dir {
		return nil, pathError("open", dir, fs.ErrNotExist)
	}
	return m.list(dir), nil
}

func (m *Mem) list(dir string) (names []string) {
	for path := range m.names {
		if path != dir && filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	slices.Sort(names)
	return names
}

// Stat implements FS.
func (m *Mem) Stat(path string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[path]
	if n == nil {
		return Info{}, pathError("stat", path, fs.ErrNotExist)
	}
	info := Info{Size: int64(len(n.data)), Dir: n.dir}
	for _, other := range m.names {
		if other == n {
			info.Links++
		}
	}
	return info, nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[dir] == nil {
		return pathError("sync", dir, fs.ErrNotExist)
	}
	m.note(op{kind: opSyncDir, path: dir})
	return nil
}

// Lock implements FS.
func (m *Mem) Lock(path string, create bool) (Lock, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[path] == nil {
		if !create {
			return nil, pathError("open", path, fs.ErrNotExist)
		}
		if _, err := m.create(path); err != nil {
			return nil, err
		}
	}
	n := m.names[path]
	if m.locks[n] {
		return nil, ErrLocked
	}
	m.locks[n] = true
	return &memLock{m, path, n}, nil
}

type memLock struct {
	m    *Mem
	path string
	n    *node
}

func (l *memLock) Lost() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.m.names[l.path] != l.n {
		return pathError("stat", l.path, fs.ErrNotExist)
	}
	return nil
}

func (l *memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locks, l.n)
	return nil
}

type memFile struct {
	m      *Mem
	n      *node
	path   string
	write  bool
	closed bool
}

func (f *memFile) usable(op string, write bool) error {
	if f.closed {
		return pathError(op, f.path, fs.ErrClosed)
	}
	if write && !f.write {
		return pathError(op, f.path, fs.ErrPermission)
	}
	return nil
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usable("read", false); err != nil {
		return 0, err
	}
	if off > int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usable("write", true); err != nil {
		return 0, err
	}
	b = slices.Clone(b)
	f.n.put(b, off)
	f.m.note(op{kind: opWrite, node: f.n, off: off, data: b})
	return len(b), nil
}

func (n *node) put(b []byte, off int64) {
	if end := off + int64(len(b)); end > int64(len(n.data)) {
		n.resize(end)
	}
	copy(n.data[off:], b)
}

func (n *node) resize(size int64) {
	if size <= int64(len(n.data)) {
		n.data = n.data[:size:size]
		return
	}
	n.data = append(n.data, make([]byte, size-int64(len(n.data)))...)
}

// NextData implements File: sectors of zeros are holes.
func (f *memFile) NextData(off int64) (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usable("seek", false); err != nil {
		return 0, err
	}
	for size := int64(len(f.n.data)); off < size; {
		end := min(off/sector*sector+sector, size)
		if len(bytes.TrimLeft(f.n.data[off:end], "\x00")) > 0 {
			return off, nil
		}
		off = end
	}
	return int64(len(f.n.data)), nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usable("stat", false); err != nil {
		return 0, err
	}
	return int64(len(f.n.data)), nil
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usable("truncate", true); err != nil {
		return err
	}
	f.n.resize(size)
	f.m.note(op{kind: opResize, node: f.n, off: size})
	return nil
}

func (f *memFile) Allocate(size int64) error {
	if now, err := f.Size(); err != nil || now >= size {
		return err
	}
	return f.Truncate(size)
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usable("sync", false); err != nil {
		return err
	}
	f.m.note(op{kind: opSync, node: f.n})
	return nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return pathError("close", f.path, fs.ErrClosed)
	}
	f.closed = true
	return nil
}

// String lists the files, for messages of tests.
func (m *Mem) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines []string
	for path, n := range m.names {
		lines = append(lines, fmt.Sprintf("%s (%d bytes)\n", path, len(n.data)))
	}
	slices.Sort(lines)
	return fmt.Sprint(lines)
}
