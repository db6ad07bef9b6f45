//go:build unix

package alloc

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve takes n bytes of address space that nothing may access yet.
func reserve(n uintptr) (unsafe.Pointer, error) {
	return unix.MmapPtr(-1, 0, nil, n, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|mapNoReserve)
}

func unreserve(p unsafe.Pointer, n uintptr) error { return unix.MunmapPtr(p, n) }

// commit makes [p,p+n) readable and writable. It costs no memory until touched.
func commit(p unsafe.Pointer, n int) error {
	return unix.Mprotect(unsafe.Slice((*byte)(p), n), unix.PROT_READ|unix.PROT_WRITE)
}

// decommit gives the memory behind [p,p+n) back; the range stays accessible
// and its contents become undefined. Failure costs only memory.
func decommit(p unsafe.Pointer, n int) {
	_ = unix.Madvise(unsafe.Slice((*byte)(p), n), adviseGone)
}
