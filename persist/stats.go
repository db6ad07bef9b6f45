package persist

import (
	"sync"
	"sync/atomic"
	"time"
)

// counters are the figures behind Stats.
type counters struct {
	inFlight atomic.Int64 // bytes of the round being written

	mu        sync.Mutex
	records   int64
	bytes     int64
	rounds    int64
	syncs     int64
	delayed   int64
	syncTimes [SyncBuckets]int64
	syncTotal time.Duration
	lastSync  time.Duration
	err       error
}

func (c *counters) add(records, bytes int64) {
	c.mu.Lock()
	c.rounds++
	c.records += records
	c.bytes += bytes
	c.mu.Unlock()
}

func (c *counters) sync(took time.Duration) {
	i := 0
	for i < SyncBuckets-1 && took >= SyncBucket(i) {
		i++
	}
	c.mu.Lock()
	c.syncs++
	c.syncTimes[i]++
	c.syncTotal += took
	c.lastSync = took
	c.mu.Unlock()
}

// delay notes that a periodic sync has kept the next ones waiting.
func (c *counters) delay() {
	c.mu.Lock()
	c.delayed++
	c.mu.Unlock()
}

func (c *counters) setError(err error) {
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
}

func (c *counters) lastError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Stats returns the log's figures. It takes locks that a manifest being written
// holds: not for hot paths.
func (l *Log) Stats() Stats {
	state, _ := l.State()
	st := Stats{
		State:    state,
		Written:  l.Written(),
		Synced:   l.Synced(),
		Pending:  l.pending(),
		BaseSize: l.BaseSize(),
	}
	st.Size, st.Segments = l.used()
	l.manMu.Lock()
	st.Compactions = int64(l.man.compactions)
	l.manMu.Unlock()
	c := &l.count
	c.mu.Lock()
	defer c.mu.Unlock()
	st.LastError = c.err
	st.Records, st.Bytes, st.Rounds = c.records, c.bytes, c.rounds
	st.Delayed = c.delayed
	st.Syncs, st.SyncTimes, st.SyncTotal, st.LastSync = c.syncs, c.syncTimes, c.syncTotal, c.lastSync
	return st
}

// used returns the bytes in use in all segments, and their number.
func (l *Log) used() (bytes int64, segments int) {
	l.manMu.Lock()
	defer l.manMu.Unlock()
	for _, seg := range l.segs {
		bytes += seg.end.Load()
	}
	return bytes, len(l.segs)
}

// Size returns the bytes in use in all live segments.
func (l *Log) Size() int64 {
	n, _ := l.used()
	return n
}

// BaseSize returns what Size was right after the last compaction; before the
// first one, 0.
func (l *Log) BaseSize() int64 {
	l.manMu.Lock()
	defer l.manMu.Unlock()
	return l.man.baseBytes
}
