package command

// Flag is a set of properties of a command. Those in flagNames are reported by
// COMMAND under Redis' names; the rest are ours and steer the dispatcher.
type Flag uint64

const (
	Write           Flag = 1 << iota // may modify the data set
	ReadOnly                         // reads keys, never modifies the data set
	DenyOOM                          // refused while memory is above the limit
	Admin                            // for operators; implies @admin and @dangerous
	PubSub                           // publishes or subscribes; implies @pubsub
	NoScript                         // refused inside scripts
	Blocking                         // may park the client; implies @blocking
	Loading                          // served while the data set is loaded
	Stale                            // served by a replica that lost its master
	SkipMonitor                      // not shown to MONITOR
	SkipSlowlog                      // never enters the slow log
	Fast                             // constant or logarithmic time; implies @fast, its absence @slow
	NoAuth                           // served before the client authenticates
	MayReplicate                     // can propagate although it is not a Write (PUBLISH)
	NoMandatoryKeys                  // all of its key arguments are optional
	NoAsyncLoading                   // refused while a replica loads in the background
	NoMulti                          // refused inside MULTI
	AllowBusy                        // served while a script runs too long

	// MovableKeys: the key positions cannot be told from the legacy first,
	// last, step triple. Derived by NewTable; a row must not set it.
	MovableKeys

	// AllShards: touches keys it does not name (FLUSHALL, SWAPDB, KEYS, SCAN,
	// RANDOMKEY, DBSIZE, ...). EXEC, scripts and other multi-command
	// transactions lock every shard for it; alone, the engine operation takes
	// what it needs.
	AllShards

	// Optimistic: names several keys but needs no locks before it runs,
	// because its engine operation is atomic by itself (MGET, EXISTS) or needs
	// no atomicity (TOUCH). Read by Row.LockRange.
	Optimistic
)
