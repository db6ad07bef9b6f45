package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

func securityRows() []Row {
	const noACL = "ACLs are not available yet"
	return []Row{
		{Name: "requirepass", Topic: Security, Kind: String, Flags: Sensitive,
			Doc: "password of the default user; empty for none", field: func(c *Config) holder { return &c.RequirePass }},
		{Name: "protected-mode", Topic: Security, Kind: Boolean, Default: "yes",
			Doc: "without a password, serve only clients of this machine", field: func(c *Config) holder { return &c.ProtectedMode }},
		{Name: "enable-protected-configs", Topic: Security, Kind: Enumeration, Default: "no", names: allowances, Flags: Immutable,
			Doc: "who may change the protected settings (dir, dbfilename) at run time", field: func(c *Config) holder { return &c.EnableProtectedConfigs }},
		{Name: "enable-debug-command", Topic: Security, Kind: Enumeration, Default: "no", names: allowances, Flags: Immutable,
			Doc: "who may use DEBUG", field: func(c *Config) holder { return &c.EnableDebugCommand }},
		{Name: "enable-module-command", Topic: Security, Kind: Enumeration, Default: "no", names: allowances, Flags: Immutable,
			Status: Inert, Why: "modules cannot be loaded",
			Doc: "who may use MODULE"},
		{Name: "aclfile", Topic: Security, Kind: String, Flags: Immutable,
			Status: Refused, Why: noACL + ": the users and limits of the file would not be enforced", Doc: "file of ACL users"},
		{Name: "acllog-max-len", Topic: Security, Kind: Integer, Default: "128", Max: math.MaxInt64,
			Status: Planned, Why: noACL, Doc: "entries of ACL LOG"},
		{Name: "acl-pubsub-default", Topic: Security, Kind: Enumeration, Default: "resetchannels", names: pubsubDefaults,
			Status: Planned, Why: noACL, Doc: "channels a new user may use"},
	}
}

func processRows() []Row {
	const noTitle = "the process title is not changed"
	const noCrashReport = "a crash is reported by the runtime's stack traces"
	return []Row{
		{Name: "dir", Topic: Process, Kind: Directory, Default: "./", Flags: Protected | Hooked,
			Doc: "working directory, for data files and relative paths", field: func(c *Config) holder { return &c.Dir }},
		{Name: "pidfile", Topic: Process, Kind: String, Flags: Immutable,
			Doc: "file that holds the process id while the server runs", field: func(c *Config) holder { return &c.PIDFile }},
		{Name: "supervised", Topic: Process, Kind: Enumeration, Default: "no", names: supervisors, Flags: Immutable,
			Doc: "whom to tell that the server is ready: systemd (also auto, when it asks); upstart is not told", field: func(c *Config) holder { return &c.Supervised }},
		{Name: "daemonize", Topic: Process, Kind: Boolean, Default: "no", Flags: Immutable,
			Doc: "run in the background, unless systemd supervises the server", field: func(c *Config) holder { return &c.Daemonize }},
		{Name: "shutdown-timeout", Topic: Process, Kind: Integer, Default: "10", Max: maxInt,
			Doc: "seconds a shutdown waits for clients to take their replies", field: func(c *Config) holder { return &c.ShutdownTimeout }},
		{Name: "shutdown-on-sigint", Topic: Process, Kind: Combination, Default: "default", names: shutdownModes, check: shutdownMode,
			Doc: "how to shut down on SIGINT: as SHUTDOWN with these words; what cannot be saved keeps the server running unless nosave or force is among them", field: func(c *Config) holder { return &c.ShutdownOnSigint }},
		{Name: "shutdown-on-sigterm", Topic: Process, Kind: Combination, Default: "default", names: shutdownModes, check: shutdownMode,
			Doc: "how to shut down on SIGTERM: as SHUTDOWN with these words; what cannot be saved keeps the server running unless nosave or force is among them", field: func(c *Config) holder { return &c.ShutdownOnSigterm }},
		{Name: "set-proc-title", Topic: Process, Kind: Boolean, Default: "yes", Flags: Immutable, Status: Inert, Why: noTitle,
			Doc: "show state in the process title"},
		{Name: "proc-title-template", Topic: Process, Kind: String, Default: "{title} {listen-addr} {server-mode}", check: titleTemplate, Status: Inert, Why: noTitle,
			Doc: "pattern of the process title"},
		{Name: "oom-score-adj", Topic: Process, Kind: Enumeration, Default: "no", names: oomScoreModes,
			Status: Inert, Why: "the process keeps the score it was started with", Doc: "adjust the kernel's out-of-memory score"},
		{Name: "oom-score-adj-values", Topic: Process, Kind: List, Default: "0 200 800", check: scoreValues,
			Status: Inert, Why: "the process keeps the score it was started with", Doc: "scores as primary, as replica and of children"},
		{Name: "disable-thp", Topic: Process, Kind: Boolean, Default: "yes", Flags: Immutable,
			Status: Inert, Why: "without fork, huge pages cost no copying", Doc: "do without transparent huge pages"},
		{Name: "ignore-warnings", Topic: Process, Kind: String,
			Status: Inert, Why: "no start-up check needs to be silenced", Doc: "start-up warnings to ignore"},
		{Name: "locale-collate", Topic: Process, Kind: String,
			Status: Inert, Why: "SORT ALPHA compares bytes, as in the C locale", Doc: "locale of comparisons in SORT ALPHA"},
		{Name: "loglevel", Topic: Logging, Kind: Enumeration, Default: "notice", names: logLevels, Flags: Hooked,
			Doc: "least important messages to log", field: func(c *Config) holder { return &c.LogLevel }},
		{Name: "logfile", Topic: Logging, Kind: String, Flags: Immutable,
			Doc: "file to append the log to; empty for standard output", field: func(c *Config) holder { return &c.LogFile }},
		{Name: "always-show-logo", Topic: Logging, Kind: Boolean, Default: "no", Flags: Immutable,
			Status: Inert, Why: "there is no logo", Doc: "show a logo at the start"},
		{Name: "syslog-enabled", Topic: Logging, Kind: Boolean, Default: "no", Flags: Immutable,
			Doc: "log to the system's log too", field: func(c *Config) holder { return &c.SyslogEnabled }},
		{Name: "syslog-ident", Topic: Logging, Kind: String, Default: "redis", Flags: Immutable,
			Doc: "name in the system's log", field: func(c *Config) holder { return &c.SyslogIdent }},
		{Name: "syslog-facility", Topic: Logging, Kind: Enumeration, Default: "local0", names: facilities, Flags: Immutable,
			Doc: "facility of the system's log", field: func(c *Config) holder { return &c.SyslogFacility }},
		{Name: "crash-log-enabled", Topic: Logging, Kind: Boolean, Default: "yes",
			Status: Inert, Why: noCrashReport, Doc: "write a report when the server crashes"},
		{Name: "crash-memcheck-enabled", Topic: Logging, Kind: Boolean, Default: "yes",
			Status: Inert, Why: noCrashReport, Doc: "test memory after a crash"},
		{Name: "use-exit-on-panic", Topic: Logging, Kind: Boolean, Default: "no", Flags: Hidden,
			Status: Inert, Why: noCrashReport, Doc: "exit instead of abort on a failed assertion"},
	}
}

func shutdownMode(value any) error {
	if v := value.(Choice); v&ShutdownSave != 0 && v&ShutdownNoSave != 0 {
		return errors.New("shutdown options SAVE and NOSAVE can't be used simultaneously")
	}
	return nil
}

// titleTemplate checks the variables of a process title, {like-this}.
func titleTemplate(value any) error {
	invalid := errors.New("template format is invalid or contains unknown variables")
	s := value.(string)
	if s == "" {
		return invalid
	}
	for {
		_, after, found := strings.Cut(s, "{")
		if !found {
			return nil
		}
		variable, rest, closed := strings.Cut(after, "}")
		switch variable {
		case "title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file":
		default:
			closed = false
		}
		if !closed {
			return invalid
		}
		s = rest
	}
}

func scoreValues(value any) error {
	list := value.([]string)
	if len(list) != 3 {
		return errors.New("wrong number of arguments")
	}
	for _, s := range list {
		if n, err := strconv.Atoi(s); err != nil || n < -2000 || n > 2000 {
			return wireText("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
		}
	}
	return nil
}

func observationRows() []Row {
	return []Row{
		{Name: "slowlog-log-slower-than", Topic: Observation, Kind: Integer, Default: "10000", Min: -1, Max: math.MaxInt64,
			Doc: "microseconds from which a command is logged as slow; -1 never", field: func(c *Config) holder { return &c.SlowlogLogSlowerThan }},
		{Name: "slowlog-max-len", Topic: Observation, Kind: Integer, Default: "128", Max: math.MaxInt64,
			Doc: "entries of the slow log", field: func(c *Config) holder { return &c.SlowlogMaxLen }},
		{Name: "latency-monitor-threshold", Topic: Observation, Kind: Integer, Default: "0", Max: math.MaxInt64,
			Doc: "milliseconds from which an event is recorded; 0 never", field: func(c *Config) holder { return &c.LatencyMonitorThreshold }},
		{Name: "latency-tracking", Topic: Observation, Kind: Boolean, Default: "yes",
			Doc: "keep a histogram of each command's duration", field: func(c *Config) holder { return &c.LatencyTracking }},
		{Name: "metrics-port", Topic: Observation, Kind: Integer, Default: "0", Max: 65535, Flags: AtStart,
			Doc: "TCP port of /metrics for Prometheus, /healthz and /readyz, all without a key; 0 for none. REST has them too, /metrics with a key", field: func(c *Config) holder { return &c.MetricsPort }},
		{Name: "metrics-bind", Topic: Observation, Kind: List, Default: "127.0.0.1", Flags: AtStart,
			Doc: "addresses of metrics-port, as in bind", check: bindable, field: func(c *Config) holder { return &c.MetricsBind }},
		{Name: "metrics-pprof", Topic: Observation, Kind: Boolean, Default: "no", Flags: Immutable,
			Doc: "serve Go's profiles at /debug/pprof/ of metrics-port", field: func(c *Config) holder { return &c.MetricsPprof }},
		{Name: "latency-tracking-info-percentiles", Topic: Observation, Kind: Percents, Default: "50 99 99.9",
			Doc: "percentiles shown by INFO latencystats", field: func(c *Config) holder { return &c.LatencyPercentiles }},
		{Name: "notify-keyspace-events", Topic: Observation, Kind: EventClasses,
			Doc: "classes of events to publish, by letter", field: func(c *Config) holder { return &c.NotifyKeyspaceEvents }},
	}
}

func scriptRows() []Row {
	return []Row{
		{Name: "busy-reply-threshold", Aliases: []string{"lua-time-limit"}, Topic: Scripting, Kind: Integer, Default: "5000", Max: math.MaxInt64,
			Status: Planned, Why: "scripts are not available yet",
			Doc: "milliseconds a script may run before other clients are told that the server is busy"},
		{Name: "lua-enable-deprecated-api", Topic: Scripting, Kind: Boolean, Default: "no", Flags: Immutable | Hidden,
			Status: Planned, Why: "scripts are not available yet", Doc: "keep deprecated functions of the script interface"},
	}
}
