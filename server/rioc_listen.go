package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// listenRioc opens rioc-port on the addresses of rioc-bind, with TLS if there
// is a certificate.
func (s *Server) listenRioc(port int, binds []string) error {
	config, err := s.riocTLS()
	if err != nil {
		return err
	}
	opened, err := s.listenTCP(port, binds)
	if err != nil {
		return err
	}
	for _, ln := range opened {
		l := listening{Listener: ln, rioc: true}
		if config != nil {
			l.Listener, l.tls = tls.NewListener(ln, config), true
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

// riocTLS returns how RIOC is encrypted, nil: not at all.
func (s *Server) riocTLS() (*tls.Config, error) {
	cert, key, ca := s.cfg.RiocTLSCertFile.Load(), s.cfg.RiocTLSKeyFile.Load(), s.cfg.RiocTLSCACertFile.Load()
	if cert == "" && key == "" && ca == "" {
		return nil, nil
	}
	if cert == "" || key == "" {
		return nil, errors.New("rioc over TLS needs both rioc-tls-cert-file and rioc-tls-key-file")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("cannot use rioc-tls-cert-file %s with rioc-tls-key-file %s: %w", cert, key, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("cannot read rioc-tls-ca-cert-file: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("rioc-tls-ca-cert-file %s holds no certificate", ca)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}
