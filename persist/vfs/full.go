package vfs

import (
	"errors"
	"syscall"
)

// IsFull reports whether an error says that there is no room left on the disk,
// or none within the quota.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
