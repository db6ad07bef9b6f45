package config

import "sync"

// Config holds the value of every setting. Fields may be loaded by any
// goroutine at any time; they change only through Set and the loading methods.
type Config struct {
	// Network.
	Port                    Int   // TCP port, 0: no TCP
	Bind                    Words // addresses; a leading '-' makes one optional, "*" and "::*" mean all
	UnixSocket              Text
	UnixSocketPerm          Int // file mode, 0: leave it to the umask
	TCPBacklog              Int
	TCPKeepalive            Int // seconds, 0: off
	Timeout                 Int // seconds of idleness before a client is closed, 0: never
	MaxClients              Int
	ProtectedMode           Bool
	ProtoMaxBulkLen         Int // bytes
	ClientQueryBufferLimit  Int // bytes
	ClientOutputBufferLimit BufferLimits

	// Execution.
	IODriver     Enum // Driver…
	Workers      Int  // 0: one for each usable core
	Shards       Int  // a power of two, 0: several for each worker
	Pin          Enum // Pin…
	OrderedIndex Enum // Index…
	Hz           Int
	DynamicHz    Bool

	// Keyspace and memory.
	Databases              Int
	MaxMemory              Int  // bytes, 0: no limit
	MaxMemoryPolicy        Enum // NoEviction, AllKeysLRU …
	MaxMemorySamples       Int
	LFULogFactor           Int
	LFUDecayTime           Int // minutes
	NotifyKeyspaceEvents   Events
	LazyfreeLazyEviction   Bool
	LazyfreeLazyExpire     Bool
	LazyfreeLazyServerDel  Bool
	LazyfreeLazyUserDel    Bool
	LazyfreeLazyUserFlush  Bool
	HashMaxListpackEntries Int
	HashMaxListpackValue   Int // bytes
	ListMaxListpackSize    Int // entries, or -1…-5: 4 to 64 KB
	ListCompressDepth      Int
	SetMaxIntsetEntries    Int
	SetMaxListpackEntries  Int
	SetMaxListpackValue    Int // bytes
	ZsetMaxListpackEntries Int
	ZsetMaxListpackValue   Int // bytes
	HLLSparseMaxBytes      Int
	StreamNodeMaxBytes     Int
	StreamNodeMaxEntries   Int

	// Security.
	RequirePass            Text
	EnableDebugCommand     Enum // Allow…
	EnableModuleCommand    Enum // Allow…
	EnableProtectedConfigs Enum // Allow…

	// Process and log.
	Dir               Text
	LogLevel          Enum // Log…
	LogFile           Text // empty: standard output
	PIDFile           Text
	Daemonize         Bool
	Supervised        Enum // Supervised…
	ShutdownTimeout   Int  // seconds
	ShutdownOnSigint  Enum // Shutdown…
	ShutdownOnSigterm Enum // Shutdown…

	// Persistence.
	AppendOnly  Bool
	AppendFsync Enum // Fsync…
	Save        SavePoints

	// Observation.
	SlowlogLogSlowerThan    Int // microseconds, negative: off
	SlowlogMaxLen           Int
	LatencyMonitorThreshold Int // milliseconds, 0: off
	LatencyTracking         Bool
	LatencyPercentiles      Percentiles

	mu struct {
		sync.Mutex
	}
}

// New returns a Config with every setting at its default.
func New() *Config { return &Config{} }

// Get calls visit with each setting that matches one of the patterns, once for
// each matching name or alias, and its value as CONFIG GET shows it.
func (c *Config) Get(patterns [][]byte, visit func(name, value string)) { panic("unfinished") }

// Set is CONFIG SET: args alternate names and values. All of them are applied,
// or none; the error's text is the complete reply line ("ERR …").
func (c *Config) Set(args [][]byte) error { panic("unfinished") }

// OnChange registers f to run, on the goroutine of Set, after the named
// setting got another value. If f fails, Set restores all values, runs the
// hooks again and reports f's error text to the client.
func (c *Config) OnChange(name string, f func() error) { panic("unfinished") }
