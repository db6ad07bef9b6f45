package config

// Choices of the enumerated settings, in the order CONFIG SET lists them.
const (
	LogDebug Choice = iota
	LogVerbose
	LogNotice
	LogWarning
)

// appendfsync
const (
	FsyncEverySec Choice = iota
	FsyncAlways
	FsyncNo
)

// maxmemory-policy
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

// io-driver
const (
	DriverAuto Choice = iota
	DriverEpoll
	DriverGoroutine
)

// pin
const (
	PinAuto Choice = iota
	PinYes
	PinNo
)

// ordered-index
const (
	IndexOnDemand Choice = iota
	IndexAlways
)

// enable-debug-command, enable-module-command, enable-protected-configs
const (
	AllowNo Choice = iota
	AllowYes
	AllowLocal
)

// supervised
const (
	SupervisedUpstart Choice = iota
	SupervisedSystemd
	SupervisedAuto
	SupervisedNo
)

// shutdown-on-sigint, shutdown-on-sigterm: ShutdownDefault or any combination
// of the others except Save with NoSave.
const (
	ShutdownDefault Choice = 0
	ShutdownSave    Choice = 1 << iota
	ShutdownNoSave
	ShutdownNow
	ShutdownForce
)
