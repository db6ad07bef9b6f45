package persist

import (
	"errors"
	"fmt"
	"time"

	"hpkv/persist/vfs"
)

// Policy says when a round counts as durable.
type Policy int32

const (
	// Always syncs every round; a round is durable once synced.
	Always Policy = iota + 1
	// EverySec syncs once a second; a round is durable once written.
	EverySec
	// No leaves syncing to the system, but for segments full since long; a round
	// is durable once written.
	No
)

func (p Policy) String() string {
	switch p {
	case Always:
		return "always"
	case EverySec:
		return "everysec"
	case No:
		return "no"
	}
	return fmt.Sprintf("Policy(%d)", int32(p))
}

// State says whether a log accepts what it is given.
type State int32

const (
	// StateOK: rounds are being written.
	StateOK State = iota
	// StateDiskFull: the disk is full, or there are too many open files; the log
	// tries again until it is not so.
	StateDiskFull
	// StateFailed: nothing will be written any more; reopen the log.
	StateFailed
)

func (s State) String() string {
	switch s {
	case StateOK:
		return "ok"
	case StateDiskFull:
		return "disk full"
	case StateFailed:
		return "failed"
	}
	return fmt.Sprintf("State(%d)", int32(s))
}

// Clock tells the time that round marks carry.
type Clock interface {
	// NowMs returns Unix time in milliseconds. It may go backwards.
	NowMs() int64
}

type systemClock struct{}

func (systemClock) NowMs() int64 { return time.Now().UnixMilli() }

// Options configure Open. Only Dir and Streams are required.
type Options struct {
	FS      vfs.FS // nil: the operating system's
	Dir     string // created if absent (its parent must exist)
	Streams int    // 1 to MaxStreams

	// SegmentBytes is the size at which a segment is created; a round larger
	// than that makes its segment larger, a disk that is nearly full may make it
	// smaller. 0: 64 MB, with more than 8 streams less, down to 8 MB. At least
	// 4 KB.
	SegmentBytes int64
	Policy       Policy // 0: EverySec

	// Draft begins anew: nothing is replayed, and what is appended counts only
	// once a compaction has ended, which then takes the place of all that the
	// directory held. Until then no round is durable or synced, and a crash, or
	// Close, leaves what was there before.
	Draft bool

	// MaxPending bounds the bytes of a stream that wait in memory for the disk, as
	// far as callers heed Stalled and Pressure. 0: 64 MB.
	MaxPending int64
	// Gather is how long a round of EverySec or No collects records before it is
	// written. 0: 10 ms: the fewer rounds, the fewer thread switches (50
	// connections, no pipeline: 0.02 a SET, with 2 ms 0.07).
	Gather time.Duration
	// SyncEvery is the time between two syncs under EverySec. 0: 1 s.
	SyncEvery time.Duration
	// RetryEvery is the time between two attempts while the disk is full.
	// 0: 100 ms.
	RetryEvery time.Duration
	Clock      Clock // nil: the machine's

	// OnDurable is called by the committer, in order of rounds, after all rounds
	// up to round have become durable under the policy, and at the end of a draft.
	// It must be short.
	OnDurable func(round uint64)
	// OnState is called after the state has changed, by the goroutine that met
	// the reason; err is nil for StateOK. It must be short and not call the log
	// other than for its state and figures.
	OnState func(s State, err error)
	// OnStep is called after a step, by the goroutine that took it, with the time it
	// has taken. It must be short and not call the log; calls may overlap.
	OnStep func(s Step, took time.Duration)
	// OnProgress is called during Open, one call at a time, with the bytes
	// replayed so far and in all.
	OnProgress func(done, total int64)
}

func (o Options) withDefaults() (Options, error) {
	if o.FS == nil {
		o.FS = vfs.OS()
	}
	if o.Dir == "" {
		return o, errors.New("no directory given")
	}
	if o.Streams < 1 || o.Streams > MaxStreams {
		return o, fmt.Errorf("%d streams; 1 to %d are possible", o.Streams, MaxStreams)
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = min(64<<20, max(8<<20, 512<<20/int64(o.Streams)))
	}
	if o.SegmentBytes < 4<<10 {
		return o, fmt.Errorf("segments of %d bytes; at least 4096 are needed", o.SegmentBytes)
	}
	if o.Policy == 0 {
		o.Policy = EverySec
	}
	if o.MaxPending == 0 {
		o.MaxPending = 64 << 20
	}
	if o.Gather == 0 {
		o.Gather = 10 * time.Millisecond
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = time.Second
	}
	if o.RetryEvery == 0 {
		o.RetryEvery = 100 * time.Millisecond
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	return o, nil
}
