package persist

import (
	"errors"
	"fmt"
	"time"
)

// Bounds of a log.
const (
	MaxStreams = 1024
	// MaxPayload is the largest payload of one record, in bytes.
	MaxPayload = 1<<32 - 1 - 1<<16
)

// Record is one entry of a stream. The log reads nothing into the fields; they
// come back at replay as they were given.
type Record struct {
	Shard   uint16
	Seq     uint64
	Txn     uint64 // 0 (8 bytes shorter on disk) or an identifier
	Payload []byte // at most MaxPayload bytes
}

// Part is one record of several that are handed over together.
type Part struct {
	Stream int
	Record
}

// Addr is the place of a record: it stays valid until compaction drops the
// segment.
type Addr struct {
	Segment uint64
	Offset  int64
}

func (a Addr) String() string { return fmt.Sprintf("%s+%d", segmentName(a.Segment), a.Offset) }

// Replayer receives the records of a log as it is opened.
type Replayer interface {
	// Apply receives the records of one stream in order, up to MaxBatch at a time,
	// so that what the next ones take can be fetched while one is applied; different
	// streams are replayed at the same time by different goroutines. Stream numbers
	// are those of the run that wrote the records. The batch, and its payloads, are
	// valid only during the call. An error ends Open, which returns it when the
	// other streams have been replayed.
	Apply(stream int, batch []Placed) error
}

// MaxBatch bounds the records of one call of Apply: about as many as a processor
// can wait for at once.
const MaxBatch = 16

// Placed is a record with its place.
type Placed struct {
	Record
	At Addr
}

// Cut is a part of the log's end that recovery left out.
type Cut struct {
	Segment uint64
	Stream  int
	Offset  int64 // of the first byte left out
	Bytes   int64 // from there to the last byte that is not zero
	Reason  string
}

func (c Cut) String() string {
	return fmt.Sprintf("cut %d bytes of stream %d at %v: %s", c.Bytes, c.Stream, Addr{c.Segment, c.Offset}, c.Reason)
}

// RecoveryReport says what Open found.
type RecoveryReport struct {
	Generations int
	Segments    int
	Records     int64
	Bytes       int64  // of segments that were replayed
	LastRound   uint64 // the last round that counts
	LastMs      int64  // when it was written, Unix time in milliseconds; 0: never
	Cuts        []Cut  // what was left out, if anything: worth a warning each
	Elapsed     time.Duration
}

// Errors of a Log.
var (
	// ErrClosed is returned once Close has begun.
	ErrClosed = errors.New("persist: log is closed")
	// ErrCompacting is returned by BeginCompaction while one is under way.
	ErrCompacting = errors.New("persist: a compaction is under way")
	// ErrDraft is returned by Backup while the log does not hold the whole state.
	ErrDraft = errors.New("persist: the log does not hold the whole state yet")
	// ErrGone is returned for an address whose segment does not exist (any more).
	ErrGone = errors.New("persist: segment is gone")
)

// LockedError is returned by Open for a directory in use.
type LockedError struct{ Dir string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("directory %s is in use by another server", e.Dir)
}

// StoppedError is what waiting returns once a log is in StateFailed.
type StoppedError struct{ Err error }

func (e *StoppedError) Error() string { return "the log has stopped: " + e.Err.Error() }
func (e *StoppedError) Unwrap() error { return e.Err }

// NotEmptyError is returned by what makes a log in a directory where there is
// something already.
type NotEmptyError struct{ Dir string }

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("directory %s is not empty", e.Dir)
}

// CorruptError says that data which must be there are missing or damaged.
type CorruptError struct {
	Dir     string
	File    string // within Dir
	Offset  int64
	Problem string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s/%s is damaged at offset %d: %s; see hpkv-admin check and hpkv-admin repair", e.Dir, e.File, e.Offset, e.Problem)
}

// Step is something a log does with its files that may take long.
type Step int

// Steps.
const (
	StepWrite       Step = iota // a round was written
	StepWriteInSync             // a round was written; a sync was under way when that began
	StepSync                    // a segment was synced
	StepManifest                // the list of the segments was replaced
)

// Stats are figures of a running log.
type Stats struct {
	State       State
	LastError   error // the last one met, even if it was overcome
	Written     uint64
	Synced      uint64
	Records     int64 // written by this Log
	Bytes       int64 // written by this Log
	Size        int64 // bytes in use in all live segments
	BaseSize    int64 // Size right after the last compaction
	Segments    int
	Pending     int64 // bytes in memory not yet written
	Rounds      int64
	Syncs       int64
	Delayed     int64 // periodic syncs that took longer than two periods
	Compactions int64

	// SyncTimes counts syncs by how long they took: element i those below
	// SyncBucket(i), and the last one all others.
	SyncTimes [SyncBuckets]int64
	SyncTotal time.Duration
	LastSync  time.Duration
}

// SyncBuckets is the number of elements in Stats.SyncTimes.
const SyncBuckets = 18

// SyncBucket returns the upper bound of a bucket: 32 us doubled i times.
func SyncBucket(i int) time.Duration { return 32 * time.Microsecond << i }
