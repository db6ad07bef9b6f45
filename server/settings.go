package server

import (
	"sync/atomic"

	"hpkv/engine"
	"hpkv/server/config"
)

// watchSettings applies settings that change while the server runs.
func (s *Server) watchSettings() {
	s.cfg.OnChange("proto-max-bulk-len", func() error {
		s.engine.SetMaxValueBytes(s.cfg.ProtoMaxBulkLen.Load())
		return nil
	})
	for _, name := range []string{"maxmemory-policy", "maxmemory-samples", "lfu-log-factor", "lfu-decay-time"} {
		s.cfg.OnChange(name, func() error {
			s.engine.SetEviction(evictionOf(s.cfg))
			return nil
		})
	}
	s.engine.SetEviction(evictionOf(s.cfg))
	s.cfg.OnChange("maxmemory", func() error {
		s.engine.SetMaxMemoryBytes(s.cfg.MaxMemory.Load())
		return nil
	})
	s.cfg.OnChange("hll-sparse-max-bytes", func() error {
		s.engine.SetSparseMaxBytes(s.cfg.HLLSparseMaxBytes.Load())
		return nil
	})
	s.cfg.OnChange("maxclients", s.maxClientsChanged)
	s.cfg.OnChange("port", s.portChanged)
	s.cfg.OnChange("bind", s.bindChanged)
	s.cfg.OnChange("notify-keyspace-events", s.eventsChanged)
	_ = s.eventsChanged() // cannot fail
	s.watchLimits()
	s.cfg.OnChange("appendonly", s.durability.appendOnlyChanged)
	s.cfg.OnChange("appendfsync", s.durability.fsyncChanged)
}

// evictionOf is the engine's part of the settings of eviction.
func evictionOf(cfg *config.Config) engine.Eviction {
	policies := map[config.Choice]engine.Policy{
		config.NoEviction: engine.NoEviction, config.VolatileTTL: engine.VolatileTTL,
		config.AllKeysLRU: engine.AllKeysLRU, config.AllKeysLFU: engine.AllKeysLFU, config.AllKeysRandom: engine.AllKeysRandom,
		config.VolatileLRU: engine.VolatileLRU, config.VolatileLFU: engine.VolatileLFU, config.VolatileRandom: engine.VolatileRandom,
	}
	return engine.Eviction{
		Policy:       policies[cfg.MaxMemoryPolicy.Load()],
		Samples:      int(cfg.MaxMemorySamples.Load()),
		LogFactor:    int(cfg.LFULogFactor.Load()),
		DecayMinutes: int(cfg.LFUDecayTime.Load()),
	}
}

// watchLimits gives the engine the limits of compact collections, now and
// whenever they change.
func (s *Server) watchLimits() {
	c, l := s.cfg, s.engine.Limits()
	for _, limit := range []struct {
		name string
		load func() int64
		to   *atomic.Int64
	}{
		{"hash-max-listpack-entries", c.HashMaxListpackEntries.Load, &l.HashEntries},
		{"hash-max-listpack-value", c.HashMaxListpackValue.Load, &l.HashValue},
		{"list-max-listpack-size", c.ListMaxListpackSize.Load, &l.ListSize},
		{"set-max-intset-entries", c.SetMaxIntsetEntries.Load, &l.SetInts},
		{"set-max-listpack-entries", c.SetMaxListpackEntries.Load, &l.SetEntries},
		{"set-max-listpack-value", c.SetMaxListpackValue.Load, &l.SetValue},
		{"zset-max-listpack-entries", c.ZsetMaxListpackEntries.Load, &l.ZSetEntries},
		{"zset-max-listpack-value", c.ZsetMaxListpackValue.Load, &l.ZSetValue},
	} {
		set := func() error {
			limit.to.Store(limit.load())
			return nil
		}
		_ = set()
		s.cfg.OnChange(limit.name, set)
	}
}
