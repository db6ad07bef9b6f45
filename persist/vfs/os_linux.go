package vfs

import (
	"errors"
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
