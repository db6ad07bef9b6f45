//go:build !linux

package disk

import "os"

func dataSync(f *os.File) error { return f.Sync() }

func device(string) (major, minor uint32, err error) { return 0, 0, ErrNoCount }

// Settle does nothing on this platform.
func Settle() {}
