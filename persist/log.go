package persist

import (
	"sync"
	"sync/atomic"

	"hpkv/persist/vfs"
)

// Log is an open log. All methods are safe for concurrent use.
type Log struct {
	o       Options
	lock    vfs.Lock
	streams []stream
	policy  atomic.Int32
	notable int // size of a buffer below which nobody need be told of it

	// open is the round that records join now. A change needs the locks of all
	// streams, a look any one.
	open uint64

	asleep  atomic.Bool   // the committer waits for the first record of a round
	asked   atomic.Bool   // see Hurry
	wake    chan struct{} // of capacity 1
	calls   chan func()   // run by the committer between two rounds
	closing chan struct{} // closed when Close begins
	done    chan struct{} // closed when the committer has ended
	closed  atomic.Bool
	work    sync.WaitGroup // syncer and preparer

	crowded atomic.Bool // see Pressure
	stateMu sync.Mutex  // held while the state changes and the news is told
	state   atomic.Int32
	failure atomic.Pointer[StoppedError] // set before StateFailed
	told    atomic.Pointer[StoppedError] // the same, once OnState has returned

	// draft says whether the log is one; before is then the last round that counts.
	draft  atomic.Int32
	before uint64

	written, synced atomic.Uint64
	durableMu       sync.Mutex
	durable         atomic.Uint64
	news            broadcast // any of the above changed

	// The committer's own.
	lastMs int64
	round  round

	// What is written and not synced. syncMu is held during a sync.
	syncMu  sync.Mutex
	syncing atomic.Bool // files are being synced
	dirtyMu sync.Mutex
	dirty   []*segment

	// manMu guards the manifest and the segments in it, and is held while a
	// manifest is written. next are the prepared segments by stream.
	manMu     sync.Mutex
	man       *manifest
	segs      map[uint64]*segment
	next      []*segment
	spares    []uint64
	nextSpare uint64
	prepare   chan int

	// dropMu is held shared while files are read by number, exclusively while
	// files are removed or reused.
	dropMu     sync.RWMutex
	backupMu   sync.RWMutex // like dropMu, for long
	readers    readers
	compacting atomic.Bool

	count counters
}

// stream is the buffer of one stream in memory.
type stream struct {
	mu   sync.Mutex
	buf  buffer   // of the open round
	told bool     // the committer knows that buf is full
	free [][]byte // empty chunks
	cur  *segment // the committer's
	_    [16]byte // no two streams share a cache line
}

// segment is a segment of the current generation, or an older one.
type segment struct {
	segmentEntry
	seed uint32
	file vfs.File // of the current generation, until it is retired
	size int64    // of the file

	first atomic.Uint64 // first round in it; 0: not begun
	end   atomic.Int64  // bytes in use

	dirty, syncing, retired bool // under dirtyMu

	preparing bool // the committer's: a successor has been asked for
}

// Written returns the last round that was written.
func (l *Log) Written() uint64 { return l.written.Load() }

// Synced returns the last round known to be on the disk for good.
func (l *Log) Synced() uint64 {
	if l.draft.Load() != draftNot {
		return l.before
	}
	return l.synced.Load()
}

// States of a draft: in the end it must not be told from a log that rounds are
// durable before the manifest says so.
const (
	draftNot int32 = iota
	draftOpen
	draftEnding
)

// Draft reports whether what is appended does not count yet: nobody needs to wait
// for it.
func (l *Log) Draft() bool { return l.draft.Load() == draftOpen }

// Whole reports whether the log is no draft, nor about to be none.
func (l *Log) Whole() bool { return l.draft.Load() == draftNot }

// Durable returns the last round that became durable under the policy.
func (l *Log) Durable() uint64 { return l.durable.Load() }

// Policy returns the policy in force.
func (l *Log) Policy() Policy { return Policy(l.policy.Load()) }

// SetPolicy changes the policy for all rounds not yet durable.
func (l *Log) SetPolicy(p Policy) {
	l.policy.Store(int32(p))
	l.Hurry()
}

// State returns whether the log accepts records; the error says why not.
func (l *Log) State() (State, error) {
	s := State(l.state.Load())
	if s == StateOK {
		return s, nil
	}
	if f := l.failure.Load(); f != nil {
		return StateFailed, f
	}
	return s, l.count.lastError()
}

// setState changes the state unless the log has failed already. The news of it
// comes in the order of the changes, to OnState before those who wait.
func (l *Log) setState(s State, err error) {
	if err != nil {
		l.count.setError(err)
	}
	if was := State(l.state.Load()); was == s || was == StateFailed {
		return // nearly always
	}
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	if was := State(l.state.Load()); was == s || was == StateFailed {
		return
	}
	if s == StateFailed {
		l.failure.Store(&StoppedError{err})
	}
	l.state.Store(int32(s))
	if l.o.OnState != nil {
		if s == StateFailed {
			err = l.failure.Load()
		}
		l.o.OnState(s, err)
	}
	l.told.Store(l.failure.Load())
	l.news.send()
}

// fail stops the log for good.
func (l *Log) fail(err error) {
	l.setState(StateFailed, err)
	l.Hurry()
}

// broadcast wakes all who wait.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that the next send closes.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) send() {
	b.mu.Lock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
	b.mu.Unlock()
}
