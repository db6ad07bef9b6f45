//go:build !linux

package server

import (
	"errors"
	"runtime"

	"hpkv/server/config"
)

func (s *Server) newDriver() (driver, error) {
	if s.cfg.IODriver.Load() == config.DriverEpoll {
		return nil, errors.New("io-driver epoll needs Linux; use goroutine or auto")
	}
	return newGoroutineDriver(s), nil
}

// systemName names the platform.
func systemName() string { return runtime.GOOS + " " + runtime.GOARCH }

// kernelUnsent is not known on this platform: a connection that ends lingers
// for one lingerLimit.
func kernelUnsent(int) int { return 0 }
