// Command hpkv-server is the server: a binary to start in place of redis-server.
//
// It reads the command line and the configuration file (package config), sets
// the log up, and runs server.New and Run until a signal ends it. What concerns
// the process is here, and only here: working directory, log file, pid file,
// signals, telling systemd. Everything else is in package server.
//
// Whatever goes wrong before clients can connect is told in one line on standard
// error, with exit status 1.
package main
