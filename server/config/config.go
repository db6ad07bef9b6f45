package config

import (
	"os"
	"sync"
)

// Config holds the value of every setting. Fields may be loaded by any
// goroutine at any time; they change only through Set and the loading methods.
type Config struct {
	// Network.
	Port                    Int   // TCP port, 0: no TCP
	Bind                    Words // addresses; a leading '-' makes one optional, "*" and "::*" mean all
	UnixSocket              Text
	RiocPort                Int   // as Port
	RiocBind                Words // as Bind
	RiocTLSCertFile         Text
	RiocTLSKeyFile          Text
	RiocTLSCACertFile       Text // "": clients need no certificate
	RiocTimestamps          Enum
	UnixSocketPerm          Int // file mode, 0: leave it to the umask
	TCPKeepalive            Int // seconds, 0: off
	Timeout                 Int // seconds of idleness before a client is closed, 0: never
	MaxClients              Int
	ProtectedMode           Bool
	ProtoMaxBulkLen         Int // bytes
	ClientQueryBufferLimit  Int // bytes
	ClientOutputBufferLimit BufferLimits
	MaxMemoryClients        Int // bytes, negative: percentage of MaxMemory, 0: no limit

	// REST and WebSocket.
	RestPort           Int // 0: none
	RestAPIKeys        APIKeyList
	RestAPIKeyFile     Text
	RestTLSCertFile    Text
	RestTLSKeyFile     Text
	RestValueLimit     Int // bytes
	RestBodyLimit      Int // bytes
	RestRequestTimeout Int // seconds
	RestIdleTimeout    Int // seconds
	RestMaxConnections Int
	RestRateLimit      Int  // requests a second, 0: no limit
	RestMerge          Enum // Merge…
	RestNotifyPatch    Enum // Patch…
	RestTokenLifetime  Int  // seconds
	RestPushLimit      Int  // bytes
	RestCORSOrigin     Text

	// Execution.
	IODriver     Enum // Driver…
	Workers      Int  // 0: one for each usable core
	Shards       Int  // a power of two, 0: several for each worker
	Pin          Enum // Pin…
	OrderedIndex Enum // Index…
	Hz           Int

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
	EnableProtectedConfigs Enum // Allow…

	// Process and log.
	Dir               Text
	LogLevel          Enum // Log…
	LogFile           Text // empty: standard output
	SyslogEnabled     Bool
	SyslogIdent       Text
	SyslogFacility    Enum // Facility…
	PIDFile           Text
	Daemonize         Bool
	Supervised        Enum // Supervised…
	ShutdownTimeout   Int  // seconds
	ShutdownOnSigint  Enum // Shutdown…
	ShutdownOnSigterm Enum // Shutdown…

	// Persistence.
	AppendOnly            Bool
	AppendFsync           Enum // Fsync…
	AppendDirName         Text
	AutoRewritePercentage Int
	AutoRewriteMinSize    Int // bytes
	Save                  SavePoints

	// Observation.
	SlowlogLogSlowerThan    Int // microseconds, negative: off
	SlowlogMaxLen           Int
	LatencyMonitorThreshold Int // milliseconds, 0: off
	MetricsPort             Int // 0: none
	MetricsBind             Words
	MetricsPprof            Bool
	LatencyTracking         Bool
	LatencyPercentiles      Percentiles

	values  []holder // by row; immutable after New
	started string   // working directory at New, where relative paths of the files begin; immutable

	changing sync.Mutex // held by who changes settings, from the first look to the last hook

	mu struct { // taken after changing, and never for long
		sync.Mutex
		hooks map[int][]func() error // by row
		given map[int]bool           // rows that a file or the command line set
	}
}

// New returns a Config with every setting at its default.
func New() *Config {
	t := table()
	c := &Config{values: make([]holder, len(t.rows))}
	c.started, _ = os.Getwd() // "": relative paths then begin wherever we are
	c.mu.hooks = make(map[int][]func() error)
	c.mu.given = make(map[int]bool)
	for i := range t.rows {
		r := &t.rows[i]
		if r.field != nil {
			c.values[i] = r.field(c)
		} else {
			c.values[i] = new(unread)
		}
		c.values[i].set(r.initial())
	}
	return c
}

// OnChange registers f to run, on the goroutine of Set, after the named setting
// got another value. If f fails, Set restores all values, runs the hooks again
// and reports f's error text to the client. It panics for an unknown name.
func (c *Config) OnChange(name string, f func() error) {
	e, _, ok := table().find(name)
	if !ok {
		panic("BUG: OnChange of unknown setting " + name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.hooks[e.row] = append(c.mu.hooks[e.row], f)
}
