//go:build !linux

package server

// kernelUnsent is not known on this platform: a connection that ends lingers
// for one lingerLimit.
func kernelUnsent(int) int { return 0 }
