package vfs

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

func datasync(f *os.File) error {
	err := retry(func() error { return unix.Fdatasync(int(f.Fd())) })
	if err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

// nextData asks for holes: what was allocated and never written is one.
func nextData(f *os.File, off int64) (int64, error) {
	at := off
	err := retry(func() (err error) {
		at, err = unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
		return err
	})
	switch {
	case err == nil:
		return at, nil
	case errors.Is(err, unix.ENXIO):
		return f.Seek(0, io.SeekEnd)
	}
	return off, nil
}

func allocate(f *os.File, from, to int64) error {
	err := retry(func() error { return unix.Fallocate(int(f.Fd()), 0, from, to-from) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS):
		return f.Truncate(to) // without a promise of space
	}
	return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
}
