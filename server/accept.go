package server

import (
	"net/netip"
	"slices"

	"hpkv/resp"
)

// endpoint is what a driver knows of a connection it has accepted.
type endpoint struct {
	fd          int
	addr, laddr string
	unix        bool
	remote      netip.Addr // zero for a Unix socket
}

// admit decides whether a new connection may stay. Otherwise the driver sends
// the refusal, a complete reply, and closes. A connection that was admitted
// must end with forget.
func (s *Server) admit(e *endpoint) (refusal []byte) {
	s.totals.connections.Add(1)
	text := ""
	switch {
	case s.clients.count.Add(1) > s.cfg.MaxClients.Load():
		text = resp.ErrMaxClients
	case !e.unix && s.cfg.ProtectedMode.Load() && s.cfg.RequirePass.Load() == "" && !e.remote.Unmap().IsLoopback():
		text = resp.ErrProtected
	default:
		return nil
	}
	s.clients.count.Add(-1)
	s.totals.rejected.Add(1)
	return []byte("-" + text + "\r\n")
}

// initClient fills a client in the driver's connection and makes it known.
func (s *Server) initClient(c *client, l link, e *endpoint, nowMs int64) {
	c.id = s.clients.nextID.Add(1)
	c.srv = s
	c.link = l
	c.fd = e.fd
	c.addr, c.laddr, c.unix = e.addr, e.laddr, e.unix
	c.createdMs = nowMs
	c.session.Owner = c
	c.session.Proto = 2
	c.authenticated = s.cfg.RequirePass.Load() == ""
	c.mu.user = "default"
	c.public.lastMs.Store(nowMs)
	c.public.pauseAt.Store(pauseBytes)
	c.publish()
	s.clients.add(c)
}

// forget ends what admit began.
func (s *Server) forget(c *client) { s.clients.remove(c) }

func sortClients(list []*client) {
	slices.SortFunc(list, func(a, b *client) int { return int(a.id - b.id) })
}
