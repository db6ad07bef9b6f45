package server

import (
	"time"

	"hpkv/engine"
	"hpkv/persist"
	"hpkv/server/journal"
)

// Names of the events that LATENCY knows, Redis' where the meaning is the same.
// "command" and "fast-command" are in slowlog.go.
const (
	eventExpire   = "expire-cycle"        // background work that removed keys whose time had come
	eventDefrag   = "active-defrag-cycle" // background work that moved records together
	eventEvict    = "eviction-cycle"      // room made for a command, or in the background
	eventUnblock  = "command-unblocking"  // a command tried for a client that waited
	eventSync     = "aof-fsync-always"    // clients waited for it
	eventSyncLate = "aof-fsync-everysec"  // nobody did
)

// lasted notes an event that began at a time, if it has taken long enough.
func (s *Server) lasted(event string, begun time.Time) { s.took(event, time.Since(begun)) }

func (s *Server) took(event string, d time.Duration) {
	if ms := s.cfg.LatencyMonitorThreshold.Load(); ms > 0 && d.Milliseconds() >= ms {
		s.latency.Add(event, time.Now().Unix(), d.Milliseconds())
	}
}

// syncWatch finds syncs of the log that took long among its figures. Cron's.
type syncWatch struct {
	of   *journal.Journal // that before is of
	seen persist.Stats
}

// look notes the slowest sync since the last look, as far as it is known.
func (w *syncWatch) look(s *Server) {
	j := s.durability.journal.Load()
	if j == nil || s.cfg.LatencyMonitorThreshold.Load() <= 0 {
		w.of = nil
		return
	}
	now := j.Log().Stats()
	if w.of == j {
		event := eventSyncLate
		if j.Log().Policy() == persist.Always {
			event = eventSync
		}
		s.took(event, slowestSync(&w.seen, &now))
	}
	w.of, w.seen = j, now
}

// slowestSync is how long the slowest sync between two moments has taken, or
// less: where there were several, it is known up to a factor of two.
func slowestSync(before, now *persist.Stats) time.Duration {
	n := now.Syncs - before.Syncs
	if n <= 0 {
		return 0
	}
	least := max(now.LastSync, (now.SyncTotal-before.SyncTotal)/time.Duration(n))
	for i := 1; i < persist.SyncBuckets; i++ {
		if now.SyncTimes[i] > before.SyncTimes[i] {
			least = max(least, persist.SyncBucket(i-1))
		}
	}
	return least
}

// evict makes room for a command that may write, and reports whether there is.
func (x *executor) evict() bool {
	if x.srv.cfg.LatencyMonitorThreshold.Load() > 0 { // before every write: the clock is not read in vain
		defer x.srv.lasted(eventEvict, time.Now())
	}
	return x.lane.Begin(0).Evict()
}

// Background work.
const (
	workBudget = 250 * time.Microsecond // at once, for the shards of one worker
	workPause  = time.Millisecond       // between two rounds, at least: the event loops may want the processor
)

// work does the engine's background work. Started by Run, stopped by stop.
func (s *Server) work(stop <-chan struct{}) {
	l := s.engine.NewLane()
	defer l.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		next := time.Second
		for home := range s.engine.Homes() {
			begun := time.Now()
			next = min(next, s.engine.Maintain(l, home, workBudget))
			s.worked(begun)
		}
		timer.Reset(max(next, workPause))
	}
}

// worked notes a round of background work that has taken long. What it did is
// told by the engine's figures: as they are now, and as they were when they were
// last looked at, a second ago at most.
func (s *Server) worked(begun time.Time) {
	if ms := s.cfg.LatencyMonitorThreshold.Load(); ms <= 0 || time.Since(begun).Milliseconds() < ms {
		return
	}
	before := s.samples.engine.Load()
	now := s.engineStats(nil)
	for _, kind := range []struct {
		event string
		count func(*engine.Stats) uint64
	}{
		{eventExpire, func(st *engine.Stats) uint64 { return st.Expired }},
		{eventEvict, func(st *engine.Stats) uint64 { return st.Evicted }},
		{eventDefrag, func(st *engine.Stats) uint64 { return st.Relocated }},
	} {
		if before != nil && kind.count(now) > kind.count(before) {
			s.lasted(kind.event, begun)
		}
	}
}
