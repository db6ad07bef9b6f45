package server

import (
	"syscall"

	"hpkv/server/config"
)

// newDriver picks the driver: on Linux the event loop unless told otherwise.
func (s *Server) newDriver() (driver, error) {
	if s.cfg.IODriver.Load() == config.DriverGoroutine {
		return newGoroutineDriver(s), nil
	}
	return s.newEpollDriver()
}

// systemName is `uname -srm`, as INFO shows it.
func systemName() string {
	var u syscall.Utsname
	if syscall.Uname(&u) != nil {
		return "Linux"
	}
	return cString(u.Sysname[:]) + " " + cString(u.Release[:]) + " " + cString(u.Machine[:])
}

func cString[T int8 | uint8](field []T) string {
	var b []byte
	for _, ch := range field {
		if ch == 0 {
			break
		}
		b = append(b, byte(ch))
	}
	return string(b)
}
