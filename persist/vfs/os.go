package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// OS returns the operating system's file system.
func OS() FS { return osFS{} }

type osFS struct{}

type osFile struct{ *os.File }

func wrap(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Create(path string) (File, error) {
	return wrap(os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644))
}
func (osFS) Open(path string) (File, error)      { return wrap(os.Open(path)) }
func (osFS) OpenWrite(path string) (File, error) { return wrap(os.OpenFile(path, os.O_RDWR, 0)) }
func (osFS) Rename(from, to string) error        { return os.Rename(from, to) }
func (osFS) Remove(path string) error            { return os.Remove(path) }
func (osFS) Link(from, to string) error          { return os.Link(from, to) }
func (osFS) Mkdir(path string) error             { return os.Mkdir(path, 0o755) }

func (osFS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (osFS) Stat(path string) (Info, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Info{}, err
	}
	return Info{Size: st.Size(), Links: links(st), Dir: st.IsDir()}, nil
}

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (osFS) Lock(path string, create bool) (Lock, error) {
	flags := os.O_RDONLY // enough to lock, also on a medium that cannot be written
	if create {
		flags = os.O_RDWR | os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		f.Close()
		return nil, err
	}
	return &osLock{f, path}, nil
}

type osLock struct {
	*os.File
	path string
}

func (l *osLock) Lost() error {
	now, err := os.Stat(l.path)
	if err != nil {
		return err
	}
	mine, err := l.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(now, mine) {
		return fmt.Errorf("%s was replaced: %w", l.path, fs.ErrNotExist)
	}
	return nil
}

func (f osFile) NextData(off int64) (int64, error) { return nextData(f.File, off) }

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (f osFile) Sync() error { return datasync(f.File) }

func (f osFile) Allocate(size int64) error {
	now, err := f.Size()
	if err != nil || now >= size {
		return err
	}
	return allocate(f.File, now, size)
}
