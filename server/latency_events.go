package server

import (
	"time"

	"hpkv/engine"
	"hpkv/persist"
)

// Names of the events that LATENCY knows, Redis' where the meaning is the same.
// "command" and "fast-command" are in slowlog.go. COMMANDS.md tells users.
const (
	eventExpire  = "expire-cycle"        // background work that removed keys whose time had come
	eventDefrag  = "active-defrag-cycle" // background work that moved records together
	eventEvict   = "eviction-cycle"      // room made for a command, or in the background
	eventUnblock = "command-unblocking"  // a command tried for a client that waited

	eventWrite        = "aof-write"               // a round of the log written; one of the next three as well
	eventWriteInSync  = "aof-write-pending-fsync" // while a sync was under way
	eventWriteCompact = "aof-write-active-child"  // while the log was compacted
	eventWriteAlone   = "aof-write-alone"         // else
	eventSync         = "aof-fsync-always"        // clients waited for it
	eventSyncLate     = "aof-fsync-everysec"      // nobody did
	eventRename       = "aof-rename"              // the list of the log's files replaced
)

// lasted notes an event that began at a time, if it has taken long enough.
func (s *Server) lasted(event string, begun time.Time) { s.took(event, time.Since(begun)) }

func (s *Server) took(event string, d time.Duration) {
	if ms := s.cfg.LatencyMonitorThreshold.Load(); ms > 0 && d.Milliseconds() >= ms {
		s.latency.Add(event, time.Now().Unix(), d.Milliseconds())
	}
}

// step notes what the log did. Called by the log.
func (d *durability) step(step persist.Step, took time.Duration) {
	s := d.srv
	if ms := s.cfg.LatencyMonitorThreshold.Load(); ms <= 0 || took.Milliseconds() < ms {
		return
	}
	switch step {
	case persist.StepManifest:
		s.took(eventRename, took)
		return
	case persist.StepSync:
		event := eventSyncLate
		if s.fsyncPolicy() == persist.Always {
			event = eventSync
		}
		s.took(event, took)
		return
	}
	how := eventWriteAlone
	switch {
	case step == persist.StepWriteInSync:
		how = eventWriteInSync
	case d.compaction.running():
		how = eventWriteCompact
	}
	s.took(how, took)
	s.took(eventWrite, took)
}

// evict makes room for a command that may write, and reports whether there is.
func (x *executor) evict() bool {
	if x.srv.cfg.LatencyMonitorThreshold.Load() > 0 { // before every write: the clock is not read in vain
		defer x.srv.lasted(eventEvict, time.Now())
	}
	return x.lane.Begin(0).Evict()
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
