package server

import (
	"crypto/tls"
	"errors"
	"net"
	"time"

	"hpkv/server/certs"
)

// listenRioc opens rioc-port on the addresses of rioc-bind, with TLS if there
// is a certificate.
func (s *Server) listenRioc(port int, binds []string) (err error) {
	if s.riocIdentity, err = s.loadRiocIdentity(); err != nil {
		return err
	}
	opened, err := s.listenTCP(port, binds)
	if err != nil {
		return err
	}
	for _, ln := range opened {
		l := listening{Listener: ln, rioc: true}
		if s.riocIdentity != nil {
			l.Listener, l.tls = tls.NewListener(ln, s.riocIdentity.Config()), true
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

// loadRiocIdentity returns nil when RIOC is not encrypted.
func (s *Server) loadRiocIdentity() (*certs.Identity, error) {
	f := certs.Files{Cert: s.cfg.RiocTLSCertFile.Load(), Key: s.cfg.RiocTLSKeyFile.Load(), CA: s.cfg.RiocTLSCACertFile.Load()}
	if f == (certs.Files{}) {
		return nil, nil
	}
	if f.Cert == "" || f.Key == "" {
		return nil, errors.New("rioc over TLS needs both rioc-tls-cert-file and rioc-tls-key-file")
	}
	return certs.Load(f, tls.VersionTLS13)
}

// isHandshake reports whether a connection speaks TLS and its peer is yet to be let in.
func isHandshake(c net.Conn) bool {
	secure, ok := c.(*tls.Conn)
	return ok && !secure.ConnectionState().HandshakeComplete
}

// certificatePeriod is how often the files of certificates are looked at.
const certificatePeriod = time.Second

// renewRiocIdentity reads renewed certificates. What cannot be read leaves RIOC as
// it was. Called by cron.
func (s *Server) renewRiocIdentity(now time.Time) {
	if s.riocIdentity == nil || now.Sub(s.riocLooked) < certificatePeriod {
		return
	}
	s.riocLooked = now
	if changed, err := s.riocIdentity.Refresh(); err != nil {
		s.log.Warn().Err(err).Msg("RIOC: keeping the certificates as they were")
	} else if changed {
		s.log.Info().Msg("RIOC: the certificates were read again")
	}
}
