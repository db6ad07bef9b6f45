package vfs

import "sync"

// Faulty passes on to another file system and fails on demand. For tests.
type Faulty struct {
	FS
	mu    sync.Mutex
	fault func(op, path string) error
}

// NewFaulty wraps inner.
func NewFaulty(inner FS) *Faulty { return &Faulty{FS: inner} }

// Set has fault asked before every operation; nil: none fails. The operation is
// the name of the method of FS, File or Lock in lower case. A write that is to
// fail writes its first half.
func (f *Faulty) Set(fault func(op, path string) error) {
	f.mu.Lock()
	f.fault = fault
	f.mu.Unlock()
}

func (f *Faulty) ask(op, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault == nil {
		return nil
	}
	if err := f.fault(op, path); err != nil {
		return pathError(op, path, err)
	}
	return nil
}

func (f *Faulty) wrap(op, path string, open func(string) (File, error)) (File, error) {
	if err := f.ask(op, path); err != nil {
		return nil, err
	}
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f, path}, nil
}

// Create implements FS.
func (f *Faulty) Create(path string) (File, error) { return f.wrap("create", path, f.FS.Create) }

// Open implements FS.
func (f *Faulty) Open(path string) (File, error) { return f.wrap("open", path, f.FS.Open) }

// OpenWrite implements FS.
func (f *Faulty) OpenWrite(path string) (File, error) {
	return f.wrap("openwrite", path, f.FS.OpenWrite)
}

// Rename implements FS.
func (f *Faulty) Rename(from, to string) error {
	if err := f.ask("rename", to); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

// Remove implements FS.
func (f *Faulty) Remove(path string) error {
	if err := f.ask("remove", path); err != nil {
		return err
	}
	return f.FS.Remove(path)
}

// Link implements FS.
func (f *Faulty) Link(from, to string) error {
	if err := f.ask("link", to); err != nil {
		return err
	}
	return f.FS.Link(from, to)
}

// Mkdir implements FS.
func (f *Faulty) Mkdir(path string) error {
	if err := f.ask("mkdir", path); err != nil {
		return err
	}
	return f.FS.Mkdir(path)
}

// SyncDir implements FS.
func (f *Faulty) SyncDir(dir string) error {
	if err := f.ask("syncdir", dir); err != nil {
		return err
	}
	return f.FS.SyncDir(dir)
}

// Lock implements FS.
func (f *Faulty) Lock(path string, create bool) (Lock, error) {
	if err := f.ask("lock", path); err != nil {
		return nil, err
	}
	return f.FS.Lock(path, create)
}

type faultyFile struct {
	File
	f    *Faulty
	path string
}

func (f *faultyFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.f.ask("readat", f.path); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, off)
}

func (f *faultyFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.f.ask("writeat", f.path); err != nil {
		n, _ := f.File.WriteAt(b[:len(b)/2], off)
		return n, err
	}
	return f.File.WriteAt(b, off)
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.f.ask("truncate", f.path); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultyFile) Allocate(size int64) error {
	if err := f.f.ask("allocate", f.path); err != nil {
		return err
	}
	return f.File.Allocate(size)
}

func (f *faultyFile) Sync() error {
	if err := f.f.ask("sync", f.path); err != nil {
		return err
	}
	return f.File.Sync()
}
