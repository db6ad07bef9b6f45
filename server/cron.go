package server

import (
	"runtime/debug"
	"time"

	"hpkv/server/config"
)

// cronPeriod is Redis' default hz of 10.
const cronPeriod = 100 * time.Millisecond

// engineSampleMs is how often the engine's figures are collected; each time
// locks every shard for a moment.
const engineSampleMs = 1000

// cron samples rates and looks after clients that do nothing by themselves:
// idle ones, and ones that do not take their replies. Started by Run, stopped
// by s.stopping.
func (s *Server) cron() {
	tick := time.NewTicker(cronPeriod)
	defer tick.Stop()
	for {
		select {
		case <-s.stopping:
			return
		case <-tick.C:
			now := s.clock.NowMs()
			s.sampleRates(now)
			s.samples.over.sample(s.engine.Over(), now)
			s.freeGarbage(time.Now())
			s.cronClients(now)
			s.evictClients()
			s.durability.autoCompact()
			s.renewRiocIdentity(time.Now())
			if s.rest != nil {
				s.procs.look(s.driver.busy(), s.rest.Asked(), time.Now())
			}
		}
	}
}

// Large buffers that have gone out of use are given back to the system when there
// are garbageBytes of them and none has come for garbageRest: Go's collector runs when
// memory is asked for, and an idle server asks for none.
const (
	garbageBytes = 8 << 20
	garbageRest  = time.Second
)

func (s *Server) freeGarbage(now time.Time) {
	switch n := s.garbage.Load(); {
	case n != s.samples.garbage:
		s.samples.garbage, s.samples.garbageAt = n, now
	case n >= garbageBytes && now.Sub(s.samples.garbageAt) >= garbageRest:
		s.garbage.Add(-n)
		debug.FreeOSMemory()
	}
}

func (s *Server) sampleRates(nowMs int64) {
	n := s.stats.sum()
	s.samples.commands.sample(n.commands, nowMs)
	s.samples.netIn.sample(n.netIn, nowMs)
	s.samples.netOut.sample(n.netOut, nowMs)
	if since := nowMs - s.samples.engineMs; since >= 0 && since < engineSampleMs { // else the clock was set back
		return
	}
	period := nowMs - s.samples.engineMs
	s.samples.engineMs = nowMs
	st := s.engineStats(nil)
	if used := st.Memory.InUseBytes + goMemory(); used > s.samples.peakMemory.Load() {
		s.samples.peakMemory.Store(used)
	}
	moving := st.Defragmenting - s.samples.defragmenting
	s.samples.defragmenting = st.Defragmenting
	s.samples.defrag.sample(moving > 0, nowMs)
	s.samples.defragPercent.Store(percent(moving.Microseconds(), 1000*period))
}

// percent is the share of a part in a whole: 1 at least of a part that there is, and
// 100 at most.
func percent(part, whole int64) int64 {
	if part <= 0 {
		return 0
	}
	return min(max(100*part/max(whole, 1), 1), 100)
}

// cronClients walks the clients only if there is something to find.
func (s *Server) cronClients(nowMs int64) {
	timeoutMs := s.cfg.Timeout.Load() * 1000
	if timeoutMs == 0 && s.backlogged.Load() == 0 {
		return
	}
	for _, c := range s.everyClient() {
		flags := publicFlags(c.public.flags.Load())
		if idle := nowMs - c.public.lastMs.Load(); timeoutMs > 0 && idle > timeoutMs && flags&(flagSuspended|flagPubsub|flagMonitor) == 0 {
			s.log.Debug().Int64("client", c.id).Msg("closing idle client")
			c.kill()
			continue
		}
		if n := c.link.unsent(); n > 0 {
			class := config.ClassNormal
			if flags&flagPubsub != 0 {
				class = config.ClassPubsub
			}
			s.cronBacklog(c, n, s.cfg.ClientOutputBufferLimit.Load(class), nowMs)
		}
	}
}

// noteUnsent is told of the bytes that wait to be sent to a client, as they were
// before and as they are now.
func (s *Server) noteUnsent(before, now int64) {
	switch {
	case before == 0 && now > 0:
		s.backlogged.Add(1)
	case before > 0 && now == 0:
		s.backlogged.Add(-1)
	}
	if now > before {
		s.recentOut.note(now, s.clock.NowMs())
	}
}

// cronBacklog closes a client that has exceeded the soft limit of its output
// for too long, and lets one go on that waits for a peer which does not read: see
// pauseBytes and sateBytes.
func (s *Server) cronBacklog(c *client, n int, limit config.BufferLimit, nowMs int64) {
	tooLong, stalled := c.lookAtBacklog(n, limit, nowMs)
	switch {
	case tooLong:
		s.logOutputLimit(c, n)
		c.kill()
		return
	case !stalled || n < sateBytes/2:
		return
	}
	// Who was stopped at a threshold stays so down to half of it, and may stand
	// still anywhere in between.
	c.link.post(func() {
		if c.sated {
			c.sated, c.sateAt = false, 2*max(c.sateAt, n)
		}
		if c.paused {
			c.paused = false
			c.public.pauseAt.Store(2 * max(c.public.pauseAt.Load(), int64(n)))
		}
	})
}

// lookAtBacklog notes that n bytes wait to be sent, and tells whether there have
// been more than the soft limit for longer than it allows, and whether none was sent
// since the last look.
func (c *client) lookAtBacklog(n int, limit config.BufferLimit, nowMs int64) (tooLong, stalled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit.Soft > 0 && int64(n) > limit.Soft {
		if c.mu.softSinceMs == 0 || c.mu.softSinceMs > nowMs {
			c.mu.softSinceMs = nowMs
		}
		tooLong = nowMs-c.mu.softSinceMs > limit.SoftSeconds*1000
	} else {
		c.mu.softSinceMs = 0
	}
	sent := c.public.sent.Load()
	stalled = sent == c.mu.sentBefore
	c.mu.sentBefore = sent
	return tooLong, stalled
}

func (s *Server) logOutputLimit(c *client, unsent int) {
	s.totals.outputLimit.Add(1)
	s.log.Warn().Int64("client", c.id).Str("addr", c.addr).Int("unsent", unsent).
		Msg("client closed: it exceeded the limit of its output buffer")
}
