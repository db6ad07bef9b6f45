package vfs

import (
	"errors"
	"syscall"
)

// IsFull reports whether an error says that there is no room left on the disk,
// none within the quota, or none for one more open file: all of which may pass.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
