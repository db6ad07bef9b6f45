package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rs/zerolog"

	"hpkv/server/config"
)

// writePIDFile writes the pid file and returns what removes it. That it cannot
// be written is no reason not to serve.
func writePIDFile(log zerolog.Logger, path string) (remove func()) {
	if path == "" {
		return func() {}
	}
	// CONFIG SET dir may change what a relative path means.
	absolute, err := filepath.Abs(path)
	if err == nil {
		err = os.WriteFile(absolute, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
	}
	if err != nil {
		log.Warn().Err(err).Msg("cannot write the pid file")
		return func() {}
	}
	return func() {
		if err := os.Remove(absolute); err != nil {
			log.Warn().Err(err).Msg("cannot remove the pid file")
		}
	}
}

// supervisor returns the function that tells a service manager about the
// server's state, in the protocol of sd_notify(3).
func supervisor(log zerolog.Logger, mode config.Choice) (notify func(state string)) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" || mode != config.SupervisedSystemd && mode != config.SupervisedAuto {
		if mode == config.SupervisedSystemd {
			log.Warn().Msg("supervised systemd has no effect: NOTIFY_SOCKET is not set")
		}
		return func(string) {}
	}
	return func(state string) {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
		if err == nil {
			defer conn.Close()
			_, err = conn.Write([]byte(state))
		}
		if err != nil {
			log.Warn().Err(err).Msg("cannot notify systemd")
		}
	}
}
