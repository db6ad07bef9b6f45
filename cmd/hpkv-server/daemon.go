package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"

	"hpkv/server/config"
)

// A Go program cannot fork: what runs in the background is a second process of
// the same program, in a session of its own. It is told by the environment
// where to write a byte once clients can connect; until then the first process
// stays and passes its complaints on.
const daemonVariable = "HPKV_DAEMON_READY"

// defaultPIDFile is where a server in the background leaves its process id, as
// redis-server does, if the setting pidfile does not say.
const defaultPIDFile = "/var/run/redis.pid"

// errTold ends the program with status 1 where the reason has been printed.
var errTold = errors.New("told already")

// inBackground says whether this process is the one in the background.
func inBackground() bool { return os.Getenv(daemonVariable) != "" }

// mustDaemonize says whether the settings ask for a process in the background
// that does not exist yet. A service manager that waits for a notice wants the
// process it has started.
func mustDaemonize(cfg *config.Config) bool {
	supervised := cfg.Supervised.Load() != config.SupervisedNo && os.Getenv("NOTIFY_SOCKET") != ""
	return cfg.Daemonize.Load() && !supervised && !inBackground()
}

// daemonize starts the program again in the background and returns when it is
// ready for clients, or errTold when it has ended before.
func daemonize(args []string) error {
	if slices.Contains(args, "-") {
		return errors.New("daemonize: settings on standard input can be read only once; use a file")
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("daemonize: %w", err)
	}
	ready, readyEnd, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("daemonize: %w", err)
	}
	complaints, complaintsEnd, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("daemonize: %w", err)
	}
	cmd := exec.Command(program, args...)
	cmd.ExtraFiles = []*os.File{readyEnd} // descriptor 3
	cmd.Env = append(os.Environ(), daemonVariable+"=3")
	cmd.Stderr = complaintsEnd
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("daemonize: %w", err)
	}
	readyEnd.Close()
	complaintsEnd.Close()
	told := make(chan struct{})
	go func() { // ends with the process in the background, or with this one
		defer close(told)
		_, _ = io.Copy(os.Stderr, complaints)
	}()
	if n, _ := ready.Read(make([]byte, 1)); n == 1 {
		return nil
	}
	_ = cmd.Wait() // it has said why on standard error
	<-told
	return errTold
}

// reportReady tells the process in the foreground that it may end.
func reportReady() {
	fd, err := strconv.Atoi(os.Getenv(daemonVariable))
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(fd), "ready")
	_, _ = f.Write([]byte{1}) // if nobody waits, so be it
	f.Close()
}
