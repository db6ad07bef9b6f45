// Package vfs is the part of a file system that a log needs: the operating
// system's ([OS]), one in memory that can be cut off at any operation
// ([Mem]), and one that fails on demand ([Faulty]).
package vfs

import (
	"errors"
	"io"
)

// FS is a file system. Errors wrap those of package os and the system's error
// numbers. Implementations are safe for concurrent use.
type FS interface {
	// Create opens a new file for reading and writing; it is an error if the
	// file exists.
	Create(path string) (File, error)
	// Open opens a file for reading.
	Open(path string) (File, error)
	// OpenWrite opens an existing file for reading and writing.
	OpenWrite(path string) (File, error)
	// Rename replaces what is at to. It lasts once the directory is synced.
	Rename(from, to string) error
	// Remove deletes a file or an empty directory.
	Remove(path string) error
	// Link gives a file a second name. An error is returned where that is not
	// possible; the caller copies instead.
	Link(from, to string) error
	// Mkdir creates one directory.
	Mkdir(path string) error
	// List returns the names in a directory, sorted.
	List(dir string) ([]string, error)
	// Stat describes a file.
	Stat(path string) (Info, error)
	// SyncDir makes the names in a directory last.
	SyncDir(dir string) error
	// Lock takes the exclusive lock that goes with the file at path, creating
	// the file if create is set. It returns ErrLocked if another process, or
	// another call, holds it. Closing releases it.
	Lock(path string, create bool) (Lock, error)
}

// File is an open file. Reads and writes at offsets may run concurrently.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// NextData returns the first offset from off on at which there may be
	// anything but zeros, the file's length if there is none. Where the system
	// cannot tell, that is off.
	NextData(off int64) (int64, error)
	// Size returns the file's length in bytes.
	Size() (int64, error)
	// Truncate changes the length.
	Truncate(size int64) error
	// Allocate makes the file at least size bytes long, backed by space on the
	// disk where the system can promise that. What is new reads as zero.
	Allocate(size int64) error
	// Sync makes the contents and the length last (fdatasync).
	Sync() error
}

// Lock is a lock that is held.
type Lock interface {
	// Lost returns an error if the lock's path does not name the locked file any
	// more: the directory was removed or replaced.
	Lost() error
	io.Closer
}

// Info describes a file.
type Info struct {
	Size  int64
	Links int // names of the file
	Dir   bool
}

// ErrLocked says that a lock is held by someone else.
var ErrLocked = errors.New("vfs: locked")
