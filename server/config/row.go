package config

// Row describes one setting.
type Row struct {
	Name    string   // lower case
	Aliases []string // older names; CONFIG GET lists them as well
	Topic   Topic
	Kind    Kind
	Default string // as a configuration file would give it
	// Min and Max bound a number, inclusively. Both 0: no bounds.
	Min, Max int64
	Flags    Flag
	Status   Status
	Why      string // what is different here; required unless Status is Honoured
	Doc      string // one line, no final period

	names []name                 // Enumeration, Combination
	check func(value any) error  // a condition beyond the bounds, with the text CONFIG SET replies
	clamp func(n int64) int64    // brings a number into a range without an error
	field func(c *Config) holder // nil: nobody reads it
}

// Kind is how a setting's value is written.
type Kind uint8

// The Go type in parentheses is what Row.parse returns.
const (
	Integer      Kind = iota // (int64)
	Octal                    // file mode (int64)
	Memory                   // bytes with an optional unit (int64)
	MemoryShare              // Memory, or a percentage, kept negative (int64)
	Boolean                  // yes or no (bool)
	Enumeration              // one of names (Choice)
	Combination              // several of names (Choice)
	String                   // (string)
	Directory                // an existing directory, kept absolute (string)
	List                     // several words ([]string)
	Buffers                  // client-output-buffer-limit
	Snapshots                // save
	APIKeys                  // rest-api-key
	Percents                 // latency-tracking-info-percentiles
	EventClasses             // notify-keyspace-events
)

// several reports whether a value may span several arguments.
func (k Kind) several() bool {
	switch k {
	case Combination, List, Buffers, Snapshots, APIKeys, Percents:
		return true
	}
	return false
}

// Flag holds properties of a setting that are not about its value.
type Flag uint8

const (
	// Immutable settings are fixed once the server runs.
	Immutable Flag = 1 << iota
	// Hidden settings are not matched by patterns of CONFIG GET, only by name.
	Hidden
	// Sensitive values are kept out of messages and logs.
	Sensitive
	// Protected settings change at run time only if enable-protected-configs allows it.
	Protected
	// Hooked settings take effect at run time only through an OnChange hook;
	// without one CONFIG SET is refused instead of being ignored.
	Hooked
	// AtStart settings can change at run time in Redis, but not yet here.
	AtStart
)

// Status is what becomes of a setting in this server.
type Status uint8

const (
	// Honoured settings do what they say.
	Honoured Status = iota
	// Planned settings are accepted and remembered; the feature they belong to
	// is not there yet. A value other than the default is logged at the start.
	Planned
	// Inert settings are accepted and remembered, and have nothing to act on here.
	Inert
	// Refused settings accept their default only.
	Refused
)

// String names the status in docs/settings.md.
func (s Status) String() string {
	return [...]string{"honoured", "not yet in effect", "accepted, no effect", "refused"}[s]
}

// Topic groups settings in --help and docs/settings.md.
type Topic uint8

const (
	Network Topic = iota
	HTTP
	Execution
	Memories
	Security
	Process
	Logging
	Persistence
	Encoding
	Observation
	Scripting
	TLS
	Rioc
	Replication
	Cluster
	topicCount
)

// String is the topic's heading.
func (t Topic) String() string {
	return [...]string{
		"Network and clients", "REST and WebSocket", "Threads and shards", "Keyspace and memory", "Security", "Process",
		"Log", "Persistence", "Encoding of small values", "Latency, slow log and notifications", "Scripts", "TLS", "RIOC", "Replication", "Cluster",
	}[t]
}
