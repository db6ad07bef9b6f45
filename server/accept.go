package server

import (
	"net/netip"
	"slices"
)

// Texts sent to connections that are turned away.
const (
	textMaxClients = "-ERR max number of clients reached\r\n"
	textProtected  = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. " +
		"In this mode connections are only accepted from the loopback interface. " +
		"If you want to connect from external computers to Redis you may adopt one of the following solutions: " +
		"1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, " +
		"however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. " +
		"2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. " +
		"3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. " +
		"4) Setup a an authentication password for the default user. " +
		"NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n"
)

// endpoint is what a driver knows of a connection it has accepted.
type endpoint struct {
	fd          int
	addr, laddr string
	unix        bool
	remote      netip.Addr // zero for a Unix socket
}

// admit decides whether a new connection may stay. Otherwise the driver sends
// the text, which is a complete reply, and closes. A connection that was
// admitted must end with forget.
func (s *Server) admit(e *endpoint) (refusal string) {
	s.totals.connections.Add(1)
	if s.clients.count.Add(1) > s.cfg.MaxClients.Load() {
		s.clients.count.Add(-1)
		s.totals.rejected.Add(1)
		return textMaxClients
	}
	if !e.unix && s.cfg.ProtectedMode.Load() && s.cfg.RequirePass.Load() == "" && !e.remote.Unmap().IsLoopback() {
		s.clients.count.Add(-1)
		s.totals.rejected.Add(1)
		return textProtected
	}
	return ""
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
