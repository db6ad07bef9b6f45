package server

import (
	"cmp"
	"slices"
)

// clientMemoryLimit is maxmemory-clients in bytes, 0 if there is no limit.
func (s *Server) clientMemoryLimit() int64 {
	limit := s.cfg.MaxMemoryClients.Load()
	if limit < 0 {
		limit = s.cfg.MaxMemory.Load() / 100 * -limit
	}
	return limit
}

// evictClients closes the clients that take most memory until all together are
// within maxmemory-clients. Those that asked for CLIENT NO-EVICT count, as in Redis,
// but stay.
func (s *Server) evictClients() {
	limit := s.clientMemoryLimit()
	if limit == 0 {
		return
	}
	type size struct {
		c     *client
		bytes int64
	}
	var sizes []size
	total := int64(0)
	for _, c := range s.everyClient() {
		n := c.memory()
		total += n
		if publicFlags(c.public.flags.Load())&flagNoEvict == 0 {
			sizes = append(sizes, size{c, n})
		}
	}
	if total <= limit {
		return
	}
	slices.SortFunc(sizes, func(a, b size) int { return cmp.Compare(b.bytes, a.bytes) })
	for _, z := range sizes {
		if total <= limit {
			return
		}
		s.totals.evicted.Add(1) // before its peer can know
		if z.c.kill() {
			s.log.Warn().Int64("client", z.c.id).Str("addr", z.c.addr).Int64("bytes", z.bytes).
				Msg("client closed: all clients together exceeded maxmemory-clients")
		} else {
			s.totals.evicted.Add(-1)
		}
		total -= z.bytes
	}
}
