//go:build !linux

package server

import "net"

// directListener is an ordinary listener on this platform.
type directListener struct{ net.Listener }
