package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"hpkv/server/config"
)

// openLog returns the logger the settings loglevel and logfile ask for: readable
// lines on a terminal, JSON otherwise.
func openLog(cfg *config.Config) (log zerolog.Logger, closeLog func() error, err error) {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	var out io.Writer = os.Stdout
	closeLog = func() error { return nil }
	if path := cfg.LogFile.Load(); path != "" {
		f, err := openLogFile(path)
		if err != nil {
			return log, nil, err
		}
		out, closeLog = f, f.Close
	} else if isatty.IsTerminal(os.Stdout.Fd()) {
		out = zerolog.ConsoleWriter{Out: os.Stdout, TimeFormat: "2006-01-02 15:04:05.000", NoColor: os.Getenv("NO_COLOR") != ""}
	}
	setLevel := func() error {
		zerolog.SetGlobalLevel(levels[cfg.LogLevel.Load()])
		return nil
	}
	cfg.OnChange("loglevel", setLevel)
	return zerolog.New(out).With().Timestamp().Logger(), closeLog, setLevel()
}

// levels are zerolog's for Redis' four.
var levels = map[config.Choice]zerolog.Level{
	config.LogDebug:   zerolog.TraceLevel,
	config.LogVerbose: zerolog.DebugLevel,
	config.LogNotice:  zerolog.InfoLevel,
	config.LogWarning: zerolog.WarnLevel,
}

// logFile appends to a file that a log rotator may rename or remove at any time
// without telling us: redis-server opens its log for each line, and the
// rotation set up for it relies on that.
type logFile struct {
	path string

	mu   sync.Mutex
	file *os.File // guarded by mu
}

func openLogFile(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.open()
}

// open replaces the file. REQUIRES: l.mu is held, or nobody else has l.
func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("cannot open the log file: %w", err)
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file = f
	return nil
}

// Write appends one line.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.moved() {
		// Keep writing to the old file rather than nowhere.
		_ = l.open()
	}
	return l.file.Write(p)
}

// moved reports whether the path no longer leads to the open file.
func (l *logFile) moved() bool {
	there, err := os.Stat(l.path)
	if err != nil {
		return os.IsNotExist(err)
	}
	open, err := l.file.Stat()
	return err == nil && !os.SameFile(there, open)
}

// Close closes the file.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
