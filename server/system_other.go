//go:build !linux

package server

import "runtime"

// systemName names the platform.
func systemName() string { return runtime.GOOS + " " + runtime.GOARCH }
