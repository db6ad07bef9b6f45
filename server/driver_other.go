//go:build !linux

package server

import (
	"errors"

	"hpkv/server/config"
)

func (s *Server) newDriver() (driver, error) {
	if s.cfg.IODriver.Load() == config.DriverEpoll {
		return nil, errors.New("io-driver epoll needs Linux; use goroutine or auto")
	}
	return newGoroutineDriver(s), nil
}
