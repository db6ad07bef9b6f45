package server

import "sync/atomic"

// watchLimits gives the engine the limits of compact collections, now and
// whenever they change.
func (s *Server) watchLimits() {
	c, l := s.cfg, s.engine.Limits()
	for _, limit := range []struct {
		name string
		load func() int64
		to   *atomic.Int64
	}{
		{"hash-max-listpack-entries", func() int64 { return c.HashMaxListpackEntries.Load() }, &l.HashEntries},
		{"hash-max-listpack-value", func() int64 { return c.HashMaxListpackValue.Load() }, &l.HashValue},
		{"list-max-listpack-size", func() int64 { return c.ListMaxListpackSize.Load() }, &l.ListSize},
		{"set-max-intset-entries", func() int64 { return c.SetMaxIntsetEntries.Load() }, &l.SetInts},
		{"set-max-listpack-entries", func() int64 { return c.SetMaxListpackEntries.Load() }, &l.SetEntries},
		{"set-max-listpack-value", func() int64 { return c.SetMaxListpackValue.Load() }, &l.SetValue},
		{"zset-max-listpack-entries", func() int64 { return c.ZsetMaxListpackEntries.Load() }, &l.ZSetEntries},
		{"zset-max-listpack-value", func() int64 { return c.ZsetMaxListpackValue.Load() }, &l.ZSetValue},
	} {
		set := func() error {
			limit.to.Store(limit.load())
			return nil
		}
		_ = set()
		s.cfg.OnChange(limit.name, set)
	}
}
