package hpkv

import (
	"errors"

	"hpkv/engine"
)

// Errors that methods return; compare with errors.Is.
var (
	// ErrNotFound: the key does not exist.
	ErrNotFound = errors.New("hpkv: key not found")
	// ErrConflict: an Update met changes by others too often.
	ErrConflict = errors.New("hpkv: too many conflicting transactions")
	// ErrClosed: the DB was closed.
	ErrClosed = engine.ErrClosed
	// ErrWrongType: the key holds another type of value.
	ErrWrongType = engine.ErrWrongType
	// ErrNotInteger: Incr on a value that is not a 64-bit integer.
	ErrNotInteger = engine.ErrNotInteger
	// ErrOverflow: Incr beyond 64 bits.
	ErrOverflow = engine.ErrOverflow
	// ErrTooLarge: a value beyond Options.MaxValueBytes.
	ErrTooLarge = engine.ErrTooLarge
	// ErrNoMemory: Options.MaxMemoryBytes, or the machine, has no room.
	ErrNoMemory = engine.ErrNoMemory
)

// Options configure Open. The zero value is a good start.
type Options struct {
	// Dir is a directory in which the data are kept, and found at the next Open.
	// It is created if absent, its parent must exist, and only one DB or server
	// can have it open. Empty: the data are in memory only.
	Dir string
	// Sync says when changes are forced to disk, if there is a Dir.
	Sync SyncPolicy
	// Databases is the number of separate key spaces; 0 means 16. See
	// DB.Database.
	Databases int
	// Shards is how many parts the key space is divided in for locking, a
	// power of two; 0 chooses by the number of cores.
	Shards int
	// MaxValueBytes bounds one value; 0 means 512 MB.
	MaxValueBytes int64
	// MaxMemoryBytes bounds the memory for data; 0 means no bound. Writes that
	// would exceed it fail with ErrNoMemory.
	MaxMemoryBytes int64
	// OrderedIndex keeps keys in order from the start. Without it the first
	// Range builds the order, at about a microsecond a key.
	OrderedIndex bool
	// Clock replaces the system's clock, for tests of expiry.
	Clock engine.Clock
}
