package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"hpkv/numa"
	"hpkv/server"
	"hpkv/server/config"
)

// serve runs the server until a signal or SHUTDOWN ends it. bare says that
// neither a file nor an option was given.
func serve(cl *config.CommandLine, bare bool) (err error) {
	cfg := cl.Config
	file := cl.File
	if file != "" {
		// Known by its full name, since the working directory changes.
		if file, err = filepath.Abs(file); err != nil {
			return fmt.Errorf("cannot find configuration file %q: %w", cl.File, err)
		}
	}
	if err := changeDir(cfg); err != nil {
		return err
	}
	log, closeLog, err := openLog(cfg)
	if err != nil {
		return err
	}
	defer closeLog()
	defer func() {
		if err != nil && cfg.LogFile.Load() != "" { // standard error may have no reader
			log.Error().Err(err).Msg("stopped")
		}
	}()

	topology, err := numa.Detect()
	if err != nil {
		return fmt.Errorf("cannot read the machine's topology: %w", err)
	}
	announce(log, cfg, file, bare, topology)

	var running atomic.Pointer[server.Server]
	ctx, stop := untilSignal(log, func(sig os.Signal) bool {
		how := cfg.ShutdownOnSigterm.Load()
		if sig == os.Interrupt {
			how = cfg.ShutdownOnSigint.Load()
		}
		s := running.Load()
		return s == nil || s.MayStop(how)
	})
	defer stop()
	notify := supervisor(log, cfg.Supervised.Load())
	s, err := server.New(server.Options{
		Config: cfg, ConfigFile: file, Log: log,
		Topology: topology, Plan: topology.Plan(server.PlanOptions(cfg)),
		Ready: func() {
			notify("READY=1\nSTATUS=ready to accept connections")
			reportReady()
		},
	})
	if err != nil {
		return err
	}
	running.Store(s)
	pidFile := cfg.PIDFile.Load()
	if pidFile == "" && inBackground() {
		pidFile = defaultPIDFile
	}
	defer writePIDFile(log, pidFile)()
	told := make(chan struct{})
	forget := context.AfterFunc(ctx, func() { defer close(told); notify("STOPPING=1") })
	defer func() {
		if !forget() {
			<-told // also where stopping takes less time than that
		}
	}()
	return s.Run(ctx)
}

// announce logs what an operator should know before the server says that it is ready.
func announce(log zerolog.Logger, cfg *config.Config, file string, bare bool, topology *numa.Topology) {
	e := log.Info().Str("version", config.Version).Str("redis_version", config.RedisVersion).Int("pid", os.Getpid())
	if file != "" {
		e = e.Str("config", file)
	}
	e.Str("memory", mebibytes(usableMemory(topology))).Msg("hpkv-server is starting")
	if bare {
		log.Info().Msg("no configuration file given: all settings have their defaults; see hpkv-server --help")
	}
	if !cfg.AppendOnly.Load() {
		log.Warn().Msg("data is kept in memory only: it is gone when the server stops; see the setting appendonly")
	}
	for _, line := range cfg.Notices() {
		log.Warn().Msg(line)
	}
	for _, line := range topology.Warnings {
		log.Debug().Msg("topology: " + line)
	}
}

// usableMemory is the memory of the machine or of the cgroup, in bytes; 0 is unknown.
func usableMemory(t *numa.Topology) int64 {
	if limit := t.Limits.Memory; limit > 0 && (t.Memory == 0 || limit < t.Memory) {
		return limit
	}
	return t.Memory
}

func mebibytes(n int64) string {
	if n == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// changeDir enters the directory of the setting dir, now and when it changes.
func changeDir(cfg *config.Config) error {
	change := func() error {
		dir := cfg.Dir.Load()
		if dir == "" {
			return nil
		}
		if err := os.Chdir(dir); err != nil {
			return fmt.Errorf("cannot use directory %q: %w", dir, err)
		}
		return nil
	}
	if err := change(); err != nil {
		return err
	}
	cfg.OnChange("dir", change)
	return nil
}

// insistAfter is how long after the first signal another one counts: timeout(1)
// and make send theirs to the process and to its group, one right after the other.
const insistAfter = 500 * time.Millisecond

// untilSignal returns a context that ends with the first SIGINT or SIGTERM that may
// end the server; a later one ends the process.
func untilSignal(log zerolog.Logger, may func(os.Signal) bool) (context.Context, context.CancelFunc) {
	// A terminal that goes away and a log that nobody reads must not end a
	// server; redis-server ignores both signals too. Nor must the signals by which
	// tools ask other programs to reopen their logs: ours needs no asking.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with the process
		sig := <-signals
		for ; !may(sig); sig = <-signals {
			log.Warn().Stringer("signal", sig).Msg("the signal is without effect")
		}
		first := time.Now()
		log.Info().Stringer("signal", sig).Msg("stopping; send the signal again to stop at once")
		cancel()
		for sig = <-signals; time.Since(first) < insistAfter; sig = <-signals {
		}
		log.Warn().Stringer("signal", sig).Msg("stopping at once: replies may be lost")
		os.Exit(1)
	}()
	return ctx, cancel
}
