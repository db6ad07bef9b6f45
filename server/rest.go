package server

import (
	"context"
	"errors"
	"fmt"
	"net"

	"hpkv/server/rest"
)

// openREST makes the REST service and its listeners, if the settings ask for
// it.
func (s *Server) openREST(more []net.Listener) (err error) {
	s.restListeners = more
	port := s.cfg.RestPort.Load()
	if port == 0 && len(more) == 0 {
		return nil
	}
	if s.rest, err = rest.New(rest.Options{Config: s.cfg, Host: restHost{s}, Log: s.log}); err != nil {
		return err
	}
	if port != 0 {
		list, err := s.listenTCP(int(port), s.cfg.Bind.Load())
		if err != nil {
			return fmt.Errorf("rest-port: %w", err)
		}
		s.restListeners = append(s.restListeners, list...)
	}
	for _, ln := range s.restListeners {
		s.restAddrs = append(s.restAddrs, ln.Addr())
	}
	return nil
}

func (s *Server) serveREST() {
	if s.rest == nil {
		return
	}
	for i, ln := range s.restListeners {
		s.restListeners[i] = directListener{ln}
	}
	s.rest.Serve(s.restListeners)
	s.restListeners = nil
	s.log.Info().Bool("tls", s.rest.Secure()).Stringers("listening", stringers(s.restAddrs)).Msg("ready for REST and WebSocket")
}

// closeREST ends the service before the engine goes that it works on. It reports
// whether the service has let go of that.
func (s *Server) closeREST(ctx context.Context) (ended bool) {
	if s.rest == nil {
		return true
	}
	err := s.rest.Shutdown(ctx)
	if err != nil {
		s.log.Warn().Err(err).Msg("REST connections were still open at the end")
	}
	return !errors.Is(err, rest.ErrStuck)
}
