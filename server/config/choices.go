package config

// Values of loglevel.
const (
	LogDebug Choice = iota
	LogVerbose
	LogNotice
	LogWarning
)

// Values of syslog-facility.
const (
	FacilityUser Choice = iota
	FacilityLocal0
	FacilityLocal1
	FacilityLocal2
	FacilityLocal3
	FacilityLocal4
	FacilityLocal5
	FacilityLocal6
	FacilityLocal7
)

// Values of appendfsync.
const (
	FsyncEverySec Choice = iota
	FsyncAlways
	FsyncNo
)

// Values of maxmemory-policy.
const (
	VolatileLRU Choice = iota
	VolatileLFU
	VolatileRandom
	VolatileTTL
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
	NoEviction
)

// Values of io-driver. DriverAuto means epoll where there is one.
const (
	DriverAuto Choice = iota
	DriverEpoll
	DriverGoroutine
)

// Values of pin.
const (
	PinAuto Choice = iota
	PinYes
	PinNo
)

// Values of ordered-index.
const (
	IndexOnDemand Choice = iota
	IndexAlways
)

// Values of enable-debug-command, enable-module-command and
// enable-protected-configs. AllowLocal admits clients of the loopback interface
// and of the Unix socket.
const (
	AllowNo Choice = iota
	AllowYes
	AllowLocal
)

// Values of supervised.
const (
	SupervisedNo Choice = iota
	SupervisedUpstart
	SupervisedSystemd
	SupervisedAuto
)

// Values of shutdown-on-sigint and shutdown-on-sigterm: ShutdownDefault, or a
// set of the others without ShutdownSave and ShutdownNoSave together.
const (
	ShutdownDefault Choice = 0
	ShutdownSave    Choice = 1
	ShutdownNoSave  Choice = 2
	ShutdownNow     Choice = 4
	ShutdownForce   Choice = 8
)

// name is one word an Enum accepts and its value. Where two names share a
// value, the first is the one shown.
type name struct {
	text  string
	value Choice
}

// enumerate gives the names the values 0, 1, 2 …, the order of the constants.
func enumerate(texts ...string) []name {
	list := make([]name, len(texts))
	for i, t := range texts {
		list[i] = name{t, Choice(i)}
	}
	return list
}

var (
	logLevels        = enumerate("debug", "verbose", "notice", "warning")
	fsyncPolicies    = enumerate("everysec", "always", "no")
	evictionPolicies = enumerate("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction")
	drivers       = enumerate("auto", "epoll", "goroutine")
	pinning       = enumerate("auto", "yes", "no")
	orderedIndex  = enumerate("on-demand", "always")
	allowances    = enumerate("no", "yes", "local")
	supervisors   = []name{{"upstart", SupervisedUpstart}, {"systemd", SupervisedSystemd}, {"auto", SupervisedAuto}, {"no", SupervisedNo}}
	facilities    = enumerate("user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7")
	shutdownModes = []name{{"default", ShutdownDefault}, {"save", ShutdownSave}, {"nosave", ShutdownNoSave}, {"now", ShutdownNow}, {"force", ShutdownForce}}

	// Settings that nothing reads; only their words matter.
	disklessLoads    = enumerate("disabled", "on-empty-db", "swapdb")
	tlsClientAuths   = enumerate("no", "yes", "optional")
	oomScoreModes    = []name{{"no", 0}, {"yes", 1}, {"relative", 1}, {"absolute", 2}}
	pubsubDefaults   = enumerate("allchannels", "resetchannels")
	sanitizeModes    = enumerate("no", "yes", "clients")
	endpointTypes    = enumerate("ip", "hostname", "unknown-endpoint")
	propagationModes = enumerate("ignore", "panic", "panic-on-replicas")
)
