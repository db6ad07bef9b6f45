package main

import (
	"fmt"
	"io"
	"log/syslog"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"hpkv/server/config"
)

// openLog returns the logger the settings about logging ask for: readable lines on
// a terminal, JSON otherwise, and the system's log beside it.
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
	out, unreachable := withSyslog(out, cfg, "", "")
	setLevel := func() error {
		zerolog.SetGlobalLevel(levels[cfg.LogLevel.Load()])
		return nil
	}
	cfg.OnChange("loglevel", setLevel)
	if err := setLevel(); err != nil {
		return log, closeLog, err
	}
	log = zerolog.New(out).With().Timestamp().Logger()
	if unreachable != nil {
		log.Warn().Err(unreachable).Msg("the system's log cannot be reached: see the setting syslog-enabled")
	}
	return log, closeLog, nil
}

// withSyslog adds the system's log to out if the settings ask for it: the one at
// network and address, or this machine's if they are empty. Where there is none,
// as in most containers, out alone must do, as with redis-server.
func withSyslog(out io.Writer, cfg *config.Config, network, address string) (io.Writer, error) {
	if !cfg.SyslogEnabled.Load() {
		return out, nil
	}
	w, err := syslog.Dial(network, address, facilities[cfg.SyslogFacility.Load()], cfg.SyslogIdent.Load())
	if err != nil {
		return out, err
	}
	return zerolog.MultiLevelWriter(out, zerolog.SyslogLevelWriter(w)), nil
}

// facilities are syslog's for the setting's.
var facilities = map[config.Choice]syslog.Priority{
	config.FacilityUser:   syslog.LOG_USER,
	config.FacilityLocal0: syslog.LOG_LOCAL0,
	config.FacilityLocal1: syslog.LOG_LOCAL1,
	config.FacilityLocal2: syslog.LOG_LOCAL2,
	config.FacilityLocal3: syslog.LOG_LOCAL3,
	config.FacilityLocal4: syslog.LOG_LOCAL4,
	config.FacilityLocal5: syslog.LOG_LOCAL5,
	config.FacilityLocal6: syslog.LOG_LOCAL6,
	config.FacilityLocal7: syslog.LOG_LOCAL7,
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
