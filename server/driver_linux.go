package server

import "hpkv/server/config"

// newDriver picks the driver: on Linux the event loop unless told otherwise.
func (s *Server) newDriver() (driver, error) {
	if s.cfg.IODriver.Load() == config.DriverGoroutine {
		return newGoroutineDriver(s), nil
	}
	return s.newEpollDriver()
}
