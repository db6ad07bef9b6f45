package server

import (
	"errors"
	"net"
	"slices"
	"sync"
)

// listeningBook is what is listened on.
type listeningBook struct {
	mu    sync.Mutex // held while the addresses change
	port  int64      // of the settings port and bind, as they are in effect
	binds []string
	tcp   []net.Addr // that these stand for
	other []net.Addr
}

// Addrs are the addresses the server listens on.
func (s *Server) Addrs() []net.Addr {
	b := &s.listening
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Concat(b.tcp, b.other)
}

// portChanged and bindChanged are hooks: see relisten.
func (s *Server) portChanged() error {
	if err := s.relisten(); err != nil {
		s.log.Warn().Err(err).Msg("the port was not changed")
		return errors.New("Unable to listen on this port. Check server logs.") //lint:ignore ST1005 Redis' wire text
	}
	return nil
}

func (s *Server) bindChanged() error {
	if err := s.relisten(); err != nil {
		s.log.Warn().Err(err).Msg("the addresses to bind were not changed")
		return errors.New("Failed to bind to specified addresses.") //lint:ignore ST1005 Redis' wire text
	}
	return nil
}

// relisten brings what is listened on in line with the settings port and bind.
// Clients that are connected stay. If it fails, the settings become what they
// were and it is called again.
func (s *Server) relisten() error {
	b := &s.listening
	b.mu.Lock()
	defer b.mu.Unlock()
	port, binds := s.cfg.Port.Load(), s.cfg.Bind.Load()
	if port == b.port && slices.Equal(binds, b.binds) {
		return nil
	}
	list, err := s.listenPort()
	if inUse := (*addressInUse)(nil); port == b.port && errors.As(err, &inUse) { // by ourselves, most likely: * takes every address
		s.driver.retire()
		b.port, b.binds, b.tcp = 0, nil, nil
		list, err = s.listenPort()
	}
	if err != nil {
		return err
	}
	s.driver.retire()
	b.port, b.binds, b.tcp = port, binds, nil
	for _, ln := range list {
		b.tcp = append(b.tcp, ln.Addr())
	}
	if err := s.driver.add(list); err != nil {
		return err
	}
	s.log.Info().Int64("port", port).Strs("bind", binds).Msg("listening on other addresses")
	return nil
}

// listenPort opens what the settings port and bind ask for. As in Redis, no
// address to bind means no TCP.
func (s *Server) listenPort() (list []listening, err error) {
	port, binds := s.cfg.Port.Load(), s.cfg.Bind.Load()
	if port == 0 || len(binds) == 0 {
		return nil, nil
	}
	opened, err := s.listenTCP(int(port), binds)
	for _, ln := range opened {
		list = append(list, listening{Listener: ln, movable: true})
	}
	return list, err
}
