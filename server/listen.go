package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"hpkv/resp"
)

// listen opens what the settings bind, port, unixsocket and unixsocketperm ask
// for.
func (s *Server) listen() error {
	opened, err := s.listenPort()
	if err != nil {
		return err
	}
	s.listeners = append(s.listeners, opened...)
	if path := s.cfg.UnixSocket.Load(); path != "" {
		if err := s.listenUnix(path); err != nil {
			return err
		}
	}
	if port, binds := s.cfg.RiocPort.Load(), s.cfg.RiocBind.Load(); port != 0 && len(binds) > 0 {
		if err := s.listenRioc(int(port), binds); err != nil {
			return err
		}
	}
	b := &s.listening
	b.port, b.binds = s.cfg.Port.Load(), s.cfg.Bind.Load()
	for _, ln := range s.listeners {
		if ln.movable {
			b.tcp = append(b.tcp, ln.Addr())
		} else {
			b.other = append(b.other, ln.Addr())
		}
	}
	if len(s.listeners) == 0 {
		return errors.New("nothing to listen on: port is 0 or bind is empty, and there is no unixsocket")
	}
	return nil
}

// listening is a socket that accepts connections, and what they will speak.
type listening struct {
	net.Listener
	rioc bool // else RESP
	tls  bool // carried by goroutines, whatever the driver

	movable bool // by the settings port and bind
}

// listenTCP listens on a port of each of the addresses. On an error it leaves
// nothing open.
func (s *Server) listenTCP(port int, binds []string) (list []net.Listener, err error) {
	defer func() {
		if err != nil {
			closeAll(list)
		}
	}()
	for _, bind := range binds {
		host, optional := strings.CutPrefix(bind, "-")
		network := "tcp"
		switch host {
		case "*":
			host, network = "0.0.0.0", "tcp4"
		case "::*":
			host, network = "::", "tcp6"
		}
		lc := net.ListenConfig{KeepAlive: -1} // per connection, see tuneSocket
		ln, err := lc.Listen(context.Background(), network, net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			// As in Redis, an optional address may be one this machine does
			// not have; that its port is taken is an error all the same.
			if optional && !errors.Is(err, syscall.EADDRINUSE) {
				s.log.Info().Str("bind", host).Err(err).Msg("optional address not available")
				continue
			}
			return list, listenError(net.JoinHostPort(host, strconv.Itoa(port)), err)
		}
		list = append(list, ln)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("cannot listen on port %d: none of the addresses to bind is available", port)
	}
	return list, nil
}

// maxSocketPath is how long the path of a Unix socket may be on every platform.
const maxSocketPath = 103

// listenError says in a user's words why an address cannot be listened on.
func listenError(addr string, err error) error {
	if unknown := (*net.DNSError)(nil); errors.As(err, &unknown) {
		return fmt.Errorf("cannot listen on %s: %s", addr, unknown.Err)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &addressInUse{addr}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s: this machine has no such address", addr)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("cannot listen on %s: permission denied", addr)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot listen on %s: the directory %s does not exist", addr, filepath.Dir(addr))
	case errors.Is(err, syscall.EINVAL) && len(addr) > maxSocketPath:
		return fmt.Errorf("cannot listen on %s: the path is too long for a socket, at most %d bytes", addr, maxSocketPath)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("cannot listen on %s: too many open files", addr)
	}
	return fmt.Errorf("cannot listen on %s: %w", addr, err)
}

// addressInUse is the error of an address that somebody else listens on.
type addressInUse struct{ addr string }

func (e *addressInUse) Error() string {
	return "cannot listen on " + e.addr + ": the address is already in use (is another server running there?)"
}

// listenUnix replaces a socket file that nobody listens on any more, but takes
// neither another server's socket nor a file that is no socket.
func (s *Server) listenUnix(path string) error {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSocket == 0 {
			return fmt.Errorf("cannot listen on %s: a file of that name exists and is no socket", path)
		}
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return listenError(path, syscall.EADDRINUSE)
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("cannot listen on %s: cannot remove the old socket: %w", path, err)
		}
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return listenError(path, err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // removeSocketFile does, when all is done
	s.listeners = append(s.listeners, listening{Listener: ln})
	if perm := s.cfg.UnixSocketPerm.Load(); perm != 0 {
		if err := os.Chmod(path, fs.FileMode(perm)); err != nil {
			return fmt.Errorf("cannot set the permissions of %s: %w", path, err)
		}
	}
	return nil
}

func (s *Server) removeSocketFile() {
	if path := s.cfg.UnixSocket.Load(); path != "" {
		os.Remove(path) // gone already is fine
	}
}

func (s *Server) closeListeners() {
	closeAll(s.listeners)
	s.listeners = nil
	closeAll(s.metricsListeners)
	closeAll(s.restListeners)
	s.restListeners = nil
}

func closeAll[L net.Listener](list []L) {
	for _, ln := range list {
		ln.Close()
	}
}

// endpoint is what a driver knows of a connection it has accepted.
type endpoint struct {
	fd          int
	addr, laddr string
	unix        bool
	rioc        bool
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
	case !e.unix && !e.rioc && s.cfg.ProtectedMode.Load() && s.cfg.RequirePass.Load() == "" && !e.remote.Unmap().IsLoopback():
		text = resp.ErrProtected
	default:
		return nil
	}
	s.clients.count.Add(-1)
	s.totals.rejected.Add(1)
	if e.rioc { // which has no way to say why
		return []byte{}
	}
	return []byte("-" + text + "\r\n")
}

// initClient fills a client in the driver's connection and makes it known.
func (s *Server) initClient(c *client, l link, e *endpoint, nowMs int64) {
	s.prepareClient(c, l, e, nowMs)
	s.clients.add(c)
	s.log.Debug().Int64("client", c.id).Str("addr", c.addr).Msg("client connected")
}

// prepareClient is initClient for a client that nobody else hears of.
func (s *Server) prepareClient(c *client, l link, e *endpoint, nowMs int64) {
	c.id = s.clients.nextID.Add(1)
	c.srv = s
	c.link = l
	c.fd = e.fd
	c.addr, c.laddr, c.unix = e.addr, e.laddr, e.unix
	c.createdMs = nowMs
	c.session.Owner = c
	c.session.Proto = 2
	c.authenticated = s.cfg.RequirePass.Load() == ""
	if e.rioc { // who may connect is a matter of rioc-bind and certificates
		c.rioc = new(riocState)
		c.authenticated = true
	}
	c.mu.user = "default"
	c.public.lastMs.Store(nowMs)
	c.public.pauseAt.Store(pauseBytes)
	c.publish()
}

// forget ends what admit began.
func (s *Server) forget(c *client) {
	if s.clients.remove(c) || s.feeds.remove(c) {
		s.log.Debug().Int64("client", c.id).Str("addr", c.addr).Msg("client has gone")
	}
}

// reservedFiles are descriptors for everything but clients: listeners, a manifest
// being written, a backup; and of each worker its event loop, with what wakes it and
// tells its time, and two segments of its log, beside those that wait for a sync.
func (s *Server) reservedFiles() int64 { return 32 + 6*int64(len(s.plan.Workers)) }

// raiseFileLimit makes room for maxclients descriptors, as far as the system
// allows. Like Redis it lowers maxclients when that is not far enough, and
// fails when hardly a client would fit.
func (s *Server) raiseFileLimit() error {
	clients := s.cfg.MaxClients.Load()
	room := s.roomForClients(clients)
	if room >= clients {
		return nil
	}
	if room < 1 {
		return fmt.Errorf("too few file descriptors: the limit is %d, at least %d are needed; raise it with ulimit -n", room+s.reservedFiles(), s.reservedFiles()+1)
	}
	s.log.Warn().Int64("maxclients", clients).Int64("lowered_to", room).
		Msg("too few file descriptors for maxclients; raise the limit with ulimit -n")
	return s.cfg.Set([][]byte{[]byte("maxclients"), strconv.AppendInt(nil, room, 10)}, true)
}

// maxClientsChanged is the hook of CONFIG SET maxclients.
func (s *Server) maxClientsChanged() error {
	clients := s.cfg.MaxClients.Load()
	if room := s.roomForClients(clients); room < clients {
		return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", room) //lint:ignore ST1005 Redis' wire text
	}
	return nil
}

// roomForClients raises the limit of open files for that many clients and
// returns how many fit.
func (s *Server) roomForClients(clients int64) int64 {
	limit, err := raiseFiles(uint64(clients + s.reservedFiles()))
	if err != nil {
		return clients // the system does not say
	}
	return int64(limit) - s.reservedFiles()
}
